"""Readers and what happens to them, as messages."""

from apdu.readers import ReaderState
from services.events import Event
from sscard.v1 import reader_pb2


def reader(state: ReaderState) -> reader_pb2.Reader:
    """One reader."""
    slot = reader_pb2.SLOT_STATE_EMPTY
    if state.present:
        slot = reader_pb2.SLOT_STATE_MUTE if state.mute else reader_pb2.SLOT_STATE_CARD
    return reader_pb2.Reader(
        name=state.name, slot=slot, atr=state.atr or b"", in_use=state.in_use, insertions=state.insertions
    )


def event(happened: Event) -> reader_pb2.ReaderEvent:
    """One event."""
    return reader_pb2.ReaderEvent(
        sequence=happened.sequence,
        kind=reader_pb2.ReaderEvent.Kind.Value(f"KIND_{happened.kind.name}"),
        initial=happened.initial,
        reader=None if happened.reader is None else reader(happened.reader),
        held_by=happened.held_by,
    )
