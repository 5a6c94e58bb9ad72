"""Where a call finds its card: in a reader, for this call alone, or under a lease that the caller has."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from services import requests
from services.errors import InvalidRequestError
from sscard.v1 import lease_pb2


@dataclass(frozen=True, slots=True)
class CardPlace:
    """A reader, or a lease with its epoch; exactly one of both is given."""

    reader: str = ""
    lease_id: str = field(default="", repr=False)
    epoch: int = 0


class _Addressed(Protocol):
    @property
    def reader(self) -> str: ...
    @property
    def lease(self) -> lease_pb2.CardLease: ...
    def HasField(self, field_name: Any) -> bool: ...  # noqa: N802  a literal in each message


def card_place(request: _Addressed) -> CardPlace:
    """The place that a request names; raises :class:`~services.errors.InvalidRequestError`."""
    if not request.HasField("lease"):
        return CardPlace(requests.reader_name(request.reader))
    if request.reader:
        raise InvalidRequestError("reader", "stands beside `lease`: send one of both")
    if not request.lease.id:
        raise InvalidRequestError("lease.id", "is required")
    return CardPlace(lease_id=request.lease.id, epoch=request.lease.epoch)
