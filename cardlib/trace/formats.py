"""Formats in which card conversations are recorded: our transcripts, logs of pcscd and opensc-tool, hexadecimal lines.

Every reader takes lines of text and yields exchanges with the numbers of their lines. Lines that belong to no exchange
are passed over where the format has such lines (a daemon's log), and refused where it has none (a transcript). Nothing
a trace holds ever becomes part of an error's message.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from apdu.errors import MalformedError
from apdu.transport.transcript import FORMAT


class TraceError(MalformedError):
    """A recorded conversation cannot be read (报文记录格式错误).

    ``line`` counts from 1, 0 where no line is to blame.
    """

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {reason}" if line else reason)


class TraceFormat(StrEnum):
    """How a conversation is written down (记录格式)."""

    JSONL = "jsonl"
    """Our own transcripts: :mod:`apdu.transport.transcript`."""
    PCSCD = "pcscd"
    """Log of ``pcscd --foreground --apdu``, of syslog or of the journal: lines with ``APDU: …`` and ``SW: …``."""
    OPENSC = "opensc"
    """Output of ``opensc-tool --send-apdu``: ``Sending: …``, ``Received (SW1=0x90, SW2=0x00):`` and a dump."""
    HEX = "hex"
    """One command or answer a line, marked by ``>`` ``<`` ``→`` ``←`` or else taking turns."""


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """One command and its answer as they were recorded.

    ``line``: where the command stands, from 1. ``answer`` ends with the status word, and is empty where none came.
    ``atr``: the answer to reset, where the card was powered or reset just before, else empty. The ``repr`` shows no
    data.
    """

    line: int
    command: bytes
    answer: bytes = b""
    atr: bytes = b""

    def __repr__(self) -> str:
        return f"<line {self.line}: {len(self.command)} bytes, answered with {len(self.answer)}>"


@dataclass(frozen=True, slots=True)
class Trace:
    """A recorded conversation, and the format it was read from."""

    format: TraceFormat
    exchanges: tuple[Exchange, ...]


Lines: TypeAlias = Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Event:
    """What one line says: a command, an answer, or the ATR of a card that was just reset."""

    line: int
    kind: str
    data: bytes


COMMAND, ANSWER, RESET = "command", "answer", "reset"

_PCSCD: Final = re.compile(r"(?:^|\s)(?P<kind>APDU|SW|Card ATR): ?(?P<data>[0-9A-Fa-f ]*)$")
"""Behind the time, a thread's number, or what syslog puts before it."""

_PCSCD_KINDS: Final = {"APDU": COMMAND, "SW": ANSWER, "Card ATR": RESET}

_COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")

_SENDING: Final = re.compile(r"^Sending: (?P<data>[0-9A-Fa-f ]+)$")
_RECEIVED: Final = re.compile(
    r"^Received \(SW1=0x(?P<sw1>[0-9A-Fa-f]{2}), SW2=0x(?P<sw2>[0-9A-Fa-f]{2})\)(?P<more>:?)$"
)
_DUMPED: Final = re.compile("^[0-9A-Fa-f]{2}(?: |$)")
_DUMP_WIDTH: Final = 16

_HEX: Final = re.compile(
    r"^(?P<sign>>>|<<|>|<|→|←|-->|<--|->|<-|=>|<=)?\s*(?P<data>[0-9A-Fa-f]{2}(?:[ :]?[0-9A-Fa-f]{2})*)$"
)
_COMMAND_SIGNS: Final = frozenset({">", ">>", "→", "->", "-->", "=>"})

_COMMENT: Final = ("#", ";", "//")


def read_trace(lines: Iterable[str], trace_format: TraceFormat | None = None) -> Trace:
    """Read a recorded conversation; without a format, the one that the lines look like.

    Raises :class:`TraceError` with the line that is not as its format wants it, and where there is no exchange at all.
    """
    cleaned = ((number, _COLOUR.sub("", line).rstrip("\r\n")) for number, line in enumerate(lines, 1))
    numbered = [(number, line) for number, line in cleaned if line.strip()]
    trace_format = trace_format or detect(numbered)
    exchanges = tuple(_paired(_READERS[trace_format](numbered)))
    if not exchanges:
        raise TraceError(0, f"there is no exchange with a card in this {trace_format} trace")
    return Trace(trace_format, exchanges)


def detect(lines: Lines) -> TraceFormat:
    """The format of numbered lines, by the first line that only one of them has.

    Raises :class:`TraceError`, with the first line, where none has.
    """
    for _, line in lines:
        if line.lstrip().startswith("{"):
            return TraceFormat.JSONL
        if _SENDING.match(line.strip()):
            return TraceFormat.OPENSC
        if _PCSCD.search(line.rstrip()):
            return TraceFormat.PCSCD
        if _HEX.match(line.strip()):
            return TraceFormat.HEX
    if not lines:
        raise TraceError(0, "an empty file is not a trace")
    raise TraceError(lines[0][0], "neither this line nor a later one is of a known format")


def _jsonl(lines: Lines) -> Iterator[_Event]:
    """A header with the ATR, and an object with ``tx`` and ``rx`` a line; several transcripts may follow each other."""
    for number, line in lines:
        try:
            entry = dict(json.loads(line))
            if "transcript" in entry:
                if entry["transcript"] != FORMAT:
                    raise TraceError(number, f"transcripts have format {FORMAT}, this one has another")
                yield _Event(number, RESET, bytes.fromhex(entry["atr"]))
                continue
            command, answer = bytes.fromhex(entry["tx"]), bytes.fromhex(entry["rx"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TraceError(number, "is not a line of a transcript") from None
        yield _Event(number, COMMAND, command)
        yield _Event(number, ANSWER, answer)


def _pcscd(lines: Lines) -> Iterator[_Event]:
    for number, line in lines:
        found = _PCSCD.search(line.rstrip())
        if found:
            yield _Event(number, _PCSCD_KINDS[found["kind"]], _bytes(number, found["data"]))


def _opensc(lines: Lines) -> Iterator[_Event]:
    received: _Event | None = None
    status = dumped = b""
    for number, line in lines:
        sent, answered = _SENDING.match(line.strip()), _RECEIVED.match(line.strip())
        if (sent or answered) and received is not None:
            yield replace(received, data=dumped + status)
            received = None
        if sent:
            yield _Event(number, COMMAND, _bytes(number, sent["data"]))
        elif answered:
            received, dumped = _Event(number, ANSWER, b""), b""
            status = bytes.fromhex(answered["sw1"] + answered["sw2"])
        elif received is not None and _DUMPED.match(line):
            dumped += _dumped(number, line)
        elif received is not None:
            yield replace(received, data=dumped + status)
            received = None
    if received is not None:
        yield replace(received, data=dumped + status)


def _dumped(number: int, line: str) -> bytes:
    """The bytes of one line of a dump: up to 16 in hexadecimal, and the same again as characters.

    Both columns touch in a first line that is short, and the second may look like hexadecimal: the number of bytes is
    the one for which both agree.
    """
    for count in range(_DUMP_WIDTH, 0, -1):
        digits, characters = line[: 3 * count], line[3 * count :]
        if re.fullmatch(f"(?:[0-9A-Fa-f]{{2}} ){{{count}}}", digits.ljust(3 * count)):
            data = bytes.fromhex(digits)
            shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
            if characters.strip() == shown.strip():
                return data
    raise TraceError(number, "is not a line of opensc-tool's dump of an answer")


def _hex(lines: Lines) -> Iterator[_Event]:
    turn = COMMAND
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith(_COMMENT):
            continue
        found = _HEX.match(text)
        if not found:
            raise TraceError(number, "is neither hexadecimal nor a comment")
        if found["sign"]:
            turn = COMMAND if found["sign"] in _COMMAND_SIGNS else ANSWER
        yield _Event(number, turn, _bytes(number, found["data"].replace(":", "")))
        turn = ANSWER if turn == COMMAND else COMMAND


_READERS: Final[dict[TraceFormat, Callable[[Lines], Iterator[_Event]]]] = {
    TraceFormat.JSONL: _jsonl,
    TraceFormat.PCSCD: _pcscd,
    TraceFormat.OPENSC: _opensc,
    TraceFormat.HEX: _hex,
}


def _paired(events: Iterable[_Event]) -> Iterator[Exchange]:
    """Commands with their answers; a command that another command follows had none."""
    waiting: Exchange | None = None
    atr = b""
    for event in events:
        if event.kind == ANSWER:
            if waiting is None:
                raise TraceError(event.line, "is an answer to which there is no command")
            if len(event.data) == 1:
                raise TraceError(event.line, "is an answer without a status word")
            yield replace(waiting, answer=event.data)
            waiting = None
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        if event.kind == RESET:
            atr = event.data
        else:
            if len(event.data) < 4:
                raise TraceError(event.line, "is a command of fewer than four bytes")
            waiting, atr = Exchange(event.line, event.data, atr=atr), b""
    if waiting is not None:
        yield waiting


def _bytes(number: int, digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise TraceError(number, "has half a byte: an odd number of hexadecimal digits") from None
