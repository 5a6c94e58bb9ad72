"""The catalogue of errors (错误目录): what a caller gets for every exception, in one place.

One row per exception class; the nearest ancestor's row counts. ``reason`` is the contract with callers and is never
changed; texts are. It travels as ``google.rpc.ErrorInfo`` in the details of the status. UNAUTHENTICATED is about the
caller, never about the holder's PIN. UNAVAILABLE is what may be tried again as it is.
"""

from dataclasses import dataclass
from typing import Final

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status

from apdu import errors
from cardlib.psam_flows.errors import PsamRefusedError
from services.catalogue.activation import ACTIVATION
from services.catalogue.audit import AUDIT
from services.catalogue.callers import CALLERS
from services.catalogue.calls import CALLS, UNKNOWN
from services.catalogue.cards import CARDS
from services.catalogue.centre import CENTRE
from services.catalogue.face import FACE
from services.catalogue.issuance import ISSUANCE
from services.catalogue.keys import KEYS
from services.catalogue.leases import LEASES
from services.catalogue.pin import PIN
from services.catalogue.psam import PSAM
from services.catalogue.refusal import Refusal
from services.catalogue.registry import REGISTRY
from services.catalogue.simulator import SIMULATOR
from services.catalogue.status_words import KEY_BLOCKED, STATUS_WORDS
from services.catalogue.transport import TRANSPORT

__all__ = ["DOMAIN", "KEY_BLOCKED", "REFUSALS", "UNKNOWN", "Failure", "Refusal", "failure_of", "tell_written"]

DOMAIN: Final = "sscard.v1"

REFUSALS: Final[dict[type[Exception], Refusal]] = {
    **STATUS_WORDS,
    **TRANSPORT,
    **CARDS,
    **CENTRE,
    **CALLS,
    **FACE,
    **ISSUANCE,
    **KEYS,
    **PSAM,
    **SIMULATOR,
    **LEASES,
    **PIN,
    **REGISTRY,
    **ACTIVATION,
    **CALLERS,
    **AUDIT,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception, looked up: the row of the catalogue, and the data that go with it.

    ``mistakes``: where the caller's input has several, all of them.
    """

    refusal: Refusal
    message: str
    metadata: dict[str, str]
    mistakes: tuple[str, ...] = ()

    def to_status(self) -> Status:
        """The status with :class:`ErrorInfo`, the texts in both languages, and a :class:`BadRequest` with mistakes."""
        row = self.refusal
        status = Status(code=row.code.value[0], message=self.message)
        for detail in (
            ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=self.metadata),
            LocalizedMessage(locale="zh-CN", message=f"{row.chinese}{row.remedy_chinese}"),
            LocalizedMessage(locale="en", message=f"{row.english} {row.remedy}"),
        ):
            status.details.add().Pack(detail)
        if self.mistakes:
            status.details.add().Pack(self._bad_request())
        return status

    def _bad_request(self) -> BadRequest:
        """The mistakes, as many as the trailer of an answer has room for; then how many more there are."""
        told, room = BadRequest(), MISTAKES_SIZE
        field = self.metadata.get("field", "")
        for number, mistake in enumerate(mistake[:MISTAKE_LENGTH] for mistake in self.mistakes):
            room -= len(mistake.encode()) + len(field)
            if room < 0:
                told.field_violations.add(field=field, description=f"and {len(self.mistakes) - number} more")
                break
            told.field_violations.add(field=field, description=mistake)
        return told


MISTAKES_SIZE: Final = 3000
"""Bytes of mistakes in one answer: with base64 and everything else they stay below the 8 KiB that gRPC allows."""
MISTAKE_LENGTH: Final = 300
"""Characters of one mistake: it may quote what the caller wrote."""

_TELLING: Final = (
    "command",
    "reader",
    "key",
    "version",
    "algorithm",
    "file",
    "item",
    "field",
    "request_id",
    "chip",
    "step",
    "method",
    "role",
    "access",
    "held_by",
    "state",
    "event",
    "which",
)
"""Attributes of exceptions that go into the metadata under their own name; none ever holds data of a person."""


_WRITTEN: Final = "_request_has_written"


def _metadata(error: Exception, refusal: Refusal) -> dict[str, str]:
    """What a program can do something with: status word, tries left, names, the national return code."""
    metadata = {name: value for name in _TELLING if isinstance(value := getattr(error, name, None), str) and value}
    national = refusal.national
    if isinstance(sw := getattr(error, "sw", None), int):
        metadata["sw"] = f"{sw:04X}"
    if isinstance(tries := getattr(error, "tries_left", None), int):
        metadata["tries_left"] = str(tries)
    if isinstance(seconds := getattr(error, "free_within", None), int):
        metadata["free_within"] = str(seconds)
    metadata |= _of_issuance(error)
    if isinstance(error, errors.StatusWordError) and national is None:
        national = -error.sw
    elif isinstance(error, PsamRefusedError):
        national = error.national_code
    if national is not None:
        metadata["national_code"] = str(national)
    return metadata


def tell_written(error: Exception, *, written: bool) -> None:
    """Put down with an error of issuance whether its request has left a chip half-built; it goes into the metadata."""
    setattr(error, _WRITTEN, written)


def _of_issuance(error: Exception) -> dict[str, str]:
    written = getattr(error, _WRITTEN, None)
    return {} if written is None else {"written": "true" if written else "false"}


def failure_of(error: Exception) -> Failure:
    """Look an exception up; one that the catalogue does not know gets no details."""
    refusal = next((REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS), UNKNOWN)
    if isinstance(error, errors.AuthenticationBlockedError) and error.command == "EXTERNAL AUTHENTICATE":
        refusal = KEY_BLOCKED
    elif isinstance(error, errors.WrongKeyError) and error.tries_left == 0:
        # 63C0: with this try the key was blocked.
        refusal = KEY_BLOCKED
    elif isinstance(error, errors.WrongPinError) and error.tries_left == 0:
        # 63C0: with this try the PIN was blocked.
        refusal = REFUSALS[errors.AuthenticationBlockedError]
    if refusal is UNKNOWN:
        return Failure(UNKNOWN, UNKNOWN.english, _of_issuance(error))
    mistakes = tuple(getattr(error, "mistakes", ()))
    message = str(error)
    if mistakes and mistakes[0] in message:
        # The list says it all, and has its limit: trailers have little room.
        message = refusal.english
    return Failure(refusal, message or refusal.english, _metadata(error, refusal), mistakes)
