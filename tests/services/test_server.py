import asyncio
import os
import signal
import socket
import sys
import threading

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from apdu.errors import NoServiceError
from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from services.config import Config, ConfigError
from services.opening import open_readers
from services.server import (
    SERVICES,
    AccessUndeclaredError,
    build_server,
    check_access,
)
from sscard.v1 import card_pb2, card_pb2_grpc, issuance_pb2, options_pb2, reader_pb2

HEALTH = health_pb2.HealthCheckResponse


async def health_of(channel, service: str = "") -> str:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return HEALTH.ServingStatus.Name(answer.status)


async def test_every_service_is_healthy(service) -> None:
    for name in ("", *(each.full_name for each in SERVICES)):
        assert await health_of(service.channel, name) == "SERVING"


async def test_without_a_daemon_the_card_service_is_not_healthy_and_the_rest_is(service_over) -> None:
    class Away(InProcessReaders):
        def states(self):
            raise NoServiceError("away")

    service = await service_over(Away())
    async with asyncio.timeout(10):
        while await health_of(service.channel, "sscard.v1.CardService") == "SERVING":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await health_of(service.channel, "sscard.v1.ReaderService") == "SERVING"
    assert await health_of(service.channel) == "SERVING"


async def test_reflection_lists_the_services(service) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(service.channel)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    answer = await call.read()
    names = {each.name for each in answer.list_services_response.service}
    assert names >= {"sscard.v1.ReaderService", "sscard.v1.CardService", "grpc.health.v1.Health"}


def test_every_method_declares_who_may_call_it() -> None:
    check_access(SERVICES)


def test_every_service_of_the_package_is_served() -> None:
    declared = {
        service.full_name
        for module in (card_pb2, issuance_pb2, reader_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    }
    assert {service.full_name for service in SERVICES} == declared


def test_a_method_without_access_is_not_served() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.message_type.add(name="Empty")
    service = file.service.add(name="OpenService")
    service.method.add(name="Leak", input_type=".t.Empty", output_type=".t.Empty")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    with pytest.raises(AccessUndeclaredError, match=r"t\.OpenService\.Leak declares no \(access\)"):
        check_access([pool.FindServiceByName("t.OpenService")])


def test_a_method_that_takes_a_stream_is_not_served() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="s.proto", package="s", syntax="proto3")
    file.message_type.add(name="Empty")
    method = file.service.add(name="StreamService").method.add(
        name="Feed", input_type=".s.Empty", output_type=".s.Empty", client_streaming=True
    )
    method.options.Extensions[options_pb2.access] = options_pb2.ACCESS_READ_CARD
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    with pytest.raises(AccessUndeclaredError, match=r"s\.StreamService\.Feed takes a stream"):
        check_access([pool.FindServiceByName("s.StreamService")])


async def test_a_service_that_asks_nobody_warns_of_it(service, log) -> None:
    assert '"event": "callers_not_asked"' in log.getvalue()


def config(**settings) -> Config:
    return Config(**{"mode": "development", "listen": "127.0.0.1:0", "grace": 0.2} | settings)


async def test_an_address_in_use_is_refused_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = build_server(config(listen=address), InProcessReaders(), NoKeys())
        with pytest.raises(ConfigError, match=f"cannot listen at {address}"):
            await server.start()
        await server.stop()


async def test_grpc_says_nothing_of_its_own_about_it(capfd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = build_server(config(listen=f"127.0.0.1:{taken.getsockname()[1]}"), InProcessReaders(), NoKeys())
        with pytest.raises(ConfigError, match="Address already in use"):
            await server.start()
        await server.stop()
    assert "add_port" not in capfd.readouterr().err


async def test_two_services_do_not_share_a_port(service) -> None:
    second = build_server(config(listen=f"127.0.0.1:{service.server.port}"), InProcessReaders(), NoKeys())
    with pytest.raises(ConfigError):
        await second.start()
    await second.stop()


async def test_stopping_lets_a_running_call_finish(service_over, hanging) -> None:
    readers, chip = InProcessReaders(["slow"]), hanging()
    readers.insert("slow", chip)
    service = await service_over(readers, grace=10)
    call = asyncio.ensure_future(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader="slow")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    stopping = asyncio.ensure_future(service.server.stop())
    await asyncio.sleep(0.05)
    chip.free()
    assert (await call).card_version == "2.0"
    await stopping


async def test_stopping_does_not_wait_for_a_card_that_hangs(hanging) -> None:
    readers, chip = InProcessReaders(["stuck"]), hanging()
    readers.insert("stuck", chip)
    server = build_server(config(grace=0.1), readers, NoKeys())
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = card_pb2_grpc.CardServiceStub(channel)
        call = asyncio.ensure_future(stub.ReadIdentity(card_pb2.ReadIdentityRequest(reader="stuck")))
        assert await asyncio.to_thread(chip.hangs.wait, 10)
        async with asyncio.timeout(30):
            await server.stop(patience=0.1)
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_stopping_closes_the_keys_after_the_cards(service_over) -> None:
    closed = []

    class Readers(InProcessReaders):
        def close(self):
            closed.append("readers")
            super().close()

    class Keys(NoKeys):
        def close(self):
            closed.append("keys")

    service = await service_over(Readers(), Keys())
    await service.server.stop()
    assert closed == ["readers", "keys"]


async def test_stopping_does_not_wait_for_keys_that_hang() -> None:
    hangs = threading.Event()

    class Keys(NoKeys):
        def close(self):
            hangs.wait(60)

    server = build_server(config(), InProcessReaders(), Keys())
    await server.start()
    async with asyncio.timeout(20):
        await server.stop(patience=0.1)
    hangs.set()


async def test_stopping_twice_is_stopping_once(service) -> None:
    await service.server.stop()
    await service.server.stop()


def test_simulated_readers_are_opened_by_name() -> None:
    readers = open_readers(config(readers="simulated", simulated_cards=["2.0", "2.0"]))
    assert [state.present for state in readers.states()] == [True, True]
    readers.close()


def test_without_pyscard_the_way_out_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(ConfigError, match=r"sscard\[pcsc\].* readers = \"simulated\""):
        open_readers(config())


SERVE = """
import asyncio
from services import logs
from services.config import Config
from services.server import serve
config = Config.load()
logs.configure(config.log_level, json=True)
asyncio.run(serve(config))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_in_order(number) -> None:
    settings = {
        "SSCARD_MODE": "development",
        "SSCARD_READERS": "simulated",
        "SSCARD_LISTEN": "127.0.0.1:0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", SERVE),
        env=os.environ | settings,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        assert b"serving" in await process.stderr.readline()
        process.send_signal(number)
        rest = await process.stderr.read()
        assert await process.wait() == 0
    assert b"stopped" in rest
    assert b"Traceback" not in rest
