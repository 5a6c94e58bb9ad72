"""Checks of what a card holds against the specification's rules and the calendar: warnings, never refusals.

Old cards hold numbers that break their own check digit, and foreigners' numbers are not made by GB 11643 at all: the
data are returned, with a warning beside them [S1 §8.1.2.1, annex A; S2.7 §5.4].
"""

import re
from datetime import date
from typing import Final

from cardlib.model import FileContents
from cardlib.values import CardDate, Concern, ItemWarning, Value

_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK_CHARACTERS: Final = "10X98765432"
_CARD_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def id_check_character(digits: str) -> str:
    """Check character 0…9 or X of the first 17 digits of a citizen's number (公民身份号码), GB 11643."""
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, digits, strict=True))
    return _ID_CHECK_CHARACTERS[total % 11]


def card_number_check_character(body: str) -> str:
    """Check character 0…9 or X of a card number's eight-character body (卡号本体), A…Z counting 10…35 [S1 annex A]."""
    total = sum(weight * int(character, 36) for weight, character in zip(_CARD_WEIGHTS, body, strict=True))
    return "0X987654321"[total % 11]


def is_citizen_number(text: str) -> bool:
    """Whether a social security number (社会保障号码) is a citizen's, with the right check character."""
    return re.fullmatch("[0-9]{17}[0-9X]", text) is not None and id_check_character(text[:17]) == text[17]


def is_card_number(text: str) -> bool:
    """Whether a card number (卡号) has nine characters with the right check character, the hyphen of print left out."""
    return re.fullmatch("[A-Z][0-9A-Z]{7}[0-9X]", text) is not None and card_number_check_character(text[:8]) == text[8]


def check_issuer(issuer: FileContents, today: date) -> tuple[ItemWarning, ...]:
    """Warnings about EF05: check character of the card number, validity, date of issue.

    The last day of validity is included; a card without an expiry date has no limit [S2.7 §5.4]. A date that names only
    a year counts from its first day and until its last.
    """
    issued, expires = (_date(issuer.values[name]) for name in ("issue_date", "expiry_date"))
    number = issuer.values["card_number"]
    found = []
    if issued is not None and issued.first_day is not None and issued.first_day > today:
        found.append(issuer.warning(Concern.DATE_IN_FUTURE, "issue_date"))
    if expires is not None and expires.last_day is not None and expires.last_day < today:
        found.append(issuer.warning(Concern.EXPIRED, "expiry_date"))
    if isinstance(number, str) and not is_card_number(number):
        found.append(issuer.warning(Concern.CARD_NUMBER_CHECK, "card_number"))
    return tuple(found)


def check_holder(holder: FileContents) -> tuple[ItemWarning, ...]:
    """Warnings about EF06: check character of the social security number."""
    number = holder.values["social_security_number"]
    if isinstance(number, str) and not is_citizen_number(number):
        return (holder.warning(Concern.ID_CHECK_DIGIT, "social_security_number"),)
    return ()


def _date(value: Value) -> CardDate | None:
    return value if isinstance(value, CardDate) else None
