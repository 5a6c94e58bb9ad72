"""What a PSAM is built of, and the commands for it, for who issues one and for who makes one for tests (PSAM建卡).

The files are those of the PSAM text [S2.9 §5]; the commands are those of one public vendor dialect for bank PSAMs.
**That a PSAM takes them, their sizes, states and order are inference**: another vendor's PSAM has commands of its own,
and they belong here beside these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from apdu.command import CommandAPDU
from apdu.errors import MalformedError
from apdu.secret import Secret
from apdu.tlv import encode
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.crypto import Algorithm
from cardlib.psam import (
    ADF_FID,
    ADF_NAME,
    CARD_INFORMATION,
    CITY_INFORMATION,
    CITY_KEYS,
    DF_TYPE,
    DIR,
    DIRECTORY_HEAD,
    DIRECTORY_NAME,
    ENVIRONMENTS,
    FREE,
    KEY_TRIES,
    KEYS_TYPE,
    LOADER_STATES,
    MASTER_KEY_ID,
    MASTER_STATE,
    MF_TYPE,
    NATIONAL_INFORMATION,
    NATIONAL_KEYS,
    NEVER,
    PROVINCIAL_INFORMATION,
    PROVINCIAL_KEYS,
    RECORDS_TYPE,
    TERMINAL_INFORMATION,
    TRADE_NUMBER,
    TRANSPARENT_TYPE,
    PsamKeyType,
    algorithm_byte,
    usage,
)

KEY_FILES: Final = (NATIONAL_KEYS, PROVINCIAL_KEYS, CITY_KEYS)
INFORMATION: Final = (NATIONAL_INFORMATION, PROVINCIAL_INFORMATION, CITY_INFORMATION)
"""Files of ministry, province and city, in the order of KID-01…KID-03."""

Labelled: TypeAlias = tuple[str, CommandAPDU]
"""What a command is for, without any value, and the command."""

OWN_KEY_SIZE: Final = 16
"""Bytes of a PSAM's own keys."""
_OWN_KEYS_SIZE: Final = 26 * 8
_KEY_FILE_SIZE: Final = 24 * 64
_DIR_SIZE: Final = 0x40
_LABEL: Final = "社会保障应用".encode("gbk")
_SIZES: Final = {CARD_INFORMATION: 15, TERMINAL_INFORMATION: 6, TRADE_NUMBER: 4, **dict.fromkeys(INFORMATION, 10)}

DIR_ENTRY: Final = encode(0x61, encode(0x4F, ADF_NAME) + encode(0x50, _LABEL))
"""The only record of DIR (inference)."""


@dataclass(frozen=True, slots=True)
class ApplicationInformation:
    """EF 001A, 001B or 001C (应用信息): index of the purchase key, version of the authentication keys, dates YYYYMMDD.

    Raises MalformedError.
    """

    purchase_index: int = 1
    key_version: int = 1
    valid_from: str = "20200101"
    valid_until: str = "20991231"

    def __post_init__(self) -> None:
        for text in (self.valid_from, self.valid_until):
            require_digits("a date", text, 8)
        if not {self.purchase_index, self.key_version} <= set(range(0x100)):
            raise MalformedError("index and version of application information are one byte each")

    @property
    def content(self) -> bytes:
        """The 10 bytes of the file [S2.9 §5.5]."""
        dates = bytes.fromhex(self.valid_from + self.valid_until)
        return bytes((self.purchase_index, self.key_version)) + dates


def require_digits(what: str, text: str, count: int) -> None:
    """Raise MalformedError unless a text is so many decimal digits."""
    if len(text) != count or not (text.isascii() and text.isdigit()):
        raise MalformedError(f"{what} of a PSAM has {count} digits")


def card_information(serial: str, *, issuer: int, version: int, key_card_type: int, fci_data: bytes) -> bytes:
    """EF 0015, 15 bytes [S2.9 §5.2]; ``serial``: 20 digits. Of the others no values are defined."""
    return bytes((issuer,)) + bytes.fromhex(serial) + bytes((version, key_card_type)) + fci_data


# --- before the end of issue ---


def create_environment(algorithm: Algorithm) -> CommandAPDU:
    """80 8A: the MF, which is the environment of DES, on a blank chip; 80 80: another environment in the MF."""
    fid, name = ENVIRONMENTS[algorithm]
    if algorithm is Algorithm.DES:
        return CommandAPDU(0x80, 0x8A, 0x00, 0x00, _directory(fid, MF_TYPE, DIR & 0xFF, name, algorithm))
    return _create(_directory(fid, DF_TYPE, DIR & 0xFF, name, algorithm))


def create_application(algorithm: Algorithm) -> CommandAPDU:
    """80 80: DF01 in the current environment, which is that of this algorithm."""
    return _create(_directory(ADF_FID, DF_TYPE, 0, ADF_NAME, algorithm))


def create_file(fid: int) -> CommandAPDU:
    """80 80: one of a PSAM's files in the current directory, with the rights that the text gives it [S2.9 §5]."""
    kind, size = TRANSPARENT_TYPE, _SIZES.get(fid, _KEY_FILE_SIZE)
    if fid in KEY_FILES:
        kind = KEYS_TYPE
    elif fid == DIR:
        kind, size = RECORDS_TYPE, _DIR_SIZE
    read = NEVER if kind == KEYS_TYPE else FREE
    return _create(fid.to_bytes(2, "big") + bytes((kind, FREE)) + size.to_bytes(2, "big") + bytes((read, _writer(fid))))


def write_file(fid: int, content: bytes) -> CommandAPDU:
    """All of a transparent file by its SFI: free before the end of issue, by the file's right after it."""
    return commands.update_binary(0, content, sfi=fid & 0x1F)


def read_file(fid: int) -> CommandAPDU:
    """All of a transparent file by its SFI, or the record of DIR."""
    if fid == DIR:
        return commands.read_record(1, RecordMode.NUMBER, sfi=DIR & 0x1F, ne=len(DIR_ENTRY))
    return commands.read_binary(0, sfi=fid & 0x1F, ne=_SIZES[fid])


def plain_own_key(number: int, value: Secret, algorithm: Algorithm) -> CommandAPDU:
    """80 D0: one of the current directory's own keys, 16 bytes, **in clear**: 0 its master key, 1…3 KID-01…KID-03."""
    return CommandAPDU(0x80, 0xD0, 0x00, 0x00, Secret(_own_key_header(number, algorithm) + value.reveal()))


def end_of_issue() -> CommandAPDU:
    """80 1C: the current directory is final; its rights take force."""
    return CommandAPDU(0x80, 0x1C, 0x00, 0x00)


def environment_contents(algorithm: Algorithm, master: Secret, information: bytes) -> Iterator[Labelled]:
    """Master key, files and contents of a new environment, which is current; ``information``: of EF 0015."""
    yield "master key of the environment", plain_own_key(MASTER_KEY_ID, master, algorithm)
    for fid in (DIR, CARD_INFORMATION, TERMINAL_INFORMATION):
        yield f"create EF {fid:04X}", create_file(fid)
    yield "fill DIR", commands.update_record(1, RecordMode.NUMBER, DIR_ENTRY, sfi=DIR & 0x1F)
    yield f"fill EF {CARD_INFORMATION:04X}", write_file(CARD_INFORMATION, information)


def application_contents(
    algorithm: Algorithm, master: Secret, loaders: tuple[Secret, Secret, Secret], trade_number: int = 1
) -> Iterator[Labelled]:
    """Own keys and files of a new application, which is current; ``trade_number``: the first that is used."""
    for number, value in enumerate((master, *loaders)):
        yield f"own key {number:02} of the application", plain_own_key(number, value, algorithm)
    for fid in (TRADE_NUMBER, *INFORMATION, *KEY_FILES):
        yield f"create EF {fid:04X}", create_file(fid)
    yield f"fill EF {TRADE_NUMBER:04X}", write_file(TRADE_NUMBER, trade_number.to_bytes(4, "big"))


# --- keys, encrypted and with a MAC [S2.9 §9.5, §9.6] ---


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """CREATE KEY or CHANGE KEY without the key: what it takes besides.

    ``head``: CLA, INS, P1 and P2; ``record``: what stands before the value in the record.
    """

    head: bytes
    record: bytes

    def command(self, wrapped: bytes) -> CommandAPDU:
        """The command with the encrypted record and its MAC."""
        cla, ins, p1, p2 = self.head
        return CommandAPDU(cla, ins, p1, p2, wrapped)


def create_key(file: int, record: bytes) -> KeyCommand:
    """CREATE KEY in a key file, by its FID; ``record``: :func:`cardlib.psam.record_head`."""
    return KeyCommand(_key_head(0x00, file & 0xFF), record)


def change_own_key(number: int) -> KeyCommand:
    """CHANGE KEY of one of the current directory's own keys: 0 its master key, 1…3 KID-01…KID-03.

    P2 00 means these keys (inference: the text has no way to replace them).
    """
    return KeyCommand(_key_head(0x01, MASTER_KEY_ID), bytes((_own_kind(number), number, 0)))


# --- use [S2.9 §9.7, §9.8] ---


def deliver_session_key(kind: PsamKeyType, levels: int, number: int, factors: bytes) -> CommandAPDU:
    """DELIVERY SESSION KEY (过程密钥下装); ``factors``: card ‖ city ‖ province, as many as levels, ‖ session factor."""
    return CommandAPDU(0xBF, 0xDE, usage(kind, levels), number, factors)


def cipher_data(mode: int, data: bytes | Secret, ne: int | None) -> CommandAPDU:
    """CIPHER DATA (数据加密): whole blocks under the session key."""
    return CommandAPDU(0x80, 0xFA, mode, 0x00, data, ne)


def _create(data: bytes) -> CommandAPDU:
    return CommandAPDU(0x80, 0x80, 0x00, 0x00, data)


def _key_head(p1: int, p2: int) -> bytes:
    return bytes((0x84, 0xD4, p1, p2))


def _own_kind(number: int) -> PsamKeyType:
    return PsamKeyType.EXTERNAL if number else PsamKeyType.MASTER


def _own_key_header(number: int, algorithm: Algorithm) -> bytes:
    state = LOADER_STATES[number - 1] if number else MASTER_STATE
    tries = (KEY_TRIES, KEY_TRIES)
    code = algorithm_byte(algorithm, OWN_KEY_SIZE)
    return bytes((_own_kind(number), 8 + OWN_KEY_SIZE, number, code, 1, 0, state, *tries, 0))


def _writer(fid: int) -> int:
    """Whose right writes a file."""
    if fid == TRADE_NUMBER:
        return NEVER
    for files in (INFORMATION, KEY_FILES):
        if fid in files:
            return LOADER_STATES[files.index(fid)]
    return MASTER_STATE


def _directory(fid: int, kind: int, dir_sfi: int, name: bytes, algorithm: Algorithm) -> bytes:
    """The 42 bytes that create a directory."""
    head = fid.to_bytes(2, "big") + bytes((kind, FREE, 0xFF, 0xFF, dir_sfi, 0))
    head += _OWN_KEYS_SIZE.to_bytes(2, "big") + bytes((NEVER, 0x81, 0xFF, 0xFF, 0xFF, len(name)))
    assert len(head) == DIRECTORY_HEAD
    return head + name.ljust(DIRECTORY_NAME, b"\xff") + _own_key_header(MASTER_KEY_ID, algorithm)
