"""The PSAM's reader: hidden from clients, and from whoever waits for what they see."""

import asyncio
import threading
import time

import grpc
import pytest

from apdu.errors import NoServiceError, ReaderNotFoundError
from apdu.transport.inprocess import InProcessReaders
from services.config import Config
from services.custody.opening import open_custodian
from services.hidden_readers import ReadersWithout, readers_for_cards
from simulator.card import SoftwareCard
from simulator.people import ready_card
from simulator.psam.ready import ready_psam
from sscard.v1 import card_pb2, reader_pb2

PSAM = "Twin reader 01"
CARDS = "Twin reader 00"
LONGER = "Twin reader 01 b"


class Counted(InProcessReaders):
    """Readers that count how often they are waited for, and tell when."""

    def __init__(self) -> None:
        super().__init__([CARDS, PSAM, LONGER])
        self.waits = 0
        self.waiting = threading.Event()

    def wait(self, known, timeout):
        self.waits += 1
        self.waiting.set()
        return super().wait(known, timeout)


@pytest.fixture
def readers() -> Counted:
    return Counted()


@pytest.fixture
def seen(readers) -> ReadersWithout:
    return ReadersWithout(readers, PSAM)


def waited(seen: ReadersWithout, timeout: float, meanwhile) -> tuple[tuple, float]:
    """What a wait in a thread of its own returns, and its seconds; ``meanwhile`` is done as soon as it waits."""
    known, found, began = seen.states(), [], time.monotonic()
    thread = threading.Thread(target=lambda: found.append(seen.wait(known, timeout)))
    thread.start()
    meanwhile()
    thread.join(30)
    return found[0], time.monotonic() - began


def test_only_the_reader_of_exactly_this_name_is_hidden(readers, seen) -> None:
    for name in (CARDS, PSAM, LONGER):
        readers.insert(name, ready_card("2.0"))
    assert seen.states() == (readers.states()[0], readers.states()[2])
    seen.connect(LONGER).close()
    with pytest.raises(ReaderNotFoundError) as raised:
        seen.connect(PSAM)
    assert raised.value.reader == PSAM
    assert not readers.states()[1].in_use


def test_without_a_psam_no_reader_is_hidden(readers) -> None:
    assert readers_for_cards(Config(), readers) is readers
    assert len(readers_for_cards(Config(psam_reader=PSAM), readers).states()) == 2


def test_what_happens_to_the_hidden_reader_neither_ends_a_wait_nor_makes_it_spin(readers, seen) -> None:
    known = seen.states()

    def exchange() -> None:
        assert readers.waiting.wait(10)
        readers.insert(PSAM, ready_card("2.0"))
        connection = readers.connect(PSAM)
        time.sleep(0.1)
        connection.close()
        readers.remove_reader(PSAM)

    states, seconds = waited(seen, 0.5, exchange)
    assert states == known
    assert seconds >= 0.5
    assert 2 <= readers.waits <= 5  # once, and once more for each of the four changes


def test_a_psam_that_is_there_and_held_does_not_cut_waits_short(readers, seen) -> None:
    readers.insert(PSAM, ready_card("2.0"))
    held = readers.connect(PSAM)
    known, began = seen.states(), time.monotonic()
    for _ in range(3):
        assert seen.wait(known, 0.1) == known
    assert time.monotonic() - began >= 0.3
    assert readers.waits == 3
    held.close()


def test_a_wait_ends_with_a_change_that_is_seen_after_one_that_is_not(readers, seen) -> None:
    def insert() -> None:
        assert readers.waiting.wait(10)
        readers.insert(PSAM, ready_card("2.0"))
        readers.insert(CARDS, ready_card("2.0"))

    states, seconds = waited(seen, 20, insert)
    assert [state.name for state in states if state.present] == [CARDS]
    assert seconds < 10


def test_what_has_changed_before_a_wait_ends_it_at_once(readers, seen) -> None:
    known = seen.states()
    readers.insert(CARDS, ready_card("2.0"))
    assert seen.wait(known, 20)[0].present
    assert readers.waits == 0


def test_a_hidden_reader_that_never_rests_does_not_make_a_wait_longer() -> None:
    class Restless(Counted):
        def wait(self, known, timeout):
            self.waits += 1
            time.sleep(0.02)
            if self.states()[1].present:
                self.remove(PSAM)
            else:
                self.insert(PSAM, ready_card("2.0"))
            return self.states()

    readers = Restless()
    seen = ReadersWithout(readers, PSAM)
    began = time.monotonic()
    assert seen.wait(seen.states(), 0.2) == seen.states()
    assert 0.2 <= time.monotonic() - began < 5
    assert 1 < readers.waits <= 10


def test_closing_wakes_a_wait_once_and_for_all(readers, seen) -> None:
    readers.insert(PSAM, ready_card("2.0"))
    readers.connect(PSAM)  # its release is a change that nobody sees

    def close() -> None:
        assert readers.waiting.wait(10)
        seen.close()

    _, seconds = waited(seen, 20, close)
    assert seconds < 10
    assert seen.wait(seen.states(), 20) == seen.states()
    assert readers.waits <= 4
    with pytest.raises(NoServiceError):
        seen.connect(CARDS)


def test_a_daemon_that_is_away_is_told_of(seen, readers, monkeypatch) -> None:
    known = seen.states()

    def away(*_):
        raise NoServiceError("away")

    monkeypatch.setattr(readers, "wait", away)
    with pytest.raises(NoServiceError):
        seen.wait(known, 20)
    monkeypatch.setattr(readers, "states", away)
    for call in (seen.states, lambda: seen.wait(known, 20)):
        with pytest.raises(NoServiceError):
            call()


# --- in a service ---


@pytest.fixture
async def service_with_psam(service_over, readers):
    """A service whose keys are in a PSAM, with a 3.0 card, which nobody reads without keys."""
    readers.insert(CARDS, ready_card("3.0"), t0=True)
    readers.insert(PSAM, SoftwareCard(ready_psam(), t0=True), t0=True)
    readers.insert(LONGER, ready_card("2.0"), t0=True)
    custodian = open_custodian(Config(mode="development", psam_reader=PSAM), readers)
    return await service_over(readers, custodian, psam_reader=PSAM)


async def test_clients_read_cards_with_the_psam_and_do_not_see_it(service_with_psam, readers, refusal) -> None:
    service = service_with_psam
    identity = await service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader=CARDS))
    assert identity.card_version == "3.0"
    assert readers.states()[1].in_use, "the PSAM has computed"
    listed = (await service.reader.ListReaders(reader_pb2.ListReadersRequest())).readers
    assert [reader.name for reader in listed] == [CARDS, LONGER]
    code, info = await refusal(service.cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader=PSAM)))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "NO_READER")


async def test_watchers_are_told_nothing_of_the_psam(service_with_psam, readers) -> None:
    watch = service_with_psam.reader.WatchReaders(reader_pb2.WatchReadersRequest())
    async with asyncio.timeout(20):
        # Two readers, two cards, and that these are all.
        names = [(await watch.read()).event.reader.name for _ in range(5)]
        readers.remove(PSAM)
        readers.remove(CARDS)
        names.append((await watch.read()).event.reader.name)
    assert sorted(names) == ["", *[CARDS] * 3, *[LONGER] * 2]
    watch.cancel()


async def test_a_psam_that_was_out_is_used_again(service_with_psam, readers) -> None:
    asked = card_pb2.ReadIdentityRequest(reader=CARDS)
    first = await service_with_psam.cards.ReadIdentity(asked)
    readers.remove(PSAM)
    readers.insert(PSAM, SoftwareCard(ready_psam(), t0=True), t0=True)
    assert await service_with_psam.cards.ReadIdentity(asked) == first
