"""Role × method, cell by cell: what the manual's table says is what happens over real connections."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from apdu.transport.inprocess import InProcessReaders
from services.callers.caller import Role
from services.callers.doors import PrivateDoor
from services.callers.methods import every_service
from services.callers.roles import ROLES
from services.config import Config
from services.custody.development import DevelopmentCustodian
from services.server import build_server, services_of
from sscard.v1 import options_pb2
from tests.services.callers.world import CALLERS, outcome, server_of_everything

MANUAL = Path(__file__).parents[3] / "docs" / "callers.md"


def manual() -> dict[tuple[str, str, str], bool]:
    """The cells of the manual's tables: service, method, role."""
    cells, service, roles = {}, "", []
    for line in MANUAL.read_text(encoding="utf-8").partition("<!-- sscard access")[2].splitlines():
        columns = [column.strip(" `") for column in line.strip("|").split("|")]
        if line.startswith("### "):
            service = line.removeprefix("### ")
        elif line.startswith("| Method"):
            roles = columns[2:]
        elif re.match(r"\| `", line):
            cells |= {(service, columns[0], role): mark == "●" for role, mark in zip(roles, columns[2:], strict=True)}
    return cells


CELLS = manual()
METHODS = [method for service in every_service() for method in service.methods]


def test_the_manual_has_a_cell_for_every_method_and_role() -> None:
    assert set(CELLS) == {
        (method.containing_service.name, method.name, role.value) for method in METHODS for role in Role
    }


@pytest.fixture
async def channels() -> AsyncIterator[tuple[dict[Role, grpc.aio.Channel], list[tuple[str, bytes]]]]:
    """A connection of each role to a server that has every method; and what reached a method."""
    private, reached = PrivateDoor(), []
    server = server_of_everything(private.door.recognise, reached)
    port = server.add_secure_port("127.0.0.1:0", private.door.credentials)
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, 0)
        yield (
            {
                role: await stack.enter_async_context(
                    grpc.aio.secure_channel(f"127.0.0.1:{port}", private.credentials(CALLERS.get(role)))
                )
                for role in Role
            },
            reached,
        )


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reaches_the_methods_that_the_manual_says_and_no_other(channels, role) -> None:
    connected, reached = channels
    for method in METHODS:
        reached.clear()
        came = await outcome(connected[role], method)
        if CELLS[method.containing_service.name, method.name, role.value]:
            assert (came, len(reached)) == ("OK", 1), method.full_name
        else:
            assert isinstance(came, ErrorInfo), method.full_name
            assert (came.reason, reached) == ("ACCESS_DENIED", []), method.full_name
            assert came.metadata["role"] == role.value
            assert came.metadata["method"] == method.full_name
            assert came.metadata["access"].startswith("ACCESS_")


async def test_what_is_denied_is_not_decoded(channels) -> None:
    connected, _ = channels
    method = next(method for method in METHODS if method.name == "ResetPin")
    broken = b"\xff\xff\xff"
    denied = await outcome(connected[Role.TELLER], method, broken)
    assert isinstance(denied, ErrorInfo)
    assert denied.reason == "ACCESS_DENIED"


@pytest.fixture
async def real(tmp_path) -> AsyncIterator[tuple[Config, dict[Role, grpc.aio.Channel]]]:
    """A connection of each role to the service as it is."""
    config = Config(
        listen="127.0.0.1:0", serve_keys=True, grace=0.2, mode="development", database=str(tmp_path / "sscard.db")
    )
    private = PrivateDoor()
    server = build_server(
        config, InProcessReaders(["one"]), DevelopmentCustodian(development_mode=True), door=private.door
    )
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        address = f"127.0.0.1:{server.port}"
        yield (
            config,
            {
                role: await stack.enter_async_context(
                    grpc.aio.secure_channel(address, private.credentials(CALLERS.get(role)))
                )
                for role in Role
            },
        )


async def test_the_service_as_it_is_lets_in_whom_the_manual_says(real) -> None:
    config, connected = real
    for method in [method for service in services_of(config) for method in service.methods]:
        for role in Role:
            came = await outcome(connected[role], method)
            reason = came.reason if isinstance(came, ErrorInfo) else came
            allowed = CELLS[method.containing_service.name, method.name, role.value]
            assert (reason != "ACCESS_DENIED") == allowed, (method.full_name, role, reason)
            assert reason not in {"CALLER_UNKNOWN", "INTERNAL", "UNKNOWN"}, (method.full_name, role)


# --- what must never become otherwise, whatever the table is changed to ---


def who_may(access: str) -> set[Role]:
    return {role for role, allowed in ROLES.items() if options_pb2.Access.Value(access) in allowed}


def test_every_role_has_a_row_and_the_auditor_an_empty_one() -> None:
    assert set(ROLES) == set(Role)
    assert ROLES[Role.AUDITOR] == frozenset()


@pytest.mark.parametrize(
    ("access", "roles"),
    [
        ("ACCESS_CONTROL_SIMULATOR", set()),
        ("ACCESS_RESET_PIN", {Role.SUPERVISOR}),
        ("ACCESS_CHANGE_CARD_STATE", {Role.SUPERVISOR}),
        ("ACCESS_ISSUE_CARD", {Role.ISSUER}),
        ("ACCESS_USE_KEYS", {Role.ISSUER, Role.TERMINAL}),
        ("ACCESS_REGISTER_INSTITUTION", {Role.ADMINISTRATOR}),
        ("ACCESS_ACTIVATE_AT_BANK", {Role.TELLER}),
        ("ACCESS_ACTIVATE_AT_HOSPITAL", {Role.HOSPITAL}),
        ("ACCESS_ACTIVATE_AT_PHARMACY", {Role.PHARMACY}),
    ],
)
def test_what_only_few_may(access, roles) -> None:
    assert who_may(access) == roles | {Role.LOCAL}


def test_who_makes_cards_and_who_runs_the_machines_never_meet_a_holders_pin() -> None:
    for access in ("ACCESS_VIEW_PIN", "ACCESS_VERIFY_PIN", "ACCESS_CHANGE_PIN", "ACCESS_RESET_PIN"):
        assert who_may(access).isdisjoint({Role.ISSUER, Role.ADMINISTRATOR, Role.AUDITOR, Role.TERMINAL})


def test_nobody_may_what_is_not_declared() -> None:
    assert who_may("ACCESS_UNSPECIFIED") == set()
