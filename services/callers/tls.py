"""TLS of services and of who calls them (双向 TLS): files of the settings, read, checked, and read again if renewed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import structlog

from apdu.secret import Secret
from services.callers.recognition import now_utc
from services.config import Config, ConfigError
from services.custody.certificates import CertificateError, Facts, Purpose, require_authorities, require_pair
from services.custody.keystore import files
from services.custody.keystore.errors import KeystoreFileError

_log = structlog.get_logger("services.callers.tls")

SOON: Final = 30
"""Days before its end from which a certificate is spoken of."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one side of a connection shows, and whom it believes; PEM. ``facts``: of its own certificate."""

    certificate: bytes
    key: Secret
    authorities: bytes
    facts: Facts


def read_identity(
    certificate: Path, key: Path, authorities: Path, purpose: Purpose, *, development_mode: bool
) -> Identity:
    """Certificate, key and trusted authorities from files; raises ConfigError with what to do."""
    try:
        shown, trusted = files.read(certificate), files.read(authorities)
        private = Secret(files.read_secret(key, development_mode=development_mode))
    except KeystoreFileError as error:
        raise ConfigError(f"{error}; `sscard certs` makes certificates") from None
    try:
        facts = require_pair(shown, private.reveal(), purpose)
    except CertificateError as error:
        raise ConfigError(f"{certificate}, {key}: {error}") from None
    try:
        require_authorities(trusted)
    except CertificateError as error:
        raise ConfigError(f"{authorities}: {error}") from None
    return Identity(shown, private, trusted, facts)


def server_credentials(config: Config) -> grpc.ServerCredentials:
    """What a service shows its callers, and that it asks each for a certificate; raises ConfigError.

    Files that were renewed count from the next connection on. As long as the new ones do not belong together, which
    they do not while they are being exchanged, the old ones stay.
    """
    assert config.tls_certificate is not None, "the configuration sees to it"
    assert config.tls_key is not None
    assert config.tls_client_ca is not None
    paths = (config.tls_certificate, config.tls_key, config.tls_client_ca)
    reader = _Renewed(paths, development_mode=config.development)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(reader.first),
        reader,  # type: ignore[arg-type]  # None for nothing new, whatever the stubs say
        require_client_authentication=True,
    )


def channel_credentials(config: Config) -> grpc.ChannelCredentials | None:
    """What this side shows a service, and whom it believes; None where the settings say nothing; raises ConfigError."""
    if config.client_certificate is None or config.client_key is None or config.client_ca is None:
        return None
    identity = read_identity(
        config.client_certificate,
        config.client_key,
        config.client_ca,
        Purpose.CALLER,
        development_mode=config.development,
    )
    tell_of_end("client_certificate", identity.facts)
    return grpc.ssl_channel_credentials(identity.authorities, identity.key.reveal(), identity.certificate)


def tell_of_end(setting: str, facts: Facts) -> None:
    """Warn of a certificate whose time is over, or will be soon."""
    left = facts.not_after - now_utc()
    if left.days < SOON:
        _log.warning("certificate_ends", setting=setting, ends=f"{facts.not_after:%Y-%m-%d %H:%M} UTC", days=left.days)


def _configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(identity.key.reveal(), identity.certificate)], identity.authorities
    )


class _Renewed:
    """Asked at every handshake, in a thread of gRPC's, whether there is anything new; it must not raise."""

    def __init__(self, paths: tuple[Path, Path, Path], *, development_mode: bool) -> None:
        self._paths = paths
        self._development_mode = development_mode
        self._state = self._now()
        self._told: object = None
        self.first = self._read()

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        state = self._now()
        if state == self._state:
            return None
        try:
            identity = self._read()
        except ConfigError as error:
            if state != self._told:
                _log.error("certificate_not_renewed", error=str(error))
                self._told = state
            return None
        self._state = state
        _log.info("certificate_renewed", ends=f"{identity.facts.not_after:%Y-%m-%d %H:%M} UTC")
        return _configuration(identity)

    def _read(self) -> Identity:
        identity = read_identity(*self._paths, Purpose.SERVER, development_mode=self._development_mode)
        tell_of_end("tls_certificate", identity.facts)
        return identity

    def _now(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_state_of, self._paths))


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
