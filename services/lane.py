"""One thread that does the blocking work of one reader, in order."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Job(NamedTuple):
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Lane:
    """A daemon thread with a queue of jobs (作业队列).

    Whatever a job ends with, the next one has its turn; what is no Exception reaches its caller as a RuntimeError. A
    card that never answers holds up this thread and nothing else, not even the end of the process: that is why this
    is not a ThreadPoolExecutor, whose threads are joined at exit.
    """

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=f"lane {name}", daemon=True).start()

    def submit(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Have ``work`` done after everything submitted before; call from the event loop.

        A job whose future is cancelled before its turn is skipped; one that has begun goes on, and nobody hears of it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        return future

    def close(self) -> None:
        """End the thread after the jobs submitted so far; does not wait for it."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.cancelled():
                continue
            result, error = None, None
            try:
                result = job.work()
            except BaseException as raised:  # noqa: BLE001  handed to whoever awaits the future
                error = _told_as(raised)
            try:
                job.loop.call_soon_threadsafe(_settle, job.future, result, error)
            except RuntimeError:
                return  # the event loop was closed: nobody is left to work for


def _told_as(raised: BaseException) -> Exception:
    """What an event loop can be told: SystemExit would end it, and a future does not take StopIteration."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    error = RuntimeError(f"a job ended with {type(raised).__name__}")
    error.__cause__ = raised
    return error


def _settle(future: "asyncio.Future[Any]", result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
