from apdu.readers import ReaderState
from services.events import Event, EventKind
from services.mapping import readers
from sscard.v1 import reader_pb2


def test_a_reader_says_what_is_in_its_slot() -> None:
    assert readers.reader(ReaderState("r")).slot == reader_pb2.SLOT_STATE_EMPTY
    assert readers.reader(ReaderState("r", present=True, mute=True)).slot == reader_pb2.SLOT_STATE_MUTE
    card = readers.reader(ReaderState("r", present=True, atr=b"\x3b\x00", in_use=True, insertions=3))
    assert (card.slot, card.atr, card.in_use, card.insertions) == (reader_pb2.SLOT_STATE_CARD, b"\x3b\x00", True, 3)


def test_an_event_about_no_reader_has_none() -> None:
    assert not readers.event(Event(4, EventKind.SERVICE_LOST)).HasField("reader")
    assert readers.event(Event(5, EventKind.READER_REMOVED, ReaderState("r"))).reader.name == "r"
