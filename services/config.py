"""Configuration: built-in defaults, below a TOML file, below environment variables ``SSCARD_*``."""

import ipaddress
import os
import platform
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cardlib.flows.read_number import NumberEncoding
from services.config_rules import CLIENT, TLS, key_faults, serving_faults

PREFIX: Final = "SSCARD_"
FILE_VARIABLE: Final = "SSCARD_CONFIG"
CONTROL_VARIABLE: Final = "SSCARD_CONTROL"
"""Where a simulator is controlled: for `sscard slot`, not for the service."""

_OF_THE_SIMULATOR: Final = frozenset({CONTROL_VARIABLE, "SSCARD_CARD_CACHE"})
"""Variables that mean something elsewhere, so that they are no mistake here."""


class ConfigError(Exception):
    """The configuration cannot be used; the message says what to change, in a sentence."""


class NotNowError(ConfigError):
    """What the configuration names is away, locked or full: in a moment the same configuration may do."""


class Mode(StrEnum):
    """What the service may do: the published keys, software cards and traffic logs are for development only."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ReaderKind(StrEnum):
    """Where the cards are: in the readers of the PC/SC daemon, or software cards in this process."""

    PCSC = "pcsc"
    SIMULATED = "simulated"


class LogLevel(StrEnum):
    """How much is logged. ``traffic`` is ``debug`` and each command to a card, with the data declared public."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"
    TRAFFIC = "traffic"


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[IPv6 address]:port``; raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 0xFFFF:
        raise ValueError(f"{listen!r} is not an address such as 127.0.0.1:50551 or [::1]:50551")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a host, a name or a numeric address, is this machine for nobody but itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def state_directory() -> Path:
    """Where this program keeps what it must not forget: as systemd says, else the user's directory for state."""
    if given := os.environ.get("STATE_DIRECTORY"):  # systemd's, several separated by colons
        return Path(given.partition(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sscard"


def _address(listen: str) -> str:
    address_of(listen)
    return listen


def loopback_centre(target: str) -> str:
    """The address of a centre, if it is on this machine or ""; raises ValueError."""
    if target and not is_loopback(address_of(target)[0]):
        raise ValueError(
            f"{target!r} is not on this machine (127.0.0.1, ::1 or localhost); a centre elsewhere needs certificates: "
            "set client_certificate, client_key and client_ca"
        )
    return target


def _pin_digits(digits: int) -> int:
    if digits and not 4 <= digits <= 16:
        raise ValueError("a PIN has 4 to 16 digits; 0 where they have not all the same number")
    return digits


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Config(BaseSettings):
    """All settings; :meth:`load` reads them. Durations are seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    mode: Mode = Mode.PRODUCTION
    listen: Annotated[str, AfterValidator(_address)] = "127.0.0.1:50551"
    """Address the service listens at; port 0 = any free one. Beyond this machine's loopback only with TLS."""
    tls_certificate: Path | None = None
    """File with the service's certificate, PEM, and those between it and its authority."""
    tls_key: Path | None = None
    """File with the certificate's key, PEM, not encrypted, for the service's user alone."""
    tls_client_ca: Path | None = None
    """File with the certificates of the authorities whose callers are let in, PEM."""
    tls_revoked: Path | None = None
    """List of callers' certificates that count no longer, :mod:`services.callers.revocation`."""
    client_certificate: Path | None = None
    """File with the certificate that this side shows to a centre, or to a service that a command calls, PEM."""
    client_key: Path | None = None
    """File with that certificate's key, PEM, not encrypted."""
    client_ca: Path | None = None
    """File with the certificates of the authorities that centre or service must come from, PEM."""
    readers: ReaderKind = ReaderKind.PCSC
    simulated_cards: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ("2.0", "3.0")
    """Software cards by name, each in a reader of its own; in the environment separated by commas."""
    regional_profiles: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)] = ()
    """Files that say what regions add to the card, :mod:`cardlib.regional`; in the environment separated by commas."""
    database: str = ""
    """Where issuance is journalled and certificates are kept: a path (SQLite) or a URL of SQLAlchemy; "": sscard.db in
    the directory for state, :func:`state_directory`."""
    digest_key: Path | None = None
    """File with the key of the database's digests, 32 bytes, made when absent; None: beside the database."""
    audit: bool | None = None
    """Whether every call is put on record in the database, :mod:`services.audit`; None: in production, and wherever a
    database is named. False is for development."""
    audit_key: Path | None = None
    """File with the key that signs checkpoints of the audit, made when absent; None: beside the database."""
    audit_checkpoints: Path | None = None
    """File to which they are added, best where who can write to the database cannot; None: beside the database."""
    audit_checkpoint_every: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Entries of the audit from one checkpoint to the next."""
    data_key: Path | None = None
    """File with the key that wraps the keys of personal values in the database, 32 bytes, made for a new database.

    None: ``data_key_name``, or in development a file beside the database. Who loses it, loses those values.
    """
    data_key_name: str = ""
    """Name of that key where the keystore or the HSM has it: an AES-256 key, DATABASE/1, or the label on the token."""
    templates: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)] = ()
    """Templates of cards, chosen by the name of the file without its ending; in the environment separated by commas."""
    face_template: Path | None = None
    """Template of the printed face, :mod:`services.face.template`; None: the layout that a card's template names."""
    station: Annotated[str, Field(max_length=255)] = ""
    """Name of this machine in the journal and on certificates; "": the computer's own."""
    issue_deadline: Annotated[float, Field(gt=0, le=7200)] = 600.0
    """Longest time for making one card, in place of ``call_deadline``."""
    log_level: LogLevel = LogLevel.INFO
    call_deadline: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Longest time for one call, also where the caller sets a longer deadline or none."""
    card_wait: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long a call waits for a card that another call holds."""
    lease_idle: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a lease of a card lasts without being used; who acquires it may ask for less."""
    lease_longest: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """How long a lease lasts at most, however much it is used."""
    initial_pins: Annotated[
        tuple[Annotated[str, Field(pattern="^[0-9]{4,16}$")], ...],
        NoDecode,
        BeforeValidator(_split),
        Field(min_length=1, repr=False),
    ] = ("123456",)
    """Initial PINs of the regions, digits: not sent to activated cards, not chosen; in the environment with commas."""
    pad_pin_digits: Annotated[int, AfterValidator(_pin_digits)] = 0
    """Number of digits of all PINs in this region; pads change PINs only where it is given. 0: 4 to 12."""
    pad_deadline: Annotated[float, Field(gt=0, le=600)] = 120.0
    """Longest time for a call at a PIN pad, in place of ``call_deadline``."""
    apply_deadlines: bool = False
    """Whether this service applies the half-year rule by itself, every day, beside whoever calls for it."""
    medical_card_offset: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None
    """Where original medical cards that are memory cards have their number, in bytes; None: there are none."""
    medical_card_length: Annotated[int, Field(ge=1, le=256)] = 18
    """Bytes of that number."""
    medical_card_encoding: NumberEncoding = NumberEncoding.ASCII
    medical_card_type: Annotated[int, Field(ge=0, le=0xFF)] | None = None
    """Code of the type of these cards, for readers that have to be told; None: they need not."""
    event_queue: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Events that may wait for one watcher before it is cut off."""
    event_history: Annotated[int, Field(ge=0, le=1_000_000)] = 1024
    """Events that are kept for watchers who were cut off and go on where they were."""
    grace: Annotated[float, Field(ge=0, le=600)] = 5.0
    """Time for calls to finish when the service is stopped."""
    keystore: Path | None = None
    """A software keystore that has the keys, :mod:`services.custody.keystore`."""
    keystore_key: Path | None = None
    """File with the 32 bytes that open the keystore, such as a credential of systemd's."""
    keystore_passphrase_fds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], NoDecode, BeforeValidator(_split)] = ()
    """File descriptors with the passphrases that open it, in the holders' order; in the environment with commas."""
    terminal_counter: Path | None = None
    """File with the terminal number of purchases and its sequence numbers; None: no purchases with local keys."""
    hsm_library: Path | None = None
    """PKCS#11 library of the HSM that has the keys."""
    hsm_token: str = ""
    """Label of the token there."""
    hsm_pin_file: Path | None = None
    """File with the PIN of the token's user, on one line."""
    hsm_keys: Path | None = None
    """Where keys are on the token, :mod:`services.custody.pkcs11_table`; None: 3DES roots under their own names."""
    psam_reader: str = ""
    """Reader with the PSAM that is asked before all others; "" = there is none."""
    psam_wait: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long a request waits for the PSAM while others use it."""
    psam_purchase_hold: Annotated[float, Field(gt=0, le=600)] = 20.0
    """How long a purchase keeps the PSAM until its MAC2 is verified."""
    psam_keys: Path | None = None
    """Ids of keys on the PSAM, :mod:`services.custody.psam_table`; None: those of the test PSAM."""
    centre: Annotated[str, AfterValidator(lambda target: target and _address(target))] = ""
    """Address of the service that has the keys, for one that has none; "" = nobody is asked."""
    serve_keys: bool = False
    """Whether KeyService is served: results of keys for terminals, never keys."""
    serve_building_keys: bool = False
    """Whether KeyService also offers what puts keys into chips, for personalisation stations: who is offered that, can
    have every key of every card."""
    serve_psam_keys: bool = False
    """Whether KeyService also offers what issues PSAMs: who is offered that, can have the root keys."""

    @model_validator(mode="after")
    def _production_is_serious(self) -> Self:
        if self.mode is Mode.PRODUCTION:
            if self.readers is ReaderKind.SIMULATED:
                raise ValueError('readers = "simulated": software cards are for development; set mode = "development"')
            if self.log_level is LogLevel.TRAFFIC:
                raise ValueError('log_level = "traffic" is for development; set mode = "development"')
            if self.audit is False:
                raise ValueError('audit = false is for development; set mode = "development"')
        return self

    @model_validator(mode="after")
    def _both_sides_are_known(self) -> Self:
        for together in (TLS, CLIENT):
            missing = [name for name in together if getattr(self, name) is None]
            if 0 < len(missing) < len(together):
                raise ValueError(f"{', '.join(together)} go together: set {' and '.join(missing)} as well")
        if not self.tls_certificate and not is_loopback(address_of(self.listen)[0]):
            raise ValueError(
                f"listen: {self.listen!r} is not this machine alone (127.0.0.1, ::1 or localhost), and callers from "
                f"elsewhere show certificates: set {', '.join(TLS)}; `sscard certs` makes them"
            )
        if not self.client_certificate:
            try:
                loopback_centre(self.centre)
            except ValueError as error:
                raise ValueError(f"centre: {error}") from None
        return self

    @model_validator(mode="after")
    def _keys_are_in_one_place(self) -> Self:
        if faults := [*serving_faults(self), *key_faults(self)]:
            raise ValueError("; ".join(faults))
        return self

    @property
    def database_or_default(self) -> str:
        """Path or URL of the database."""
        return self.database or str(state_directory() / "sscard.db")

    @property
    def station_or_default(self) -> str:
        """Name of this machine."""
        return self.station or platform.node()[:255]

    @property
    def digest_key_file(self) -> Path:
        """Where the key of the digests is: beside the database unless it was said; for a URL in the state directory."""
        return self.digest_key or self._beside_the_database(".digest-key")

    @property
    def data_key_file(self) -> Path:
        """Where the key of personal values is, if in a file: as :attr:`digest_key_file`."""
        return self.data_key or self._beside_the_database(".data-key")

    @property
    def keeps_audit(self) -> bool:
        """Whether every call is put on record."""
        return self.audit if self.audit is not None else bool(self.database) or not self.development

    @property
    def audit_key_file(self) -> Path:
        """Where the key is that signs checkpoints of the audit."""
        return self.audit_key or self._beside_the_database(".audit-key")

    @property
    def audit_checkpoint_file(self) -> Path:
        """Where checkpoints of the audit are put."""
        return self.audit_checkpoints or self._beside_the_database(".audit-checkpoints")

    def _beside_the_database(self, ending: str) -> Path:
        where = self.database_or_default
        return state_directory() / f"sscard{ending}" if "://" in where else Path(where).with_suffix(ending)

    @property
    def development(self) -> bool:
        """Whether what is for development only is allowed."""
        return self.mode is Mode.DEVELOPMENT

    @classmethod
    def load(cls, file: Path | None = None, **overrides: object) -> Self:
        """Read ``file``, else the one that SSCARD_CONFIG names, else none; ``overrides`` count above everything.

        Raises :class:`ConfigError`.
        """
        known = {FILE_VARIABLE, *(PREFIX + name.upper() for name in cls.model_fields)}
        if unknown := sorted(
            name for name in os.environ if name.startswith(PREFIX) and name not in {*known, *_OF_THE_SIMULATOR}
        ):
            raise ConfigError(f"there is no setting {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        if file is None and (named := os.environ.get(FILE_VARIABLE)):
            file = Path(named)

        class Loaded(cls):  # type: ignore[misc, valid-type]  # the library takes the file from the class
            model_config = SettingsConfigDict(toml_file=file)

        try:
            if file is not None:
                file.open("rb").close()
            loaded: Self = Loaded(**overrides)
        except OSError as error:
            raise ConfigError(f"the configuration file {file} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            raise ConfigError("; ".join(_sentences(error))) from None
        except (ValueError, RecursionError) as error:  # TOML and UTF-8 errors are ValueErrors, and so is pydantic's
            raise ConfigError(f"the configuration file {file} is not TOML: {error}") from None
        return loaded

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What counts most comes first."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def _sentences(error: ValidationError) -> list[str]:
    told = []
    for problem in error.errors(include_url=False):
        name, words = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            words = "there is no such setting"
            if near := get_close_matches(name, Config.model_fields):
                words += f"; is {' or '.join(near)} meant?"
        told.append(f"{name}: {words}" if name else words)
    return told
