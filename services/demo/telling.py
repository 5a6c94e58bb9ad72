"""How the story is told: who calls what, what came of it, and what the service said where it refused."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import Message
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from services.callers.caller import Caller, Role
from services.demo.players import LABELS
from services.statuses import call_of, told_by

_INDENT: Final = 4
"""Columns before everything that belongs to a step."""


Tables: TypeAlias = Mapping[type[Message], Callable[[Any], RenderableType]]
"""How answers are shown, by their type."""


class UnexpectedlyAllowedError(Exception):
    """A call that has to be refused was carried out."""


class Narrator:
    """Prints the story, so that nothing of it needs more than 80 columns."""

    def __init__(self, console: Console, tables: Tables) -> None:
        self._console = console
        self._tables = tables
        self.steps = 0
        """How many there were."""

    def chapter(self, chinese: str, english: str) -> None:
        """A part of the story begins."""
        self._console.print()
        self._console.print(Rule(f"[bold]{chinese} · {english}[/bold]", align="left"))

    def step(self, caller: Caller, method: str, chinese: str, english: str) -> None:
        """Somebody calls a method."""
        self._step(caller.role, method, f"{chinese} · {english}")

    def command(self, role: Role, command: str, chinese: str, english: str) -> None:
        """Somebody runs a command instead."""
        self._step(role, command, f"{chinese} · {english}")

    def result(self, text: str) -> None:
        """What came of it."""
        self._hanging("✓", text, "green")

    def happens(self, text: str) -> None:
        """Something that hands do, or a screen shows."""
        self._hanging("☞", text, "magenta")

    def show(self, answer: Message) -> None:
        """An answer, as a table."""
        self._console.print(self._tables[type(answer)](answer))

    def refused(self, call: Callable[[], object], reason: str) -> None:
        """A call that has to be refused, for this reason; prints what the service says. Raises as the call does."""
        try:
            call()
        except grpc.RpcError as error:
            told = told_by(call_of(error))
            if told is None or told.reason != reason:
                raise
            self._hanging("✗", told.reason, "yellow")
            for text in told.texts[:1]:
                self._console.print(Padding(Text(text, style="yellow"), (0, 0, 0, _INDENT + 2), expand=False))
            return
        raise UnexpectedlyAllowedError(f"it should have been refused: {reason}")

    def _step(self, role: Role, what: str, why: str) -> None:
        self.steps += 1
        who = Text(f"{LABELS[role]} {role.value}", style="cyan")
        self._console.print(Text.assemble(f"{self.steps:>2}. ", who, " → ", (what, "bold")))
        self._console.print(Padding(Text(why, style="dim"), (0, 0, 0, _INDENT), expand=False))

    def _hanging(self, mark: str, text: str, style: str) -> None:
        lines = Text(text).wrap(self._console, self._console.width - _INDENT - 2)
        for number, line in enumerate(lines):
            lead = f"{mark} " if number == 0 else "  "
            self._console.print(Padding(Text(lead + line.plain, style=style), (0, 0, 0, _INDENT), expand=False))
