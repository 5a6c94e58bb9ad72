"""The card's commands, one function each: what goes into CLA INS P1 P2, data and Le [S2.5 §6].

Every function returns a :class:`~apdu.command.CommandAPDU`; nothing is sent. ``ne=None`` leaves the Le field out: the
card's answer, if it has one, is then not fetched.
"""

from enum import IntEnum

from apdu.command import CommandAPDU
from apdu.secret import Secret

MASTER_FILE = b"\x3f\x00"
MAC_SIZE = 4


class RecordMode(IntEnum):
    """Low three bits of P2 of READ RECORD and UPDATE RECORD [S2.5 T32, T44]."""

    FIRST_WITH_IDENTIFIER = 0
    LAST_WITH_IDENTIFIER = 1
    NEXT_WITH_IDENTIFIER = 2
    PREVIOUS_WITH_IDENTIFIER = 3
    NUMBER = 4
    FROM_NUMBER_TO_LAST = 5
    FROM_LAST_TO_NUMBER = 6


def select_name(name: bytes, *, ne: int | None = 256) -> CommandAPDU:
    """SELECT a directory by its DF name or AID, 5…16 bytes [S2.5 §6.11]; the answer is its FCI."""
    return CommandAPDU(0x00, 0xA4, 0x04, 0x00, name, ne)


def select_master_file() -> CommandAPDU:
    """SELECT the MF by its file identifier 3F00, without asking for its FCI [S2.5 §6.11]."""
    return CommandAPDU(0x00, 0xA4, 0x00, 0x00, MASTER_FILE)


def select_file(fid: int, *, p1: int = 0x02) -> CommandAPDU:
    """SELECT an EF below the current directory by file identifier; cards take ``p1`` 02, 00 or both [S5, S6]."""
    return CommandAPDU(0x00, 0xA4, p1, 0x00, fid.to_bytes(2, "big"))


def select_directory(fid: int, *, ne: int | None = None) -> CommandAPDU:
    """SELECT a DF by its file identifier [S2.5 §6.11]; its FCI is not fetched unless ``ne`` asks for it."""
    return CommandAPDU(0x00, 0xA4, 0x00, 0x00, fid.to_bytes(2, "big"), ne)


def read_record(p1: int, mode: RecordMode, *, sfi: int = 0, ne: int) -> CommandAPDU:
    """READ RECORD [S2.5 §6.10]. ``p1``: record number or identifier; ``sfi`` 0 = current EF.

    ``ne`` is the exact length of the answer, tag and length bytes included: the card answers 6Cxx to any other.
    """
    return CommandAPDU(0x00, 0xB2, p1, sfi << 3 | mode, ne=ne)


def update_record(p1: int, mode: RecordMode, record: bytes, *, sfi: int = 0) -> CommandAPDU:
    """UPDATE RECORD [S2.5 §6.13]: replace a record, or append one.

    ``p1``: record number or identifier; the next free number and an unknown identifier append. ``record``: all of it,
    tag and length included; bare in a cyclic file, which takes a new one by P1 00 and mode PREVIOUS.
    """
    return CommandAPDU(0x00, 0xDC, p1, sfi << 3 | mode, record)


def read_binary(offset: int, *, sfi: int = 0, ne: int) -> CommandAPDU:
    """READ BINARY [S2.5 §6.9] from ``offset`` of the current EF, 0…7FFF; of the EF ``sfi``, 0…FF, if one is named."""
    return CommandAPDU(0x00, 0xB0, *_place(offset, sfi), ne=ne)


def update_binary(offset: int, data: bytes, *, sfi: int = 0) -> CommandAPDU:
    """UPDATE BINARY [S2.5 §6.12]: overwrite 1…255 bytes; ``offset`` and ``sfi`` as for :func:`read_binary`."""
    return CommandAPDU(0x00, 0xD6, *_place(offset, sfi), data)


def authenticated(command: CommandAPDU) -> bytes:
    """What the MAC of a command is computed over: CLA with its low nibble 4, INS, P1, P2, Lc counting the MAC, data.

    ``command``: as it would be sent without secure messaging (安全报文) [S2.4 §8.2, S2.7 §7].
    """
    data = _plain(command)
    return bytes((command.cla | 0x04, command.ins, command.p1, command.p2, len(data) + MAC_SIZE)) + data


def with_mac(command: CommandAPDU, mac: bytes) -> CommandAPDU:
    """The command as it is sent with secure messaging: ``mac``, 4 bytes, ends its data field."""
    return CommandAPDU(command.cla | 0x04, command.ins, command.p1, command.p2, _plain(command) + mac, command.ne)


def get_challenge(size: int = 8) -> CommandAPDU:
    """GET CHALLENGE [S2.5 §6.5]: 4, 8 or 16 random bytes, good for one use in the current application."""
    return CommandAPDU(0x00, 0x84, 0x00, 0x00, ne=size)


def internal_authenticate(factor: bytes, original: bytes, *, key_version: int | None = None) -> CommandAPDU:
    """INTERNAL AUTHENTICATION with IRK [S2.5 §6.8]: 8-byte session factor, 8 bytes to be encrypted, [key version]."""
    return CommandAPDU(0x00, 0x88, 0x00, 0x00, factor + original + _version(key_version), 8)


def external_authenticate(
    key_id: int, cryptogram: bytes, original: bytes, *, key_version: int | None = None
) -> CommandAPDU:
    """EXTERNAL AUTHENTICATION [S2.5 §6.4]: 8-byte cryptogram, the 8 bytes it was made of, [key version].

    ``key_id``: bit 8 = 0 for a key of the SSSE, 1 for one of the current directory; low four bits its number
    [S2.5 T14].
    """
    return CommandAPDU(0x00, 0x82, 0x00, key_id, cryptogram + original + _version(key_version))


def verify(pin: Secret) -> CommandAPDU:
    """VERIFY the PIN [S2.5 §6.14]: packed BCD, 2…8 bytes, F nibble at the end of an odd count."""
    return CommandAPDU(0x00, 0x20, 0x00, 0x00, pin)


def verify_query() -> CommandAPDU:
    """VERIFY without data [S2.5 §6.14]: asks for the tries left, costs none; 9000 = no PIN is set."""
    return CommandAPDU(0x00, 0x20, 0x00, 0x00)


def _place(offset: int, sfi: int) -> tuple[int, int]:
    """P1 and P2: 100xxxxx and an offset of one byte, or an offset of 15 bits."""
    return (0x80 | sfi, offset) if sfi else (offset >> 8, offset & 0xFF)


def _plain(command: CommandAPDU) -> bytes:
    assert isinstance(command.data, bytes), "secrets are encrypted before they get a MAC"
    return command.data


def _version(key_version: int | None) -> bytes:
    return b"" if key_version is None else bytes((key_version,))
