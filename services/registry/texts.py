"""Texts that people type into the registry (文本)."""

import re
import unicodedata
from typing import Final

from services.errors import InvalidRequestError

_NOT_TEXT: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS: Final = "\u180e\u200c\u200d"
"""What Mongolian and Uyghur writing needs of the characters that only format others (Cf)."""


def is_text(value: str) -> bool:
    """Whether there are no control characters, nor such as turn what is read around or are not seen at all.

    Those of private use stay: rare characters of names are among them.
    """
    return all(sign in _JOINERS or unicodedata.category(sign) not in _NOT_TEXT for sign in value)


def text(field: str, value: str, most: int, *, least: int = 1) -> str:
    """The text without blanks around it; raises :class:`InvalidRequestError`."""
    if not least <= len(value.strip()) <= len(value) <= most or not is_text(value):
        span = f"{least} to {most}" if least else f"up to {most}"
        raise InvalidRequestError(field, f"takes {span} characters, and no control characters")
    return value.strip()


def matching(field: str, value: str, pattern: str, takes: str) -> str:
    """The value, which matches a regular expression as a whole; raises :class:`InvalidRequestError`."""
    if re.fullmatch(pattern, value) is None:
        raise InvalidRequestError(field, f"takes {takes}")
    return value
