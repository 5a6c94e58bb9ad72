"""What a finished transaction leaves on the card besides the amounts: its proof and its log record."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from apdu.errors import MalformedError

ACCOUNT_ONLY_RECORD: Final = 0x14
"""Length of a log record by which a card tells that it accounts for the balance only (仅个人账户) [S2.7 §12]."""

PROOF_SIZE: Final = 11
"""Bytes of the proof slot."""


class TradeType(IntEnum):
    """Type of transaction (交易类型) in MACs, log and proof: an ASCII digit [S1 T9]."""

    LOAD = 0x31
    PURCHASE = 0x32


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence of the last finished transaction (交易认证码) [S2.5 §7.4, S2.7 §14].

    ``number``: under which it is asked for, 0…FFFF. ``mac``: MAC2 of a purchase, 00000000 of a load, which has none;
    ``tac``: its TAC; 4 bytes each.
    """

    trade: TradeType
    number: int
    mac: bytes
    tac: bytes

    @classmethod
    def unpack(cls, stored: bytes) -> "Proof | None":
        """The proof in 11 stored bytes: type 1, number 2, MAC 4, TAC 4; None where the type is of no transaction."""
        if len(stored) != PROOF_SIZE:
            raise MalformedError(f"a proof slot has {PROOF_SIZE} bytes, not {len(stored)}")
        if stored[0] not in tuple(TradeType):
            return None
        return cls(TradeType(stored[0]), int.from_bytes(stored[1:3], "big"), stored[3:7], stored[7:])

    def pack(self) -> bytes:
        """The 11 bytes to store."""
        return bytes((self.trade,)) + self.number.to_bytes(2, "big") + self.mac + self.tac


NO_PROOF: Final = bytes(PROOF_SIZE)
"""An empty proof slot."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One transaction as DF04/EF08 keeps it (医疗交易明细) [S2.7 §11.8, §12.6, S1 T9].

    ``number``: of the transaction, 0…FFFF. ``terminal``: 6 bytes, ``time``: 7 bytes yyyymmddhhmmss, both packed digits
    as sent. Amounts are fen; a load has ``account`` only.
    """

    number: int
    trade: TradeType
    terminal: bytes
    time: bytes
    account: int
    self_paid: int = 0
    pooled: int = 0

    def pack(self, size: int) -> bytes:
        """The record in ``size`` bytes: 20 leave out self-paid and pooled, 28 hold all; more are filled with 00."""
        whole = (
            self.number.to_bytes(2, "big")
            + bytes((self.trade,))
            + self.terminal
            + self.time
            + b"".join(amount.to_bytes(4, "big") for amount in (self.account, self.self_paid, self.pooled))
        )
        return whole[:size].ljust(size, b"\x00")
