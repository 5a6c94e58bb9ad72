"""Who made a card, by the caller's certificate, and what the audit has of it."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from apdu.transport.inprocess import InProcessReaders
from services.callers.caller import Caller, Role
from services.registry.model import PersonData
from sscard.v1 import issuance_pb2, issuance_pb2_grpc
from tests.services.callers.world import authority, caller_pair, shown, tls_settings
from tests.services.issuance.desk import NAME, NUMBER, Chip, Desk
from tests.services.issuance.test_entering import registry_of

AUTHORITY = authority()
ISSUER = Caller("制卡员 3", "990000-BUREAU", Role.ISSUER, "bureau")


@pytest.fixture
async def station(desk_over, chip, tmp_path: Path) -> AsyncIterator[Desk]:
    """Called by somebody with a certificate."""
    readers = InProcessReaders(["left", "right", "none"])
    readers.insert("left", chip, t0=True)
    readers.insert("right", Chip(2), t0=True)
    settings = tls_settings(tmp_path, AUTHORITY) | {"database": str(tmp_path / "state" / "sscard.db")}
    desk = await desk_over(readers, **settings)
    credentials = shown(caller_pair(AUTHORITY, ISSUER), AUTHORITY)
    async with grpc.aio.secure_channel(f"127.0.0.1:{desk.server.port}", credentials) as channel:
        desk.stub = issuance_pb2_grpc.IssuanceServiceStub(channel)
        yield desk


async def issue(desk: Desk) -> issuance_pb2.IssuedCard:
    """A card made, and the call over: it is on record then."""
    request = issuance_pb2.PersonaliseCardRequest(reader="left", request_id="one", order=desk.order)
    *_, last = [event async for event in desk.stub.PersonaliseCard(request)]
    return last.issued


def on_record(desk: Desk) -> list[tuple[str, str, str, str]]:
    """Method, card, person and detail of all calls that are over, the oldest first."""
    with sqlite3.connect(desk.state / "sscard.db") as connection:
        entries = connection.execute(
            "SELECT method, card, person, detail FROM audit_entry WHERE detail != 'begun' ORDER BY sequence"
        )
        return [(method.rpartition("/")[2], *more) for method, *more in entries]


@pytest.mark.parametrize("said", ["", ISSUER.name])
async def test_who_shows_a_certificate_is_the_operator_by_it(station, said) -> None:
    made = await station.issue(operator=said)
    assert json.loads(made.certificate.document)["operator"] == ISSUER.name
    with sqlite3.connect(station.state / "sscard.db") as connection:
        assert connection.execute("SELECT operator FROM issuance").fetchall() == [(ISSUER.name,)]


async def test_nobody_makes_cards_in_another_name_than_that_of_the_certificate(station, chip, refusal) -> None:
    code, info = await refusal(station.issue(operator="Li"))
    assert (code, info.reason, info.metadata["field"]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "operator",
    )
    assert chip.written == []


async def test_who_fetches_a_certificate_leaves_the_card_on_record(station) -> None:
    made = await issue(station)
    for key in ({"number": made.certificate.number}, {"request_id": "one"}):
        await station.stub.GetCertificate(issuance_pb2.GetCertificateRequest(**key))
    making, *fetching = on_record(station)
    assert making[0] == "PersonaliseCard"
    assert len(making[1]) >= 32
    assert fetching == [("GetCertificate", making[1], "", made.certificate.number)] * 2


async def test_an_order_that_changes_a_name_is_on_record_with_whose_it_was(station) -> None:
    """A card in a new name, and a document with it, are the registry's from then on."""
    with registry_of(station) as registry:
        known = registry.register_person(PersonData(social_security_number=NUMBER, name="旧名", sex="2"))
    made = await issue(station)
    (entry,) = on_record(station)
    assert entry[2:] == (known.id, f"{made.certificate.number} changed name")
    with registry_of(station) as registry:
        assert registry.person(known.id).data.name == NAME


async def test_an_order_that_changes_nothing_says_so(station) -> None:
    with registry_of(station) as registry:
        known = registry.register_person(PersonData(social_security_number=NUMBER, name=NAME))
    made = await issue(station)
    assert on_record(station)[0][2:] == (known.id, f"{made.certificate.number} unchanged")
