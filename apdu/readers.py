"""Readers and cards in them, as the rest of the software sees them: PC/SC and in-process readers have these types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from apdu.command import CommandAPDU
from apdu.flow import Execute, Responses, Script
from apdu.part10 import Feature
from apdu.response import ResponseAPDU

Transmit: TypeAlias = Callable[[Sequence[bytes]], list[bytes]]
"""The whole transport interface: commands in, as many answers out, in order; raises TransportError."""


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader at one moment (读卡器状态).

    ``atr`` is the answer to reset of the card in the slot, None when the slot is empty or the card is mute.
    ``insertions`` grows with every insertion and removal, so that a swap between two looks is not missed.
    """

    name: str
    present: bool = False
    atr: bytes | None = field(default=None, repr=False)
    mute: bool = False
    in_use: bool = False
    insertions: int = 0


class CardConnection(Protocol):
    """A card that was powered and is held exclusively until :meth:`close`."""

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2…33 bytes."""
        ...

    @property
    def t0(self) -> bool:
        """Whether commands travel as TPDUs of T=0, where a command with data has no Le and 61xx, 6Cxx are seen."""
        ...

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """Send commands in order, return the answers; raises :class:`~apdu.errors.TransportError`."""
        ...

    def features(self) -> Mapping[Feature, int]:
        """Control codes of what the reader can do besides moving commands, a PIN pad above all; empty: nothing.

        Raises :class:`~apdu.errors.TransportError`.
        """
        ...

    def control(self, code: int, data: bytes) -> bytes:
        """Have the reader itself do something, and return what it says; see :mod:`apdu.part10`.

        Raises :class:`~apdu.errors.TransportError`; :class:`~apdu.errors.ReaderError` for what it does not know.
        """
        ...

    def reset(self) -> bytes:
        """Reset the card (all rights on it are lost) and return its ATR."""
        ...

    def close(self, *, reset: bool = True) -> None:
        """Let the card go; with ``reset`` it forgets every verified PIN and key first. Never raises."""
        ...


class Readers(Protocol):
    """All readers of one kind: of a PC/SC daemon, or in this process. Methods may be called from any thread."""

    def states(self) -> tuple[ReaderState, ...]:
        """Every reader, in a stable order; raises :class:`~apdu.errors.NoServiceError` when the daemon is away."""
        ...

    def wait(self, known: Sequence[ReaderState], timeout: float) -> tuple[ReaderState, ...]:
        """Block until the states differ from ``known`` or ``timeout`` seconds passed; return the states.

        Raises :class:`~apdu.errors.NoServiceError` as soon as the daemon is away, and may be called again: it comes
        back by itself when the daemon does.
        """
        ...

    def connect(self, reader: str, *, timeout: float = 5.0) -> CardConnection:
        """Power the card and hold it exclusively, waiting up to ``timeout`` seconds for others to let it go.

        Raises ReaderNotFoundError, NoCardError, MuteCardError, CardInUseError, NoServiceError or ReaderError.
        """
        ...

    def close(self) -> None:
        """Wake every :meth:`wait` and free what is held. Idempotent."""
        ...


def executor(transmit: Transmit, *, before_each: Callable[[], None] = lambda: None) -> Execute:
    """Turn a transport into what runs a script: command by command, stopping after the first unexpected answer.

    ``before_each`` runs before every command; what it raises (a deadline, a cancellation) stops the script there.
    """

    def exchange(command: CommandAPDU) -> ResponseAPDU:
        before_each()
        (answer,) = transmit([command.to_bytes()])
        return ResponseAPDU.from_bytes(answer)

    def execute(script: Script) -> Responses:
        answers: list[ResponseAPDU] = []
        for step in script.steps:
            answers.append(exchange(step.command))
            if not step.accepts(answers[-1]):
                break
        return Responses(script, tuple(answers))

    return execute
