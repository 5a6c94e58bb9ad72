"""One row of the command table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from simulator.command import SW, Command, Refused
from simulator.session import Session

Handler: TypeAlias = Callable[[Session, Command], bytes]
"""Carries a command out and returns the response data (0…256 bytes, for 9000), or raises Refused with another SW."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A command's handler, and whether it is ``outgoing``: the fifth byte is Le, and no data comes in (case 2).

    All other commands take data (cases 1, 3, 4): with T=0 the fifth byte is Lc, and an answer waits for GET RESPONSE.
    ``keeps_transaction``: an initialised load or purchase of the medical account outlives it, when it succeeds.
    """

    handler: Handler
    outgoing: bool = False
    keeps_transaction: bool = False

    def parse(self, raw: bytes, *, exact: bool) -> Command:
        """The command in ``raw`` (at least 4 bytes), short lengths only; refuses with 6700 what is cut or too long.

        The standard lists no 6700 for the READ commands: a READ with data is not one of them.
        """
        size = len(raw)
        if size == 4:
            return Command(raw[2], raw[3], b"", None, exact, raw[:5])
        length = raw[4]
        if self.outgoing:
            if size == 5:
                return Command(raw[2], raw[3], b"", length, exact)
        elif size == 5 and length == 0:
            return Command(raw[2], raw[3], b"", None, exact, raw[:5])
        elif length and size == 5 + length:
            return Command(raw[2], raw[3], raw[5:], None, exact, raw[:5])
        elif length and size == 6 + length:
            return Command(raw[2], raw[3], raw[5:-1], raw[-1], exact, raw[:5])
        raise Refused(SW.WRONG_LENGTH)


Row: TypeAlias = tuple[int, int, Handler, bool]
"""CLA, INS, handler, and whether the command is outgoing."""


def table(rows: Iterable[Row]) -> dict[bytes, Instruction]:
    """CLA and INS → the command, from the rows that a group of commands is declared by."""
    return {bytes((cla, ins)): Instruction(handler, outgoing) for cla, ins, handler, outgoing in rows}
