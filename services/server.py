"""The server: services over readers and keys, from start to orderly end."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from apdu.readers import Readers
from cardlib.custody import KeyCustodian
from services import logs
from services.activation.deadlines import DailyDeadlines
from services.addresses import cannot_listen, require_free
from services.audit.of_service import AuditOfService
from services.audit.port import AuditSink
from services.callers.doors import Door, door_of
from services.callers.roles import access_of
from services.card_service import CardService
from services.config import Config
from services.counter import COUNTER_SERVICES, Counter, utc_now
from services.custody.keystore import Opener
from services.custody.opening import open_custodian
from services.events import EventKind
from services.hidden_readers import readers_for_cards
from services.interceptors import CallInterceptor, Checks
from services.issuance.opening import STANDARD, Flows, StoreOfService, issuance_service
from services.key_service import PSAM_ISSUERS, STATIONS, TERMINALS, KeyService, Use
from services.lane import Lane
from services.leases import LeaseTerms
from services.opening import open_readers, open_regional_profiles
from services.reader_service import ReaderService
from services.readers import ReaderHub
from sscard.v1 import (
    card_pb2,
    card_pb2_grpc,
    issuance_pb2,
    issuance_pb2_grpc,
    keys_pb2,
    keys_pb2_grpc,
    options_pb2,
    reader_pb2,
    reader_pb2_grpc,
)

_log = structlog.get_logger("services.server")

SERVICES: Final[tuple[ServiceDescriptor, ...]] = (
    reader_pb2.DESCRIPTOR.services_by_name["ReaderService"],
    card_pb2.DESCRIPTOR.services_by_name["CardService"],
    issuance_pb2.DESCRIPTOR.services_by_name["IssuanceService"],
)
"""What is always served."""
CARD_SERVICE: Final = SERVICES[1].full_name
KEY_SERVICE: Final = keys_pb2.DESCRIPTOR.services_by_name["KeyService"]
"""Served where `serve_keys` says so."""

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class AccessUndeclaredError(Exception):
    """A method has no ``(access)`` option, or one that cannot be enforced: it is not served."""


def check_access(services: Iterable[ServiceDescriptor]) -> None:
    """Raise :class:`AccessUndeclaredError` for a method that does not say what its caller must be allowed to do.

    And for one that takes a stream: a request is decoded when its caller may make it, of which a stream has many.
    """
    for service in services:
        for method in service.methods:
            if access_of(method) == options_pb2.ACCESS_UNSPECIFIED:
                raise AccessUndeclaredError(f"{method.full_name} declares no (access)")
            if method.client_streaming:
                raise AccessUndeclaredError(f"{method.full_name} takes a stream, for which (access) is not enforced")


def services_of(config: Config) -> tuple[ServiceDescriptor, ...]:
    """The services of this package that a server so configured has."""
    return (*SERVICES, *COUNTER_SERVICES, *((KEY_SERVICE,) if config.serve_keys else ()))


class Server:
    """A gRPC server that owns its readers and its custodian; made by :func:`build_server`."""

    def __init__(  # noqa: PLR0913, PLR0917  made in one place
        self,
        config: Config,
        hub: ReaderHub,
        custodian: KeyCustodian,
        store: StoreOfService,
        server: grpc.aio.Server,
        healthy: health.HealthServicer,
        door: Door,
        audit: AuditOfService | None,
        daily: DailyDeadlines | None,
    ) -> None:
        self._config = config
        self._store = store
        self._hub = hub
        self._custodian = custodian
        self._server = server
        self._healthy = healthy
        self._door = door
        self._audit = audit
        self._daily = daily
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where it listens; known after :meth:`start`."""

    async def start(self) -> None:
        """Begin to serve; raises :class:`ConfigError` when the address is taken, or the database cannot be used."""
        await asyncio.to_thread(self._store.open_if_meant)
        if self._audit is not None:
            await asyncio.to_thread(self._audit.open)
        await asyncio.to_thread(require_free, self._config.listen)
        try:
            if self._door.credentials is None:
                self.port = self._server.add_insecure_port(self._config.listen)
            else:
                self.port = self._server.add_secure_port(self._config.listen, self._door.credentials)
        except RuntimeError:
            raise cannot_listen(self._config.listen) from None
        await self._hub.start()
        await self._server.start()
        await self._healthy.set("", SERVING)
        for service in services_of(self._config):
            await self._healthy.set(service.full_name, SERVING)
        self._tasks.add(asyncio.create_task(self._follow_readers()))
        if self._daily is not None:
            self._tasks.add(asyncio.create_task(self._daily.run()))
        tls = self._door.credentials is not None
        _log.info("serving", port=self.port, mode=self._config.mode.value, readers=self._config.readers.value, tls=tls)
        if not tls:
            lack = "every program on this machine may do everything 未启用双向认证"
            _log.warning("callers_not_asked", setting="tls_certificate", lack=lack)

    async def stop(self, *, patience: float = 5.0) -> None:
        """Refuse new calls, give running ones ``grace`` seconds, let the cards go. Idempotent.

        A card that does not let itself be reset is waited for ``patience`` seconds, and so are the keys.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._healthy.enter_graceful_shutdown()
        self._hub.end_streams()
        await self._server.stop(self._config.grace)
        await self._hub.close(patience=patience)
        # A token or a PSAM may hang, too.
        last = Lane("custodian close")
        closed = last.submit(self._custodian.close)
        last.close()
        await asyncio.wait([closed], timeout=patience)
        if self._audit is not None:
            await asyncio.to_thread(self._audit.close)
        await asyncio.to_thread(self._store.close)
        _log.info("stopped")

    async def _follow_readers(self) -> None:
        """CardService is as healthy as the PC/SC daemon; whoever balances load can tell."""
        async with self._hub.watch() as events:
            async for event in events:
                if event.kind in {EventKind.SERVICE_LOST, EventKind.SERVICE_BACK}:
                    back = event.kind is EventKind.SERVICE_BACK
                    await self._healthy.set(CARD_SERVICE, SERVING if back else NOT_SERVING)


def build_server(  # noqa: PLR0913  the parts of a service
    config: Config,
    readers: Readers,
    custodian: KeyCustodian,
    *,
    flows: Flows = STANDARD,
    door: Door | None = None,
    audit: AuditSink | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Server:
    """A server over these readers and keys, not started yet.

    ``readers``: all that there are; the PSAM's is hidden from clients here. ``flows``: what makes cards and examines
    them. ``door``: how callers come in; None: as the settings say. ``audit``: where accesses are put on record; None:
    as the settings say. ``now``: the clock of registry and activation. Raises :class:`AccessUndeclaredError`, and
    :class:`ConfigError` for regional profiles, templates and certificates that cannot be used.
    """
    served = services_of(config)
    check_access(served)
    door = door or door_of(config)
    regional = open_regional_profiles(config)
    store = StoreOfService(config, custodian)
    counter = Counter(config, store, now=now)
    hub = ReaderHub(
        readers_for_cards(config, readers),
        card_wait=config.card_wait,
        event_queue=config.event_queue,
        event_history=config.event_history,
        traffic=logs.traffic(config.log_level),
        terms=LeaseTerms(config.lease_idle, config.lease_longest),
        pin_guard=counter.guard,
    )
    kept = AuditOfService(config, store) if audit is None and config.keeps_audit else None
    # Two servers on one port would share its calls between them: the second is to fail instead.
    checks = Checks(door.recognise, audit or kept, config.station_or_default)
    server = grpc.aio.server(interceptors=(CallInterceptor(checks),), options=(("grpc.so_reuseport", 0),))
    reader_pb2_grpc.add_ReaderServiceServicer_to_server(ReaderService(hub), server)
    card_pb2_grpc.add_CardServiceServicer_to_server(
        CardService(
            hub,
            custodian,
            call_deadline=config.call_deadline,
            updates=counter.updates(),
            regional=regional,
            named=counter.card_name,
        ),
        server,
    )
    if config.serve_keys:
        keys_pb2_grpc.add_KeyServiceServicer_to_server(
            KeyService(
                custodian,
                call_deadline=config.call_deadline,
                allowed=_offered(config),
                keys=regional.keys,
            ),
            server,
        )
    counter.add_services(server, hub, custodian, regional)
    issuance_pb2_grpc.add_IssuanceServiceServicer_to_server(
        issuance_service(config, hub, custodian, regional, store, flows, counter.card_name), server
    )
    healthy = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    names = (*(service.full_name for service in served), HEALTH, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    daily = counter.daily() if config.apply_deadlines else None
    return Server(config, hub, custodian, store, server, healthy, door, kept, daily)


def _offered(config: Config) -> frozenset[Use]:
    """What callers of KeyService may have keys used for."""
    if config.serve_psam_keys:
        return PSAM_ISSUERS
    return STATIONS if config.serve_building_keys else TERMINALS


async def serve(config: Config, *, opener: Opener | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raises :class:`ConfigError` when it cannot begin.

    ``opener``: what opens the keystore, where people were asked for it.
    """
    readers = open_readers(config)
    server = build_server(config, readers, open_custodian(config, readers, opener=opener))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.start()
    try:
        await stop.wait()
    finally:
        await server.stop()
