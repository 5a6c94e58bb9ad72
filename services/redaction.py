"""What may be logged of a message: everything but the fields that the .proto files call ``(sensitive)``."""

from typing import TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from sscard.v1 import options_pb2

M = TypeVar("M", bound=Message)


def is_sensitive(field: FieldDescriptor) -> bool:
    """Whether a field holds data of a person or identifies one card."""
    return bool(field.GetOptions().Extensions[options_pb2.sensitive])


def redacted(message: M) -> M:
    """A copy without the sensitive fields, at any depth."""
    copy = type(message)()
    copy.CopyFrom(message)
    _clear(copy)
    return copy


def _clear(message: Message) -> None:
    for field, value in message.ListFields():
        if is_sensitive(field):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                _clear(part)
