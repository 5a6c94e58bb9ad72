"""The journal of operations (业务日志), as the services need it, whatever store stands behind it.

A request that changes something is begun here before it does so, notes each step before it is done, and is finished
together with what it changed in the registry. Sent again, it is the same operation, one attempt further.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class OperationState(StrEnum):
    """Where an operation stands (业务状态)."""

    OPEN = "open"
    """Begun, not at its end: the same request goes on."""
    DONE = "done"
    """It was done; the same request gets the same result."""
    REFUSED = "refused"
    """It ended with nothing changed; the same request begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRequest:
    """Who asks for what, on what.

    ``institution``, ``request_id``: name the operation; institutions do not see each other's. ``kind``: the method,
    such as ``PinService.ChangePin``. ``subject``: which card or person, a keyed digest or an id of the registry, up to
    64 characters. ``digest``: keyed digest of everything that makes it this request and no other, without PINs; 32
    bytes. ``station``, ``operator``: where and by whom, up to 255 characters.
    """

    institution: str
    request_id: str
    kind: str
    subject: str
    digest: bytes = field(repr=False)
    station: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation as the journal has it.

    ``step``: the last that was noted, "" before the first. ``attempt``: 1 and up; an older attempt may note nothing
    more. ``result``: what it gave, serialised without data of people; b"" until it is done.
    """

    institution: str
    request_id: str
    kind: str
    subject: str
    state: OperationState
    step: str
    attempt: int
    result: bytes = field(repr=False)


class OperationJournal(Protocol):
    """Every method is one transaction; what it says is on the disk when it returns. Blocking; any thread.

    All raise :class:`~services.errors.JournalError` when the journal cannot be kept.
    """

    def begin(self, request: OperationRequest) -> Operation:
        """The operation of this request: new, gone on with (one attempt further), or done.

        One that was refused begins again, with no step noted.

        Raises :class:`~services.errors.RequestReusedError` where the id is that of another kind, subject or digest.
        """
        ...

    def find(self, institution: str, request_id: str) -> Operation | None:
        """The operation of this name, None where there is none."""
        ...

    def note(self, operation: Operation, step: str) -> None:
        """Put down what is about to be done, up to 64 characters.

        Raises :class:`~services.errors.SupersededError` when another attempt has begun, or it is not open.
        """
        ...

    def finish(self, operation: Operation, result: bytes) -> None:
        """It is done. Raises as :meth:`note`."""
        ...

    def refuse(self, operation: Operation, reason: str) -> None:
        """It ended with nothing changed, for this reason of the catalogue; an older attempt changes nothing."""
        ...

    def interrupt(self, operation: Operation, reason: str) -> None:
        """This attempt ended half-way; the operation stays open. An older attempt changes nothing."""
        ...
