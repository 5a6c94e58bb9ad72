"""Commands and answers in words, for people who read a trace."""

from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import meaning_of
from cardlib.commands import MASTER_FILE, RecordMode
from cardlib.errors import ItemError
from cardlib.keys import KEYS
from cardlib.text import decode_text

_MODES: Final = {
    RecordMode.FIRST_WITH_IDENTIFIER: "first record with tag {p1:02X}",
    RecordMode.LAST_WITH_IDENTIFIER: "last record with tag {p1:02X}",
    RecordMode.NEXT_WITH_IDENTIFIER: "next record with tag {p1:02X}",
    RecordMode.PREVIOUS_WITH_IDENTIFIER: "previous record with tag {p1:02X}",
    RecordMode.NUMBER: "record {p1}",
    RecordMode.FROM_NUMBER_TO_LAST: "records {p1} to last",
    RecordMode.FROM_LAST_TO_NUMBER: "records last to {p1}",
}


def describe_command(command: CommandAPDU) -> str:
    """One line without data of the holder, e.g. ``READ RECORD records 1 to last of SFI 05, Ne 64``."""
    details = {0xA4: _select, 0xB2: _record, 0xDC: _record, 0x82: _key, 0x20: _verify}.get(command.ins)
    words = [command.name]
    if details is not None and command.cla in {0x00, 0x04}:
        words.append(details(command))
    if command.nc and command.ins != 0xA4:
        words.append(f"({command.nc} bytes of data)")
    if command.ne is not None:
        words.append(f"Ne {command.ne}")
    return " ".join(word for word in words if word)


def describe_answer(response: ResponseAPDU, command: CommandAPDU) -> str:
    """Length and meaning of an answer, e.g. ``64 bytes, 9000 success (成功)``."""
    meaning = meaning_of(response.sw, command.ins)
    size = f"{len(response.data)} bytes, " if response.data else ""
    return f"{size}{response.sw:04X} {meaning.text} ({meaning.chinese})"


def _select(command: CommandAPDU) -> str:
    data = b"" if isinstance(command.data, Secret) else command.data
    if command.p1 == 0x04:
        try:
            return (
                f"by name {decode_text(data)}" if not data.startswith(b"\xd1\x56") else f"by AID {data.hex().upper()}"
            )
        except ItemError:
            return f"by name {data.hex().upper()}"
    return "MF" if data in {b"", MASTER_FILE} else f"file {data.hex().upper()}"


def _record(command: CommandAPDU) -> str:
    mode, sfi = command.p2 & 0x07, command.p2 >> 3
    words = _MODES[RecordMode(mode)].format(p1=command.p1) if mode in set(RecordMode) else f"mode {mode}"
    return f"{words} of {f'SFI {sfi:02X}' if sfi else 'the current file'}"


def _key(command: CommandAPDU) -> str:
    names = [key.name for key in KEYS.values() if key.card_id == command.p2]
    return f"key {command.p2:02X}" + (f" ({' or '.join(names)})" if names else "")


def _verify(command: CommandAPDU) -> str:
    return "" if command.nc else "(asks for the tries left)"
