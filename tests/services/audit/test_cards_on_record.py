"""Which card a call was about, on record also where the call failed."""

import pytest

from apdu.errors import WrongPinError
from apdu.transport.inprocess import InProcessReaders
from cardlib.custody import NoKeys
from cardlib.flows.pin import CardMark
from services.audit.subject import Subject, begin_subject
from services.card_service import CardService
from services.errors import JournalError
from services.operations.journal import OperationJournal
from services.readers import ReaderHub
from services.updating import Updates
from simulator.people import ready_card
from sscard.v1 import card_pb2, lease_pb2

READER = "counter"


class Context:
    @staticmethod
    def time_remaining() -> None:
        return None


@pytest.fixture
async def hub():
    readers = InProcessReaders([READER])
    readers.insert(READER, ready_card("2.0"), t0=True)
    hub = ReaderHub(readers)
    await hub.start()
    yield hub
    await hub.close()


def _no_journal() -> OperationJournal:
    raise AssertionError("nothing is updated here")


NO_UPDATES = Updates(_no_journal, lambda told: told, "")


def name(card: CardMark) -> str:
    return f"card {card.card_identifier[-4:]}"


@pytest.fixture
def cards(hub) -> CardService:
    return CardService(hub, NoKeys(), call_deadline=20, updates=NO_UPDATES, named=name)


@pytest.fixture
async def called(cards) -> str:
    """What the card is called."""
    subject = begin_subject()
    await cards.ReadIdentity(card_pb2.ReadIdentityRequest(reader=READER), Context())
    assert subject.card.startswith("card ")
    return subject.card


async def subject_of(call, *, fails: type[Exception] | None = None) -> Subject:
    subject = begin_subject()
    if fails is None:
        await call
    else:
        with pytest.raises(fails):
            await call
    return subject


def wrong_pin(**place) -> card_pb2.ReadFilesRequest:
    return card_pb2.ReadFilesRequest(files=["employment"], pin="999999", **place)


async def test_a_card_that_refuses_a_pin_as_its_files_are_read_is_named(cards, called) -> None:
    subject = await subject_of(cards.ReadFiles(wrong_pin(reader=READER), Context()), fails=WrongPinError)
    assert (subject.reader, subject.card) == (READER, called)


async def test_all_calls_of_a_lease_are_about_its_card(cards, called) -> None:
    begun = begin_subject()
    state = (await cards.AcquireCard(lease_pb2.AcquireCardRequest(reader=READER), Context())).state
    assert (begun.reader, begun.card) == (READER, called)
    renewed = await subject_of(cards.RenewCard(lease_pb2.RenewCardRequest(lease=state.lease), Context()))
    assert (renewed.reader, renewed.card) == (READER, called)
    read = card_pb2.ReadFilesRequest(lease=state.lease, files=["employment"], pin="999999")
    failed = await subject_of(cards.ReadFiles(read, Context()), fails=WrongPinError)
    assert (failed.reader, failed.card) == (READER, called)
    released = await subject_of(cards.ReleaseCard(lease_pb2.ReleaseCardRequest(lease=state.lease), Context()))
    assert released.reader == READER


async def test_a_name_that_cannot_be_looked_up_does_not_hide_what_went_wrong(hub) -> None:
    def nameless(_card: CardMark) -> str:
        raise JournalError("the database is away")

    cards = CardService(hub, NoKeys(), call_deadline=20, updates=NO_UPDATES, named=nameless)
    subject = await subject_of(cards.ReadFiles(wrong_pin(reader=READER), Context()), fails=WrongPinError)
    assert subject.card == ""
