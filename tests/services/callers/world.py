"""Certificates for tests, and a server that has every method there is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from services.callers.caller import Caller, Role
from services.callers.identity import uri_of
from services.callers.methods import every_service
from services.callers.recognition import now_utc
from services.custody.certificates import Authority, Pair, new_authority
from services.interceptors import CallInterceptor, Checks

CALLERS = {role: Caller(f"someone 某人 {role}", "990001", role, "T/1") for role in Role if role is not Role.LOCAL}
HOSTS = ("127.0.0.1", "localhost")


def authority(name: str = "authority of the tests") -> Authority:
    return new_authority(name, now=now_utc(), days=30)


def caller_pair(made_by: Authority, caller: Caller, *, now: datetime | None = None, days: int = 1) -> Pair:
    return made_by.caller(caller.name, uri_of(caller), now=now or now_utc(), days=days)


def expired_pair(made_by: Authority, caller: Caller) -> Pair:
    return caller_pair(made_by, caller, now=now_utc() - timedelta(days=3), days=1)


def shown(pair: Pair | None, trusted: Authority) -> grpc.ChannelCredentials:
    if pair is None:
        return grpc.ssl_channel_credentials(trusted.certificate)
    return grpc.ssl_channel_credentials(trusted.certificate, pair.key.reveal(), pair.certificate)


def written(folder: Path, name: str, pair: Pair) -> tuple[Path, Path]:
    """Certificate and key as files."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(pair.certificate)
    key.touch(mode=0o600)
    key.write_bytes(pair.key.reveal())
    return certificate, key


def tls_settings(folder: Path, made_by: Authority) -> dict[str, Any]:
    """Settings of a server with files of this authority, and a database beside them."""
    certificate, key = written(folder, "server", made_by.server(HOSTS, now=now_utc(), days=1))
    trusted = folder / "ca.crt"
    trusted.write_bytes(made_by.certificate)
    database = str(folder / "sscard.db")
    return {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": trusted, "database": database}


@dataclass
class Everything(grpc.GenericRpcHandler):
    """Has every method of every service; notes who reached it, with which request."""

    reached: list[tuple[str, bytes]]

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        path = details.method
        declared = {
            f"/{service.full_name}/{method.name}": method for service in every_service() for method in service.methods
        }
        if path not in declared:
            return None

        async def answer(request: bytes, _: Any) -> bytes:
            self.reached.append((path, request))
            return b""

        async def stream(request: bytes, _: Any):
            self.reached.append((path, request))
            yield b""

        if declared[path].server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, request_deserializer=bytes)
        return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=bytes)


def server_of_everything(recognise: Any, reached: list[tuple[str, bytes]]) -> grpc.aio.Server:
    server = grpc.aio.server(interceptors=(CallInterceptor(Checks(recognise)),))
    server.add_generic_rpc_handlers((Everything(reached),))
    return server


async def outcome(channel: grpc.aio.Channel, method: Any, request: bytes = b"") -> ErrorInfo | str:
    """What comes of a call: the ErrorInfo of its failure, or the name of its code."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.server_streaming:
            call = channel.unary_stream(path)(request, timeout=10)
            async for _ in call:
                break
            call.cancel()
        else:
            await channel.unary_unary(path)(request, timeout=10)
    except grpc.aio.AioRpcError as error:
        status, info = rpc_status.from_call(error), ErrorInfo()
        if status is None or not status.details or not status.details[0].Unpack(info):
            return error.code().name
        return info
    return "OK"
