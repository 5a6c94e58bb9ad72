"""Identity numbers where none belong (公民身份号码): names of requests and remarks are kept in clear."""

import re
from typing import Final

# Region, date of birth, three digits, check digit. That is not looked at: there are numbers that break it.
_NUMBER: Final = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)", re.ASCII
)


def has_identity_number(text: str) -> bool:
    """Whether 18 characters somewhere in a text look like an identity number."""
    return _NUMBER.search(text) is not None


def without_identity_numbers(text: str, instead: str) -> str:
    """The text, with ``instead`` in place of each."""
    return _NUMBER.sub(instead, text)
