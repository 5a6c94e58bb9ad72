"""Transcripts: card conversations as JSON lines, recorded once and replayed strictly.

The first line is the header, every other one an exchange; bytes are hexadecimal::

    {"transcript": 1, "atr": "3B6D…", "t0": true, "card": "ready 2.0"}
    {"tx": "00A40400…", "rx": "6F16…9000"}

``t0`` says whether 61xx and 6Cxx were the recorder's to handle; older transcripts leave it open.

A transcript holds what a card said, and what it was told, in clear: only cards of invented people are recorded.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Self, TextIO

from apdu.errors import MalformedError, TranscriptMismatchError
from apdu.status import command_name

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Transcript:
    """A recorded conversation: the card's ATR, what the header says besides, and pairs of command and answer.

    ``t0``: as :attr:`apdu.readers.CardConnection.t0` of the connection that was recorded; None where the header does
    not say.
    """

    atr: bytes = field(repr=False)
    exchanges: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    meta: Mapping[str, Any] = field(default_factory=dict)
    t0: bool | None = None

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Self:
        """Read a transcript; raises :class:`~apdu.errors.MalformedError`, with the line's number, where it is none."""
        atr = b""
        t0: bool | None = None
        meta: dict[str, Any] = {}
        exchanges: list[tuple[bytes, bytes]] = []
        number = 0
        for number, line in enumerate(lines, 1):
            try:
                entry = dict(json.loads(line))
                if number == 1:
                    version, atr, meta = entry.pop("transcript"), bytes.fromhex(entry.pop("atr")), entry
                    t0 = _flag(entry.pop("t0", None))
                else:
                    version = FORMAT
                    exchanges.append((bytes.fromhex(entry["tx"]), bytes.fromhex(entry["rx"])))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise MalformedError(f"line {number} is not a line of a transcript") from None
            if version != FORMAT:
                raise MalformedError(f"transcripts have format {FORMAT}, this one says {version!r}")
        if not number:
            raise MalformedError("an empty file is not a transcript")
        return cls(atr, tuple(exchanges), meta, t0)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a transcript file; see :meth:`from_lines`."""
        with Path(path).open(encoding="utf-8") as lines:
            return cls.from_lines(lines)


class Recorder:
    """Writes a transcript: give it to :func:`~apdu.transport.wrappers.recorded` as its sink.

    The header is written at once and every exchange as it happens, so that an interrupted recording is complete up to
    there. ``t0``: as of the connection that is recorded, left out where it is not known. ``meta`` are further members
    of the header: JSON values, none named ``transcript`` or ``atr``.
    """

    def __init__(self, file: TextIO, atr: bytes, *, t0: bool | None = None, **meta: Any) -> None:
        self._file = file
        self._write({"transcript": FORMAT, "atr": atr.hex().upper()} | ({} if t0 is None else {"t0": t0}) | meta)

    def __call__(self, command: bytes, answer: bytes) -> None:
        """Append one exchange."""
        self._write({"tx": command.hex().upper(), "rx": answer.hex().upper()})

    def _write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()


class Replay:
    """A transport that answers as the card did when the transcript was made.

    Every command must be, byte for byte, the next one recorded; otherwise
    :class:`~apdu.errors.TranscriptMismatchError` names both by header and length. ``atr`` is the recorded card's.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.atr = transcript.atr
        self._exchanges = transcript.exchanges
        self._next = 0

    @property
    def remaining(self) -> int:
        """Exchanges still to come; 0 when the whole conversation was replayed."""
        return len(self._exchanges) - self._next

    def __call__(self, commands: Sequence[bytes]) -> list[bytes]:
        """The recorded answers to the next commands."""
        return [self._answer(command) for command in commands]

    def _answer(self, command: bytes) -> bytes:
        if not self.remaining:
            raise TranscriptMismatchError(f"the transcript has ended, yet {_outline(command)} was sent")
        expected, answer = self._exchanges[self._next]
        if command != expected:
            raise TranscriptMismatchError(
                f"exchange {self._next + 1} is {_outline(expected)}, but {_outline(command)} was sent"
            )
        self._next += 1
        return answer


def replayed(path: str | PathLike[str]) -> Replay:
    """The transport that replays a transcript file."""
    return Replay(Transcript.load(path))


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError
    return value


def _outline(command: bytes) -> str:
    name = command_name(command[1]) if len(command) >= 4 else "no command"
    return f"{name} {command[:4].hex(' ').upper()} of {len(command)} bytes"
