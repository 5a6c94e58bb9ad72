"""Values as the interface writes them: what is stored, by the type of the item [S1 §7, S3].

``cn`` are its digits, ``an`` its text, ``b`` upper-case hexadecimal, each without the padding; a blank is nothing. The
parts of a constructed item stand one behind the other, with ``^`` between them, like the fields of a cyclic record.
"""

import re

from apdu.errors import TlvError
from apdu.tlv import encode_simple, parse_simple
from cardlib.errors import ItemError
from cardlib.items import Joined, Records
from cardlib.national.address import PART_END, escaped
from cardlib.schema import PADDING, Btlv, Schema, SchemaError
from cardlib.text import decode_text_leniently, encode_text
from cardlib.values import CardDate, CardIdentifier, Value


def text_of(schema: Schema, raw: bytes) -> str:
    """The text for stored bytes; what cannot be taken apart is given in hexadecimal, so that nothing is lost."""
    if isinstance(schema, Btlv):
        return _inner_texts(schema, raw)
    match schema.decode(raw), schema.notation:
        case None, _:
            text = ""
        case CardIdentifier() as identifier, _:
            text = identifier.digits
        case CardDate() as date, _:
            # Cards of early issues hold a year in ASCII digits.
            text = date.text
        case _, "cn":
            text = raw.hex().upper().rstrip("F")
        case _, "an":
            text = decode_text_leniently(raw.rstrip(PADDING))
        case _:
            text = raw.hex().upper()
    return escaped(text)


def value_of(schema: Schema, text: str) -> Value:
    """The value for a text; strict: raises :class:`~cardlib.schema.SchemaError` unless it may be written."""
    if not text:
        return None
    value = schema.decode(_stored(schema, text))
    schema.encode(value)
    return value


def joined_texts(view: Joined, records: Records) -> dict[int, str]:
    """The text of a joined item cut where its records meet: what each part shows, by tag.

    A character that lies across the border goes to the record where it ends, so that the texts one behind the other
    are the whole; half a character would take the sign behind it along.
    """
    (value, _) = view.read(records)[view.name]
    rest = value if isinstance(value, str) else ""
    texts = {}
    for part, tag in zip(view.parts, view.tags, strict=True):
        taken = rest
        while tag != view.tags[-1] and len(encode_text(taken)) > part.size:
            taken = taken[:-1]
        texts[tag], rest = taken, rest[len(taken) :]
    return texts


def split_parts(text: str, count: int) -> list[str]:
    """The texts of ``count`` parts; raises :class:`~cardlib.schema.SchemaError` where there are more or fewer.

    Some callers end the last part with ``^``, as iReadDebitRecord does, others do not.
    """
    parts = text.split(PART_END)
    if len(parts) == count + 1 and not parts[-1]:
        parts.pop()
    if len(parts) != count:
        raise SchemaError(f"takes {count} parts with ^ between them")
    return parts


def _stored(schema: Schema, text: str) -> bytes:
    if isinstance(schema, Btlv):
        return _inner_stored(schema, text)
    if schema.notation == "an":
        try:
            raw = encode_text(text)
        except ItemError as error:
            raise SchemaError(error.reason) from None
    elif re.fullmatch("[0-9A-Fa-f]+", text) and (schema.notation == "cn" or len(text) % 2 == 0):
        raw = bytes.fromhex(text + "F" * (len(text) % 2))
    else:
        raise SchemaError("takes digits" if schema.notation == "cn" else "takes bytes in hexadecimal")
    if len(raw) > schema.size or (schema.notation == "b" and len(raw) != schema.size):
        raise SchemaError(f"takes {schema.size} bytes, not {len(raw)}")
    return raw.ljust(schema.size, schema.filler)


def _inner_texts(schema: Btlv, raw: bytes) -> str:
    try:
        inner = dict(reversed(parse_simple(raw)))
    except TlvError:
        return raw.hex().upper()
    if schema.decode(raw) is None:
        return ""
    return PART_END.join(text_of(part.schema, inner.get(tag, b"")) for tag, part in schema.inner.items())


def _inner_stored(schema: Btlv, text: str) -> bytes:
    texts = split_parts(text, len(schema.inner))
    return b"".join(
        encode_simple(tag, part.schema.encode(value_of(part.schema, inner)))
        for (tag, part), inner in zip(schema.inner.items(), texts, strict=True)
    )
