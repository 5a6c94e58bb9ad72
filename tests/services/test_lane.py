import asyncio
import threading

import pytest

from services.lane import Lane


@pytest.fixture
def lane():
    lane = Lane("test")
    yield lane
    lane.close()


async def test_jobs_are_done_in_order_by_one_thread(lane) -> None:
    done = []
    futures = [lane.submit(lambda n=n: done.append((n, threading.get_ident()))) for n in range(50)]
    await asyncio.gather(*futures)
    assert [n for n, _ in done] == list(range(50))
    assert len({thread for _, thread in done}) == 1
    assert done[0][1] != threading.get_ident()


async def test_results_and_errors_come_back(lane) -> None:
    assert await lane.submit(lambda: 7) == 7
    with pytest.raises(KeyError):
        await lane.submit(lambda: {}["missing"])
    assert await lane.submit(lambda: 8) == 8


class PanicException(BaseException):
    """As libraries in Rust raise it."""


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, PanicException])
async def test_a_job_may_end_with_anything_and_the_next_one_is_done(lane, kind) -> None:
    def work() -> None:
        raise kind

    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match=f"^a job ended with {kind.__name__}$") as caught:
            await lane.submit(work)
        assert isinstance(caught.value.__cause__, kind)
        assert await lane.submit(lambda: 8) == 8


async def test_a_job_cancelled_before_its_turn_is_skipped(lane) -> None:
    gate, done = threading.Event(), []
    first = lane.submit(gate.wait)
    second = lane.submit(lambda: done.append("second"))
    second.cancel()
    gate.set()
    assert await first
    await lane.submit(lambda: done.append("third"))
    assert done == ["third"]


async def test_a_job_cancelled_after_it_began_goes_on_and_nobody_hears_of_it(lane) -> None:
    began, gate, done = threading.Event(), threading.Event(), []

    def work() -> None:
        began.set()
        gate.wait()
        done.append("done")

    future = lane.submit(work)
    await asyncio.to_thread(began.wait)
    future.cancel()
    gate.set()
    await lane.submit(lambda: None)
    assert done == ["done"]
    assert future.cancelled()


async def test_closing_lets_the_jobs_before_it_be_done() -> None:
    lane = Lane("test")
    last = lane.submit(lambda: "last")
    lane.close()
    assert await last == "last"


def test_a_closed_event_loop_ends_the_thread_quietly() -> None:
    lane, gate = Lane("orphan"), threading.Event()
    (thread,) = [each for each in threading.enumerate() if each.name == "lane orphan"]

    async def leave() -> None:
        lane.submit(gate.wait)

    asyncio.run(leave())
    gate.set()
    thread.join(5)
    assert not thread.is_alive()
