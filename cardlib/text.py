"""Text on the card: GB 18030 bytes (GBK and its four-byte extension), as the edition of 2022 maps them.

Python's codec maps as the edition of 2000. Nineteen two-byte codes mean a private-use character there and an assigned
one since: eighteen of them since 2022, ``A8BC`` since 2005. Cards and terminals of both ages exist, so

* both byte forms of such a character (the old two-byte code, and the four-byte code that the edition of 2000 gave it)
  are read as the assigned character;
* it is written in its two-byte form, which is the one of GB 18030-2022, and the one that every GBK terminal can show;
* the private-use character itself is not written: read back, it would be another one.

Lengths on the card count bytes: a Chinese character of GBK takes two of them, one outside GBK four.
"""

from typing import Final

from cardlib.errors import ItemError

_CODEC: Final = "gb18030"

_ASSIGNED: Final = {
    # two-byte code: A6D9…A6DF, A6EC, A6ED, A6F3 — vertical punctuation
    0xE78D: 0xFE10, 0xE78E: 0xFE12, 0xE78F: 0xFE11, 0xE790: 0xFE13, 0xE791: 0xFE14,
    0xE792: 0xFE15, 0xE793: 0xFE16, 0xE794: 0xFE17, 0xE795: 0xFE18, 0xE796: 0xFE19,
    # FE59, FE61, FE66, FE67, FE6D, FE7E, FE90, FEA0 — ideographs and components, seen in names
    0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7,
    0xE832: 0x9FB8, 0xE843: 0x9FB9, 0xE854: 0x9FBA, 0xE864: 0x9FBB,
    # A8BC — ḿ
    0xE7C7: 0x1E3F,
}  # fmt: skip
"""Private-use character of Python's codec → character of GB 18030-2022, for one two-byte code each."""

_PRIVATE: Final = {assigned: private for private, assigned in _ASSIGNED.items()}

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""What stands in a decoded text for bytes that are no text."""

_CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), REPLACEMENT)


def assigned(text: str) -> str:
    """Text with the characters of GB 18030-2022 in place of the private-use ones that stood for them before."""
    return text.translate(_ASSIGNED)


def decode_text(data: bytes) -> str:
    """GB 18030 bytes, of either edition, as text; raises :class:`~cardlib.errors.ItemError` for bytes that are none."""
    try:
        return assigned(data.decode(_CODEC))
    except UnicodeDecodeError:
        # The codec's error holds the bytes: it must not travel on.
        raise ItemError("text", "holds bytes that are no GB 18030 text") from None


def decode_text_leniently(data: bytes) -> str:
    """As :func:`decode_text`, but with U+FFFD for bytes that are no text and for control characters; never raises.

    Control characters have no business in an item, and would reach terminals as commands.
    """
    return assigned(data.decode(_CODEC, errors="replace")).translate(_CONTROLS)


def encode_text(text: str) -> bytes:
    """Text as GB 18030-2022 bytes, such that :func:`decode_text` gives the same text back.

    Raises :class:`~cardlib.errors.ItemError` for lone surrogates, which are no characters, and for private-use
    characters that have an assigned form.
    """
    if not _ASSIGNED.keys().isdisjoint(map(ord, text)):
        raise ItemError("text", "holds a private-use character for which GB 18030 has an assigned one")
    try:
        return text.translate(_PRIVATE).encode(_CODEC)
    except UnicodeEncodeError:
        raise ItemError("text", "holds a character that GB 18030 does not have") from None
