"""The amount file (医疗保险金额文件), and what a load and a purchase make of it [S1 after T9, S2.7 §11.8, §12.6]."""

import struct
from dataclasses import dataclass, replace
from typing import Final

from apdu.errors import MalformedError
from simulator.command import SW, Refused

AMOUNTS_SIZE: Final = 20
"""Bytes of the amount file."""

MAX_AMOUNT: Final = 0xFFFFFFFF
MAX_COUNTER: Final = 0xFFFF

_LAYOUT: Final = struct.Struct(">HHIII2s2s")
_YEAR: Final = 10_000
"""One year in a date written as the decimal number yyyymmdd."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amount file's content.

    ``loads``, ``purchases``: transaction counters (联网、脱网交易计数器), 0…FFFF. ``balance`` (个人账户余额),
    ``self_paid`` and ``pooled``, totals of the year (年度个人自付、统筹基金支付累计): fen, 0…FFFFFFFF. ``year``
    (支付年度) and ``starting_day`` (年度起始日期): packed digits yyyy and mmdd, 2 bytes each as stored; unused 0000.
    """

    loads: int = 0
    purchases: int = 0
    balance: int = 0
    self_paid: int = 0
    pooled: int = 0
    year: bytes = b"\x00\x00"
    starting_day: bytes = b"\x00\x00"

    @classmethod
    def unpack(cls, stored: bytes) -> "Amounts":
        """The content of 20 stored bytes: counters 2 and 2, balance and totals 4 each, year 2, starting day 2."""
        if len(stored) != AMOUNTS_SIZE:
            raise MalformedError(f"the amount file has {AMOUNTS_SIZE} bytes, not {len(stored)}")
        return cls(*_LAYOUT.unpack(stored))

    def pack(self) -> bytes:
        """The 20 bytes to store."""
        return _LAYOUT.pack(
            self.loads, self.purchases, self.balance, self.self_paid, self.pooled, self.year, self.starting_day
        )

    def credit(self, amount: int) -> "Amounts":
        """After a load (划入): balance and load counter together. Refuses with 6985 a balance of more than 32 bits."""
        if self.balance + amount > MAX_AMOUNT:
            raise Refused(SW.CONDITIONS)
        return replace(self, loads=self.loads + 1, balance=self.balance + amount)

    def debit(self, account: int) -> "Amounts":
        """After a purchase (消费) that touches the personal account only. Refuses with 9401 more than the balance."""
        if account > self.balance:
            raise Refused(SW.BALANCE_TOO_SMALL)
        return replace(self, purchases=self.purchases + 1, balance=self.balance - account)

    def accumulate(self, self_paid: int, pooled: int, date: bytes, *, calendar_year: bool = False) -> "Amounts":
        """With these amounts in the totals of the year that ``date`` (packed yyyymmdd) belongs to [S2.7 §12.6].

        n = yyyymmdd of the transaction − (year × 10000 + starting day), as decimal numbers. Below 10000, negative too,
        the totals go on; else they start anew with these amounts, in the settlement year of the date: its calendar
        year, or the one before when the starting day has not come yet (``calendar_year``: always its calendar year,
        the naive reading). Refuses with 6985 totals of more than 32 bits, and digits that are none.
        """
        day, start = _decimal(date), _decimal(self.starting_day)
        if day - (_decimal(self.year) * _YEAR + start) < _YEAR:
            totals = self.self_paid + self_paid, self.pooled + pooled
            if max(totals) > MAX_AMOUNT:
                raise Refused(SW.CONDITIONS)
            return replace(self, self_paid=totals[0], pooled=totals[1])
        year, month_and_day = divmod(day, _YEAR)
        if month_and_day < start and not calendar_year:
            year -= 1
        return replace(self, self_paid=self_paid, pooled=pooled, year=bytes.fromhex(f"{year:04}"))

    def starting_on(self, day: bytes) -> "Amounts":
        """With another starting day, 2 bytes mmdd, and nothing else. Refuses with 6985 digits that are none."""
        _decimal(day)
        return replace(self, starting_day=day)


def _decimal(packed: bytes) -> int:
    digits = packed.hex()
    if not digits.isdecimal():
        raise Refused(SW.CONDITIONS)
    return int(digits)
