import asyncio
import threading
import time

import pytest

from apdu.errors import CardInUseError, CardRemovedError, NoCardError, NoServiceError, ReaderNotFoundError
from apdu.flow import send
from apdu.transport.inprocess import InProcessReaders
from cardlib import commands
from services.errors import DeadlineError, ShuttingDownError
from services.readers import ReaderHub
from simulator.people import ready_card


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def lanes() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("lane ")}


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for happens in a thread
            await asyncio.sleep(0.005)


def challenge():
    (answer,) = (yield from send(commands.get_challenge(8))).ok()
    return answer


def refuse_questions(question):
    raise AssertionError(question)


@pytest.fixture
def readers() -> InProcessReaders:
    readers = InProcessReaders(["hub-a", "hub-b"])
    readers.insert("hub-a", ready_card("2.0"), t0=True)
    return readers


@pytest.fixture
async def hub(readers):
    hub = ReaderHub(readers, card_wait=0.2)
    await hub.start()
    yield hub
    await hub.close(patience=0.2)


async def test_a_card_is_lent_to_one_caller_at_a_time_and_powered_anew_for_the_next(hub) -> None:
    async with hub.card("hub-a", deadline=soon()) as card:
        assert card.atr == ready_card("2.0").atr
        assert len(await card.run(challenge(), refuse_questions)) == 8
        assert hub.states()[0].in_use
        with pytest.raises(CardInUseError):
            async with hub.card("hub-a", deadline=soon()):
                pass
    async with hub.card("hub-a", deadline=soon()) as card:
        assert len(await card.run(challenge(), refuse_questions)) == 8
    await until(lambda: not hub.states()[0].in_use)


async def test_a_caller_whose_deadline_comes_first_is_told_so(hub) -> None:
    async with hub.card("hub-a", deadline=soon()):
        with pytest.raises(DeadlineError):
            async with hub.card("hub-a", deadline=soon(0.05)):
                pass


async def test_a_deadline_that_has_passed_sends_nothing(hub, readers, hanging) -> None:
    chip = hanging()
    readers.insert("hub-b", chip)
    with pytest.raises(DeadlineError):
        async with hub.card("hub-b", deadline=soon(-1)):
            pass
    assert chip.commands == []


async def test_a_conversation_begun_after_the_deadline_sends_nothing(hub, readers, hanging) -> None:
    chip = hanging(answers=100)
    readers.insert("hub-b", chip)
    async with hub.card("hub-b", deadline=soon(0.1)) as card:
        await asyncio.sleep(0.15)
        with pytest.raises(DeadlineError):
            await card.run(challenge(), refuse_questions)
    assert chip.commands == []


async def test_an_empty_reader_is_free_again_at_once(hub) -> None:
    for _ in range(3):
        with pytest.raises(NoCardError):
            async with hub.card("hub-b", deadline=soon()):
                pass


async def test_names_that_callers_make_up_cost_no_thread(hub) -> None:
    before = lanes()
    for number in range(50):
        with pytest.raises(ReaderNotFoundError):
            async with hub.card(f"made up {number}", deadline=soon()):
                pass
    assert lanes() <= before


async def test_the_thread_of_a_reader_ends_with_the_reader(hub, readers) -> None:
    async with hub.card("hub-a", deadline=soon()):
        assert "lane hub-a" in lanes()
    await until(lambda: not hub.states()[0].in_use)
    readers.remove_reader("hub-a")
    await until(lambda: "lane hub-a" not in lanes())


async def test_a_reader_unplugged_while_its_card_is_held_lets_the_conversation_end(hub, readers) -> None:
    async with hub.card("hub-a", deadline=soon()) as card:
        waiter = asyncio.ensure_future(hub.card("hub-a", deadline=soon()).__aenter__())
        await asyncio.sleep(0)
        readers.remove_reader("hub-a")
        await until(lambda: "hub-a" not in {state.name for state in hub.states()})
        with pytest.raises(CardRemovedError):
            await card.run(challenge(), refuse_questions)
    with pytest.raises(ReaderNotFoundError):
        await waiter
    await until(lambda: "lane hub-a" not in lanes())


class Broken(InProcessReaders):
    """Readers whose watch fails in ways that nobody thought of."""

    def __init__(self) -> None:
        super().__init__(["hub-a"])
        self.failures = [ZeroDivisionError("once")]

    def wait(self, known, timeout):
        if self.failures:
            raise self.failures.pop()
        return super().wait(known, timeout)


async def test_the_watch_survives_what_nobody_thought_of(log) -> None:
    readers = Broken()
    hub = ReaderHub(readers)
    await hub.start()
    try:
        await until(lambda: '"readers_back"' in log.getvalue())
        readers.insert("hub-a", ready_card("2.0"))
        await until(lambda: hub.states()[0].present)
    finally:
        await hub.close()
    assert '"error": "ZeroDivisionError"' in log.getvalue()


async def test_a_daemon_that_does_not_answer_does_not_keep_the_service_from_starting(log) -> None:
    class Deaf(InProcessReaders):
        def __init__(self) -> None:
            super().__init__()
            self.answer = threading.Event()

        def states(self):
            self.answer.wait(30)
            return super().states()

    readers = Deaf()
    hub = ReaderHub(readers)
    await hub.start(patience=0.05)
    with pytest.raises(NoServiceError):
        hub.states()
    readers.answer.set()
    await hub.close()
    assert '"readers_not_seen"' in log.getvalue()


async def test_after_closing_no_card_is_lent(readers) -> None:
    hub = ReaderHub(readers)
    await hub.start()
    await hub.close()
    with pytest.raises(ShuttingDownError):
        async with hub.card("hub-a", deadline=soon()):
            pass
