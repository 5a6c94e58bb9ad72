"""``python -m services.registry``: the life of a card as the Markdown that stands in ``docs/registry.md``.

With the name of a page, it is put there in place of what stands between the two marks.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.registry.lifecycle import EVENTS, FINAL, STATES, TRANSITIONS, CardEvent, CardState

BEGIN: Final = "<!-- The life of a card: made by `python -m services.registry`; a test compares. -->"
END: Final = "<!-- End of what is made. -->"
BACK: Final = (CardState.DELIVERED, CardState.ACTIVATED)
"""Where a card that was lost or blocked may stand again."""


def markdown() -> str:
    """The marks, and between them the table of states and events, and the diagram."""
    return "\n".join((BEGIN, "", *_events(), "", *_states(), "", *_diagram(), "", END))


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


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state, label in STATES.items():
        yield f"    {state}: {label.english} {label.chinese}"
    yield f"    [*] --> {CardState.ISSUED}"
    for event, transition in TRANSITIONS.items():
        for state in (state for state in CardState if state in transition.sources):
            for to in (transition.to,) if transition.to else BACK:
                yield f"    {state} --> {to}: {event.name} {EVENTS[event].chinese}"
    for state in CardState:
        if state in FINAL:
            yield f"    {state} --> [*]"
    yield "```"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        where = Path(sys.argv[1])
        where.write_text(put_into(where.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(markdown() + "\n")
