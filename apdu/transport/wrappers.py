"""Wrappers around a transport: each takes a ``transmit`` and returns one of the same type.

``get_response(logged(card.transmit, log))`` logs what travels; ``logged(get_response(card.transmit), log)`` logs what
the caller sees. All cope with bytes that are no command at all: those go to the card as they are.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeAlias

from apdu.command import MAX_SHORT_NE, CommandAPDU
from apdu.errors import ApduFormatError, ProtocolError, TransportError
from apdu.readers import Transmit
from apdu.response import ResponseAPDU

ROUNDS = 32
"""Further commands that one command may cause; a card's longest answer takes two."""

Disclosure: TypeAlias = Callable[[CommandAPDU], tuple[bool, bool]]
"""Says of a command whether its data, and whether the data of its answer, may be seen in a log.

Asked once per command, in order, so that it may keep state (the file now selected, whose answer GET RESPONSE fetches).
"""


def hide_all(_command: CommandAPDU) -> tuple[bool, bool]:
    """The :class:`Disclosure` that shows nothing; the default."""
    return False, False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command and its answer, as much of them as may be logged.

    ``header`` is CLA INS P1 P2, b"" when the bytes sent were no command APDU, and ``nc`` counts all of them then.
    ``nc`` and ``ne`` are numbers of bytes, ``ne`` None without Le; ``seconds`` the time until the answer. ``sw`` and
    ``response_size`` (without status word) are None when there was no answer, and then ``error`` is the class name of
    what was raised. ``command_data`` and ``response_data`` are None unless public.
    """

    header: bytes
    nc: int
    ne: int | None
    seconds: float
    sw: int | None = None
    response_size: int | None = None
    command_data: bytes | None = None
    response_data: bytes | None = None
    error: str = ""


def get_response(transmit: Transmit, *, strip_le: bool = False, rounds: int = ROUNDS) -> Transmit:
    """Handle 61xx and 6Cxx (ISO/IEC 7816-3 §12.2).

    61xx: GET RESPONSE (取响应) until the answer is complete or Ne bytes are there, but only where the command asked for
    an answer; after a command without Le nothing is sent and the caller gets the 61xx. 6Cxx: the same command again
    with the right Le. A reader that does this itself is never noticed.

    ``strip_le``: for a card on T=0. A TPDU has no room for the Le of a command that carries data, so a case 4 command
    goes out as case 3 and its answer is fetched.

    Raises :class:`~apdu.errors.ProtocolError` when one command causes more than ``rounds`` others.
    """

    def exchange(raw: bytes) -> bytes:
        try:
            command = CommandAPDU.from_bytes(raw)
        except ApduFormatError:
            return _one(transmit, raw)
        sent = replace(command, ne=None) if strip_le and command.case == "4S" else command
        collected = b""
        for _ in range(rounds + 1):
            answer = ResponseAPDU.from_bytes(_one(transmit, raw if sent == command else sent.to_bytes()))
            if answer.sw >> 8 == 0x6C and sent.ne is not None:
                sent = replace(sent, ne=answer.sw & 0xFF or MAX_SHORT_NE)
                continue
            collected += answer.data
            missing = (command.ne or 0) - len(collected)
            if answer.waiting is None or missing <= 0:
                return ResponseAPDU(collected, answer.sw).to_bytes()
            sent = CommandAPDU(0x00, 0xC0, 0x00, 0x00, ne=min(answer.waiting, missing))
        raise ProtocolError(f"{command.name}: the card asks for more than {rounds} further commands")

    return lambda commands: [exchange(raw) for raw in commands]


def logged(transmit: Transmit, log: Callable[[Exchange], None], disclosure: Disclosure = hide_all) -> Transmit:
    """Tell ``log`` about every exchange: header, lengths, status word, time; data only where ``disclosure`` allows."""

    def exchange(raw: bytes) -> bytes:
        try:
            command = CommandAPDU.from_bytes(raw)
        except ApduFormatError:
            record, public = Exchange(b"", len(raw), None, 0.0), (False, False)
        else:
            public = disclosure(command)
            record = Exchange(
                command.header, command.nc, command.ne, 0.0, command_data=_data_of(command) if public[0] else None
            )
        start = time.perf_counter()
        try:
            answer = _one(transmit, raw)
        except TransportError as error:
            log(replace(record, seconds=time.perf_counter() - start, error=type(error).__name__))
            raise
        record = replace(record, seconds=time.perf_counter() - start)
        if len(answer) < 2:
            log(replace(record, error=ProtocolError.__name__))
            return answer
        data, sw = answer[:-2], int.from_bytes(answer[-2:], "big")
        log(replace(record, sw=sw, response_size=len(data), response_data=data if public[1] else None))
        return answer

    return lambda commands: [exchange(raw) for raw in commands]


def recorded(transmit: Transmit, sink: Callable[[bytes, bytes], None]) -> Transmit:
    """Give every command and its answer to ``sink``, whole: see :mod:`apdu.transport.transcript`.

    What is recorded is not masked; use it with invented people's cards only.
    """

    def exchange(raw: bytes) -> bytes:
        answer = _one(transmit, raw)
        sink(raw, answer)
        return answer

    return lambda commands: [exchange(raw) for raw in commands]


def serialised(transmit: Transmit, lock: AbstractContextManager[object]) -> Transmit:
    """Hold ``lock`` while commands run, so that those of one call stay together; several transports may share it."""

    def locked(commands: Sequence[bytes]) -> list[bytes]:
        with lock:
            return transmit(commands)

    return locked


def _data_of(command: CommandAPDU) -> bytes:
    """The data field of a command that was parsed from the wire, and so is never a Secret."""
    assert isinstance(command.data, bytes)
    return command.data


def _one(transmit: Transmit, raw: bytes) -> bytes:
    (answer,) = transmit([raw])
    return answer
