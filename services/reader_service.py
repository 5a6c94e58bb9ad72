"""ReaderService: which readers there are and what happens to them."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from services.errors import InvalidRequestError
from services.mapping import readers
from services.readers import ReaderHub
from sscard.v1 import reader_pb2, reader_pb2_grpc


class ReaderService(reader_pb2_grpc.ReaderServiceServicer):
    """Answers from what the hub sees."""

    def __init__(self, hub: ReaderHub) -> None:
        self._hub = hub

    async def ListReaders(  # noqa: N802  the stub's name
        self,
        request: reader_pb2.ListReadersRequest,  # noqa: ARG002
        context: "grpc.aio.ServicerContext[Any, Any]",  # noqa: ARG002
    ) -> reader_pb2.ListReadersResponse:
        """The readers as they are now."""
        return reader_pb2.ListReadersResponse(readers=[readers.reader(state) for state in self._hub.states()])

    async def WatchReaders(  # noqa: N802
        self,
        request: reader_pb2.WatchReadersRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",  # noqa: ARG002
    ) -> AsyncIterator[reader_pb2.WatchReadersResponse]:
        """The present state as events, or what the caller has missed; then what happens, until it has enough."""
        if request.after_sequence and not request.instance:
            raise InvalidRequestError("instance", "is required beside `after_sequence`")
        async with self._hub.watch(request.instance, request.after_sequence) as events:
            async for event in events:
                yield reader_pb2.WatchReadersResponse(event=readers.event(event), instance=self._hub.instance)
