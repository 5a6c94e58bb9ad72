"""PinService: what callers are told, and what reaches the card."""

import asyncio
import dataclasses
import time

import pytest

from cardlib.errors import (
    InitialPinChosenError,
    LastPinTryError,
    NotAuthenticError,
    PinNotSetError,
    PinRepeatedError,
    PinStatusUnknownError,
)
from services.callers.caller import Caller, Role, set_caller
from services.errors import InvalidRequestError, JournalError, RequestReusedError, ServiceError
from services.operations.journal import OperationState
from services.registry.lifecycle import CardState
from services.store.engine import open_engine
from services.store.operations import SqlOperations
from simulator.people import READY
from sscard.v1 import lease_pb2, pin_pb2
from tests.services.pin_desk import INITIAL, NEW, OWN, WRONG, PinDesk, RecordingCard

OK, REJECTED, NOW_BLOCKED = pin_pb2.PIN_RESULT_OK, pin_pb2.PIN_RESULT_REJECTED, pin_pb2.PIN_RESULT_NOW_BLOCKED
WAS_BLOCKED, INITIAL_PIN = pin_pb2.PIN_RESULT_WAS_BLOCKED, pin_pb2.PIN_RESULT_INITIAL_PIN
TELLER = Caller("teller-7", "bank-1", Role.TELLER, "window-3")
IDENTIFIER = READY["2.0"].contents(1)["issuer"]["card_identifier"].digits


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = open_engine(str(tmp_path_factory.mktemp("pins") / "s.db"))
    yield found
    found.dispose()


@pytest.fixture
async def desk_with(engine):
    """Makes a desk; positional arguments are for its one card, keyword arguments for the desk."""
    made = []
    set_caller(TELLER)

    async def make(card: RecordingCard, **options) -> PinDesk:
        desk = PinDesk({"desk": card}, journal=lambda: SqlOperations(engine), **options)
        made.append(await desk.start())
        return desk

    yield make
    for desk in made:
        await desk.close()


@pytest.fixture
def request_id(request):
    return "r-" + str(abs(hash(request.node.name)))


def verify(pin, **options):
    return pin_pb2.VerifyPinRequest(reader="desk", pin=pin, **options)


def change(request_id, old, new, **options):
    return pin_pb2.ChangePinRequest(reader="desk", request_id=request_id, old_pin=old, new_pin=new, **options)


async def test_status(desk_with):
    card = RecordingCard()
    desk = await desk_with(card)
    status = await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk"))
    assert (status.state, status.tries_left, status.verified) == (pin_pb2.PIN_STATE_SET, 3, False)
    for pin in (WRONG, "1111", "2222"):
        await desk.call("VerifyPin", verify(pin, allow_last_try=True))
    status = await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk"))
    assert (status.state, status.tries_left) == (pin_pb2.PIN_STATE_BLOCKED, 0)
    assert len(card.sent) == 3


async def test_status_of_a_card_without_a_pin(desk_with):
    card = RecordingCard(pin="")
    desk = await desk_with(card)
    status = await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk"))
    assert (status.state, status.tries_left) == (pin_pb2.PIN_STATE_NOT_SET, 0)
    with pytest.raises(PinNotSetError):
        await desk.call("VerifyPin", verify(OWN))
    assert not card.sent


async def test_verifying_to_the_last_try(desk_with):
    card = RecordingCard()
    desk = await desk_with(card)
    told = [await desk.call("VerifyPin", verify(pin)) for pin in (WRONG, "1111")]
    assert [(one.result, one.tries_left, one.verified) for one in told] == [(REJECTED, 2, False), (REJECTED, 1, False)]
    with pytest.raises(LastPinTryError):
        await desk.call("VerifyPin", verify("2222"))
    assert len(card.sent) == 2
    last = await desk.call("VerifyPin", verify("2222", allow_last_try=True))
    assert (last.result, last.tries_left) == (NOW_BLOCKED, 0)
    after = await desk.call("VerifyPin", verify(OWN, allow_last_try=True))
    assert (after.result, after.tries_left) == (WAS_BLOCKED, 0)
    assert len(card.sent) == 3


async def test_the_right_pin(desk_with):
    desk = await desk_with(RecordingCard())
    await desk.call("VerifyPin", verify(WRONG))
    right = await desk.call("VerifyPin", verify(OWN))
    assert (right.result, right.verified, right.tries_left) == (OK, True, 3)
    status = await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk"))
    assert not status.verified  # the card was let go in between


async def test_a_refused_pin_is_told_from_one_that_was_not_sent(desk_with):
    card = RecordingCard()
    desk = await desk_with(card)
    await desk.call("VerifyPin", verify(WRONG))
    with pytest.raises(PinRepeatedError) as repeated:
        await desk.call("VerifyPin", verify(WRONG))
    assert repeated.value.tries_left == 2
    assert len(card.sent) == 1


@pytest.mark.parametrize(
    ("state", "card_is_new", "sent"),
    [
        (None, False, False),
        (None, True, True),
        (CardState.DELIVERED, False, True),
        (CardState.ACTIVATED, True, False),
    ],
)
async def test_the_initial_pin(desk_with, state, card_is_new, sent):
    card = RecordingCard(pin=INITIAL)
    desk = await desk_with(card, states={} if state is None else {IDENTIFIER: state})
    told = await desk.call("VerifyPin", verify(INITIAL, card_is_new=card_is_new))
    assert (told.result, told.verified, told.tries_left) == (INITIAL_PIN, sent, 3)
    assert len(card.sent) == sent


async def test_a_card_that_does_not_say_how_its_pin_stands(desk_with, request_id):
    card = RecordingCard()
    card.say(bytes.fromhex("6985"))
    desk = await desk_with(card)
    for method, request in (
        ("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk")),
        ("VerifyPin", verify(OWN)),
        ("ChangePin", change(request_id, OWN, NEW)),
    ):
        with pytest.raises(PinStatusUnknownError):
            await desk.call(method, request)
    assert not card.sent


# --- under a lease ---


async def test_under_a_lease_a_verified_pin_stays_so_until_it_ends_or_one_is_refused(desk_with, request_id):
    card = RecordingCard()
    desk = await desk_with(card)

    async def kept():
        view = await desk.hub.leases.acquire("desk", deadline=time.monotonic() + 5)
        return lease_pb2.CardLease(id=view.lease_id, epoch=view.epoch)

    async def verified(lease):
        return (await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(lease=lease))).verified

    lease = await kept()
    assert not await verified(lease)
    for pin, taken in ((OWN, True), (WRONG, False), (OWN, True)):
        told = await desk.call("VerifyPin", pin_pb2.VerifyPinRequest(lease=lease, pin=pin))
        assert told.verified == await verified(lease) == taken
    change_it = pin_pb2.ChangePinRequest(lease=lease, request_id=request_id, old_pin=OWN, new_pin=NEW)
    assert (await desk.call("ChangePin", change_it)).result == OK
    assert await verified(lease)
    await desk.hub.leases.release(lease.id, deadline=time.monotonic() + 5)
    again = await kept()
    assert not await verified(again)
    reset = pin_pb2.ResetPinRequest(lease=again, request_id=request_id + "b", new_pin=OWN)
    await desk.call("ResetPin", reset)
    assert not await verified(again)  # nobody has verified it
    with pytest.raises(ServiceError):
        await desk.call("VerifyPin", pin_pb2.VerifyPinRequest(lease=lease, pin=OWN))


# --- changing ---


async def test_a_change_is_done_once(desk_with, engine, request_id):
    card = RecordingCard()
    desk = await desk_with(card)
    done = await desk.call("ChangePin", change(request_id, OWN, NEW))
    assert (done.result, done.already_done, done.longer_than_pads) == (OK, False, False)
    sent = len(card.sent)
    desk.readers.remove("desk")
    again = await desk.call("ChangePin", change(request_id, "0000", "1111"))
    assert (again.result, again.already_done) == (OK, True)
    assert len(card.sent) == sent == 3
    operation = SqlOperations(engine).find("bank-1", request_id)
    assert (operation.kind, operation.state) == ("PinService.ChangePin", OperationState.DONE)


async def test_a_refused_change_begins_again(desk_with, engine, request_id):
    card = RecordingCard()
    desk = await desk_with(card)
    told = await desk.call("ChangePin", change(request_id, WRONG, NEW))
    assert (told.result, told.tries_left) == (REJECTED, 2)
    assert SqlOperations(engine).find("bank-1", request_id).state is OperationState.REFUSED
    with pytest.raises(PinRepeatedError):
        await desk.call("ChangePin", change(request_id, WRONG, NEW))
    assert (await desk.call("ChangePin", change(request_id, OWN, NEW))).result == OK
    assert [one.pin for one in card.sent] == [WRONG, OWN, OWN, NEW]


async def test_a_first_pin_is_set(desk_with, request_id):
    desk = await desk_with(RecordingCard(pin=""))
    done = await desk.call("ChangePin", change(request_id, "", "8642097531975"))
    assert (done.result, done.longer_than_pads) == (OK, True)
    told = await desk.call("ChangePin", change(request_id + "b", "", NEW))
    assert (told.result, told.tries_left) == (REJECTED, 3)


async def test_the_initial_pin_is_left_behind_and_not_chosen(desk_with, request_id):
    card = RecordingCard(pin=INITIAL)
    desk = await desk_with(card)
    told = await desk.call("ChangePin", change(request_id, INITIAL, NEW))
    assert told.result == INITIAL_PIN
    assert not card.sent
    assert (await desk.call("ChangePin", change(request_id, INITIAL, NEW, card_is_new=True))).result == OK
    for method, request in (
        ("ChangePin", change(request_id + "b", NEW, INITIAL)),
        ("ResetPin", pin_pb2.ResetPinRequest(reader="desk", request_id=request_id + "c", new_pin=INITIAL)),
    ):
        with pytest.raises(InitialPinChosenError):
            await desk.call(method, request)


@pytest.mark.parametrize(
    ("method", "message", "field"),
    [
        ("VerifyPin", pin_pb2.VerifyPinRequest(reader="desk"), "pin"),
        ("VerifyPin", pin_pb2.VerifyPinRequest(reader="desk", pin="123"), "pin"),
        ("VerifyPin", pin_pb2.VerifyPinRequest(reader="desk", pin="12345678901234567"), "pin"),
        ("VerifyPin", pin_pb2.VerifyPinRequest(reader="desk", pin="１２３４"), "pin"),
        ("VerifyPin", pin_pb2.VerifyPinRequest(pin=OWN), "reader"),
        ("GetPinStatus", pin_pb2.GetPinStatusRequest(), "reader"),
        ("ChangePin", change("", OWN, NEW), "request_id"),
        ("ChangePin", change("r", "12", NEW), "old_pin"),
        ("ChangePin", change("r", OWN, ""), "new_pin"),
        ("ChangePin", change("r", OWN, OWN), "new_pin"),
        ("ResetPin", pin_pb2.ResetPinRequest(reader="desk", request_id="r"), "new_pin"),
        ("ResetPin", pin_pb2.ResetPinRequest(reader="desk", request_id="r_", new_pin=NEW), "request_id"),
        ("UnblockPin", pin_pb2.UnblockPinRequest(reader="desk"), "request_id"),
    ],
)
async def test_requests_that_break_a_rule(desk_with, method, message, field):
    card = RecordingCard()
    desk = await desk_with(card)
    with pytest.raises(InvalidRequestError) as refusal:
        await desk.call(method, message)
    assert refusal.value.field == field
    assert card.commands == 0


# --- resetting and unblocking ---


async def test_a_blocked_pin_is_reset(desk_with, request_id):
    card = RecordingCard(tries=1)
    desk = await desk_with(card)
    await desk.call("VerifyPin", verify(WRONG, allow_last_try=True))
    request = pin_pb2.ResetPinRequest(reader="desk", request_id=request_id, new_pin=NEW)
    done = await desk.call("ResetPin", request)
    assert (done.tries_left, done.already_done) == (1, False)
    assert (await desk.call("ResetPin", request)).already_done
    assert (await desk.call("VerifyPin", verify(NEW, allow_last_try=True))).result == OK


async def test_a_reset_card_may_be_sent_what_it_refused(desk_with, request_id):
    desk = await desk_with(RecordingCard())
    await desk.call("VerifyPin", verify(WRONG))
    await desk.call("ResetPin", pin_pb2.ResetPinRequest(reader="desk", request_id=request_id, new_pin=WRONG))
    assert (await desk.call("VerifyPin", verify(WRONG))).result == OK


async def test_an_unblocked_pin_stays_what_it_was_and_so_does_what_was_refused(desk_with, request_id):
    desk = await desk_with(RecordingCard(tries=2))
    await desk.call("VerifyPin", verify(WRONG))
    request = pin_pb2.UnblockPinRequest(reader="desk", request_id=request_id)
    done = await desk.call("UnblockPin", request)
    assert (done.tries_left, done.already_done) == (2, False)
    assert (await desk.call("UnblockPin", request)).already_done
    with pytest.raises(PinRepeatedError):
        await desk.call("VerifyPin", verify(WRONG))
    assert (await desk.call("VerifyPin", verify(OWN))).result == OK


async def test_puk_is_not_shown_to_a_card_that_is_not_genuine(desk_with, engine, request_id):
    class Foreign:
        """Answers for keys that are not this card's."""

        def __init__(self, custodian):
            self.custodian = custodian

        def answer(self, question):
            wrong = dataclasses.replace(question.card, region="110100")
            return self.custodian.answer(dataclasses.replace(question, card=wrong))

    desk = await desk_with(RecordingCard())
    desk.service._custodian = Foreign(desk.custodian)
    with pytest.raises(NotAuthenticError):
        await desk.call("UnblockPin", pin_pb2.UnblockPinRequest(reader="desk", request_id=request_id))
    assert SqlOperations(engine).find("bank-1", request_id).state is OperationState.REFUSED


# --- requests and their names ---


async def test_a_request_id_belongs_to_one_method_card_and_institution(desk_with, request_id):
    desk = await desk_with(RecordingCard())
    await desk.call("ChangePin", change(request_id, OWN, NEW))
    with pytest.raises(RequestReusedError):
        await desk.call("UnblockPin", pin_pb2.UnblockPinRequest(reader="desk", request_id=request_id))
    # Open on one card: not another one's.
    with pytest.raises(LastPinTryError):
        await (await desk_with(RecordingCard(tries=1))).call("ChangePin", change(request_id + "b", OWN, NEW))
    other = await desk_with(RecordingCard(serial=2))
    with pytest.raises(RequestReusedError):
        await other.call("ChangePin", change(request_id + "b", OWN, NEW))
    set_caller(Caller("teller-1", "bank-2", Role.TELLER))
    assert (await other.call("ChangePin", change(request_id, OWN, NEW))).already_done is False


async def test_one_request_twice_at_once_is_done_once(desk_with, request_id):
    card = RecordingCard()
    desk = await desk_with(card)
    both = await asyncio.gather(*(desk.call("ChangePin", change(request_id, OWN, NEW)) for _ in range(2)))
    assert sorted(one.already_done for one in both) == [False, True]
    assert [one.pin for one in card.sent] == [OWN, OWN, NEW]


async def test_without_a_journal_nothing_is_changed(desk_with, request_id):
    class Broken:
        def find(self, *_):
            return None

        def begin(self, _):
            raise JournalError("the disk is full")

    card = RecordingCard()
    desk = await desk_with(card)
    desk.service._operations = Broken
    with pytest.raises(JournalError):
        await desk.call("ChangePin", change(request_id, OWN, NEW))
    assert not card.sent


async def test_canaries(desk_with, engine, log, request_id, caplog):
    desk = await desk_with(RecordingCard())
    said = [await desk.call("VerifyPin", verify(WRONG))]
    for old in (WRONG, OWN):
        try:
            said.append(await desk.call("ChangePin", change(request_id, old, NEW)))
        except PinRepeatedError as error:
            said.append(repr(error))
    reset = pin_pb2.ResetPinRequest(reader="desk", request_id=request_id + "b", new_pin="80808080")
    said.append(await desk.call("ResetPin", reset))
    with engine.connect() as connection:
        rows = [
            str(row)
            for table in ("operation", "operation_step")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]
    assert len(rows) > 4
    text = "".join(map(str, said)) + "".join(rows) + log.getvalue() + caplog.text
    for canary in (WRONG, OWN, NEW, "80808080", IDENTIFIER):
        assert canary not in text
        assert repr(bytes.fromhex(canary))[2:-1] not in text
