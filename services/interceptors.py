"""Around every call of our services: its caller, whether that may do it, and what is told of it.

Exceptions become statuses, one line goes to the access log and one entry to the audit.
"""

from __future__ import annotations  # grpc.RpcMethodHandler is generic in the stubs alone

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import grpc
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from services.audit.errors import AuditError
from services.audit.port import AuditEntry, AuditSink
from services.audit.subject import Subject, begin_subject
from services.callers.caller import Caller, set_caller
from services.callers.errors import CallerError
from services.callers.recognition import Recognise
from services.callers.roles import require
from services.catalogue import DOMAIN, Failure, failure_of
from services.errors import InvalidRequestError
from services.requests import is_request_id

_log = structlog.get_logger("services.access")

_FACTORIES: dict[str, Callable[..., grpc.RpcMethodHandler[Any, Any]]] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
}
"""Methods that take a stream are not served, :func:`services.server.check_access`."""

MAX_NAME = 100
"""Of a reader's name, which the caller may make up, no more is logged."""
BEGUN: Final = "begun"
"""Detail of the audit's first entry for a stream, before the first message goes out."""

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Checks:
    """What is asked about every call. ``audit``: where accesses are put on record; None: nowhere.

    ``station``: name of this machine, for the audit.
    """

    recognise: Recognise
    audit: AuditSink | None = None
    station: str = ""


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of ours; ``decoded`` makes its request of bytes."""

    path: str
    descriptor: MethodDescriptor
    decoded: Callable[[bytes], Any]

    def __str__(self) -> str:
        return self.path.removeprefix(f"/{DOMAIN}.")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Recognises callers, enforces ``(access)``, maps exceptions by :mod:`services.catalogue`, logs and records.

    A request is not even decoded before its caller may make it. The log has the method, institution, role and terminal
    of the caller, the reader, code, reason and duration; requests and answers only at ``debug``, without their
    ``(sensitive)`` fields. No answer, and no first message of a stream, goes out before the audit has it. Health and
    reflection pass through.
    """

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's behaviour."""
        handler = await continuation(handler_call_details)
        path = handler_call_details.method
        if handler is None or not path.startswith(f"/{DOMAIN}."):
            return handler
        kind = next(name for name in _FACTORIES if getattr(handler, name, None))
        behaviour = getattr(handler, kind)
        decoded = handler.request_deserializer
        assert decoded is not None, "generated code has one"
        method = _Method(path, _descriptor(path), decoded)
        wrap = _stream if inspect.isasyncgenfunction(behaviour) else _answer
        return _FACTORIES[kind](
            wrap(behaviour, method, self._checks),
            request_deserializer=None,  # after the checks, by us
            response_serializer=handler.response_serializer,
        )


def _descriptor(path: str) -> MethodDescriptor:
    """Of the method with this path, ``/sscard.v1.CardService/ReadIdentity``, which is served."""
    found: MethodDescriptor = descriptor_pool.Default().FindMethodByName(path[1:].replace("/", "."))
    return found


class _Call:
    """One call, from its beginning to its line in the log and its entry in the audit."""

    def __init__(self, method: _Method, checks: Checks, context: Context) -> None:
        self._began = time.perf_counter()
        self._method = method
        self._checks = checks
        self._context = context
        self._caller: Caller | None = None
        self._subject: Subject = begin_subject()
        self._about = {"method": str(method), "reader": ""}
        self._reader = self._request_id = ""

    def admit(self, encoded: bytes) -> Any:
        """The request, of a caller that may make it; raises CallerError and InvalidRequestError."""
        caller = self._caller = self._checks.recognise(self._context.auth_context())
        set_caller(caller)
        self._about |= {"institution": caller.institution, "role": caller.role.value, "terminal": caller.terminal}
        require(caller, self._method.descriptor)
        try:
            request = self._method.decoded(encoded)
        except DecodeError:
            raise InvalidRequestError("request", "is no message of the kind that this method takes") from None
        self._about["reader"] = self._reader = _printable(getattr(request, "reader", "")[:MAX_NAME])
        request_id, shown = getattr(request, "request_id", ""), request
        if is_request_id(request_id):
            self._about["request_id"] = self._request_id = request_id
        elif request_id:
            shown = type(request)()
            shown.CopyFrom(request)
            shown.ClearField("request_id")
        _log.debug("request", **self._about, message=shown)
        return request

    def note_answer(self, answer: Any) -> None:
        _log.debug("answer", **self._about, message=answer)

    async def record(self, code: grpc.StatusCode = grpc.StatusCode.OK, reason: str = "", detail: str = "") -> None:
        """Put the call on record as it stands; raises AuditError."""
        if self._checks.audit is None:
            return
        caller, subject = self._caller, self._subject
        await self._checks.audit.record(
            AuditEntry(
                moment=datetime.now(UTC),
                method=self._method.path,
                institution=caller.institution if caller else "",
                role=caller.role.value if caller else "",
                caller=caller.name if caller else "",
                terminal=caller.terminal if caller else "",
                station=self._checks.station,
                reader=subject.reader or self._reader,
                card=subject.card,
                person=subject.person,
                detail=detail or subject.detail,
                request_id=self._request_id,
                code=code.name,
                reason=reason,
            )
        )

    async def fail(self, error: Exception) -> NoReturn:
        """Answer with what the catalogue says of ``error``, or of the audit's own where that cannot be recorded."""
        failure = self._failure(error)
        if not isinstance(error, AuditError):
            try:
                await self.record(failure.refusal.code, failure.refusal.reason)
            except Exception as unrecorded:  # noqa: BLE001  everything is mapped
                failure = self._failure(unrecorded)
        self.end(failure.refusal.code, failure)
        status = rpc_status.to_status(failure.to_status())
        await self._context.abort(status.code, status.details, status.trailing_metadata)
        raise AssertionError("abort raises")

    async def break_off(self) -> None:
        """The caller went away, or the service is being stopped: nobody is left to hear of it."""
        self.end(grpc.StatusCode.CANCELLED)
        try:
            await self.record(grpc.StatusCode.CANCELLED)
        except Exception as error:  # noqa: BLE001  it is told
            self._failure(error)

    def end(self, code: grpc.StatusCode, failure: Failure | None = None) -> None:
        self._about["reader"] = self._subject.reader or self._reader  # of a lease, it is known by now
        _log.info(
            "call",
            **self._about,
            code=code.name,
            reason=failure.refusal.reason if failure else "",
            milliseconds=round((time.perf_counter() - self._began) * 1000, 3),
        )

    def _failure(self, error: Exception) -> Failure:
        failure = failure_of(error)
        if failure.refusal.code is grpc.StatusCode.INTERNAL or isinstance(error, AuditError):
            # The text of an unknown exception may hold anything: only its type and its place are logged.
            _log.error("failure", **self._about, error=type(error).__name__, place=_place(error))
        elif isinstance(error, CallerError):
            _log.warning("refused", **self._about, why=str(error))
        return failure


def _answer(
    behaviour: Callable[[Any, Context], Awaitable[Any]], method: _Method, checks: Checks
) -> Callable[[bytes, Context], Any]:
    async def answer(encoded: bytes, context: Context) -> Any:
        call = _Call(method, checks, context)
        try:
            message = await behaviour(call.admit(encoded), context)
            await call.record()
        except Exception as error:  # noqa: BLE001  everything is mapped
            await call.fail(error)
        except BaseException:
            await call.break_off()
            raise
        call.note_answer(message)
        call.end(grpc.StatusCode.OK)
        return message

    return answer


def _stream(
    behaviour: Callable[[Any, Context], AsyncIterator[Any]], method: _Method, checks: Checks
) -> Callable[[bytes, Context], Any]:
    async def stream(encoded: bytes, context: Context) -> AsyncIterator[Any]:
        call, begun = _Call(method, checks, context), False
        try:
            async for message in behaviour(call.admit(encoded), context):
                if not begun:
                    await call.record(detail=BEGUN)
                    begun = True
                call.note_answer(message)
                yield message
            await call.record()
        except Exception as error:  # noqa: BLE001  everything is mapped
            await call.fail(error)
        except BaseException:
            await call.break_off()
            raise
        call.end(grpc.StatusCode.OK)

    return stream


def _printable(name: str) -> str:
    """What a caller has made up begins no line of its own in a log, and moves no cursor on a terminal."""
    return "".join(sign if sign.isprintable() else f"\\u{{{ord(sign):04X}}}" for sign in name)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
