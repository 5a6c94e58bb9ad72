"""Who makes a call (识别调用方): read from the connection that it came on."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from services.callers.caller import LOCAL, Caller
from services.callers.errors import CallerExpiredError, CallerRevokedError, CallerUnknownError
from services.callers.identity import caller_of
from services.callers.revocation import RevocationList
from services.custody.certificates import CertificateError, Facts, Purpose, facts_of

Connection: TypeAlias = Mapping[str, Iterable[bytes]]
"""What gRPC knows of a connection: ``context.auth_context()``."""
Recognise: TypeAlias = Callable[[Connection], Caller]
"""Says who has made the calls of a connection; raises CallerUnknownError."""

_CERTIFICATE: Final = "x509_pem_cert"


def everybody_is_local(_: Connection) -> Caller:
    """For a service that asks nobody for a certificate: on loopback, in development and in a simulator."""
    return LOCAL


def now_utc() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


class ByCertificate:
    """Recognises callers by the certificates of their connections, whose signatures TLS has verified.

    Time and revocation are looked at for every call: a connection may last longer than what it began with.
    ``ours``: fingerprint of the one certificate whose holder is LOCAL, where a process calls itself.
    """

    def __init__(
        self,
        revoked: RevocationList | None = None,
        *,
        ours: str = "",
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._revoked = revoked
        self._ours = ours
        self._now = now

    def __call__(self, connection: Connection) -> Caller:
        """Who has made the calls of this connection; raises CallerUnknownError and its kinds."""
        shown = tuple(connection.get(_CERTIFICATE, ()))
        if not shown:
            raise CallerUnknownError("it shows no certificate")
        facts = _facts(shown[0])
        if not facts.valid_at(self._now()):
            since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in (facts.not_before, facts.not_after))
            raise CallerExpiredError(f"its certificate is valid from {since} to {until} UTC")
        if self._ours and facts.fingerprint == self._ours:
            return LOCAL
        if Purpose.CALLER not in facts.purposes:
            raise CallerUnknownError("its certificate is not one for a caller (extended key usage clientAuth)")
        caller = caller_of(facts.uris)
        if self._revoked is not None and self._revoked.has(facts):
            raise CallerRevokedError
        return caller


@lru_cache(maxsize=1024)
def _facts(pem: bytes) -> Facts:
    try:
        return facts_of(pem)
    except CertificateError as error:
        raise CallerUnknownError(f"its certificate {error}") from None
