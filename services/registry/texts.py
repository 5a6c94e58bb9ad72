"""Texts that people type into the registry (文本)."""

import re
import unicodedata

from services.errors import InvalidRequestError

_NOT_TEXT = ("Cc", "Cs", "Zl", "Zp")


def is_text(value: str) -> bool:
    """Whether there are no control characters; those of private use stay, rare characters of names are among them."""
    return all(unicodedata.category(character) not in _NOT_TEXT for character in value)


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
