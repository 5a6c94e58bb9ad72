"""What wraps the database's data keys, as the configuration says."""

from cardlib.custody import KeyCustodian
from services.config import Config, ConfigError
from services.custody.data_keys import HasWrappers, KeyWrapper
from services.custody.data_keys_file import file_wrapper


def open_wrapper(config: Config, custodian: KeyCustodian | None, *, new: bool) -> KeyWrapper:
    """The key that wraps data keys: in a file, or with the custodian that :func:`open_custodian` opened.

    ``new``: the database has no data keys yet, so that a file which is not there may be made. Where no place is set,
    it is a file beside the database in development, and in production nothing: whoever has a copy of such a machine's
    disk would have both. Raises :class:`~services.config.ConfigError`,
    :class:`~services.custody.data_keys.WrapperError`.
    """
    if config.data_key_name:
        if not isinstance(custodian, HasWrappers):
            raise ConfigError("data_key_name: the keystore or the HSM that has this key is not open here")
        return custodian.data_key_wrapper(config.data_key_name)
    if config.data_key is None and not config.development:
        raise ConfigError(
            "the registry encrypts personal values and has no key to do so: set data_key_name to a key of the keystore "
            "or the HSM, or data_key to a file that is kept apart from the database"
        )
    return file_wrapper(config.data_key_file, make=new, development_mode=config.development)
