"""What callers ask for, checked: whatever breaks a rule of the .proto files is an InvalidRequestError."""

import re
from collections.abc import Sequence
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from apdu.secret import Secret
from services.errors import InvalidRequestError
from services.identity_numbers import has_identity_number
from sscard.v1 import files_pb2

MAX_NAME: Final = 255
"""Characters in a reader's name; PC/SC has at most 127 bytes."""
MAX_FILES: Final = 500
"""Names of files and items in one request; a card has about 300 items."""
MAX_REASON: Final = 255
"""Characters of why a card is made once more."""
MAX_OPERATOR: Final = 64
"""Characters of the name of who makes a card."""
EVERYTHING: Final = "*"


def reader_name(value: str, *, field: str = "reader") -> str:
    """The name of a reader."""
    if not value:
        raise InvalidRequestError(field, "is required")
    if len(value) > MAX_NAME:
        # It comes back in the error's metadata, for which HTTP/2 has little room.
        raise InvalidRequestError(field, f"is longer than {MAX_NAME} characters")
    return value


def packed_pin(digits: str, *, field: str = "pin") -> Secret | None:
    """The PIN as VERIFY takes it, packed, an odd digit filled up with F [S2.5 §6.14]; None for no digits."""
    if not digits:
        return None
    if not re.fullmatch("[0-9]{4,16}", digits):
        raise InvalidRequestError(field, "takes 4 to 16 digits")
    return Secret(bytes.fromhex(digits + "F" * (len(digits) % 2)))


def wanted_names(files: Sequence[str], mask: FieldMask) -> frozenset[str] | None:
    """Names of files and items to read, None for everything."""
    if EVERYTHING in files:
        return None
    if any(not 0 < len(name) <= MAX_NAME for name in files):
        raise InvalidRequestError("files", f"takes names of 1 to {MAX_NAME} characters")
    names = frozenset((*files, *mask_paths("read_mask", mask)))
    if not names:
        raise InvalidRequestError("files", "names no file, and neither does read_mask")
    if len(names) > MAX_FILES:
        raise InvalidRequestError("files", f"takes up to {MAX_FILES} names")
    return names


def mask_paths(field: str, mask: FieldMask) -> tuple[str, ...]:
    """The paths of a mask over CardFiles: ``file`` or ``file.item``."""
    for path in mask.paths:
        if path.count(".") > 1 or not FieldMask(paths=[path]).IsValidForDescriptor(files_pb2.CardFiles.DESCRIPTOR):
            raise InvalidRequestError(field, f"takes names of files and items, not {path[:MAX_NAME]!r}")
    return tuple(mask.paths)


def request_id(value: str) -> str:
    """The name that a caller gives to a request that changes something."""
    if has_identity_number(value):
        raise InvalidRequestError("request_id", "looks like an identity number, and is kept in clear: choose another")
    if not is_request_id(value):
        raise InvalidRequestError("request_id", "takes 1 to 64 letters, digits and hyphens")
    return value


def is_request_id(value: str) -> bool:
    """Whether a request may be called so; what may not is not written into any log, it may be anything."""
    return re.fullmatch("[0-9A-Za-z-]{1,64}", value) is not None and not has_identity_number(value)


def operator(value: str) -> str:
    """Who makes a card, as the caller says."""
    if len(value) > MAX_OPERATOR or not value.isprintable():
        raise InvalidRequestError("operator", f"takes up to {MAX_OPERATOR} printable characters")
    return value


def again_reason(value: str) -> str:
    """Why a card is made once more, as the caller says."""
    if len(value) > MAX_REASON or not value.isprintable():
        raise InvalidRequestError("again_reason", f"takes up to {MAX_REASON} printable characters")
    return value.strip()


def certificate_number(value: str) -> str:
    """The number of a certificate."""
    if not re.fullmatch("[0-9a-f]{16}", value):
        raise InvalidRequestError("number", "takes the 16 hexadecimal digits of a certificate's number")
    return value
