"""Basic information (基本信息): name, sex, numbers and dates, each on its line [flows §8.3]."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.face.card_face import CardFace
from services.face.errors import TextTooLongError
from services.face.template import DateForm, Information, Item, Line, Template
from services.face.typeset import SetLine, Typesetter, line_height


@dataclass(frozen=True, slots=True, repr=False)
class Placed:
    """A line of text and where it goes, mm."""

    line: SetLine
    x: float
    baseline: float


def values(template: Template, face: CardFace) -> dict[Item, str]:
    """What is printed for each item of the template's list that the card has."""
    number = face.card_number
    texts = {
        Item.NAME: face.name,
        Item.SEX: face.sex,
        Item.SOCIAL_SECURITY_NUMBER: face.social_security_number,
        # S1 annex A: the hyphen is print's alone.
        Item.CARD_NUMBER: f"{number[:-1]}-{number[-1]}" if template.hyphen else number,
        Item.ISSUE_DATE: _date(face.issue_date, template.date_form) if face.issue_date else "",
        Item.EXPIRY_DATE: _date(face.expiry_date, template.date_form) if face.expiry_date else "",
    }
    return {item: text for item, text in texts.items() if text and item in template.items}


def _date(day: dt.date, form: DateForm) -> str:
    return day.isoformat() if form is DateForm.ISO else f"{day.year}年{day.month:02d}月"


def set_information(setter: Typesetter, information: Information, texts: Mapping[Item, str]) -> list[Placed]:
    """Labels and values in their places.

    The first arrangement in which everything fits with the name on one line; else the last one, the name on several.
    Raises :class:`~services.face.errors.TextTooLongError` and :class:`~services.face.errors.GlyphMissingError`.
    """
    for rows in information.arrangements:
        try:
            return list(_Setting(setter, information, texts, whole=True).rows(rows))
        except TextTooLongError:
            continue
    return list(_Setting(setter, information, texts, whole=False).rows(information.arrangements[-1]))


@dataclass(frozen=True, slots=True, repr=False)
class _Setting:
    """One try; ``whole``: the name stays on one line."""

    setter: Typesetter
    information: Information
    texts: Mapping[Item, str]
    whole: bool

    def rows(self, rows: tuple[tuple[Item, ...], ...]) -> Iterator[Placed]:
        filled = [held for row in rows if (held := [item for item in row if item in self.texts])]
        for row, line in zip(filled, self.information.lines, strict=False):
            right = self.information.second - self.information.gap if len(row) == 2 else line.right
            yield from self._item(row[0], line, self.information.x, right)
            for second in row[1:]:
                yield from self._item(second, line, self.information.second, line.right)

    def _item(self, item: Item, line: Line, x: float, right: float) -> Iterator[Placed]:
        setter, rules = self.setter, self.information
        label = setter.set(item, item.label, rules.font, rules.size)
        baseline = line.y + setter.rise(rules.font, rules.size, item.label)
        yield Placed(label, x, baseline)
        x = rules.values.get(item, x + label.width + rules.gap)
        text, width = self.texts[item], right - x
        if item is Item.NAME and not self.whole:
            lines = setter.broken(item, text, rules.font, (rules.size, rules.least), (width, baseline - rules.name_top))
            for above, each in enumerate(reversed(lines)):
                yield Placed(each, x, baseline - above * line_height(each.size))
            return
        least = rules.least_whole if item is Item.NAME else rules.least
        fitted = setter.fitted(item, (rules.size, least), width, lambda size: setter.set(item, text, rules.font, size))
        yield Placed(fitted, x, baseline)
