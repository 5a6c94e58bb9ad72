"""What items hold once they are decoded: frozen values of our own, and what is to be said about them.

Every value that differs from what the specification wants says so itself, in ``concerns``. ``repr`` and ``str`` of a
value never show it, because a person's data must not reach a log by accident: use its attributes.
"""

import datetime as dt
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self, TypeAlias

from cardlib.text import REPLACEMENT

_LENGTHS: Final = frozenset({4, 6, 8, 14})
"""Digits of a year, a month, a day and a second."""


class Concern(StrEnum):
    """Something about an item that its reader should know, with a sentence in both languages (警告)."""

    en: str
    zh: str

    def __new__(cls, code: str, en: str, zh: str) -> Self:
        """One member: its code, which is the contract, and its two sentences, which are not."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.en = en
        member.zh = zh
        return member

    RECORD_MISSING = "RECORD_MISSING", "the card has no such record", "卡内无此记录"
    LENGTH_DIFFERS = "LENGTH_DIFFERS", "the record's length differs from the specification", "记录长度与规范不符"
    TEXT_UNDECODABLE = "TEXT_UNDECODABLE", "contains bytes that are no GB 18030 text", "含有无法解码的字符"
    ITEM_UNREADABLE = "ITEM_UNREADABLE", "does not have the structure the specification gives", "数据结构不符合规范"
    NUMBER_NOT_DIGITS = "NUMBER_NOT_DIGITS", "holds something else than the digits of a number", "数值含有非数字字符"
    REGION_MALFORMED = "REGION_MALFORMED", "is not a region code of six digits", "行政区划代码格式不符"
    CODE_UNKNOWN = "CODE_UNKNOWN", "the code is not in the table of the specification", "代码不在规范代码表内"
    DATE_NOT_STANDARD = "DATE_NOT_STANDARD", "the date is not written as packed digits", "日期未按规范格式存储"
    DATE_IMPOSSIBLE = "DATE_IMPOSSIBLE", "there is no such day in the calendar", "日期不存在"
    DATE_IN_FUTURE = "DATE_IN_FUTURE", "the date lies in the future", "日期晚于今日"
    EXPIRED = "EXPIRED", "the card's validity has ended", "卡片已过有效期"
    ID_CHECK_DIGIT = (
        "ID_CHECK_DIGIT",
        "is not a citizen's number of GB 11643, or its check digit is wrong",
        "不符合公民身份号码规则或校验码错误",
    )
    CARD_NUMBER_CHECK = "CARD_NUMBER_CHECK", "the card number's check character is wrong", "卡号校验位错误"


@dataclass(frozen=True, slots=True)
class ItemWarning:
    """A concern about one item of one file; the item's value is returned all the same (警告).

    ``file`` and ``item`` are names of the profile ("holder", "birth_date"), ``item_zh`` is the item's Chinese name.
    """

    code: Concern
    file: str
    item: str
    item_zh: str

    @property
    def message(self) -> str:
        """The sentence in English, without any of the data."""
        return f"{self.file}.{self.item}: {self.code.en}"

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese (中文说明), without any of the data."""
        return f"{self.item_zh}：{self.code.zh}"


@dataclass(frozen=True, slots=True, repr=False)
class CardDate:
    """A year, month, day or second as it stands on a card (日期): ``text`` holds its digits, or what else was found.

    YYYY, YYYYMM, YYYYMMDD or YYYYMMDDhhmmss: the number of digits tells which. ``standard`` is False where the card
    does not store them packed: cards of early issues hold the year alone, as four ASCII digits, in the place of a day.
    """

    text: str
    standard: bool = True

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """The card's form of a day."""
        return cls(day.isoformat().replace("-", ""))

    @property
    def date(self) -> dt.date | None:
        """The day, or None where ``text`` does not name one of the calendar."""
        return self.first_day if len(self.text) in {8, 14} else None

    @property
    def iso(self) -> str:
        """YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss, possible or not; text of another length as it is."""
        text = self.text
        if len(text) not in _LENGTHS:
            return text
        day = "-".join(part for part in (text[:4], text[4:6], text[6:8]) if part)
        return f"{day}T{text[8:10]}:{text[10:12]}:{text[12:]}" if len(text) == 14 else day

    @property
    def first_day(self) -> dt.date | None:
        """The day, or the first one of a month or a year; None for what is not in the calendar."""
        if len(self.text) not in _LENGTHS or not (self.text.isascii() and self.text.isdigit()):
            return None
        first = "00000101000000"
        try:
            return dt.datetime.strptime(self.text + first[len(self.text) :], "%Y%m%d%H%M%S").date()  # noqa: DTZ007
        except ValueError:
            return None

    @property
    def last_day(self) -> dt.date | None:
        """The day, or the last one of a month or a year; None for what is not in the calendar."""
        first = self.first_day
        if first is None or len(self.text) > 6:
            return first
        month = first.month if len(self.text) == 6 else 12
        return first.replace(month=month, day=monthrange(first.year, month)[1])

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """What differs from packed digits of something in the calendar."""
        if not self.standard:
            return (Concern.DATE_NOT_STANDARD,)
        return () if self.first_day else (Concern.DATE_IMPOSSIBLE,)

    def __repr__(self) -> str:
        return "<CardDate>"


@dataclass(frozen=True, slots=True, repr=False)
class Coded:
    """A code and what it means in Chinese and English (代码); meanings are "" where the table does not ``know`` it."""

    code: str
    zh: str = ""
    en: str = ""
    known: bool = False

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """Whether the code is missing from its table."""
        return () if self.known else (Concern.CODE_UNKNOWN,)

    def __repr__(self) -> str:
        return "<Coded>"


@dataclass(frozen=True, slots=True, repr=False)
class CardIdentifier:
    """The 16 bytes that identify a card nation-wide (卡的识别码) [S1 §8.1.1.1]: ``digits`` are its 32 hex digits.

    The first 24 are the issuing code (发行码): city, D156000005 (the RID of the social security card), serial number.
    """

    digits: str

    @property
    def region(self) -> str:
        """Six digits: the city whose keys the card holds (应用城市代码); a factor of key diversification."""
        return self.digits[:6]

    @property
    def serial(self) -> str:
        """Eight hex digits (卡序列号): packed digits by their type, but A–F do occur."""
        return self.digits[16:24]

    @property
    def authentication_code(self) -> str:
        """Eight hex digits (认证码), made by the ministry in an unpublished way; FFFFFFFF where it was never set."""
        return self.digits[24:]

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """None: nothing in it can be checked without the ministry."""
        return ()

    def __repr__(self) -> str:
        return "<CardIdentifier>"


Value: TypeAlias = (
    str | int | bytes | CardDate | Coded | CardIdentifier | Mapping[str, "Value"] | tuple["Value", ...] | None
)
"""What an item holds; None where it is blank, missing or unreadable.

A constructed item holds a mapping by name, an item with several records a tuple, as long as it has records; money is an
``int`` and counts fen (分).
"""


def concerns(value: Value) -> tuple[Concern, ...]:
    """What is to be said about a decoded value, whichever item holds it."""
    if isinstance(value, CardDate | Coded | CardIdentifier):
        return value.concerns
    if isinstance(value, str):
        return (Concern.TEXT_UNDECODABLE,) if REPLACEMENT in value else ()
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return tuple(dict.fromkeys(concern for part in parts for concern in concerns(part)))
