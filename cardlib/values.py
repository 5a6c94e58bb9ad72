"""What items hold once they are decoded: frozen values of our own, and what is to be said about them.

Every value that differs from what the specification wants says so itself, in ``concerns``. ``repr`` and ``str`` of a
value never show it, because a person's data must not reach a log by accident: use its attributes.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias

from cardlib.text import REPLACEMENT


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
    CODE_UNKNOWN = "CODE_UNKNOWN", "the code is not in the table of the specification", "代码不在规范代码表内"
    DATE_NOT_STANDARD = "DATE_NOT_STANDARD", "the date is not written as packed YYYYMMDD", "日期未按规范格式存储"
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
    """A date as it stands on a card (日期): ``text`` holds its digits, YYYYMMDD, or what else was found.

    ``standard`` is False where the card does not store packed YYYYMMDD: cards of early issues hold the year alone, as
    four ASCII digits, for which ``text`` is "2012".
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
        return self._day(self.text)

    @property
    def iso(self) -> str:
        """YYYY-MM-DD of eight digits, real day or not; other text as it is."""
        return f"{self.text[:4]}-{self.text[4:6]}-{self.text[6:]}" if len(self.text) == 8 else self.text

    @property
    def first_day(self) -> dt.date | None:
        """The day, or 1 January where ``text`` is a year; else None."""
        return self._day(f"{self.text}0101") if self._is_year else self.date

    @property
    def last_day(self) -> dt.date | None:
        """The day, or 31 December where ``text`` is a year; else None."""
        return self._day(f"{self.text}1231") if self._is_year else self.date

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """What differs from a packed day of the calendar."""
        if not self.standard:
            return (Concern.DATE_NOT_STANDARD,)
        return () if self.date else (Concern.DATE_IMPOSSIBLE,)

    @property
    def _is_year(self) -> bool:
        return len(self.text) == 4

    @staticmethod
    def _day(digits: str) -> dt.date | None:
        if len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
            return None
        try:
            return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        except ValueError:
            return None

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


Value: TypeAlias = str | bytes | CardDate | Coded | CardIdentifier | Mapping[str, "Value"] | None
"""What an item holds; None where it is blank, missing or unreadable."""


def concerns(value: Value) -> tuple[Concern, ...]:
    """What is to be said about a decoded value."""
    if isinstance(value, CardDate | Coded | CardIdentifier):
        return value.concerns
    if isinstance(value, str):
        return (Concern.TEXT_UNDECODABLE,) if REPLACEMENT in value else ()
    if isinstance(value, Mapping):
        return tuple(dict.fromkeys(concern for part in value.values() for concern in concerns(part)))
    return ()
