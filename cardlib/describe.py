"""Commands and answers in words, for people who read a trace."""

from collections.abc import Mapping
from typing import Final

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import meaning_of
from cardlib.commands import MASTER_FILE, RecordMode
from cardlib.follow import BINARY, PLAIN, RECORDS, WITH_MAC, Follower
from cardlib.keys import KEYS
from cardlib.text import REPLACEMENT, decode_text_leniently
from cardlib.values import CardDate, CardIdentifier, Coded, Value

_MODES: Final = {
    RecordMode.FIRST_WITH_IDENTIFIER: "first record with tag {p1:02X}",
    RecordMode.LAST_WITH_IDENTIFIER: "last record with tag {p1:02X}",
    RecordMode.NEXT_WITH_IDENTIFIER: "next record with tag {p1:02X}",
    RecordMode.PREVIOUS_WITH_IDENTIFIER: "previous record with tag {p1:02X}",
    RecordMode.NUMBER: "record {p1}",
    RecordMode.FROM_NUMBER_TO_LAST: "records {p1} to last",
    RecordMode.FROM_LAST_TO_NUMBER: "records last to {p1}",
}


def describe_command(command: CommandAPDU, follower: Follower | None = None) -> str:
    """One line without data of the holder, e.g. ``READ RECORD records 1 to last of SFI 05, Ne 64``.

    A ``follower`` of the conversation so far knows which file is meant, and whose keys.
    """
    words = [command.name]
    if command.cla in {PLAIN, WITH_MAC}:
        words.append(_details(command, follower or Follower()))
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
        if data.startswith(b"\xd1\x56"):
            return f"by AID {data.hex().upper()}"
        name = decode_text_leniently(data)
        # What is no text, or would be a command to the terminal, is shown as bytes.
        return f"by name {data.hex().upper() if REPLACEMENT in name else name}"
    return "MF" if data in {b"", MASTER_FILE} else f"file {data.hex().upper()}"


def _details(command: CommandAPDU, follower: Follower) -> str:
    match command.ins:
        case 0xA4:
            return _select(command)
        case ins if ins in RECORDS:
            return f"{_record(command)} of {_file(command.p2 >> 3, follower.place_of(command))}"
        case ins if ins in BINARY:
            short = bool(command.p1 & 0x80)
            offset = command.p2 if short else command.p1 << 8 | command.p2
            return f"from byte {offset} of {_file(command.p1 & 0x1F if short else 0, follower.place_of(command))}"
        case 0x82:
            return _key(command, follower.directory)
        case 0x20:
            return "" if command.nc else "(asks for the tries left)"
        case _:
            return ""


def _file(sfi: int, place: str) -> str:
    return place or (f"SFI {sfi:02X}" if sfi else "the current file")


def _record(command: CommandAPDU) -> str:
    mode = command.p2 & 0x07
    return _MODES[RecordMode(mode)].format(p1=command.p1) if mode in set(RecordMode) else f"mode {mode}"


def _key(command: CommandAPDU, directory: str | None) -> str:
    """The key's name: ids from 80 on are those of the current directory [S2.5 T14]."""
    known = [key for key in KEYS.values() if key.card_id == command.p2]
    names = [key.name for key in known if directory is None or key.directory in {directory, "SSSE"}]
    return f"key {command.p2:02X}" + (f" ({' or '.join(names)})" if names else "")


def describe_value(value: Value) -> str:
    """A decoded value for people, e.g. ``1 男性 male``; "" for a blank. It shows what it is given: mask before."""
    match value:
        case None:
            words = ""
        case Coded():
            words = " ".join(word for word in (value.code, value.zh, value.en) if word)
        case CardDate():
            words = value.iso
        case CardIdentifier():
            words = value.digits
        case bytes():
            words = value.hex().upper()
        case Mapping():
            words = "; ".join(f"{name} {describe_value(part)}" for name, part in value.items() if part is not None)
        case tuple():
            words = "; ".join(describe_value(part) or "–" for part in value)
        case _:
            words = str(value)
    return words
