"""How callers come in (接入方式): over TLS with certificates, or on loopback without; and who they then are."""

from dataclasses import dataclass
from typing import Final

import grpc

from services.callers.caller import Caller
from services.callers.identity import uri_of
from services.callers.recognition import ByCertificate, Recognise, everybody_is_local, now_utc
from services.callers.revocation import RevocationList, RevocationListError
from services.callers.tls import server_credentials
from services.config import Config, ConfigError
from services.custody.certificates import facts_of, new_authority

DAYS: Final = 7
"""Days for which certificates count that are made for one process."""
_HOSTS: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Door:
    """What a server listens with, and who its callers are. ``credentials`` None: no TLS."""

    credentials: grpc.ServerCredentials | None
    recognise: Recognise


OPEN: Final = Door(None, everybody_is_local)
"""For whoever is on this machine: in development, and in a simulator."""


def door_of(config: Config) -> Door:
    """The door that the settings say; raises ConfigError, also where production has none."""
    if config.tls_certificate is None:
        if config.development:
            return OPEN
        raise ConfigError(
            "tls_certificate, tls_key, tls_client_ca: in production callers show certificates; set all three (`sscard "
            'certs --help` makes them), or mode = "development" for a trial on this machine'
        )
    try:
        revoked = RevocationList(config.tls_revoked) if config.tls_revoked else None
    except RevocationListError as error:
        raise ConfigError(f"tls_revoked: {error}") from None
    return Door(server_credentials(config), ByCertificate(revoked))


class PrivateDoor:
    """A door for which this process alone has the key: certificates made in memory, and forgotten with it.

    Whoever else is on the machine finds the port, and does not come in.
    """

    def __init__(self) -> None:
        self._authority = new_authority("sscard, one process", now=now_utc(), days=DAYS)
        server = self._authority.server(_HOSTS, now=now_utc(), days=DAYS)
        self._own = self._authority.caller("local", "spiffe://sscard/local", now=now_utc(), days=DAYS)
        self.door = Door(
            grpc.ssl_server_credentials(
                [(server.key.reveal(), server.certificate)], self._authority.certificate, require_client_auth=True
            ),
            ByCertificate(ours=facts_of(self._own.certificate).fingerprint),
        )

    def credentials(self, caller: Caller | None = None) -> grpc.ChannelCredentials:
        """What a channel to this door shows: that it is this very process, or that it is ``caller``."""
        pair = self._own
        if caller is not None:
            pair = self._authority.caller(caller.name, uri_of(caller), now=now_utc(), days=DAYS)
        return grpc.ssl_channel_credentials(self._authority.certificate, pair.key.reveal(), pair.certificate)
