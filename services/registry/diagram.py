"""The life of a card as a picture (卡片生命周期图): an SVG of what :mod:`services.registry.lifecycle` declares.

Only where the states stand is said here. States that many arrows would leave alike stand in a frame: an arrow that
begins at its edge begins at each of them, one that ends there ends at the one where the card was. Lengths are SVG's
user units, x to the right and y downwards.
"""

from collections.abc import Iterator, Mapping
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
BACK: Final = tuple(back(activated=activated) for activated in (False, True))
"""Where a card that was lost or blocked may stand again."""
FRAMES: Final = (frozenset(CardState) - FINAL, frozenset(BACK))
"""States that stand in a frame, the larger frame first."""
_PADDING: Final = 14

READING: Final = (
    "An arrow that begins at a dashed frame begins at each state in it; one that ends there ends at the state where "
    "the card was. A double line marks a final state."
)
# A picture that is shown by itself knows how bright the reader wants it, not what page is around it: it has a ground.
_HEAD: Final = f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="450" viewBox="0 0 1000 450" role="img" \
xml:lang="en" font-family="sans-serif" font-size="13">
<title>The life of a card 卡片生命周期</title>
<desc>States are boxes, events are arrows. {READING}</desc>
<style>
svg {{ color: #1f2328; fill: #ffffff }}
@media (prefers-color-scheme: dark) {{ svg {{ color: #e6e8eb; fill: #1e2129 }} }}
text, circle, path {{ fill: currentColor }}
line, .frame, .state, .final {{ fill: none; stroke: currentColor; stroke-width: 1.3 }}
.frame {{ stroke-dasharray: 5 4 }}
line {{ marker-end: url(#head) }}
</style>
<marker id="head" refX="11" refY="5" markerWidth="11" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto">\
<path d="M0 0 11 5 0 10z"/></marker>
<rect class="ground" width="1000" height="450" rx="8"/>
"""


class Arrow(NamedTuple):
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
    frames = (_rect("frame", _box(frame), 14) for frame in FRAMES)
    states = (line for state in CardState for line in _state(state))
    return _HEAD + "\n".join((*frames, *states, *map(_arrow, arrows()), "</svg>\n"))


def _box(node: frozenset[CardState]) -> Box:
    lefts, tops, rights, bottoms = zip(*(PLACES[state] for state in node), strict=True)
    out = _PADDING * sum(frame <= node for frame in FRAMES)
    return Box(min(lefts) - out, min(tops) - out, max(rights) + out, max(bottoms) + out)


def _state(state: CardState) -> Iterator[str]:
    box = PLACES[state]
    x, y = (box.left + box.right) // 2, (box.top + box.bottom) // 2
    yield _rect("state", box, 8)
    if state in FINAL:
        yield _rect("final", Box(box.left + 4, box.top + 4, box.right - 4, box.bottom - 4), 5)
    if not any(state in arrow.to for arrow in arrows()):
        yield f'<circle cx="{x}" cy="{box.top - 36}" r="6"/>'
        yield _line(x, box.top - 30, x, box.top)
    yield _text(x, y - 4, STATES[state].english)
    yield _text(x, y + 15, _chinese(STATES[state]))


def _arrow(arrow: Arrow) -> str:
    """Upright, or level to the right, in the middle of what both ends have in common; there and back share it."""
    source, to = _box(arrow.source), _box(arrow.to)
    label = f"{arrow.event.name} {_chinese(EVENTS[arrow.event])}"
    between = {other.source for other in arrows() if {other.source, other.to} == {arrow.source, arrow.to}}
    if (low := max(source.left, to.left)) < (high := min(source.right, to.right)):
        down = source.bottom < to.top
        lane = 2 if down and len(between) == 2 else 1
        x = low + (high - low) * lane // (1 + len(between))
        start, end = (source.bottom, to.top) if down else (source.top, to.bottom)
        side, anchor = (8, "start") if down else (-8, "end")
        return f"<g>{_line(x, start, x, end)}{_text(x + side, (start + end) // 2 + 4, label, anchor)}</g>"
    if source.right < to.left and (low := max(source.top, to.top)) < (high := min(source.bottom, to.bottom)):
        y = (low + high) // 2
        edges = {x for frame in map(_box, FRAMES) for x in (frame.left, frame.right)}
        cuts = sorted(edges & {*range(source.right, to.left)} | {source.right, to.left})
        left, right = max(pairwise(cuts), key=lambda piece: piece[1] - piece[0])
        return f"<g>{_line(source.right, y, to.left, y)}{_text((left + right) // 2, y - 9, label)}</g>"
    raise ValueError(
        f"no straight way for {arrow.event.name}: place its source above, below or to the left of where it leads"
    )


def _chinese(label: Label) -> str:
    return f'<tspan xml:lang="zh">{label.chinese}</tspan>'


def _rect(kind: str, box: Box, rounding: int) -> str:
    place = f'x="{box.left}" y="{box.top}" width="{box.right - box.left}" height="{box.bottom - box.top}"'
    return f'<rect class="{kind}" {place} rx="{rounding}"/>'


def _line(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x: int, y: int, content: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{content}</text>'
