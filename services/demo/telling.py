"""How the story is told: who calls what, what came of it, and what the service said where it refused."""

from collections.abc import Callable
from typing import TypeVar

import grpc
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from services.callers.caller import Caller
from services.demo.players import LABELS
from services.statuses import call_of, told_by

T = TypeVar("T")


class UnexpectedlyAllowedError(Exception):
    """A call that has to be refused was carried out."""


class Narrator:
    """Prints the story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0

    def chapter(self, chinese: str, english: str) -> None:
        """A part of the story begins."""
        self._console.print()
        self._console.print(Rule(f"[bold]{chinese} · {english}[/bold]", align="left"))

    def step(self, caller: Caller, method: str, chinese: str, english: str) -> None:
        """Somebody calls a method."""
        self._step += 1
        who = Text(f"{LABELS[caller.role]} {caller.role.value}", style="cyan")
        self._console.print(Text.assemble(f"{self._step:>2}. ", who, " → ", (method, "bold"), f"  {chinese} {english}"))

    def result(self, text: str) -> None:
        """What came of it."""
        self._console.print(Text(f"    ✓ {text}", style="green"))

    def happens(self, text: str) -> None:
        """Something that hands do, or a screen shows."""
        self._console.print(Text(f"    ☞ {text}", style="magenta"))

    def show(self, renderable: object) -> None:
        """A table."""
        self._console.print(renderable)

    def refused(self, call: Callable[[], object], reason: str) -> None:
        """A call that has to be refused, for this reason; prints what the service says. Raises as the call does."""
        try:
            call()
        except grpc.RpcError as error:
            told = told_by(call_of(error))
            if told is None or told.reason != reason:
                raise
            self._console.print(Text(f"    ✗ {told.reason}: {told.texts[0]}", style="yellow"))
            return
        raise UnexpectedlyAllowedError(f"it should have been refused: {reason}")
