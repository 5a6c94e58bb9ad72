"""Scripts, flows and their drivers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from apdu.command import CommandAPDU
from apdu.errors import CardRemovedError, FileNotFoundOnCardError, UnansweredError
from apdu.flow import Flow, Question, Responses, Script, Step, ask, run, run_async, send
from apdu.readers import executor

SELECT = CommandAPDU(0x00, 0xA4, 0x00, 0x00)
READ = CommandAPDU(0x00, 0xB2, 0x01, 0x04, ne=5)


class Card:
    """A transport that answers from a list and remembers what it was sent."""

    def __init__(self, *answers: str) -> None:
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.sent: list[bytes] = []

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        self.sent += commands
        return [self.answers.pop(0) for _ in commands]


class Key(Question[bytes]):
    """A question to a custodian."""


def read_two() -> Flow[bytes]:
    first, second = (yield from send(SELECT, READ)).ok()
    key = yield from ask(Key())
    return first + second + key


def test_a_flow_runs_to_its_result() -> None:
    card = Card("9000", "AABB9000")
    assert run(read_two(), executor(card.transmit), lambda _: b"key") == b"\xaa\xbbkey"  # type: ignore[arg-type,return-value]
    assert card.sent == [SELECT.to_bytes(), READ.to_bytes()]


async def test_the_async_driver_does_the_same() -> None:
    card = Card("9000", "AABB9000")

    async def execute(script: Script) -> Responses:
        await asyncio.sleep(0)
        return executor(card.transmit)(script)

    async def answer(_: Question[Any]) -> Any:
        return b"key"

    assert await run_async(read_two(), execute, answer) == b"\xaa\xbbkey"


def test_a_script_stops_at_the_first_unexpected_answer() -> None:
    card = Card("6A82")
    with pytest.raises(FileNotFoundOnCardError) as refusal:
        run(read_two(), executor(card.transmit))
    assert refusal.value.command == "SELECT"
    assert card.sent == [SELECT.to_bytes()]


def test_a_step_may_expect_a_refusal_or_anything() -> None:
    card = Card("6A83", "6985", "AA9000")
    script = Script.of(Step(READ, expect=(0x9000, 0x6A83)), Step(SELECT, expect=None), READ)
    answers = executor(card.transmit)(script)
    assert answers.completed
    assert answers.ok() == (b"", b"", b"\xaa")
    assert [answer.sw for answer in answers[1:]] == [0x6985, 0x9000]


def test_61xx_counts_as_success_where_the_answer_is_not_wanted() -> None:
    answers = executor(Card("6118", "AA9000").transmit)(Script.of(SELECT, READ))
    assert answers.completed
    assert len(answers) == 2


def test_a_transport_error_is_thrown_into_the_flow_where_it_waits() -> None:
    def transmit(_: Sequence[bytes]) -> list[bytes]:
        raise CardRemovedError("gone")

    def careful() -> Flow[str]:
        try:
            yield from send(SELECT)
        except CardRemovedError:
            return "noticed"
        return "not noticed"

    assert run(careful(), executor(transmit)) == "noticed"


def test_a_question_without_anybody_to_answer_is_an_error() -> None:
    with pytest.raises(UnansweredError, match="Key"):
        run(read_two(), executor(Card("9000", "9000").transmit))


def test_what_runs_before_each_command_can_stop_a_script_in_the_middle() -> None:
    card, calls = Card("9000", "9000"), iter([None, TimeoutError()])

    def deadline() -> None:
        if (error := next(calls)) is not None:
            raise error

    with pytest.raises(TimeoutError):
        executor(card.transmit, before_each=deadline)(Script.of(SELECT, READ))
    assert len(card.sent) == 1


async def test_a_cancelled_driver_closes_its_flow() -> None:
    closed = asyncio.Event()

    def flow() -> Flow[None]:
        try:
            yield from send(SELECT)
        finally:
            closed.set()

    async def execute(_: Script) -> Responses:
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(run_async(flow(), execute, lambda _: None))  # type: ignore[arg-type,return-value]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
