"""What is printed about one person (卡面数据) [flows §8.3]."""

import datetime as dt
import unicodedata
from dataclasses import dataclass
from typing import Final, Self

from cardlib.codes import SEX
from cardlib.files import TransparentFile
from cardlib.issuance.order import Contents
from cardlib.model import CardProfile
from cardlib.values import CardDate, Coded, Value
from services.face.errors import FaceDataError

_CARD_NUMBER_LENGTH: Final = 9
_NOT_TEXT: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Categories of what steers text. Whether a character that Unicode knows only lately can be printed, the fonts say."""
_PRINTED_SEXES: Final = {code: SEX[code].zh.removesuffix("性") for code in ("1", "2")}
"""男 and 女. A card never says 未说明: the item is left out."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CardFace:
    """The values of one card's face; ``repr`` shows none of them.

    ``sex``: as printed, "" leaves it out. ``social_security_number``: 18 characters. ``card_number``: nine characters
    without the hyphen. ``issue_date``,
    ``expiry_date``: None leaves it out. ``photo``: the picture as delivered, JPEG, PNG or BMP.
    ``bank_card_number``: digits, "" for none. ``issuer_name``: the bureau. ``phones``: service phones with their
    names, such as "服务电话 12333". Raises :class:`~services.face.errors.FaceDataError`.
    """

    name: str
    sex: str = ""
    social_security_number: str
    card_number: str
    issue_date: dt.date | None = None
    expiry_date: dt.date | None = None
    photo: bytes
    bank_card_number: str = ""
    issuer_name: str = ""
    phones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for item in ("name", "social_security_number", "card_number", "photo"):
            if not getattr(self, item):
                raise FaceDataError(item, "is missing")
        for item in ("name", "sex", "issuer_name"):
            if any(unicodedata.category(character) in _NOT_TEXT for character in getattr(self, item)):
                raise FaceDataError(item, "holds control or format characters")
        if not (self.social_security_number.isascii() and self.social_security_number.isalnum()):
            raise FaceDataError("social_security_number", "holds something else than digits and letters")
        if not (self.card_number.isascii() and self.card_number.isalnum()):
            raise FaceDataError("card_number", "holds something else than digits and letters; its hyphen is not stored")
        if len(self.card_number) != _CARD_NUMBER_LENGTH:
            raise FaceDataError("card_number", f"has not {_CARD_NUMBER_LENGTH} characters")
        if self.bank_card_number and not (self.bank_card_number.isascii() and self.bank_card_number.isdecimal()):
            raise FaceDataError("bank_card_number", "holds something else than digits")

    def __repr__(self) -> str:
        return "<CardFace>"

    @classmethod
    def from_contents(  # noqa: PLR0913  # what the card itself does not hold
        cls,
        profile: CardProfile,
        contents: Contents,
        *,
        photo: bytes | None = None,
        bank_card_number: str = "",
        issuer_name: str = "",
        phones: tuple[str, ...] = (),
        premade: bool = False,
    ) -> Self:
        """The face of a card from what is written to it, :attr:`cardlib.issuance.order.CardOrder.contents`.

        ``photo``: the picture as delivered, which is better for print than the one of 4 096 bytes that the card holds;
        None takes that one. ``premade``: the contents are not all that is on the card, and the issue date may be left
        out. Raises :class:`~services.face.errors.FaceDataError`.
        """
        holder, issuer = contents.get("holder", {}), contents.get("issuer", {})
        return cls(
            name=_text(holder.get("name"), "name"),
            sex=_sex(holder.get("sex")),
            social_security_number=_text(holder.get("social_security_number"), "social_security_number"),
            # Longer numbers of early issues: the first nine characters count [S3 §10.4].
            card_number=_text(issuer.get("card_number"), "card_number")[:_CARD_NUMBER_LENGTH],
            issue_date=None
            if premade and not issuer.get("issue_date")
            else _day(issuer.get("issue_date"), "issue_date"),
            expiry_date=_day(issuer["expiry_date"], "expiry_date") if issuer.get("expiry_date") else None,
            photo=_photo(profile, contents) if photo is None else photo,
            bank_card_number=bank_card_number,
            issuer_name=issuer_name,
            phones=phones,
        )


def photo_limit(profile: CardProfile) -> int:
    """Bytes that the card's photo file holds (照片信息文件), 4 096; the limit for the photo that is written to it."""
    return profile.file_named("photo").size


def _photo(profile: CardProfile, contents: Contents) -> bytes:
    """What the contents have for the photo's file, which has one item."""
    file = profile.file_named("photo")
    assert isinstance(file, TransparentFile)
    value = contents.get(file.name, {}).get(file.items[0].name)
    if not isinstance(value, bytes):
        raise FaceDataError("photo", "is missing")
    return value


def _text(value: Value, item: str) -> str:
    if not isinstance(value, str) or not value:
        raise FaceDataError(item, "is missing")
    return value


def _sex(value: Value) -> str:
    code = value.code if isinstance(value, Coded) else value
    return _PRINTED_SEXES.get(code, "") if isinstance(code, str) else ""


def _day(value: Value, item: str) -> dt.date:
    day = value.date if isinstance(value, CardDate) else None
    if day is None:
        raise FaceDataError(item, "is not a day of the calendar")
    return day
