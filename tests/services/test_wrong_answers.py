"""Wrong answers of cards: how many are looked at, for how long, and what others hear of it."""

import asyncio
import json
import threading

import grpc
import pytest

from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, Tac, Verification
from cardlib.keys import KeyReference
from services.custody.centre import CentreCustodian
from services.custody.development import DevelopmentCustodian
from services.custody.errors import VerificationsBlockedError
from services.wrong_answers import LIMIT, PAUSE, WrongAnswers
from tests.services.key_centre import centre
from tests.services.key_tasks import CARD, CARD_FACTOR, CRYPTOGRAM, DATA, DTK, FACTOR, IRK, ORIGINAL, STK, message

RIGHT, WRONG = b"\x01", b"\x00"
GUESS = Verification(CRYPTOGRAM, ORIGINAL)


def asked(*tasks, card: CardFactors = CARD) -> KeyRequest:
    return KeyRequest(card, tasks or (GUESS,))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted(clock) -> WrongAnswers:
    return WrongAnswers(clock=clock)


def give(counted: WrongAnswers, request: KeyRequest, answer: bytes = WRONG, times: int = 1) -> None:
    for _ in range(times):
        counted.end(request, counted.begin(request), [answer] * len(request.tasks))


def test_after_five_wrong_answers_the_next_waits_for_a_quarter_of_an_hour(counted, clock) -> None:
    assert (LIMIT, PAUSE) == (5, 900)
    give(counted, asked(), times=4)
    clock.now += 899
    give(counted, asked())
    for later in (0, 899.9):
        clock.now += later
        with pytest.raises(VerificationsBlockedError) as caught:
            counted.begin(asked())
        assert caught.value.key == "IRK"
    clock.now += 0.1
    give(counted, asked(), times=5)
    with pytest.raises(VerificationsBlockedError):
        counted.begin(asked())


def test_right_answers_take_nothing_back_and_cost_nothing(counted) -> None:
    for _ in range(4):
        give(counted, asked())
        give(counted, asked(), RIGHT, times=10)
    give(counted, asked())
    with pytest.raises(VerificationsBlockedError):
        counted.begin(asked())


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(asked(Verification(Cryptogram(IRK, FACTOR[:4], bytes(8)), b"")), True, id="factor"),
        pytest.param(asked(Verification(Mac(IRK, FACTOR, b""), b"")), True, id="task"),
        pytest.param(
            asked(Verification(Cryptogram(KeyReference("IRK", 2), FACTOR, ORIGINAL), b"")), False, id="version"
        ),
        pytest.param(asked(Verification(Mac(STK, FACTOR, DATA), b"")), False, id="key"),
        pytest.param(asked(card=CardFactors(Algorithm.SM4, "990100", bytes(8))), False, id="card"),
        pytest.param(asked(card=CardFactors(Algorithm.DES, "990100", CARD_FACTOR)), False, id="cipher"),
        pytest.param(asked(card=CardFactors(Algorithm.SM4, "990200", CARD_FACTOR)), False, id="region"),
        pytest.param(asked(CRYPTOGRAM), False, id="no verification"),
    ],
)
def test_it_counts_by_key_and_card(counted, other, same) -> None:
    give(counted, asked(), times=5)
    if same:
        with pytest.raises(VerificationsBlockedError):
            counted.begin(other)
    else:
        give(counted, other)


def test_regions_that_make_one_key_are_one(counted) -> None:
    one, other = (asked(card=CardFactors(Algorithm.SM4, region, CARD_FACTOR)) for region in ("330781", "330782"))
    give(counted, one, times=3)
    give(counted, other, times=2)
    with pytest.raises(VerificationsBlockedError):
        counted.begin(one)


def test_guesses_at_the_same_time_are_counted_before_they_are_answered(counted) -> None:
    running = [counted.begin(asked()) for _ in range(5)]
    with pytest.raises(VerificationsBlockedError):
        counted.begin(asked())
    for attempt in running:
        counted.end(asked(), attempt, [RIGHT])
    give(counted, asked())


def test_guesses_in_one_request_count_each(counted) -> None:
    several = asked(*(Verification(Cryptogram(IRK, bytes([at] * 8), ORIGINAL), ORIGINAL) for at in range(3)))
    give(counted, several)
    with pytest.raises(VerificationsBlockedError):
        counted.begin(several)
    give(counted, asked(), times=2)


def test_what_is_not_answered_is_no_guess(counted) -> None:
    for _ in range(20):
        counted.end(asked(), counted.begin(asked()), None)
    give(counted, asked(), times=5)


def test_a_refused_request_leaves_nothing_behind(counted) -> None:
    give(counted, asked(), times=5)
    for _ in range(20):
        with pytest.raises(VerificationsBlockedError):
            counted.begin(asked(Verification(Tac(DTK, DATA), b""), GUESS))
    give(counted, asked(Verification(Tac(DTK, DATA), b"")), times=5)


def test_what_is_remembered_is_bounded_and_the_oldest_goes(clock) -> None:
    counted = WrongAnswers(room=3, clock=clock)
    cards = [asked(card=CardFactors(Algorithm.SM4, "990100", bytes([at] * 8))) for at in range(4)]
    for request in cards[:3]:
        give(counted, request, times=5)
    give(counted, cards[3])
    give(counted, cards[0], times=4)
    with pytest.raises(VerificationsBlockedError):
        counted.begin(cards[2])


# --- of the service ---


async def test_a_service_refuses_and_warns_and_answers_what_is_no_guess(serving, refusal, log) -> None:
    stub = await serving()
    (right,) = (await stub.PerformKeyTasks(message(CRYPTOGRAM))).answers
    proof = message(Verification(CRYPTOGRAM, right))
    for number in range(1, LIMIT + 1):
        assert list((await stub.PerformKeyTasks(proof)).answers) == [RIGHT]
        assert list((await stub.PerformKeyTasks(message(GUESS))).answers) == [WRONG], number
    for request in (message(GUESS), proof):
        code, info = await refusal(stub.PerformKeyTasks(request))
        assert (code, info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "VERIFICATIONS_BLOCKED")
        assert info.metadata["key"] == "IRK"
    assert list((await stub.PerformKeyTasks(message(CRYPTOGRAM))).answers) == [right]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    wrong, blocked = (
        [line for line in lines if line["event"] == event] for event in ("verification_wrong", "verifications_blocked")
    )
    assert [line["times"] for line in wrong] == [1, 2, 3, 4, 5]
    assert len(blocked) == 2
    assert {line["level"] for line in (*wrong, *blocked)} == {"warning"}
    assert {(line["key"], line["key_region"]) for line in (*wrong, *blocked)} == {("IRK", "990100")}
    assert CARD_FACTOR.hex() not in log.getvalue()


async def test_more_guesses_than_may_be_wrong_are_not_checked_at_the_same_time(serving, refusal) -> None:
    let, begun, behind = threading.Event(), threading.Semaphore(0), DevelopmentCustodian(development_mode=True)

    class Slow(KeyCustodian):
        def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
            begun.release()
            assert let.wait(60)
            return behind.perform(request)

    stub = await serving(Slow(), call_deadline=20)
    calls = [stub.PerformKeyTasks(message(GUESS)) for _ in range(LIMIT)]
    try:
        for _ in range(LIMIT):
            assert await asyncio.to_thread(begun.acquire, timeout=10)
        assert (await refusal(stub.PerformKeyTasks(message(GUESS))))[1].reason == "VERIFICATIONS_BLOCKED"
    finally:
        let.set()
    assert [list((await call).answers) for call in calls] == [[WRONG]] * LIMIT


def test_a_terminal_hears_from_its_centre_what_it_is() -> None:
    with (
        centre(DevelopmentCustodian(development_mode=True)) as started,
        CentreCustodian(started.address) as custodian,
    ):
        for _ in range(LIMIT):
            assert custodian.perform(asked()) == (WRONG,)
        with pytest.raises(VerificationsBlockedError) as caught:
            custodian.perform(asked())
    assert caught.value.key == "IRK"
