"""Exchanges as a terminal's author means them: what T=0 makes of one command is one again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apdu.command import CommandAPDU
from apdu.errors import ApduFormatError
from apdu.response import ResponseAPDU
from cardlib.trace.formats import Exchange

GET_RESPONSE = 0xC0


@dataclass(frozen=True, slots=True, repr=False)
class Conversed:
    """One command with its whole answer.

    ``command`` is None where the bytes sent, ``raw``, are none; ``answer`` is None where none was recorded. ``sent``
    counts the commands that it took: with GET RESPONSE after 61xx, and the command again after 6Cxx. ``line`` and
    ``atr`` are those of the first :class:`~cardlib.trace.formats.Exchange`.
    """

    line: int
    atr: bytes
    raw: bytes
    command: CommandAPDU | None
    answer: ResponseAPDU | None
    sent: int = 1


def joined(exchanges: Sequence[Exchange]) -> Iterator[Conversed]:
    """GET RESPONSE and repetitions with the right Le joined to the command that caused them (ISO/IEC 7816-3 §12.2)."""
    at = 0
    while at < len(exchanges):
        first, at = exchanges[at], at + 1
        command, answer, data, sent = _parsed(first.command), _answer(first), b"", 1
        while command is not None and answer is not None and at < len(exchanges):
            following = exchanges[at]
            if following.atr or not _continues(first.command, answer, following.command):
                break
            # A 6Cxx has no data; the bytes before a GET RESPONSE are the beginning of the answer.
            data += answer.data
            answer, at, sent = _answer(following), at + 1, sent + 1
        whole = None if answer is None else ResponseAPDU(data + answer.data, answer.sw)
        yield Conversed(first.line, first.atr, first.command, command, whole, sent)


def _parsed(raw: bytes) -> CommandAPDU | None:
    try:
        return CommandAPDU.from_bytes(raw)
    except ApduFormatError:
        return None


def _answer(exchange: Exchange) -> ResponseAPDU | None:
    return ResponseAPDU.from_bytes(exchange.answer) if exchange.answer else None


def _continues(command: bytes, answer: ResponseAPDU, following: bytes) -> bool:
    if answer.waiting is not None:
        return following[1] == GET_RESPONSE
    return answer.sw >> 8 == 0x6C and len(following) >= 5 and following[:-1] == command[: len(following) - 1]
