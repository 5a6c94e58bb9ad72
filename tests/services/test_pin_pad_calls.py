"""VerifyPinAtPad and ChangePinAtPad: what callers hear, and what reaches the card."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apdu.errors import (
    CardError,
    CardRemovedError,
    NoPinPadError,
    PadUnsuitableError,
    PinEntryCancelledError,
    PinEntryLengthError,
    PinEntryMismatchError,
    PinEntryTimeoutError,
)
from cardlib.errors import LastPinTryError, PinNotSetError, PinStatusUnknownError
from services.callers.caller import set_caller
from services.catalogue import failure_of
from services.errors import InvalidRequestError
from services.operations.journal import OperationState
from services.pin_entry import MARGIN, PROMPTS, PadDigits
from simulator.pinpad import ENTER, ScriptedHolder
from sscard.v1 import pin_pb2, pin_pb2_grpc
from tests.services.pad_desk import (
    SIX,
    TELLER,
    Context,
    Desk,
    Hurried,
    desk_with,
    direct,
    engine,
    quick,
    request_id,
    typing,
)
from tests.services.pin_desk import NEW, OWN, WRONG, RecordingCard

OK, REJECTED, NOW_BLOCKED = pin_pb2.PIN_RESULT_OK, pin_pb2.PIN_RESULT_REJECTED, pin_pb2.PIN_RESULT_NOW_BLOCKED
WAS_BLOCKED = pin_pb2.PIN_RESULT_WAS_BLOCKED
Event = pin_pb2.PinEntryEvent
CHANGED = (OWN + ENTER, NEW + ENTER, NEW + ENTER)

__all__ = ["desk_with", "engine", "quick", "request_id"]


def _kinds(messages: list[Any]) -> list[str]:
    return [
        Event.Kind.Name(message.entry.kind).removeprefix("KIND_") for message in messages if message.HasField("entry")
    ]


async def test_status_says_whether_there_is_a_pad(desk_with):
    assert await (await desk_with(RecordingCard(), typing())).has_pad() is True
    assert await (await desk_with(RecordingCard(), direct())).has_pad() is True
    assert await (await desk_with(RecordingCard(), None)).has_pad() is False


async def test_the_right_pin_is_told_key_by_key_and_verified(desk_with):
    card = RecordingCard()
    desk = await desk_with(card, typing("86<6" + OWN[2:] + ENTER))
    *events, result = await desk.verify()
    assert _kinds(events) == ["ENTER_PIN", "DIGIT", "DIGIT", "CLEARED", *["DIGIT"] * 5, "ENTERED"]
    assert [message.entry.digits for message in events] == [0, 1, 2, 1, 2, 3, 4, 5, 6, 0]
    assert (result.result.result, result.result.tries_left, result.result.verified) == (OK, 3, True)
    assert [sent.pin for sent in card.sent] == [OWN]


async def test_a_display_beside_the_pad_gets_prompts_in_both_languages(desk_with):
    desk = await desk_with(RecordingCard(), typing(*CHANGED))
    first, digit, *_ = await desk.verify()
    assert first.entry.prompt == "请在密码键盘上输入密码 Enter the PIN at the PIN pad"
    assert digit.entry.prompt == ""
    assert len(set(PROMPTS.values())) == len(PROMPTS) == 5


@pytest.mark.parametrize("pad", [typing, direct], ids=["stepwise", "direct"])
@pytest.mark.parametrize("digits", [SIX, PadDigits()], ids=["six", "any"])
async def test_a_wrong_pin_costs_one_try_and_is_not_tried_again(desk_with, pad, digits):
    card = RecordingCard()
    desk = await desk_with(card, pad(WRONG + ENTER, OWN + ENTER), pad_digits=digits)
    result = (await desk.verify())[-1].result
    assert (result.result, result.tries_left, result.verified) == (REJECTED, 2, False)
    assert [sent.pin for sent in card.sent] == [WRONG]
    assert (await desk.verify())[-1].result.result == OK


async def test_a_pad_that_tells_no_keys_has_a_prompt_and_an_end(desk_with):
    desk = await desk_with(RecordingCard(), direct(OWN + ENTER))
    assert _kinds(await desk.verify()) == ["ENTER_PIN", "ENTERED"]


async def test_the_last_try_is_not_spent_unasked(desk_with):
    card = RecordingCard(tries=1)
    desk = await desk_with(card, typing(WRONG + ENTER))
    with pytest.raises(LastPinTryError):
        await desk.verify()
    assert not card.sent
    *_, result = await desk.verify(allow_last_try=True)
    assert (result.result.result, result.result.tries_left) == (NOW_BLOCKED, 0)


async def test_nobody_types_for_a_card_that_is_blocked(desk_with):
    card = RecordingCard(tries=1)
    desk = await desk_with(card, typing(WRONG + ENTER, OWN + ENTER))
    await desk.verify(allow_last_try=True)
    messages = await desk.verify(allow_last_try=True)
    assert [message.result.result for message in messages] == [WAS_BLOCKED]
    assert len(card.sent) == 1


async def test_nobody_types_while_the_card_does_not_say_how_its_pin_stands(desk_with):
    card = RecordingCard()
    card.say(bytes.fromhex("6F00"))
    desk = await desk_with(card, typing(OWN + ENTER))
    with pytest.raises(PinStatusUnknownError):
        await desk.verify()
    assert not card.sent


async def test_nobody_types_for_a_card_without_a_pin(desk_with):
    card = RecordingCard()
    card.say(bytes.fromhex("9000"))
    desk = await desk_with(card, typing(OWN + ENTER))
    with pytest.raises(PinNotSetError):
        await desk.verify()
    assert not card.sent


@pytest.mark.parametrize("method", ["verify", "change"])
async def test_a_reader_without_a_pad_says_so_before_anything_is_begun(desk_with, method, request_id):
    desk = await desk_with(RecordingCard(), None)
    with pytest.raises(NoPinPadError) as caught:
        await (desk.verify() if method == "verify" else desk.change(request_id))
    assert failure_of(caught.value).refusal.reason == "NO_PIN_PAD"
    assert desk.journal.find("bank-1", request_id) is None


@pytest.mark.parametrize(
    ("pad", "digits"),
    [
        pytest.param(typing(*CHANGED), PadDigits(), id="any-length"),
        pytest.param(typing(*CHANGED, modifies=False), SIX, id="verifies-only"),
        pytest.param(direct(*CHANGED, sizes=(8, 12)), SIX, id="other-lengths"),
    ],
)
async def test_a_pad_that_cannot_change_this_pin_says_so_before_anything_is_begun(desk_with, pad, digits, request_id):
    card = RecordingCard()
    desk = await desk_with(card, pad, pad_digits=digits)
    with pytest.raises(PadUnsuitableError):
        await desk.change(request_id)
    assert not card.sent
    assert desk.journal.find("bank-1", request_id) is None


@pytest.mark.parametrize("digits", [SIX, PadDigits()], ids=["six", "any"])
async def test_firmware_that_does_not_write_the_pin_is_found_out(desk_with, digits):
    """Without digits the card is only asked how its PIN stands; six bytes FF are refused, and cost a try."""
    card = RecordingCard()
    desk = await desk_with(card, direct(OWN + ENTER, inserts=False), pad_digits=digits)
    if digits is SIX:
        assert (await desk.verify())[-1].result.result == REJECTED
    else:
        with pytest.raises(PadUnsuitableError):
            await desk.verify()
        assert await desk.tries() == 3


@pytest.mark.parametrize(
    ("texts", "options", "error", "national"),
    [
        pytest.param((OWN[:3] + "X",), {}, PinEntryCancelledError, -31, id="cancelled"),
        pytest.param((OWN[:3],), {"now": Hurried()}, PinEntryTimeoutError, -32, id="timeout"),
        pytest.param((OWN[:3] + ENTER, NEW + ENTER, NEW + ENTER), {}, PinEntryLengthError, -33, id="length"),
        pytest.param((OWN + ENTER, NEW + ENTER, WRONG + ENTER), {}, PinEntryMismatchError, -34, id="mismatch"),
    ],
)
@pytest.mark.parametrize("stepwise", [True, False], ids=["stepwise", "direct"])
async def test_an_entry_that_fails_costs_nothing(  # noqa: PLR0917
    desk_with, texts, options, error, national, stepwise, request_id
):
    card = RecordingCard()
    pad = typing(*texts, stepwise=stepwise, sleep=lambda _: None, **options)
    desk = await desk_with(card, pad)
    with pytest.raises(error) as caught:
        await desk.change(request_id)
    assert failure_of(caught.value).refusal.national == national
    assert not card.sent
    assert await desk.tries() == 3


async def test_a_change_asks_for_three_pins_and_is_done_once(desk_with, request_id):
    card = RecordingCard()
    desk = await desk_with(card, typing(*CHANGED, NEW + ENTER))
    *events, result = await desk.change(request_id)
    prompts = [kind for kind in _kinds(events) if kind != "DIGIT"]
    assert prompts == ["ENTER_OLD_PIN", "ENTER_NEW_PIN", "CONFIRM_NEW_PIN", "ENTERED"]
    assert (result.result.result, result.result.already_done) == (OK, False)
    assert desk.journal.find("bank-1", request_id).state is OperationState.DONE
    (again,) = await desk.change(request_id)
    assert (again.result.result, again.result.already_done) == (OK, True)
    assert [(sent.command, sent.pin) for sent in card.sent] == [("CHANGE PIN", OWN)]
    assert (await desk.verify())[-1].result.result == OK


async def test_a_change_with_a_wrong_old_pin_changes_nothing(desk_with, request_id):
    card = RecordingCard()
    desk = await desk_with(card, direct(WRONG + ENTER, *CHANGED[1:], *CHANGED))
    assert (await desk.change(request_id))[-1].result.result == REJECTED
    assert desk.journal.find("bank-1", request_id).state is OperationState.REFUSED
    assert (await desk.change(request_id))[-1].result.result == OK


@pytest.mark.parametrize("carried_out", [False, True], ids=["lost", "carried-out"])
async def test_a_card_pulled_at_the_change_leaves_it_to_the_holder(desk_with, carried_out, request_id):
    card = RecordingCard()
    texts = (NEW + ENTER, WRONG + ENTER, WRONG + ENTER) if carried_out else CHANGED
    desk = await desk_with(card, typing(*CHANGED, *texts))
    card.cut, card.pins_only, card.carried_out = 0, True, carried_out
    with pytest.raises(CardRemovedError):
        await desk.change(request_id)
    assert desk.journal.find("bank-1", request_id).state is OperationState.OPEN
    assert (await desk.change(request_id))[-1].result.result == OK
    assert len(card.sent) == 1 + carried_out


@pytest.mark.parametrize("carried_out", [False, True], ids=["lost", "carried-out"])
async def test_a_card_pulled_at_any_command_gets_one_pin_at_most(desk_with, carried_out):
    points = 0
    while True:
        card = RecordingCard()
        desk = await desk_with(card, typing(OWN + ENTER))
        card.cut, card.carried_out = points, carried_out
        try:
            *_, result = await desk.verify()
        except CardRemovedError:
            assert len(card.sent) <= 1
            points += 1
            continue
        assert result.result.result == OK
        break
    assert points >= 5  # SELECT, EF05, the counter, and the PIN
    print(f"pulled at {points} commands")  # noqa: T201  the number is asked for


async def test_who_stops_listening_calls_the_entry_off(desk_with):
    card = RecordingCard()
    pad = typing(OWN[:2])
    desk = await desk_with(card, pad)
    call = desk.service.VerifyPinAtPad(pin_pb2.VerifyPinAtPadRequest(reader="pad"), Context())
    async with asyncio.timeout(20):
        async for message in call:
            if message.entry.digits == 2:
                break
        await call.aclose()
        # The next one has the card as soon as the pad has let go of it.
        assert await desk.has_pad()
    assert pad.aborted == 1
    assert not card.sent


async def test_a_caller_that_left_while_nobody_took_the_events_calls_the_entry_off(desk_with):
    card, context = RecordingCard(), Context()
    pad = typing(OWN[:2])
    desk = await desk_with(card, pad)
    call = desk.service.VerifyPinAtPad(pin_pb2.VerifyPinAtPadRequest(reader="pad"), context)
    async with asyncio.timeout(20):
        await anext(call)
        context.gone(None)
        while not pad.aborted:  # noqa: ASYNC110  what is waited for happens in a thread
            await asyncio.sleep(0.01)
        await call.aclose()
    assert not card.sent


async def test_the_end_of_the_call_calls_the_entry_off(desk_with):
    pad = typing(OWN[:2], now=lambda: 0.0)
    desk = await desk_with(RecordingCard(), pad, pad_deadline=MARGIN + 1.5)
    with pytest.raises(PinEntryTimeoutError):
        await desk.verify()
    assert pad.aborted == 1


async def test_a_request_id_is_looked_at_first(desk_with):
    desk = await desk_with(RecordingCard(), typing())
    with pytest.raises(InvalidRequestError, match="request_id"):
        await desk.change("no such id!")


HOLDERS = st.lists(
    st.tuples(st.sampled_from([OWN, WRONG, OWN[:3], OWN[:2] + "X", ""]), st.booleans(), st.booleans()), max_size=6
)


@given(calls=HOLDERS, tries=st.integers(1, 4), stepwise=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_no_try_is_spent_unasked_and_none_twice(engine, calls, tries, stepwise):
    """Each call: what the holder types, whether the last try is allowed, whether the card is pulled at the PIN."""

    async def story() -> None:
        set_caller(TELLER)
        card = RecordingCard(tries=tries)
        pad = typing(stepwise=stepwise, now=Hurried(), sleep=lambda _: None)
        desk = Desk(card, pad, engine)
        await desk.hub.start()
        for text, allowed, pulled in calls:
            pad.holder = ScriptedHolder(text if text.endswith("X") else text + ENTER * bool(text))
            known, left = len(card.sent), await desk.tries()
            card.cut, card.pins_only, card.carried_out = (0 if pulled else -1), True, True
            with suppress(CardError):
                await desk.verify(allow_last_try=allowed)
            card.cut = -1
            sent = card.sent[known:]
            assert len(sent) == (len(text) == 6 and (left > 1 or (left == 1 and allowed)))
            assert not sent or (sent[0].pin == text and (left > 1 or allowed))
            used = left - await desk.tries()
            assert used <= len(sent)
        await desk.hub.close()

    asyncio.run(story())


async def test_what_is_typed_is_in_no_event_log_or_error(desk_with, log, request_id):
    """Digits that stand nowhere else, in a PIN that is refused, a change that fails and one that is done."""
    canary, other = "739146", "739147"
    card = RecordingCard(pin=canary)
    desk = await desk_with(
        card,
        typing(other + ENTER, canary + ENTER, NEW + ENTER, other + ENTER, canary + ENTER, other + ENTER, other + ENTER),
    )
    told = str(await desk.verify())
    with pytest.raises(PinEntryMismatchError) as caught:
        await desk.change(request_id)
    told += f"{caught.value!r} {failure_of(caught.value).to_status()}"
    told += str(await desk.change(request_id)) + repr(desk.pad) + log.getvalue()
    assert [sent.pin for sent in card.sent] == [other, canary]
    assert "READ RECORD" in told or "B2" in told  # the log is one of commands
    for pin in (canary, other):
        assert pin not in told
        assert pin[:4] not in told


async def test_over_grpc_a_caller_that_goes_away_leaves_nothing_at_the_pad(desk_with):
    card = RecordingCard()
    pad = typing(OWN[:3])
    desk = await desk_with(card, pad)
    server = grpc.aio.server()
    pin_pb2_grpc.add_PinServiceServicer_to_server(desk.service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(20):
            call = pin_pb2_grpc.PinServiceStub(channel).VerifyPinAtPad(pin_pb2.VerifyPinAtPadRequest(reader="pad"))
            seen = [await call.read() for _ in range(4)]
            assert [message.entry.digits for message in seen] == [0, 1, 2, 3]
            call.cancel()
            while not pad.aborted:  # noqa: ASYNC110  what is waited for happens in a thread
                await asyncio.sleep(0.01)
    finally:
        await server.stop(0)
    assert not card.sent
