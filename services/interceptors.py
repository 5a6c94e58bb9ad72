"""Around every call of our services: exceptions become statuses, and one line goes to the access log."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic in the stubs alone

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
import structlog
from grpc_status import rpc_status

from services.catalogue import DOMAIN, Failure, failure_of

_log = structlog.get_logger("services.access")

_FACTORIES: dict[str, Callable[..., grpc.RpcMethodHandler[Any, Any]]] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}

MAX_NAME = 100
"""Of a reader's name, which the caller may make up, no more is logged."""

Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Maps exceptions by :mod:`services.catalogue` and logs who asked what with which result.

    The log has the method, the reader, code, reason and duration; requests and answers only at ``debug``, without their
    ``(sensitive)`` fields. Health and reflection pass through.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's behaviour."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(f"/{DOMAIN}."):
            return handler
        kind = next(name for name in _FACTORIES if getattr(handler, name, None))
        behaviour = getattr(handler, kind)
        wrap = _stream if inspect.isasyncgenfunction(behaviour) else _answer
        return _FACTORIES[kind](
            wrap(behaviour, handler_call_details.method.removeprefix(f"/{DOMAIN}.")),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class _Call:
    """One call, from its beginning to its line in the log."""

    def __init__(self, method: str, request: Any) -> None:
        self._began = time.perf_counter()
        self._about = {"method": method, "reader": getattr(request, "reader", "")[:MAX_NAME]}
        if request_id := getattr(request, "request_id", ""):
            self._about["request_id"] = request_id[:MAX_NAME]
        _log.debug("request", **self._about, message=request)

    def note_answer(self, answer: Any) -> None:
        _log.debug("answer", **self._about, message=answer)

    async def fail(self, error: Exception, context: Context) -> NoReturn:
        failure = failure_of(error)
        if failure.refusal.code is grpc.StatusCode.INTERNAL:
            # The text of an unknown exception may hold anything: only its type and its place are logged.
            _log.error("failure", **self._about, error=type(error).__name__, place=_place(error))
        self.end(failure.refusal.code, failure)
        status = rpc_status.to_status(failure.to_status())
        await context.abort(status.code, status.details, status.trailing_metadata)
        raise AssertionError("abort raises")

    def end(self, code: grpc.StatusCode, failure: Failure | None = None) -> None:
        _log.info(
            "call",
            **self._about,
            code=code.name,
            reason=failure.refusal.reason if failure else "",
            milliseconds=round((time.perf_counter() - self._began) * 1000, 3),
        )


def _answer(behaviour: Callable[[Any, Context], Awaitable[Any]], method: str) -> Callable[[Any, Context], Any]:
    async def answer(request: Any, context: Context) -> Any:
        call = _Call(method, request)
        try:
            message = await behaviour(request, context)
        except Exception as error:  # noqa: BLE001  everything is mapped
            await call.fail(error, context)
        except BaseException:  # the caller went away, or the service is being stopped
            call.end(grpc.StatusCode.CANCELLED)
            raise
        call.note_answer(message)
        call.end(grpc.StatusCode.OK)
        return message

    return answer


def _stream(behaviour: Callable[[Any, Context], AsyncIterator[Any]], method: str) -> Callable[[Any, Context], Any]:
    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        call = _Call(method, request)
        try:
            async for message in behaviour(request, context):
                call.note_answer(message)
                yield message
        except Exception as error:  # noqa: BLE001  everything is mapped
            await call.fail(error, context)
        except BaseException:
            call.end(grpc.StatusCode.CANCELLED)
            raise
        call.end(grpc.StatusCode.OK)

    return stream


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
