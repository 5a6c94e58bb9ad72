"""The life of a card as a picture (卡片生命周期图): an SVG of what :mod:`services.registry.lifecycle` declares.

Only where the states stand is said here. States that many arrows would leave alike stand in a frame: an arrow that
begins at its edge begins at each of them, one that ends there ends at the one where the card was. Lengths are SVG's
user units, x to the right and y downwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from services.registry.lifecycle import EVENTS, FINAL, STATES, TRANSITIONS, CardEvent, CardState, Label, back


class Box(NamedTuple):
    """The edges of a state's rectangle, or of a frame's."""

    left: int
    top: int
    right: int
    bottom: int


PLACES: Final[Mapping[CardState, Box]] = {
    CardState.ISSUED: Box(42, 150, 172, 200),
    CardState.AT_OUTLET: Box(42, 250, 172, 300),
    CardState.DELIVERED: Box(310, 150, 440, 300),
    CardState.ACTIVATED: Box(570, 150, 700, 300),
    CardState.LOST: Box(440, 42, 570, 92),
    CardState.BLOCKED: Box(440, 358, 570, 408),
    CardState.REPLACED: Box(870, 42, 986, 300),
    CardState.CANCELLED: Box(870, 358, 986, 408),
}
WIDTH: Final = 1000
HEIGHT: Final = 450

BACK: Final = tuple(back(activated=activated) for activated in (False, True))
"""Where a card that was lost or blocked may stand again."""
FRAMES: Final = (frozenset(CardState) - FINAL, frozenset(BACK))
"""States that stand in a frame, the larger frame first."""
_PADDING: Final = 14

READING: Final = (
    "An arrow that begins at a dashed frame begins at each state in it; one that ends there ends at the state where the "
    "card was. A double line marks a final state."
)
# A picture that is shown by itself knows how bright the reader wants it, not what page is around it: it has a ground.
_HEAD: Final = f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" \
xml:lang="en" font-family="sans-serif" font-size="13" text-anchor="middle" stroke-width="1.3">
<title>The life of a card 卡片生命周期</title>
<desc>States are boxes, events are arrows. {READING}</desc>
<style>
svg {{ color: #1f2328; fill: #ffffff }}
@media (prefers-color-scheme: dark) {{ svg {{ color: #e6e8eb; fill: #1e2129 }} }}
text, circle, path {{ fill: currentColor }}
</style>
<marker id="head" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="9" markerHeight="9" orient="auto">
<path d="M0 1 10 5 0 9z"/>
</marker>
<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="8"/>
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """An event, from a state or frame to another: a node is the set of its states."""

    source: frozenset[CardState]
    event: CardEvent
    to: frozenset[CardState]


def arrows() -> Iterator[Arrow]:
    """As few as say every transition; sources that fill a frame leave it together."""
    for event, transition in TRANSITIONS.items():
        to = frozenset({transition.to} if transition.to else BACK)
        rest = transition.sources
        for node in (*FRAMES, *(frozenset({state}) for state in CardState)):
            if node <= rest:
                yield Arrow(node, event, to)
                rest -= node


def svg() -> str:
    """The picture, the same at every call; raises ValueError where the places leave no straight way for an arrow."""
    frames = (_rect("frame", _box(frame), ' rx="14" stroke-dasharray="5 4"') for frame in FRAMES)
    states = (line for state in CardState for line in _state(state))
    return _HEAD + "\n".join((*frames, *states, *map(_arrow, arrows()), "</svg>\n"))


def _box(node: frozenset[CardState]) -> Box:
    lefts, tops, rights, bottoms = zip(*(PLACES[state] for state in node), strict=True)
    out = _PADDING * sum(frame <= node for frame in FRAMES)
    return Box(min(lefts) - out, min(tops) - out, max(rights) + out, max(bottoms) + out)


def _state(state: CardState) -> Iterator[str]:
    box = PLACES[state]
    middle, height = (box.left + box.right) // 2, (box.top + box.bottom) // 2
    yield _rect("state", box, ' rx="8"')
    if state in FINAL:
        yield _rect("final", Box(box.left + 4, box.top + 4, box.right - 4, box.bottom - 4), ' rx="5"')
    if not any(state in arrow.to for arrow in arrows()):
        yield f'<circle cx="{middle}" cy="{box.top - 36}" r="6"/>'
        yield _line("start", (middle, box.top - 30), (middle, box.top))
    yield _text(middle, height - 4, STATES[state].english)
    yield _text(middle, height + 15, _chinese(STATES[state]))


def _arrow(arrow: Arrow) -> str:
    """Upright or level, in the middle of what both ends have in common; two that go to and fro share that."""
    source, to = _box(arrow.source), _box(arrow.to)
    label = f"{arrow.event.name} {_chinese(EVENTS[arrow.event])}"
    between = {other.source for other in arrows() if {other.source, other.to} == {arrow.source, arrow.to}}
    if (low := max(source.left, to.left)) < (high := min(source.right, to.right)):
        down = source.bottom < to.top
        lane = 2 if down and len(between) == 2 else 1
        x = low + (high - low) * lane // (1 + len(between))
        start, end = (source.bottom, to.top) if down else (source.top, to.bottom)
        side, anchor = (8, "start") if down else (-8, "end")
        text = _text(x + side, (start + end) // 2 + 4, label, f' text-anchor="{anchor}"')
        return f"<g>{_line('arrow', (x, start), (x, end))}{text}</g>"
    if len(between) == 1 and (low := max(source.top, to.top)) < (high := min(source.bottom, to.bottom)):
        y = (low + high) // 2
        start, end = (source.right, to.left) if source.right < to.left else (source.left, to.right)
        edges = (x for frame in map(_box, FRAMES) for x in (frame.left, frame.right))
        cuts = sorted({start, end, *(x for x in edges if min(start, end) < x < max(start, end))})
        left, right = max(pairwise(cuts), key=lambda piece: piece[1] - piece[0])
        return f"<g>{_line('arrow', (start, y), (end, y))}{_text((left + right) // 2, y - 7, label)}</g>"
    raise ValueError(f"no straight way for {arrow.event.name}: place its states across from each other")


def _chinese(label: Label) -> str:
    return f'<tspan xml:lang="zh">{label.chinese}</tspan>'


def _rect(kind: str, box: Box, look: str) -> str:
    place = f'x="{box.left}" y="{box.top}" width="{box.right - box.left}" height="{box.bottom - box.top}"'
    return f'<rect class="{kind}" {place} fill="none" stroke="currentColor"{look}/>'


def _line(kind: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    place = f'x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"'
    return f'<line class="{kind}" {place} stroke="currentColor" marker-end="url(#head)"/>'


def _text(x: int, y: int, content: str, look: str = "") -> str:
    return f'<text x="{x}" y="{y}"{look}>{content}</text>'
