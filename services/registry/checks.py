"""What callers tell the registry, checked and brought to one form: numbers in upper case and half width."""

import re
import unicodedata
from datetime import date
from typing import Final

from services.errors import InvalidRequestError
from services.identity_numbers import has_identity_number
from services.registry.documents import MAX_NAME, MAX_NUMBER
from services.registry.model import PersonData
from services.registry.texts import matching, text
from sscard.v1 import registry_pb2

MAX_INSTITUTION_NAME: Final = 100
MAX_REASON: Final = 255
MAX_PHONE: Final = 32
FIRST_CARDS: Final = date(1999, 1, 1)
"""Before this day nobody received a social security card."""
ID: Final = "[0-9a-f]{32}"
"""The registry's own names of people and cards."""


def institution_code(field: str, value: str) -> str:
    """Code of an institution."""
    return matching(field, value, "[0-9A-Za-z-]{1,32}", "1 to 32 letters, digits and hyphens")


def reason(field: str, value: str) -> str:
    """Why something happened to a card, in words that are kept in clear."""
    if has_identity_number(value):
        raise InvalidRequestError(field, "has what looks like an identity number, and is kept in clear: leave it out")
    return text(field, value, MAX_REASON, least=0)


def registry_id(field: str, value: str) -> str:
    """The registry's own name of a person or a card."""
    return matching(field, value.lower(), ID, "the 32 hexadecimal digits of an id of the registry")


def social_security_number(field: str, value: str) -> str:
    """社会保障号码. Its check digit is not looked at: there are numbers that break it."""
    return matching(field, _typed(value), "[0-9A-Z]{18}", "the 18 characters of a social security number")


def card_identifier(field: str, value: str) -> str:
    """卡的识别码."""
    return matching(field, _typed(value), "[0-9A-F]{32}", "the 32 hexadecimal digits of a card identifier")


def card_number(field: str, value: str) -> str:
    """卡号. Its check character is not looked at either."""
    return matching(field, _typed(value), "[0-9A-Z]{9}", "the nine characters of a card number")


def medical_card_number(field: str, value: str) -> str:
    """Number of an original medical card."""
    return matching(field, _typed(value), "[0-9A-Z]{1,32}", "1 to 32 letters and digits")


def person(message: registry_pb2.Person, today: date) -> PersonData:
    """The person of a request, who was born by ``today``."""
    if message.id:
        raise InvalidRequestError("person.id", "is given by the registry: leave it empty")
    birth_date = message.birth_date and past_day("person.birth_date", message.birth_date, today).isoformat()
    if message.sex:
        matching("person.sex", message.sex, "[0129]", "a code of GB/T 2261.1: 0, 1, 2 or 9")
    if message.phone:
        matching("person.phone", message.phone, f"[0-9+() -]{{1,{MAX_PHONE}}}", f"up to {MAX_PHONE} digits, + ( ) -")
    return PersonData(
        social_security_number=social_security_number("person.social_security_number", message.social_security_number),
        name=text("person.name", message.name, MAX_NAME),
        birth_date=birth_date,
        sex=message.sex,
        phone=message.phone,
        document_number=text("person.document_number", _typed(message.document_number), MAX_NUMBER, least=0),
    )


def received_day(field: str, value: str, today: date) -> date:
    """A day on which somebody can have received a card: with one from before, the half year would long be over."""
    day = past_day(field, value, today)
    if day < FIRST_CARDS:
        raise InvalidRequestError(field, f"is a day before there were such cards, {FIRST_CARDS}")
    return day


def past_day(field: str, value: str, today: date) -> date:
    """A day, YYYY-MM-DD, not after ``today``."""
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if day <= today:
                return day
            raise InvalidRequestError(field, "is a day in the future")
    raise InvalidRequestError(field, "takes a day as YYYY-MM-DD")


def _typed(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().upper()
