"""Entries that wait go to the disk together, and no call gets its answer before."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from services.audit.entry import Link, Texts, chained
from services.audit.errors import AuditError
from services.audit.writer import AuditWriter
from tests.services.audit.entries import entry


class Chain:
    """A chain in memory; ``held``: appending waits until it is set. ``failures`` are raised first."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.batches: list[int] = []
        self.failures: list[Exception] = []
        self.entered = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def append(self, entries: Sequence[Texts]) -> Link:
        self.entered.set()
        assert self.free.wait(30), "a test forgot to free its chain"
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(len(entries))
        self.links += chained(self.links[-1] if self.links else None, entries)
        return self.links[-1]


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def writer_of(chain) -> Iterator[Callable[..., AuditWriter]]:
    made: list[AuditWriter] = []

    def make(**more: object) -> AuditWriter:
        made.append(AuditWriter(chain, **more))
        return made[-1]

    yield make
    chain.free.set()
    for writer in made:
        writer.close()


async def entered(chain: Chain) -> None:
    assert await asyncio.to_thread(chain.entered.wait, 30)


async def test_an_entry_is_kept_when_record_is_back(chain, writer_of) -> None:
    await writer_of().record(entry(1))
    assert [link["card"] for link in chain.links] == ["card0001"]


async def test_what_comes_while_the_disk_is_busy_is_written_at_once(chain, writer_of) -> None:
    writer = writer_of()
    chain.free.clear()
    first = asyncio.create_task(writer.record(entry(0)))
    await entered(chain)
    others = [asyncio.create_task(writer.record(entry(number))) for number in range(1, 13)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in (first, *others)), "nobody is told before it is on the disk"
    chain.free.set()
    await asyncio.gather(first, *others)
    assert chain.batches == [1, 12]
    assert [link["card"] for link in chain.links] == [f"card{number:04}" for number in range(13)]


async def test_a_batch_has_its_limit(chain, writer_of, monkeypatch) -> None:
    monkeypatch.setattr("services.audit.writer.MOST", 5)
    writer = writer_of()
    chain.free.clear()
    tasks = [asyncio.create_task(writer.record(entry(0)))]
    await entered(chain)
    tasks += [asyncio.create_task(writer.record(entry(number))) for number in range(12)]
    await asyncio.sleep(0)
    chain.free.set()
    await asyncio.gather(*tasks)
    assert chain.batches == [1, 5, 5, 2]


@pytest.mark.parametrize(
    ("failure", "told"),
    [(AuditError("the disk is full"), "the disk is full"), (RuntimeError("欧阳测试"), "RuntimeError")],
)
async def test_each_call_hears_that_its_entry_is_not_kept_and_the_next_one_is(chain, writer_of, failure, told) -> None:
    writer = writer_of()
    chain.failures.append(failure)
    chain.free.clear()
    tasks = [asyncio.create_task(writer.record(entry(number))) for number in range(3)]
    await entered(chain)
    chain.failures.append(failure)
    chain.free.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(result) for result in results} == {f"the audit cannot be kept: {told}"}
    chain.failures.clear()
    await writer.record(entry(9))
    assert len(chain.links) == 1


async def test_a_database_that_hangs_is_not_waited_for_without_end(chain, writer_of) -> None:
    writer = writer_of(patience=0.05)
    chain.free.clear()
    with pytest.raises(AuditError, match=r"not answered for 0\.05 seconds"):
        await writer.record(entry(1))
    writer.close(patience=0.05)
    chain.free.set()
    await asyncio.to_thread(writer.close)
    assert len(chain.links) == 1, "what was on its way arrives"


async def test_a_caller_that_goes_away_does_not_take_its_entry_with_it(chain, writer_of) -> None:
    writer = writer_of()
    chain.free.clear()
    first = asyncio.create_task(writer.record(entry(0)))
    await entered(chain)
    gone = asyncio.create_task(writer.record(entry(1)))
    await asyncio.sleep(0)
    gone.cancel()
    first.cancel()
    await asyncio.gather(first, gone, return_exceptions=True)
    chain.free.set()
    await writer.record(entry(2))
    assert [link["card"] for link in chain.links] == ["card0000", "card0001", "card0002"]


async def test_closing_keeps_what_waits_and_takes_no_more(chain, writer_of) -> None:
    writer = writer_of()
    chain.free.clear()
    tasks = [asyncio.create_task(writer.record(entry(number))) for number in range(3)]
    await entered(chain)
    closing = asyncio.create_task(asyncio.to_thread(writer.close))
    chain.free.set()
    await asyncio.gather(closing, *tasks)
    assert len(chain.links) == 3
    with pytest.raises(AuditError, match="is being stopped"):
        await writer.record(entry(4))
    writer.close()


async def test_a_checkpoint_is_signed_after_so_many_entries_and_at_the_end(chain, writer_of) -> None:
    signed: list[Link] = []
    writer = writer_of(sign=signed.append, every=3)
    for number in range(7):
        await writer.record(entry(number))
    await asyncio.to_thread(writer.close)
    assert signed == [chain.links[2], chain.links[5], chain.links[6]]


async def test_an_end_that_is_signed_already_is_not_signed_again(chain, writer_of) -> None:
    signed: list[Link] = []
    writer = writer_of(sign=signed.append, every=1)
    await writer.record(entry(1))
    await asyncio.to_thread(writer.close)
    assert signed == chain.links


async def test_a_checkpoint_that_cannot_be_signed_fails_no_call_and_is_logged(chain, writer_of, log) -> None:
    def sign(end: Link) -> None:
        raise OSError(f"no room for {end.sequence}")

    writer = writer_of(sign=sign, every=1)
    await writer.record(entry(1))
    await writer.record(entry(2))
    await asyncio.to_thread(writer.close)
    assert "audit_checkpoint_failed" in log.getvalue()
    assert "no room for 1" in log.getvalue()
