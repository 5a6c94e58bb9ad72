"""What is plausible about a person's card (制卡数据合理性检查): numbers, dates and what one says about the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from cardlib.checks import is_card_number, is_citizen_number
from cardlib.codes import SEX
from cardlib.issuance.document import ChecksEntry
from cardlib.values import CardDate, CardIdentifier, Coded, Concern, Value

_MALE, _FEMALE = "1", "2"
PIN_PADS: Final = 12
"""Digits that every PIN pad takes; the command takes 16 [S2.8 §6.2.4; S2.5 §6.14]."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one item; ``is_error``: no card is made of it."""

    file: str
    item: str
    is_error: bool
    message: str
    message_zh: str


def told_by_number(number: Value) -> dict[str, Value]:
    """Sex and birth date of a citizen, which the number says [GB 11643]; nothing for other numbers."""
    if not isinstance(number, str) or not is_citizen_number(number):
        return {}
    found: dict[str, Value] = {"sex": SEX[_MALE if int(number[16]) % 2 else _FEMALE]}
    birth = CardDate(number[6:14])
    return found | ({"birth_date": birth} if birth.date else {})


def findings(
    contents: Mapping[str, Mapping[str, Value]], region: str, checks: ChecksEntry, today: date | None
) -> Iterator[Finding]:
    """Everything there is to be said about the values of a card.

    ``region``: of the template. ``today``: None, if nobody says; then no date lies in the past or in the future.
    """
    holder, issuer = contents.get("holder", {}), contents.get("issuer", {})
    yield from _about_number(holder, checks)
    number = issuer.get("card_number")
    if isinstance(number, str) and not is_card_number(number):
        concern = Concern.CARD_NUMBER_CHECK
        yield Finding("issuer", "card_number", checks.card_number == "error", concern.en, concern.zh)
    identifier = issuer.get("card_identifier")
    if isinstance(identifier, CardIdentifier) and identifier.region != region:
        yield Finding("issuer", "card_identifier", True, "its region is not the template's", "地区代码与模板不一致")
    yield from _about_dates(holder, issuer, today)


def _about_number(holder: Mapping[str, Value], checks: ChecksEntry) -> Iterator[Finding]:
    number = holder.get("social_security_number")
    if isinstance(number, str) and not is_citizen_number(number):
        concern, strict = Concern.ID_CHECK_DIGIT, checks.social_security_number == "error"
        yield Finding("holder", "social_security_number", strict, concern.en, concern.zh)
    said = told_by_number(number)
    if said and "birth_date" not in said:
        yield Finding(
            "holder", "social_security_number", True, "its birth date is not in the calendar", "号码中的出生日期不存在"
        )
    sex, birth = holder.get("sex"), holder.get("birth_date")
    if isinstance(sex, Coded) and sex.code in {_MALE, _FEMALE} and said.get("sex", sex) != sex:
        yield Finding("holder", "sex", False, "does not agree with the social security number", "与社会保障号码不一致")
    if isinstance(birth, CardDate) and said.get("birth_date", birth) != birth:
        yield Finding(
            "holder", "birth_date", False, "does not agree with the social security number", "与社会保障号码不一致"
        )


def _about_dates(holder: Mapping[str, Value], issuer: Mapping[str, Value], today: date | None) -> Iterator[Finding]:
    birth, issued, expires = (
        value.date if isinstance(value, CardDate) else None
        for value in (holder.get("birth_date"), issuer.get("issue_date"), issuer.get("expiry_date"))
    )
    if issued and expires and expires <= issued:
        yield Finding("issuer", "expiry_date", True, "is not after the issue date", "有效期应晚于发卡日期")
    if birth and issued and birth > issued:
        yield Finding("holder", "birth_date", True, "is after the issue date", "出生日期晚于发卡日期")
    if today is None:
        return
    for file, item, day in (("holder", "birth_date", birth), ("issuer", "issue_date", issued)):
        if day and day > today:
            concern = Concern.DATE_IN_FUTURE
            yield Finding(file, item, False, concern.en, concern.zh)
    if expires and expires < today:
        yield Finding("issuer", "expiry_date", False, Concern.EXPIRED.en, Concern.EXPIRED.zh)
