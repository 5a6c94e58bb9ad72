"""From the card's typed values to messages, by name: the declarations of cardlib are the mapping."""

from google.protobuf.message import Message

from apdu.readers import ReaderState
from cardlib.flows.read_identity import IdentityReading
from cardlib.model import FileContents
from cardlib.values import CardDate, CardIdentifier, Coded, ItemWarning
from services.events import Event
from sscard.v1 import card_pb2, identity_pb2, reader_pb2, values_pb2


def put(message: Message, field: str, value: object) -> None:
    """Set a field to a value of a card's item; TypeError for a kind of value that has no form in messages yet."""
    if isinstance(value, str):
        setattr(message, field, value)
    elif isinstance(value, CardDate):
        setattr(message, field, value.iso)
    elif isinstance(value, CardIdentifier):
        setattr(message, field, value.digits)
    elif isinstance(value, Coded):
        coded = values_pb2.CodedValue(code=value.code, chinese=value.zh, english=value.en, known=value.known)
        getattr(message, field).CopyFrom(coded)
    else:
        raise TypeError(f"no form for {type(value).__name__} in field {field}")


def fill(message: Message, contents: FileContents) -> None:
    """Set every field that an item of the file has a value for; what is blank or unreadable stays unset."""
    message.SetInParent()
    for field in contents.file.fields:
        value = contents.values[field.name]
        if field.proto is not None and value is not None:
            put(message, field.proto, value)


def identity_response(reading: IdentityReading, atr: bytes) -> card_pb2.ReadIdentityResponse:
    """What was read, as the answer of ReadIdentity."""
    identity = identity_pb2.Identity()
    fill(identity.issuer, reading.issuer)
    fill(identity.holder, reading.holder)
    return card_pb2.ReadIdentityResponse(
        identity=identity,
        authenticity=card_pb2.Authenticity.Value(f"AUTHENTICITY_{reading.authenticity.name}"),
        authenticity_note=reading.authenticity_note,
        warnings=[warning(each) for each in reading.warnings],
        card_version=reading.version,
        algorithm=card_pb2.Algorithm.Value(f"ALGORITHM_{reading.algorithm.name}"),
        atr=atr,
        historical_bytes=reading.historical_bytes,
    )


def warning(concern: ItemWarning) -> values_pb2.Warning:
    """Something to be said about an item."""
    return values_pb2.Warning(
        code=concern.code.value,
        file=concern.file,
        item=concern.item,
        message=concern.message,
        chinese_message=concern.message_zh,
    )


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
    )
