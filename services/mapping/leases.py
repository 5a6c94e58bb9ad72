"""Leases of cards, as messages."""

from datetime import datetime, timedelta
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from services.errors import InvalidRequestError
from services.leases import LeaseView
from sscard.v1 import lease_pb2


class _Leased(Protocol):
    @property
    def lease(self) -> lease_pb2.CardLease: ...


def lease_id(request: _Leased) -> str:
    """The id of the lease that a request names; raises :class:`~services.errors.InvalidRequestError` for none."""
    if not request.lease.id:
        raise InvalidRequestError("lease.id", "is required")
    return request.lease.id


def seconds(request: Message, field: str) -> float | None:
    """A duration of a request, None where it is unset; raises :class:`~services.errors.InvalidRequestError` below 0."""
    if not request.HasField(field):
        return None
    duration = getattr(request, field)
    assert isinstance(duration, Duration), "the field is declared so"
    length = duration.seconds + duration.nanos / 1e9
    if length < 0:
        raise InvalidRequestError(field, "is not shorter than zero")
    return length


def lease_state(view: LeaseView, now: datetime) -> lease_pb2.LeaseState:
    """A lease as it stands at this moment, ``now``."""
    return lease_pb2.LeaseState(
        lease=lease_pb2.CardLease(id=view.lease_id, epoch=view.epoch),
        reader=view.reader,
        expire_time=_moment(now, view.idle_left),
        end_time=_moment(now, view.left),
        atr=view.atr,
        pin_verified=view.pin_verified,
    )


def _moment(now: datetime, left: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(now + timedelta(seconds=left))
    return moment
