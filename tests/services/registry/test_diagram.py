"""The picture of a card's life says what is declared, can be read, and stands in the manual as it is drawn."""

import re
import unicodedata
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from services.registry import __main__ as page_maker
from services.registry import diagram
from services.registry.lifecycle import EVENTS, FINAL, STATES, TRANSITIONS, CardEvent, CardState, after

DOCS = Path(__file__).parents[3] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
SIZE = 13
HEAD = 10


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Box") -> bool:
        across = self.left < other.left and other.right < self.right
        return across and self.top < other.top and other.bottom < self.bottom

    def has_on_its_edge(self, x: float, y: float) -> bool:
        on_a_side = x in {self.left, self.right} and self.top <= y <= self.bottom
        return on_a_side or (y in {self.top, self.bottom} and self.left <= x <= self.right)


class Picture:
    """What can be seen: nothing in it comes from the code that drew it."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        self.lines = [tuple(float(line.attrib[key]) for key in ("x1", "y1", "x2", "y2")) for line in self._all("line")]
        self.texts = {element: _text_box(element) for element in self._all("text")}
        self.frames = self._rects("frame")
        self.finals = self._rects("final")
        self.states = {}
        for box in self._rects("state"):
            words = " ".join("".join(element.itertext()) for element, place in self.texts.items() if box.holds(place))
            (state,) = (state for state, label in STATES.items() if f"{label.english} {label.chinese}" == words)
            assert state not in self.states
            self.states[state] = box

    def transitions(self):
        """Every (state, event, states it may lead to) that somebody reads from the arrows."""
        for group in self._all("g"):
            label = "".join(group.find(f"{SVG}text").itertext())
            (event,) = (event for event in CardEvent if f"{event.name} {EVENTS[event].chinese}" == label)
            line = group.find(f"{SVG}line").attrib
            sources = self.at(float(line["x1"]), float(line["y1"]))
            to = self.at(float(line["x2"]), float(line["y2"]))
            for state in sources:
                yield state, event, to

    def at(self, x: float, y: float) -> frozenset[CardState]:
        """The state, or the states in the frame, at whose edge a point is."""
        (met,) = (box for box in (*self.frames, *self.states.values()) if box.has_on_its_edge(x, y))
        return frozenset(state for state, box in self.states.items() if met == box or met.holds(box))

    def _all(self, kind: str) -> list[ET.Element]:
        return list(self.root.iter(SVG + kind))

    def _rects(self, kind: str) -> list[Box]:
        found = [element.attrib for element in self._all("rect") if element.attrib["class"] == kind]
        numbers = [[float(rect[key]) for key in ("x", "y", "width", "height")] for rect in found]
        return [Box(x, y, x + width, y + height) for x, y, width, height in numbers]


def _text_box(element: ET.Element) -> Box:
    """Room for the text in a wide font: 0.7 em for a letter, 1 em for a Chinese character."""
    words = "".join(element.itertext())
    width = SIZE * sum(1 if unicodedata.east_asian_width(sign) == "W" else 0.7 for sign in words)
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    left = x - {"start": 0, "middle": width / 2, "end": width}[element.attrib["text-anchor"]]
    return Box(left, y - 0.9 * SIZE, left + width, y + 0.25 * SIZE)


@pytest.fixture(name="picture")
def drawn_picture() -> Picture:
    return Picture(diagram.svg())


def test_every_state_is_placed_and_the_final_ones_are_marked(picture) -> None:
    assert set(picture.states) == set(CardState)
    marked = {state for state, box in picture.states.items() if any(box.holds(inner) for inner in picture.finals)}
    assert (marked, len(picture.finals)) == (FINAL, len(FINAL))


def test_the_arrows_say_every_transition_once_and_no_other(picture) -> None:
    declared = {
        (state, event, frozenset(after(state, event, activated=activated) for activated in (False, True)))
        for event, transition in TRANSITIONS.items()
        for state in transition.sources
    }
    read = list(picture.transitions())
    assert set(read) == declared
    assert len(read) == len(declared)


def test_the_dot_shows_where_a_life_begins(picture) -> None:
    (dot,) = picture.root.iter(f"{SVG}circle")
    start = float(dot.attrib["cx"]), float(dot.attrib["cy"]) + float(dot.attrib["r"])
    (end,) = ((x2, y2) for x1, y1, x2, y2 in picture.lines if (x1, y1) == start)
    assert picture.at(*end) == {CardState.ISSUED}


def test_nothing_lies_on_anything_else(picture) -> None:
    boxes = list(picture.states.values())
    texts = list(picture.texts.values())
    lines = [_thick(*line) for line in picture.lines]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].meets(pair[1])]
    assert not [pair for pair in combinations(texts, 2) if pair[0].meets(pair[1])]
    assert not [pair for pair in combinations(lines, 2) if pair[0].meets(pair[1])]
    assert not [(text, box) for text in texts for box in boxes if text.meets(box) and not box.holds(text)]
    assert not [(text, line) for text in texts for line in lines if text.meets(line)]
    assert not [(line, box) for line in lines for box in boxes if line.meets(box)]
    for frame in picture.frames:
        assert all(frame.holds(thing) or not frame.meets(thing) for thing in (*boxes, *texts))
    view = Box(0, 0, *map(float, picture.root.attrib["viewBox"].split()[2:]))
    assert all(view.holds(thing) for thing in (*boxes, *texts, *lines, *picture.frames))


def _thick(x1: float, y1: float, x2: float, y2: float) -> Box:
    """An arrow with its head, without its very ends, which touch boxes."""
    along_x, along_y = (1, -HEAD / 2) if y1 == y2 else (-HEAD / 2, 1)
    return Box(min(x1, x2) + along_x, min(y1, y2) + along_y, max(x1, x2) - along_x, max(y1, y2) - along_y)


def test_it_can_be_read_aloud_in_the_dark_and_without_any_other_file(picture) -> None:
    assert picture.root.attrib["role"] == "img"
    assert picture.root.find(f"{SVG}title").text == "The life of a card 卡片生命周期"
    assert picture.root.find(f"{SVG}desc").text.endswith(diagram.READING)
    assert (picture.root.attrib["font-family"], picture.root.attrib["font-size"]) == ("sans-serif", str(SIZE))
    style = picture.root.find(f"{SVG}style").text
    grounds = re.findall(r"svg \{ color: #(\w{6}); fill: #(\w{6}) \}", style)
    assert len(grounds) == 2
    assert "(prefers-color-scheme: dark)" in style
    for ink, ground in grounds:
        light, dark = sorted((_luminance(ink), _luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7  # WCAG 2.2, 1.4.6
    assert not re.search(r"href|@import|<image|<script|url\((?!#head\))", diagram.svg())


def _luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("place", [diagram.Box(870, 500, 986, 550), diagram.Box(-160, 358, -44, 408)])
def test_a_state_that_no_straight_arrow_reaches_is_refused(place, monkeypatch) -> None:
    monkeypatch.setitem(diagram.PLACES, CardState.CANCELLED, place)
    with pytest.raises(ValueError, match="no straight way for CANCEL: place its source above, below or to the left"):
        diagram.svg()


def test_the_manual_has_the_picture_as_it_is_drawn() -> None:
    made = (DOCS / page_maker.PICTURE).read_text(encoding="utf-8")
    assert made == diagram.svg(), "python -m services.registry docs/registry.md"
    assert f"]({page_maker.PICTURE})" in (DOCS / "registry.md").read_text(encoding="utf-8")
