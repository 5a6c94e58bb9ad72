"""A centre for tests: KeyService on a free loopback port, in a thread of its own, so that blocking callers find it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from cardlib.custody import KeyCustodian
from services.callers.doors import OPEN, Door
from services.interceptors import CallInterceptor, Checks
from services.key_service import KeyService, Use
from sscard.v1 import keys_pb2_grpc

EVERY_USE = frozenset(Use)


class Centre:
    def __init__(self, loop: asyncio.AbstractEventLoop, server: grpc.aio.Server, port: int) -> None:
        self._loop = loop
        self._server = server
        self.address = f"127.0.0.1:{port}"

    def kill(self) -> None:
        """End it at once: calls that are under way break off."""
        asyncio.run_coroutine_threadsafe(self._server.stop(0), self._loop).result(20)


async def _start(custodian: KeyCustodian, allowed: frozenset[Use], deadline: float, port: int, door: Door):
    checks = Checks(door.recognise)
    server = grpc.aio.server(interceptors=(CallInterceptor(checks),), options=(("grpc.so_reuseport", 0),))
    service = KeyService(custodian, call_deadline=deadline, allowed=allowed)
    keys_pb2_grpc.add_KeyServiceServicer_to_server(service, server)
    address = f"127.0.0.1:{port}"
    if door.credentials is None:
        bound = server.add_insecure_port(address)
    else:
        bound = server.add_secure_port(address, door.credentials)
    await server.start()
    return server, bound


@contextmanager
def centre(
    custodian: KeyCustodian,
    *,
    allowed: frozenset[Use] = EVERY_USE,
    deadline: float = 20.0,
    port: int = 0,
    door: Door = OPEN,
) -> Iterator[Centre]:
    """A centre over a custodian until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="centre", daemon=True)
    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(_start(custodian, allowed, deadline, port, door), loop)
        running = Centre(loop, *starting.result(20))
        yield running
        running.kill()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
