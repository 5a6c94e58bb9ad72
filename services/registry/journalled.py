"""A call that changes the registry, journalled (登记业务): done once, however often it is sent."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import Message

from services.callers.caller import current_caller
from services.catalogue import failure_of
from services.errors import InvalidRequestError, IssuanceError
from services.operations.journal import Operation, OperationJournal, OperationRequest, OperationState
from services.registry.errors import RegistryError
from services.registry.model import Registry

R = TypeVar("R")

NO_RESULT: Final = b""
"""What operations of the registry leave in the journal: a repeated request is answered from the registry itself."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the centre writes in.

    ``digest``: a keyed digest, 32 bytes, from which nobody guesses what it is of. ``station``: name of this machine.
    """

    registry: Registry
    operations: OperationJournal
    digest: Callable[[bytes], bytes]
    station: str

    def named(self, *values: str) -> str:
        """A name for something personal that the journal may hold: 64 hexadecimal digits."""
        return self.digest("\0".join(("subject", *values)).encode()).hex()

    def card_name(self, card_identifier: str) -> str:
        """What the audit calls a card that the registry does not know, wherever it was met."""
        return self.digest(card_identifier.encode()).hex()

    def person_name(self, social_security_number: str) -> str:
        """What the audit calls a person whom the registry does not know."""
        return self.named("person", social_security_number)

    def request(self, kind: str, request_id: str, subject: str, message: Message) -> OperationRequest:
        """Who asks for what; in the thread of the call, whose caller it is.

        ``message``: all that makes it this request and no other. A card that is shown is its ``subject``: reader and
        lease may be others when the request is repeated.
        """
        caller = current_caller()
        told = type(message)()
        told.CopyFrom(message)
        reference = getattr(told, "card", None)
        if reference is not None and reference.WhichOneof("by") in {"reader", "lease"}:
            told.ClearField("card")
        return OperationRequest(
            institution=caller.institution,
            request_id=request_id,
            kind=kind,
            subject=subject,
            digest=self.digest(f"request\0{kind}\0".encode() + told.SerializeToString(deterministic=True)),
            station=caller.terminal or self.station,
            operator=caller.name,
        )


def once(
    journal: OperationJournal, request: OperationRequest, work: Callable[[Operation], R], again: Callable[[], R]
) -> R:
    """What ``work`` brings, which finishes the operation; ``again``: what a request is answered that is done already.

    Blocking. What the registry refuses ends the operation with nothing changed; after anything else it is open, and the
    same request goes on.
    """
    operation = journal.begin(request)
    if operation.state is OperationState.DONE:
        return again()
    try:
        return work(operation)
    except (RegistryError, InvalidRequestError) as error:
        with contextlib.suppress(IssuanceError):  # what was refused is told, not that the journal could not take it
            journal.refuse(operation, failure_of(error).refusal.reason)
        raise
    except Exception as error:
        with contextlib.suppress(IssuanceError):
            journal.interrupt(operation, failure_of(error).refusal.reason)
        raise
