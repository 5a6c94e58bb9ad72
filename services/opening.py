"""What a configuration names, opened: readers, and what regions add to the card."""

from apdu.errors import NoServiceError
from apdu.readers import Readers
from cardlib.regional import RegionalProfileError, RegionalProfiles, load
from services.config import Config, ConfigError, ReaderKind


def open_regional_profiles(config: Config) -> RegionalProfiles:
    """What regions add to the card; raises :class:`ConfigError` with everything that is wrong with the files."""
    try:
        return load(*config.regional_profiles)
    except RegionalProfileError as error:
        raise ConfigError("; ".join(error.faults)) from None


def open_readers(config: Config) -> Readers:
    """The readers that the configuration names; raises :class:`ConfigError`."""
    if config.readers is ReaderKind.PCSC:
        from apdu.transport.pcsc import PcscReaders  # noqa: PLC0415  needs pyscard, an extra

        try:
            return PcscReaders()
        except NoServiceError as error:
            raise ConfigError(f'{error}; or set readers = "simulated" in development mode') from None
    from services.simulated import simulated_readers  # noqa: PLC0415  nothing else needs the simulator

    return simulated_readers(config.simulated_cards)
