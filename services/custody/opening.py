"""Who holds this service's keys, as its configuration says: a keystore, an HSM, a PSAM, a centre, or nobody."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from apdu.errors import CardError, TransportError
from apdu.readers import Readers
from apdu.secret import Secret
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.key_requests import KeyRequest
from cardlib.keys import KeyDeclaration
from cardlib.psam_keys import PSAM_KEYS
from services.callers.tls import channel_credentials
from services.catalogue import failure_of
from services.config import Config, ConfigError
from services.custody.centre import CentreCustodian
from services.custody.data_keys import HasWrappers, KeyWrapper, WrapperError
from services.custody.development import DevelopmentCustodian
from services.custody.fallback import FallbackCustodian
from services.custody.keystore import (
    CredentialKey,
    KeystoreCustodian,
    Opener,
    Passphrases,
    TerminalCounter,
    files,
    open_keystore,
    passphrase,
    passphrases_of,
)
from services.custody.keystore.sealing import KEY
from services.custody.psam import PsamCustodian
from services.custody.psam_table import read_psam_table
from services.opening import open_readers, open_regional_profiles

_log = structlog.get_logger("services.custody.opening")

_PIN: Final = 255
"""Bytes of the longest PIN of a token."""


def open_custodian(config: Config, readers: Readers | None = None, *, opener: Opener | None = None) -> KeyCustodian:
    """The custodian that the configuration names; whoever opens it closes it.

    ``readers``: where the PSAM is; without them those of the configuration are opened, and closed with the custodian.
    ``opener``: what opens the keystore, where people were asked for it; else it comes from where the configuration
    says. Nothing is asked of a token, a PSAM or a centre yet: they may come later, and a token counts wrong PINs, which
    a service that is started again and again would use up. Raises :class:`~services.config.ConfigError`.
    """
    known = open_regional_profiles(config).keys
    if not config.psam_reader:
        return _beside_psam(config, known, opener) or _without_any(config, known)
    table = read_psam_table(config.psam_keys, known) if config.psam_keys else PSAM_KEYS
    other = _beside_psam(config, known, opener)
    try:
        used = open_readers(config) if readers is None else readers
    except ConfigError:
        if other is not None:
            other.close()
        raise
    _tell_of_absent(config.psam_reader, used)
    custodian: KeyCustodian = PsamCustodian(
        used,
        config.psam_reader,
        table=table,
        keys=known,
        wait=config.psam_wait,
        purchase_hold=config.psam_purchase_hold,
    )
    if other is not None:
        custodian = FallbackCustodian(custodian, other)
    return custodian if readers is not None else _WithReaders(custodian, used)


class _WithReaders(KeyCustodian):
    """A custodian, and the readers that were opened for it alone."""

    def __init__(self, custodian: KeyCustodian, readers: Readers) -> None:
        self.custodian = custodian
        self._readers = readers

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        return self.custodian.perform(request)

    def data_key_wrapper(self, name: str) -> KeyWrapper:
        if not isinstance(self.custodian, HasWrappers):
            raise WrapperError("data_key_name: there is no keystore and no HSM here that could have this key")
        return self.custodian.data_key_wrapper(name)

    def close(self) -> None:
        self.custodian.close()
        self._readers.close()


def _beside_psam(config: Config, known: Mapping[str, KeyDeclaration], opener: Opener | None) -> KeyCustodian | None:
    """The custodian of keystore, HSM or centre; None where none of them is set."""
    if config.keystore is not None:
        return _of_keystore(config, config.keystore, known, opener)
    if config.hsm_library is not None:
        return _of_hsm(config, config.hsm_library, known)
    return CentreCustodian(config.centre, credentials=channel_credentials(config)) if config.centre else None


def _without_any(config: Config, known: Mapping[str, KeyDeclaration]) -> KeyCustodian:
    if config.development:
        return DevelopmentCustodian(development_mode=True, keys=known)
    if config.serve_keys:
        raise ConfigError("serve_keys: there are no keys to serve; set keystore, hsm_library or psam_reader")
    return NoKeys()


def _of_keystore(
    config: Config, path: Path, known: Mapping[str, KeyDeclaration], opener: Opener | None
) -> KeyCustodian:
    terminal = _terminal(config)
    with _told_of("keystore"):
        given = opener or _opener(config, path)
        opened = open_keystore(path, given, development_mode=config.development)
    return KeystoreCustodian(opened, keys=known, terminal=terminal)


def _opener(config: Config, path: Path) -> Opener:
    """What opens the keystore, from a file or from descriptors."""
    if config.keystore_key is not None:
        key = files.read_secret(config.keystore_key, development_mode=config.development)
        if len(key) != KEY:
            raise ConfigError(
                f"keystore_key: {config.keystore_key} has {len(key)} bytes, and a key has {KEY}: give the file with "
                "which the keystore was made"
            )
        return CredentialKey(Secret(key))
    if config.keystore_passphrase_fds:
        return Passphrases(tuple(passphrase(files.read_descriptor(at)) for at in config.keystore_passphrase_fds))
    holders = passphrases_of(path)
    if not holders:
        raise ConfigError(f"keystore: {path} opens with a key: set keystore_key to the file with its {KEY} bytes")
    raise ConfigError(
        f"keystore: {path} opens with {holders} passphrases: start at a terminal, where they are asked for, or give "
        "their file descriptors in keystore_passphrase_fds"
    )


def _of_hsm(config: Config, library: Path, known: Mapping[str, KeyDeclaration]) -> KeyCustodian:
    try:
        import pkcs11  # noqa: PLC0415  an extra

        from services.custody.pkcs11 import Pkcs11Custodian  # noqa: PLC0415
        from services.custody.pkcs11_table import HsmTable, read_hsm_table  # noqa: PLC0415
        from services.custody.pkcs11_token import Token, by_label  # noqa: PLC0415
    except ImportError:
        raise ConfigError("hsm_library: python-pkcs11 is not installed: pip install 'sscard[hsm]'") from None
    table = read_hsm_table(config.hsm_keys, known) if config.hsm_keys else HsmTable()
    counter = _terminal(config)
    try:
        pkcs11.lib(str(library))
    except pkcs11.PKCS11Error as error:
        raise ConfigError(
            f"hsm_library: {library} cannot be used as a PKCS#11 library: {str(error) or type(error).__name__}; set "
            "the path that the HSM's vendor names, and what the library itself needs"
        ) from None
    with _told_of("hsm_pin_file"):
        token = Token(by_label(str(library), config.hsm_token, _pin(config.hsm_pin_file)))
    terminal = (counter.number, counter.next) if counter else None
    return Pkcs11Custodian(token, table.stored, sm4=table.sm4, keys=known, terminal=terminal)


def _pin(path: Path | None) -> Secret:
    assert path is not None, "the configuration sees to it"
    pin = files.read(path).removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(pin) <= _PIN or b"\n" in pin:
        raise ConfigError(f"hsm_pin_file: {path} holds no PIN: it has the PIN of the token's user on its only line")
    return Secret(pin)


def _terminal(config: Config) -> TerminalCounter | None:
    if config.terminal_counter is None:
        return None
    with _told_of("terminal_counter"):
        return TerminalCounter.open(config.terminal_counter)


@contextmanager
def _told_of(setting: str) -> Iterator[None]:
    """Say in a sentence what is wrong with what a setting names, and what to do."""
    try:
        yield
    except CardError as error:
        raise ConfigError(f"{setting}: {error}. {failure_of(error).refusal.remedy}") from None


def _tell_of_absent(reader: str, readers: Readers) -> None:
    """Warn of a reader that is not there: it may be plugged in later, or its name may be wrong."""
    try:
        there = [state.name for state in readers.states()]
    except TransportError:
        return
    if reader not in there:
        _log.warning("psam_reader_absent", reader=reader, readers=there)
