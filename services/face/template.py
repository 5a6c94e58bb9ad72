"""Templates of the card's face (卡面模板): where what is printed stands, and what a deployment decides about it.

What ships is data, ``data/*.toml``: the front (正面), and the back (背面) in the layouts F (bank-combined, with the
chip at the right) and T (plain, chip at the left), which one clause of the standard mixes [flows §8.1–8.2, R40].
Millimetres from the upper left corner, x to the right, y down; type sizes in points of 1/72 inch.
A deployment writes a file of its own on top of a layout: see :func:`load_template` and the manual.
"""

import tomllib
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.face.errors import TemplateError

WIDTH, HEIGHT = 85.60, 53.98
"""Millimetres of an ID-1 card."""


class Item(StrEnum):
    """What may be printed about the person, in the order of print, with its label [flows §8.3, R41]."""

    label: str

    def __new__(cls, name: str, label: str) -> Self:
        """One member: the name of the attribute of :class:`~services.face.card_face.CardFace`, and its label."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.label = label
        return member

    NAME = "name", "姓名"
    SEX = "sex", "性别"
    SOCIAL_SECURITY_NUMBER = "social_security_number", "社会保障号码"
    CARD_NUMBER = "card_number", "卡号"
    ISSUE_DATE = "issue_date", "发卡日期"
    EXPIRY_DATE = "expiry_date", "有效期"


class DateForm(StrEnum):
    """How a date is printed; the standard does not say (C)."""

    ISO = "YYYY-MM-DD"
    YEAR_MONTH = "年月"


class Role(StrEnum):
    """What a text is set in: Song (宋体), sans serif (黑体), or Li (隶书), which has the front's title alone."""

    SONG = "song"
    SANS = "sans"
    LI = "li"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Box(_Part):
    """A rectangle on the card, in millimetres."""

    x: float = Field(ge=0, le=WIDTH)
    y: float = Field(ge=0, le=HEIGHT)
    w: float = Field(gt=0, le=WIDTH)
    h: float = Field(gt=0, le=HEIGHT)

    @model_validator(mode="after")
    def _on_the_card(self) -> Self:
        if self.x + self.w > WIDTH + 0.01 or self.y + self.h > HEIGHT + 0.01:
            raise ValueError("reaches over the edge of the card")
        return self


class Mark(Box):
    """A picture of the deployment (标识): whole, as large as fits the box, in its middle; a background fills it."""

    name: str
    caption: str
    """What stands in the placeholder."""
    shape: Literal["box", "circle", "background"] = "box"


class Words(_Part):
    """One line of text, aligned by its ink.

    The card's data have the text under ``name``; else the template's ``texts``; else it is ``text``; where there is
    none, nothing is printed. ``y``: upper edge of full-size characters, or ``bottom``: lower edge of the ink. ``x``:
    left edge, or the right one if ``align`` says so. ``w``: the most it may be wide; with ``spread`` exactly as wide.
    ``size``, ``least``: points, and how far it may shrink to fit. ``group``: that many characters, then a gap of
    ``gap`` mm.
    """

    name: str
    text: str | None = None
    font: Role
    size: float = Field(gt=0)
    least: float | None = Field(default=None, gt=0)
    x: float = Field(ge=0, le=WIDTH)
    y: float | None = Field(default=None, ge=0, le=HEIGHT)
    bottom: float | None = Field(default=None, ge=0, le=HEIGHT)
    w: float = Field(gt=0, le=WIDTH)
    align: Literal["left", "right"] = "left"
    spread: bool = False
    group: int | None = Field(default=None, gt=0)
    gap: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_one_height(self) -> Self:
        if (self.y is None) == (self.bottom is None):
            raise ValueError("has either y or bottom")
        return self


class Triangle(Box):
    """The outline of a triangle that points right: which end goes into the reader."""


class Line(_Part):
    """One line of basic information: upper edge of its characters, and where it must have ended."""

    y: float = Field(ge=0, le=HEIGHT)
    right: float = Field(gt=0, le=WIDTH)


class Information(_Part):
    """Basic information (基本信息): one item after the other, label then value.

    ``x``: left edge of the labels, ``second``: of the second item of a line. ``gap``: between label and value, unless
    ``values`` has the x of an item's value. ``arrangements``: which items share a line; the first is taken in which
    everything fits. ``name_top``: how far up a name of several lines may reach; its last line stays in its place.
    ``size``, ``least``: points; ``least_whole``: a name smaller than that on one line is broken into several.
    """

    font: Role
    size: float = Field(gt=0)
    least: float = Field(gt=0)
    least_whole: float = Field(gt=0)
    x: float = Field(ge=0, le=WIDTH)
    second: float = Field(ge=0, le=WIDTH)
    gap: float = Field(ge=0)
    name_top: float = Field(ge=0, le=HEIGHT)
    values: dict[Item, float] = {}
    lines: tuple[Line, ...] = Field(min_length=1)
    arrangements: tuple[tuple[tuple[Item, ...], ...], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_hold_every_item(self) -> Self:
        for number, rows in enumerate(self.arrangements, 1):
            if sorted(item for row in rows for item in row) != sorted(Item):
                raise ValueError(f"arrangement {number} does not have every item once")
            if len(rows) > len(self.lines) or any(not 1 <= len(row) <= 2 for row in rows):
                raise ValueError(
                    f"arrangement {number} has more lines than there are, or a line not of one or two items"
                )
        return self


class Side(_Part):
    """One side of the card; what comes first lies below. ``chip`` is where nothing can be printed."""

    marks: tuple[Mark, ...] = ()
    words: tuple[Words, ...] = ()
    triangles: tuple[Triangle, ...] = ()
    photo: Box | None = None
    chip: Box | None = None
    information: Information | None = None


class Template(_Part):
    """Both sides, and what a deployment decides.

    ``items``: what is printed about the person; their order is the standard's. ``assets``: pictures by the names of
    marks. ``fonts``: files by role, ``path`` or ``path#index`` within a collection, the first that has a character is
    taken. ``texts``: what words say by their names (``bank_name``, ``maker_code``). ``preprinted``: names of marks and
    words that the blank cards carry already: they are not drawn, and need no assets.
    """

    front: Side
    back: Side
    items: frozenset[Item] = frozenset(Item)
    date_form: DateForm = DateForm.ISO
    hyphen: bool = True
    assets: dict[str, Path] = {}
    fonts: dict[Role, tuple[str, ...]] = {}
    texts: dict[str, str] = {}
    preprinted: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        marks = {mark.name for side in (self.front, self.back) for mark in side.marks}
        words = {words.name for side in (self.front, self.back) for words in side.words}
        for where, names, known in (
            ("assets", self.assets.keys(), marks),
            ("texts", self.texts.keys(), words),
            ("preprinted", self.preprinted, marks | words),
        ):
            if unknown := sorted(names - known):
                raise ValueError(f"{where}: there is no {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return self

    def missing(self) -> list[str]:
        """What production output would lack: marks without a file, and a Li font for the title; empty if nothing."""
        sides = (self.front, self.back)
        carried = self.preprinted | self.assets.keys()
        lacking = [f"asset {mark.name}" for side in sides for mark in side.marks if mark.name not in carried]
        # No font of this style is free: the stand-in is for proofs.
        words = [words for side in sides for words in side.words if words.name not in self.preprinted]
        if Role.LI not in self.fonts and any(each.font is Role.LI for each in words):
            lacking.append("font li")
        return lacking


_LAYOUTS: Final = {"F": "layout-f.toml", "T": "layout-t.toml"}
_FRONT: Final = "front.toml"


@cache
def layout(name: str) -> Template:
    """Layout "F" or "T" as it ships; raises :class:`~services.face.errors.TemplateError` for another name."""
    return Template.model_validate(_layout_data(name))


def load_template(path: Path) -> Template:
    """The template in a deployment's TOML file.

    ``layout = "F"`` or ``"T"`` says what it builds on; every other key is one of :class:`Template`'s and replaces what
    is there, table by table for ``front`` and ``back``. Paths are relative to the file. Raises
    :class:`~services.face.errors.TemplateError` with all mistakes.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError([f"{path}: {error.strerror}"]) from None
    except ValueError as error:
        raise TemplateError([f"{path}: no TOML file in UTF-8: {error}"]) from None
    whole = _layout_data(data.pop("layout", None))
    for side in ("front", "back"):
        if isinstance(changed := data.pop(side, {}), dict):
            whole[side] = {**whole[side], **changed}
        else:
            raise TemplateError([f"{side}: is no table"])
    whole.update(data)
    try:
        template = Template.model_validate(whole)
    except ValidationError as error:
        raise TemplateError(
            [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
        ) from None
    here = path.parent
    return template.model_copy(
        update={
            "assets": {name: here / asset for name, asset in template.assets.items()},
            "fonts": {role: tuple(str(here / each) for each in files) for role, files in template.fonts.items()},
        }
    )


def _layout_data(name: object) -> dict[str, Any]:
    if not isinstance(name, str) or name not in _LAYOUTS:
        raise TemplateError([f"layout: is one of {', '.join(_LAYOUTS)}"])
    data = resources.files("services.face") / "data"
    front, back = (tomllib.loads((data / file).read_text(encoding="utf-8")) for file in (_FRONT, _LAYOUTS[name]))
    return {"front": front, "back": back}
