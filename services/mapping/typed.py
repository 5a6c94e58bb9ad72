"""From the card's typed values to the typed message of a file: a field's name is the item's name."""

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf.message import Message

from cardlib.model import RECORDS, CyclicFile, FileContents
from cardlib.values import CardDate, CardIdentifier, Coded
from sscard.v1 import values_pb2

T = TypeVar("T")


def put(message: Message, field: str, value: object) -> None:
    """Set a field to a value of a card's item; None leaves it unset.

    So does text where a number should be: it stands in the generic view, with a warning. TypeError for a kind of value
    that the field has no form for.
    """
    if value is None:
        return
    declared = message.DESCRIPTOR.fields_by_name[field]
    form: object = getattr(message, field)
    if isinstance(value, tuple) and declared.is_repeated:
        for part in without_blank_end(value):
            _put_parts(getattr(message, field).add(), part or {})
    elif isinstance(value, Coded) and isinstance(form, values_pb2.CodedValue):
        form.CopyFrom(coded(value))
    elif isinstance(value, Mapping) and isinstance(form, Message):
        _put_parts(form, value)
    elif isinstance(value, str) and isinstance(form, int):
        return
    elif type(plain := _plain(value)) is type(form):
        setattr(message, field, plain)
    else:
        raise TypeError(f"no form for {type(value).__name__} in field {field}")


def fill(message: Message, contents: FileContents) -> None:
    """Set every field that an item of the file has a value for; what is blank or unreadable stays unset."""
    message.SetInParent()
    if isinstance(contents.file, CyclicFile):
        put(message, RECORDS, contents.values.get(RECORDS))
        return
    for declared in contents.file.declarations:
        if declared.proto is not None:
            put(message, declared.proto, contents.values.get(declared.name))


def coded(value: Coded) -> values_pb2.CodedValue:
    """A code and its meanings."""
    return values_pb2.CodedValue(code=value.code, chinese=value.zh, english=value.en, known=value.known)


def _put_parts(message: Message, parts: object) -> None:
    assert isinstance(parts, Mapping), "what is repeated has parts"
    message.SetInParent()
    for name, part in parts.items():
        put(message, name, part)


def _plain(value: object) -> object:
    """The value as protobuf knows it, where it is one word."""
    if isinstance(value, CardDate):
        return value.iso
    return value.digits if isinstance(value, CardIdentifier) else value


def without_blank_end(values: tuple[T, ...]) -> tuple[T, ...]:
    """Blank records before others are shown, so that each record keeps its place; those at the end are not."""
    filled = [place for place, value in enumerate(values, 1) if value is not None]
    return values[: filled[-1]] if filled else ()
