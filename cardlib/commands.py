"""The card's commands, one function each: what goes into CLA INS P1 P2, data and Le [S2.5 §6].

Every function returns a :class:`~apdu.command.CommandAPDU`; nothing is sent. ``ne=None`` leaves the Le field out: the
card's answer, if it has one, is then not fetched.
"""

from enum import Enum, IntEnum

from apdu.command import CommandAPDU
from apdu.secret import Secret

MASTER_FILE = b"\x3f\x00"
MAC_SIZE = 4
PIN_SEPARATOR = b"\xff"


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


def change_pin(old: Secret, new: Secret) -> CommandAPDU:
    """CHANGE PIN (更改个人密码) [S2.5 §6.3]: both packed, 2…8 bytes, or empty: none is set, none shall be."""
    return CommandAPDU(0x80, 0x5E, 0x01, 0x00, Secret(old.reveal() + PIN_SEPARATOR + new.reveal()))


def unblock_pin() -> CommandAPDU:
    """PIN CHANGE/UNBLOCK that gives the PIN its tries back (个人密码解锁) [S2.5 §6.7, S2.7 §13.3].

    This and the following three are sent :func:`with_mac` only: under STK of the SSSE, by the right of PUK.
    """
    return CommandAPDU(0x80, 0x24, 0x00, 0x00)


def replace_pin(encrypted: bytes) -> CommandAPDU:
    """PIN CHANGE/UNBLOCK that sets another PIN as well (个人密码重置) [S2.5 §6.7].

    ``encrypted``: the packed PIN as :meth:`cardlib.crypto.CipherSuite.encrypt` makes it under the session key of STK;
    empty for no PIN.
    """
    return CommandAPDU(0x80, 0x24, 0x00, 0x01, encrypted)


def block_application() -> CommandAPDU:
    """APPLICATION BLOCK (应用锁定) of the current directory, for good [S2.5 §6.1].

    MAC under its STK, by the right of LK.
    """
    return CommandAPDU(0x80, 0x1E, 0x00, 0x01)


def block_card() -> CommandAPDU:
    """CARD BLOCK (卡片锁定), for good [S2.5 §6.2]: MAC under STK of the SSSE, by the right of BK."""
    return CommandAPDU(0x80, 0x16, 0x00, 0x00)


class Transaction(Enum):
    """Type of a transaction of the medical account (交易类型), as it stands in messages and log [S1 §8.5.3]."""

    LOAD = b"1"
    PURCHASE = b"2"


class Balance(IntEnum):
    """What GET BALANCE asks for, its P2 [S2.5 §7.3]."""

    ACCOUNT = 1
    """CIA, the personal account: amount(4)."""
    SELF_PAID = 2
    """SPIP, what was self-paid in the year: amount(4) ‖ year(2)."""
    POOLED = 3
    """SPFP, what the pooled fund paid in the year: amount(4) ‖ year(2)."""

    @property
    def size(self) -> int:
        """Bytes of the answer."""
        return 4 if self is Balance.ACCOUNT else 6


def initialise_load(key_index: int, amount: int, terminal: bytes) -> CommandAPDU:
    """INITIALIZE FOR LOAD (账户划入初始化) [S2.5 §7.5]. ``amount``: fen; ``terminal``: its number, 6 bytes.

    Answer, 16 bytes: balance(4) ‖ load number(2) ‖ key version ‖ algorithm ‖ random(4) ‖ MAC1(4).
    """
    return CommandAPDU(0xB0, 0x28, 0x00, 0x01, bytes((key_index,)) + _fen(amount) + terminal, 16)


def credit_load(host_time: bytes, mac2: bytes) -> CommandAPDU:
    """CREDIT FOR LOAD (账户划入) [S2.5 §7.1]: ``host_time`` YYYYMMDDhhmmss packed, 7 bytes; the answer is TAC(4)."""
    return CommandAPDU(0xB0, 0x2A, 0x00, 0x00, host_time + mac2, 4)


def initialise_purchase(key_index: int, account: int, self_paid: int, pooled: int, terminal: bytes) -> CommandAPDU:
    """INITIALIZE FOR PURCHASE (医疗消费初始化) [S2.5 §7.6]: amounts in fen, ``terminal`` as for a load.

    Answer, 22 bytes: balance(4) ‖ self-paid total(4) ‖ pooled total(4) ‖ year(2) ‖ purchase number(2) ‖ key version ‖
    algorithm ‖ random(4).
    """
    amounts = _fen(account) + _fen(self_paid) + _fen(pooled)
    return CommandAPDU(0xB0, 0x28, 0x01, 0x01, bytes((key_index,)) + amounts + terminal, 22)


def debit_purchase(terminal_sequence: int, time: bytes, mac1: bytes) -> CommandAPDU:
    """DEBIT FOR PURCHASE (医疗消费) [S2.5 §7.2]: the terminal's number of it, 4 bytes, and its time, 7 bytes.

    The answer is TAC(4) ‖ MAC2(4).
    """
    return CommandAPDU(0xB0, 0x2C, 0x01, 0x00, terminal_sequence.to_bytes(4, "big") + time + mac1, 8)


def get_balance(balance: Balance) -> CommandAPDU:
    """GET BALANCE (读余额) [S2.5 §7.3]; the card answers another Le with 6700."""
    return CommandAPDU(0xB0, 0x26, 0x00, balance, ne=balance.size)


def get_transaction_proof(transaction: Transaction, number: int) -> CommandAPDU:
    """GET TRANSACTION PROOF (取交易认证码) of the load or purchase with this number [S2.5 §7.4].

    The answer is MAC(4) ‖ TAC(4), the other way round than that of a purchase; the MAC of a load means nothing.
    """
    return CommandAPDU(0xB0, 0x2E, 0x00, transaction.value[0], number.to_bytes(2, "big"), 8)


def get_starting_day() -> CommandAPDU:
    """GET STARTING DAY (读年度起始日期) [S2.5 §7.8]: MMDD packed, 2 bytes."""
    return CommandAPDU(0xB0, 0x56, 0x01, 0x00, ne=2)


def update_starting_day(day: bytes) -> CommandAPDU:
    """UPDATE STARTING DAY (更改年度起始日期) [S2.5 §7.7] by the right of DSK; ``day``: MMDD packed, 2 bytes."""
    return CommandAPDU(0xB0, 0x56, 0x00, 0x00, day)


def _fen(amount: int) -> bytes:
    """An amount on the wire: 4 bytes, big-endian."""
    return amount.to_bytes(4, "big")


def _place(offset: int, sfi: int) -> tuple[int, int]:
    """P1 and P2: 100xxxxx and an offset of one byte, or an offset of 15 bits."""
    return (0x80 | sfi, offset) if sfi else (offset >> 8, offset & 0xFF)


def _plain(command: CommandAPDU) -> bytes:
    assert isinstance(command.data, bytes), "secrets are encrypted before they get a MAC"
    return command.data


def _version(key_version: int | None) -> bytes:
    return b"" if key_version is None else bytes((key_version,))
