"""BER-TLV data objects (ISO/IEC 7816-4 §5.2.2) and the card's simple TLV records (ISO/IEC 7816-4 §5.2.1).

BER-TLV is what SELECT answers: file control information (FCI), DIR entries. The card's records are *simple* TLV, one
tag byte and one length byte [S2.3 §5.3.1]: there ``1F``, ``3F``, ``5F``, ``7F`` and ``DF`` are one-byte tags and bit 6
means nothing, so a BER parser must not be let near them.

Tags are integers: ``0x6F``, ``0x9F0C``. Everything read here comes from a card, so every loop is bounded by the length
of what was read and nesting by ``max_depth``; what does not fit raises :class:`~apdu.errors.TlvError`, which never
quotes data.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from apdu.errors import TlvError

MAX_SIZE = 65_536
"""Bytes; no response APDU is longer."""

MAX_DEPTH = 8
"""Templates within templates; an FCI has three."""

_PADDING = frozenset({0x00, 0xFF})


@dataclass(frozen=True, slots=True)
class DataObject:
    """One BER-TLV data object (数据对象); ``children`` are the objects inside, when it is constructed."""

    tag: int
    value: bytes
    children: tuple["DataObject", ...] = ()


def parse(data: bytes, *, max_depth: int = MAX_DEPTH, max_size: int = MAX_SIZE) -> tuple[DataObject, ...]:
    """All BER-TLV data objects in ``data`` with everything inside them, in order.

    ``00`` and ``FF`` before, between and after objects are padding: no tag begins with them. Raises
    :class:`~apdu.errors.TlvError` when an object is cut off, when objects nest deeper than ``max_depth``, and when
    there are more than ``max_size`` bytes.
    """
    if max_depth < 1:
        raise TlvError("data objects are nested too deeply")
    return tuple(
        DataObject(tag, value, parse(value, max_depth=max_depth - 1, max_size=max_size))
        if _is_constructed(tag) and value
        else DataObject(tag, value)
        for tag, value in _objects(data, max_size)
    )


def find(data: bytes, *path: int, max_size: int = MAX_SIZE) -> bytes | None:
    """The value of the first object reached by a path of tags, or None when a tag on the way is not there.

    ``find(fci, 0x6F, 0xA5, 0x9F0C, 0x86)`` looks only where the path leads: a defect elsewhere goes unnoticed. Raises
    :class:`~apdu.errors.TlvError` for one on the way.
    """
    value: bytes | None = data
    for wanted in path:
        if value is None:
            return None
        value = next((found for tag, found in _objects(value, max_size) if tag == wanted), None)
    return value


def encode(tag: int, value: bytes) -> bytes:
    """One BER-TLV data object, its length in the fewest bytes; raises :class:`~apdu.errors.TlvError` for no tag."""
    name = tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big")
    if _read_tag(name + b"\x00", 0) != (tag, len(name)) or name[0] in _PADDING:
        raise TlvError(f"{tag:X} is not a BER-TLV tag")
    size = len(value)
    if size < 0x80:
        return name + bytes((size,)) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return name + bytes((0x80 | len(length),)) + length + value


def parse_simple(data: bytes, *, max_size: int = MAX_SIZE) -> tuple[tuple[int, bytes], ...]:
    """A run of simple TLV records as pairs of tag and value, in order; repeated tags stay repeated.

    One tag byte 01…FE, one length byte 00…FE [S2.3 §5.3.1]; ISO's three-byte length (``FF`` and two more) does not
    occur on this card and is refused. A tail of nothing but ``00``, or of nothing but ``FF``, is padding. Raises
    :class:`~apdu.errors.TlvError` when a record is cut off or there are more than ``max_size`` bytes.
    """
    _check_size(data, max_size)
    records = []
    at = 0
    while at < len(data):
        tag = data[at]
        if tag in _PADDING:
            if data.count(tag, at) != len(data) - at:
                raise TlvError(f"{tag:02X} at offset {at} is not a simple-TLV tag")
            break
        if at + 2 > len(data):
            raise TlvError(f"record {tag:02X} ends before its length")
        size = data[at + 1]
        if size == 0xFF:
            raise TlvError(f"record {tag:02X} has a three-byte length")
        records.append((tag, _value(data, at + 2, size, tag)))
        at += 2 + size
    return tuple(records)


def encode_simple(tag: int, value: bytes) -> bytes:
    """One simple TLV record; raises :class:`~apdu.errors.TlvError` unless tag is 01…FE and value at most 254 bytes."""
    if not 0x01 <= tag <= 0xFE or len(value) > 0xFE:
        raise TlvError(f"tag {tag:X} with {len(value)} bytes is not a simple-TLV record")
    return bytes((tag, len(value))) + value


def _objects(data: bytes, max_size: int) -> Iterator[tuple[int, bytes]]:
    _check_size(data, max_size)
    at = 0
    while at < len(data):
        if data[at] in _PADDING:
            at += 1
            continue
        tag, at = _read_tag(data, at)
        size, at = _read_length(data, at, tag)
        yield tag, _value(data, at, size, tag)
        at += size


def _read_tag(data: bytes, at: int) -> tuple[int, int]:
    """The tag at an offset, and the offset behind it.

    One to three bytes. ISO keeps second bytes below 1F for one-byte tags, yet cards use 9F0C and its like: any second
    byte is taken.
    """
    end = at + 1
    if data[at] & 0x1F == 0x1F:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    if end > at + 3:
        raise TlvError("a tag has more than three bytes")
    if end > len(data):
        raise TlvError("a tag is cut off")
    return int.from_bytes(data[at:end], "big"), end


def _read_length(data: bytes, at: int, tag: int) -> tuple[int, int]:
    """The length at an offset, and the offset behind it: 00…7F, or 81…84 and as many bytes; never indefinite (80)."""
    if at >= len(data):
        raise TlvError(f"object {tag:X} ends before its length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    more = first & 0x7F
    if not 1 <= more <= 4:
        raise TlvError(f"object {tag:X} has a length field that ISO/IEC 7816-4 does not know")
    if at + 1 + more > len(data):
        raise TlvError(f"object {tag:X} ends before its length")
    return int.from_bytes(data[at + 1 : at + 1 + more], "big"), at + 1 + more


def _value(data: bytes, at: int, size: int, tag: int) -> bytes:
    if at + size > len(data):
        raise TlvError(f"object {tag:X} says {size} bytes, {len(data) - at} follow")
    return data[at : at + size]


def _check_size(data: bytes, max_size: int) -> None:
    if len(data) > max_size:
        raise TlvError(f"{len(data)} bytes of TLV, at most {max_size} are read")


def _is_constructed(tag: int) -> bool:
    """Bit 6 of the first tag byte."""
    return bool(tag >> 8 * ((tag.bit_length() - 1) // 8) & 0x20)
