"""What a service told its caller of a failed call, taken out of the status again."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from services.catalogue import DOMAIN


@dataclass(frozen=True, slots=True)
class Told:
    """The parts of a status that :meth:`services.catalogue.Failure.to_status` makes.

    ``reason`` and ``metadata``: of the ErrorInfo, "" and empty where the service did not say. ``texts``: the localised
    messages, in their order. ``mistakes``: descriptions of what is wrong with the caller's input.
    """

    message: str
    reason: str
    metadata: Mapping[str, str]
    texts: tuple[str, ...]
    mistakes: tuple[str, ...]


def told(status: Status) -> Told:
    """What a status says; details of other services and kinds are passed over."""
    reason, metadata, texts, mistakes = "", {}, [], []
    for detail in status.details:
        info, localised, wrong = ErrorInfo(), LocalizedMessage(), BadRequest()
        if detail.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(localised):
            texts.append(localised.message)
        elif detail.Unpack(wrong):
            mistakes = [violation.description for violation in wrong.field_violations]
    return Told(status.message, reason, metadata, tuple(texts), tuple(mistakes))


def call_of(error: grpc.RpcError) -> grpc.Call:
    """The call that failed: the library's errors are calls themselves."""
    assert isinstance(error, grpc.Call), "errors of calls are calls themselves"
    return error


def told_by(call: grpc.Call) -> Told | None:
    """What the service said of a failed call; None where the failure is not the service's, as when it is away."""
    status = rpc_status.from_call(call)
    return None if status is None else told(status)
