"""``python -m services.registry``: the life of a card as the Markdown that stands in ``docs/registry.md``.

With the name of a page, it is put there in place of what stands between the two marks, and its picture beside the page.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.registry.diagram import BACK, READING, svg
from services.registry.lifecycle import EVENTS, FINAL, STATES, TRANSITIONS, CardEvent, CardState

BEGIN: Final = "<!-- The life of a card: made by `python -m services.registry`; a test compares. -->"
END: Final = "<!-- End of what is made. -->"
PICTURE: Final = "card-life-cycle.svg"
"""The picture's name, in the folder of the page."""


def markdown() -> str:
    """The marks, and between them the tables of events and states, and the picture."""
    return "\n".join((BEGIN, "", *_events(), "", *_states(), "", *_picture(), "", END))


def put_into(page: str) -> str:
    """The page with the life of a card in its place; raises ValueError where it has no marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no marks")
    return head + markdown() + tail


def _events() -> Iterator[str]:
    yield "| Event | 事件 | From | To |"
    yield "|---|---|---|---|"
    for event, label in EVENTS.items():
        transition = TRANSITIONS[event]
        sources = ", ".join(STATES[state].english for state in CardState if state in transition.sources)
        to = STATES[transition.to].english if transition.to else " or ".join(STATES[state].english for state in BACK)
        yield f"| {label.english} `{event.name}` | {label.chinese} | {sources} | {to}{_where_it_was(event)} |"


def _where_it_was(event: CardEvent) -> str:
    return "" if TRANSITIONS[event].to else ", where it was"


def _states() -> Iterator[str]:
    yield "| State | 状态 | |"
    yield "|---|---|---|"
    for state, label in STATES.items():
        yield f"| {label.english} `{state.name}` | {label.chinese} | {'final' if state in FINAL else ''} |"


def _picture() -> Iterator[str]:
    yield f"![The states and events of both tables as boxes and arrows]({PICTURE})"
    yield ""
    yield READING


if __name__ == "__main__":
    if len(sys.argv) > 1:
        where = Path(sys.argv[1])
        where.write_text(put_into(where.read_text(encoding="utf-8")), encoding="utf-8")
        where.with_name(PICTURE).write_text(svg(), encoding="utf-8")
    else:
        sys.stdout.write(markdown() + "\n")
