"""IssuanceService over a channel, with a small flow; with the real one in test_real_chips.py."""

import asyncio
import io
import json
import sqlite3
from pathlib import Path

import grpc
import pytest
from grpc_status import rpc_status

from apdu.errors import CardRemovedError
from apdu.transport.inprocess import InProcessReaders
from cardlib.errors import LostChipError, TransportKeyError
from services.config import ConfigError
from services.issuance.journal import State
from services.statuses import told
from services.store.store import open_store
from sscard.v1 import issuance_pb2
from tests.services.issuance.desk import NAME, NUMBER, PERSON, PIN, TEMPLATE, WRITES, Chip, until

Stage = issuance_pb2.IssuanceStage


def rows(desk, request_id: str = "one"):
    """The issuance as another process sees it in the database."""
    store = open_store(str(desk.state / "sscard.db"), desk.state / "sscard.digest-key")
    try:
        return store.journal.find(request_id)
    finally:
        store.close()


async def test_progress_comes_first_and_then_the_certificate(desk, chip) -> None:
    issued = await desk.issue()
    assert [step.stage for step in desk.steps] == [
        Stage.ISSUANCE_STAGE_EXAMINED,
        Stage.ISSUANCE_STAGE_OPENED,
        *[Stage.ISSUANCE_STAGE_BUILDING] * WRITES,
        Stage.ISSUANCE_STAGE_PROVING,
    ]
    assert [(step.detail, step.done, step.total) for step in desk.steps[2:4]] == [("DF00", 0, 5), ("DF01", 1, 5)]
    assert (issued.request_id, issued.already_issued) == ("one", False)
    told = json.loads(issued.certificate.document)
    assert told["request_id"] == "one"
    assert (told["operator"], told["station"]) == ("Li", "desk 1")
    assert told["template"]["name"] == "plain"
    assert len(told["template"]["version"]) == 16
    assert told["card"]["historical_bytes"] == chip.historical.hex()
    assert chip.written == [0, 1, 2, 3, 4]
    assert chip.resets >= 2, "the flow's reset reached the chip"


async def test_a_request_that_is_done_gives_its_result_again_and_touches_no_card(desk, chip) -> None:
    first = await desk.issue()
    powered = chip.resets
    again = await desk.issue()
    assert again.already_issued
    assert again.certificate == first.certificate
    assert (desk.steps, chip.resets, len(chip.written)) == ([], powered, WRITES)
    desk.readers.remove("left")
    assert (await desk.issue()).already_issued, "not even a card is needed"


async def test_the_same_request_goes_on_after_the_card_was_pulled_out(desk, chip, refusal) -> None:
    def pull(step: int) -> None:
        if step == 2:
            desk.readers.remove("left")

    chip.at = pull
    _, info = await refusal(desk.issue())
    assert info.reason == "CARD_REMOVED"
    known = rows(desk)
    assert (known.state, known.written, known.detail, known.error) == (State.OPEN, True, "DF02", "CARD_REMOVED")
    chip.at = lambda _: None
    desk.readers.insert("left", chip, t0=True)
    issued = await desk.issue()
    assert desk.flows.begun == [False, True]
    assert chip.written == [0, 1, 2, 3, 4], "nothing is written twice"
    assert not issued.already_issued
    assert rows(desk).attempt == 2


async def test_the_same_request_goes_on_in_another_reader_and_after_a_restart(desk, desk_over, chip, refusal) -> None:
    desk.flows.fails = raising_at(3, CardRemovedError("gone"))
    await refusal(desk.issue())
    await desk.server.stop()
    readers = type(desk.readers)(["elsewhere"])
    readers.insert("elsewhere", chip, t0=True)
    second = await desk_over(readers)
    await second.issue(reader="elsewhere")
    assert second.flows.begun == [True]
    assert chip.written == [0, 1, 2, 3, 4]


def raising_at(step: int, error: Exception):
    def fails(now: int) -> None:
        if now == step:
            raise error

    return fails


async def test_a_used_chip_is_refused_and_stays_free(desk, chip, refusal) -> None:
    chip.written = [0]
    _, info = await refusal(desk.issue())
    assert info.reason == "CHIP_USED"
    assert rows(desk).state is State.REFUSED
    chip.written = []
    await desk.issue("two")


async def test_another_request_for_a_chip_that_is_being_made_hears_of_the_open_one(desk, refusal) -> None:
    desk.flows.fails = raising_at(2, CardRemovedError("gone"))
    await refusal(desk.issue())
    other = issuance_pb2.CardOrder(template="plain", person=PERSON | {"name": "别人"})
    code, info = await refusal(desk.issue("two", order=other))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ISSUANCE_OPEN")
    assert info.metadata["request_id"] == "one"


async def test_a_request_id_of_another_order_or_chip_is_refused(desk, refusal) -> None:
    desk.flows.fails = raising_at(2, CardRemovedError("gone"))
    await refusal(desk.issue())
    other = issuance_pb2.CardOrder(template="plain", person=PERSON | {"pin": "111222"})
    _, info = await refusal(desk.issue(order=other))
    assert info.reason == "REQUEST_REUSED"
    _, info = await refusal(desk.issue(reader="right"))
    assert info.reason == "REQUEST_REUSED"
    desk.flows.fails = lambda _: None
    await desk.issue()
    _, info = await refusal(desk.issue(order=other))
    assert info.reason == "REQUEST_REUSED", "also once it is done"


@pytest.mark.parametrize(
    ("error", "step", "ended"),
    [
        (TransportKeyError(2), 0, (State.REFUSED, "TRANSPORT_KEY_WRONG")),
        (LostChipError("it is"), 3, (State.LOST, "CHIP_LOST")),
        (RuntimeError("a defect that names 测试"), 3, (State.OPEN, "INTERNAL")),
    ],
    ids=["before it is written to", "lost", "a defect"],
)
async def test_how_it_ended_is_in_the_journal(desk, error, step, ended) -> None:
    desk.flows.fails = raising_at(step, error)
    with pytest.raises(grpc.aio.AioRpcError):
        await desk.issue()
    assert (rows(desk).state, rows(desk).error) == ended


async def test_a_call_that_is_cancelled_stops_between_two_commands_and_lets_the_card_go(
    desk, chip, stall, log: io.StringIO
) -> None:
    reached, freed = stall(chip, 2)
    call = asyncio.ensure_future(desk.issue())
    await until(reached.is_set)
    call.cancel()
    await asyncio.wait([call])
    await until(lambda: '"code": "CANCELLED"' in log.getvalue())
    await asyncio.sleep(0.2)
    freed.set()
    await until(lambda: rows(desk).error == "INTERRUPTED")
    assert chip.written == [0, 1, 2], "the command on its way ended, and no other was sent"
    assert rows(desk).state is State.OPEN
    await desk.issue()
    assert chip.written == [0, 1, 2, 3, 4]


async def test_two_callers_at_once_with_one_request_make_one_card(desk, chip, stall) -> None:
    reached, freed = stall(chip, 2)
    first = asyncio.ensure_future(desk.issue())
    await until(reached.is_set)
    second = asyncio.ensure_future(desk.issue())
    await asyncio.sleep(0.1)
    freed.set()
    results = await asyncio.gather(first, second)
    assert [result.already_issued for result in results] == [False, True]
    assert results[0].certificate == results[1].certificate
    assert chip.written == [0, 1, 2, 3, 4]


async def test_making_a_card_has_a_deadline_of_its_own(desk_over, chip, stall, refusal) -> None:
    readers = InProcessReaders(["left"])
    readers.insert("left", chip, t0=True)
    desk = await desk_over(readers, issue_deadline=0.5, call_deadline=30)
    _, freed = stall(chip, 1)
    code, info = await refusal(desk.issue())
    freed.set()
    assert (code, info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE")
    await until(lambda: rows(desk).error == "INTERRUPTED")


async def test_without_its_journal_nothing_is_done(desk, chip, refusal) -> None:
    """The disk is full, say: the step that cannot be noted is not done."""
    await desk.issue()
    with sqlite3.connect(desk.state / "sscard.db") as database:
        database.execute("DROP TABLE issuance_step")
    database.close()
    other = Chip(3)
    desk.readers.remove("left")
    desk.readers.insert("left", other, t0=True)
    code, info = await refusal(desk.issue("two", again_reason="a second one"))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "JOURNAL")
    assert other.written == []


WRONG = {
    "no reader": ({"reader": ""}, "INVALID_REQUEST"),
    "no request id": ({"request_id": ""}, "INVALID_REQUEST"),
    "a long operator": ({"operator": "x" * 65}, "INVALID_REQUEST"),
    "a reader that is not there": ({"reader": "nonesuch"}, "NO_READER"),
    "no card": ({"reader": "none"}, "NO_CARD"),
    "an unknown template": ({"order": issuance_pb2.CardOrder(template="x", person=PERSON)}, "INVALID_REQUEST"),
    "two persons": (
        {"order": issuance_pb2.CardOrder(template="plain", person=PERSON, person_json=b"{}")},
        "INVALID_REQUEST",
    ),
    "a large photo": ({"order": issuance_pb2.CardOrder(template="plain", photo=bytes(1 << 21))}, "INVALID_REQUEST"),
}


@pytest.mark.parametrize(("changed", "reason"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_with_a_request_is_told_before_a_card_is_touched(
    desk, chip, refusal, changed, reason
) -> None:
    request = {"request_id": "one"} | changed
    powered = chip.resets
    _, info = await refusal(desk.issue(**request))
    assert info.reason == reason
    assert chip.resets == powered


async def test_everything_that_is_wrong_with_a_person_is_told_at_once(desk, chip) -> None:
    order = issuance_pb2.CardOrder(template="plain", person={"name": "", "number": "99000019850312002X", "pin": "12"})
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.issue(order=order)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    mistakes = told(rpc_status.from_call(raised.value)).mistakes
    assert all(
        any(mistake.startswith(name) for mistake in mistakes) for name in ("record.name", "record.number", "record.pin")
    )
    assert "record." not in raised.value.details(), "the list is told once"
    assert chip.written == []


async def test_a_person_may_be_json_and_a_template_come_with_the_call(desk) -> None:
    as_json = json.dumps(PERSON, ensure_ascii=False).encode()
    issued = await desk.issue(order=issuance_pb2.CardOrder(template_text=TEMPLATE, person_json=as_json))
    again = await desk.issue()
    assert again.already_issued, "it is the same order"
    assert json.loads(issued.certificate.document)["template"]["name"] == "sent"


async def test_the_same_card_is_made_again_for_a_reason_alone(desk, refusal) -> None:
    await desk.issue()
    code, info = await refusal(desk.issue("two", reader="right"))
    assert (code, info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ORDER_REPEATED")
    assert (info.metadata["request_id"], info.metadata["written"]) == ("one", "false")
    _, info = await refusal(desk.issue("two", reader="right", again_reason="x" * 256))
    assert info.reason == "INVALID_REQUEST"
    issued = await desk.issue("two", reader="right", again_reason="lost in the post")
    assert not issued.already_issued
    assert rows(desk, "two").again_reason == "lost in the post"


async def test_a_card_number_is_not_issued_on_two_chips(desk, refusal) -> None:
    numbered = TEMPLATE.replace("[person]", '[issuer]\ncard_number = "T00000001"\n[person]')
    await desk.issue(order=issuance_pb2.CardOrder(template_text=numbered, person=PERSON))
    other = issuance_pb2.CardOrder(template_text=numbered, person=PERSON | {"name": "别人"})
    _, info = await refusal(desk.issue("two", reader="right", order=other))
    assert (info.reason, info.metadata["request_id"]) == ("ORDER_REPEATED", "one")


async def test_what_was_done_before_says_on_which_chip_and_whether_it_is_here(desk, chip) -> None:
    first = await desk.issue()
    assert (first.chip, first.in_reader) == (chip.historical, True)
    again = await desk.issue()
    assert (again.already_issued, again.chip, again.in_reader) == (True, chip.historical, True)
    elsewhere = await desk.issue(reader="right")
    assert (elsewhere.already_issued, elsewhere.chip, elsewhere.in_reader) == (True, chip.historical, False)
    assert not (await desk.issue(reader="none")).in_reader


@pytest.mark.parametrize(("step", "written"), [(-1, "false"), (2, "true")])
@pytest.mark.parametrize("error", [CardRemovedError("gone"), RuntimeError("a defect")], ids=["a card", "a defect"])
async def test_an_error_says_whether_the_chip_is_half_built(desk, refusal, error, step, written) -> None:
    desk.flows.fails = raising_at(step, error)
    _, info = await refusal(desk.issue())
    assert info.metadata["written"] == written
    desk.readers.remove("left")
    _, info = await refusal(desk.issue())
    assert (info.reason, info.metadata["written"]) == ("NO_CARD", written), "as the earlier attempt has left it"


async def test_a_chip_that_is_lost_is_not_half_built(desk, refusal) -> None:
    desk.flows.fails = raising_at(3, LostChipError("it is"))
    _, info = await refusal(desk.issue())
    assert (info.reason, info.metadata["written"]) == ("CHIP_LOST", "false")


async def test_a_certificate_is_found_by_its_number_and_by_its_request(desk, refusal) -> None:
    issued = await desk.issue()
    for key in ({"number": issued.certificate.number}, {"request_id": "one"}):
        found = await desk.stub.GetCertificate(issuance_pb2.GetCertificateRequest(**key))
        assert found.certificate == issued.certificate
    _, info = await refusal(desk.stub.GetCertificate(issuance_pb2.GetCertificateRequest(number="0" * 16)))
    assert info.reason == "CERTIFICATE_UNKNOWN"
    _, info = await refusal(desk.stub.GetCertificate(issuance_pb2.GetCertificateRequest()))
    assert info.reason == "INVALID_REQUEST"


async def test_a_card_is_verified_against_its_newest_certificate(desk) -> None:
    request = issuance_pb2.VerifyCardRequest(reader="left", order=desk.order)
    assert (await desk.stub.VerifyCard(request)).certificate_number == ""
    issued = await desk.issue()
    found = await desk.stub.VerifyCard(request)
    assert (found.card_version, found.certificate_number) == ("2.0", issued.certificate.number)
    assert (found.keys, found.pin_set, found.pin_tries, found.differences) == (1, True, 6, [])
    assert found.files > 5


async def test_what_is_not_as_the_certificate_says_is_told(desk) -> None:
    issued = await desk.issue()
    other = issuance_pb2.CardOrder(template="plain", person=PERSON | {"name": "别人"})
    for way in (
        {"certificate_number": issued.certificate.number},
        {"certificate_document": issued.certificate.document},
    ):
        found = await desk.stub.VerifyCard(issuance_pb2.VerifyCardRequest(reader="left", order=other, **way))
        assert found.differences == ["the file holder was changed"]
    right = await desk.stub.VerifyCard(
        issuance_pb2.VerifyCardRequest(reader="right", order=other, certificate_number=issued.certificate.number)
    )
    assert "the chip is another one" in right.differences


async def test_a_document_that_was_changed_is_no_certificate(desk, refusal) -> None:
    issued = await desk.issue()
    changed = issued.certificate.document.replace(b'"pin_tries":6', b'"pin_tries": 6')
    request = issuance_pb2.VerifyCardRequest(reader="left", order=desk.order, certificate_document=changed)
    _, info = await refusal(desk.stub.VerifyCard(request))
    assert info.reason == "CERTIFICATE_DAMAGED"


async def test_names_numbers_and_pins_are_nowhere(desk, log: io.StringIO) -> None:
    """Neither in the database and its journal files, nor in logs at the most talkative level, errors, certificate."""
    desk.flows.fails = raising_at(3, CardRemovedError("gone"))
    errors = []
    for order in (desk.order, issuance_pb2.CardOrder(template="plain", person=PERSON | {"unknown": NAME})):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await desk.issue(order=order)
        errors.append(repr(raised.value) + str(raised.value.trailing_metadata()))
    desk.flows.fails = lambda _: None
    issued = await desk.issue()
    places = {
        **{path.name: path.read_bytes() for path in desk.state.iterdir() if path.name.startswith("sscard.db")},
        "log": log.getvalue().encode(),
        "errors": "".join(errors).encode(),
        "certificate": issued.certificate.SerializeToString(),
    }
    assert {"sscard.db", "sscard.db-wal", "log"} <= places.keys()
    assert len(log.getvalue()) > 1000
    for value in (NAME, NUMBER, PIN):
        stored = value.encode("gb18030")
        for form in (value.encode(), stored, stored.hex().encode(), ascii(value)[1:-1].encode()):
            found = [place for place, held in places.items() if form in held or form in held.lower()]
            assert not found, f"{value!r} stands in {found}"
    packed = bytes.fromhex(PIN)
    assert not any(packed in held for held in places.values())


async def test_a_service_that_makes_no_card_leaves_no_database_behind(desk_over, tmp_path: Path) -> None:
    place = tmp_path / "unused" / "sscard.db"
    await desk_over(InProcessReaders(["left"]), database="", templates=(), digest_key=place.with_suffix(".key"))
    assert not place.parent.exists()


async def test_a_database_that_cannot_be_used_is_told_at_the_start(desk_over, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="see `database`"):
        await desk_over(InProcessReaders(["left"]), database="nonesuch://x")
