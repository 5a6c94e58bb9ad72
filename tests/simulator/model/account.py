"""The model's medical account (flows §4): amounts, the states idle, load and purchase, proof and log."""

from dataclasses import dataclass, replace

from tests.simulator.model.model import LOG, VERSIONS, Model, command, refuse

LOAD, PURCHASE = 0x31, 0x32
DSK = 0x87
MOST = 0xFFFFFFFF


@dataclass(frozen=True)
class Amounts:
    """Fen and counters; ``year`` yyyy and ``day`` mmdd as decimal numbers."""

    loads: int
    purchases: int
    balance: int
    self_paid: int
    pooled: int
    year: int
    day: int

    def settle(self, self_paid: int, pooled: int, date: int) -> "Amounts":
        """Totals after a purchase on this date, yyyymmdd (flows §4.6)."""
        if date - (self.year * 10000 + self.day) < 10000:
            return replace(self, self_paid=self.self_paid + self_paid, pooled=self.pooled + pooled)
        year = date // 10000 - (date % 10000 < self.day)
        return replace(self, self_paid=self_paid, pooled=pooled, year=year)


@dataclass(frozen=True)
class Pending:
    """A transaction between its two commands; ``parts``: account, self-paid, pooled, or the amount of a load."""

    trade: int
    index: int
    random: bytes
    parts: tuple[int, ...]
    terminal: bytes


def fen(*amounts: int) -> bytes:
    return b"".join(amount.to_bytes(4, "big") for amount in amounts)


def counter(value: int) -> bytes:
    return value.to_bytes(2, "big")


class AccountModel(Model):
    """The model with the commands of class B0; all of them want DF04."""

    @property
    def amounts(self) -> Amounts:
        amounts: Amounts = self.lasting.amounts
        return amounts

    def _here(self) -> None:
        refuse("6985", self.now.where != "DF04")

    @command()
    def initialize_load(self, index: int, amount: int, terminal: bytes, random: bytes) -> bytes:
        self._here()
        amounts = self.amounts
        refuse("6985", amounts.balance + amount > MOST)
        self._permitted(index)
        refuse("9402", amounts.loads == 0xFFFF)
        self.now.pending = Pending(LOAD, index, random, (amount,), terminal)
        mac1: bytes = self.outside.load_mac(
            index, random, amounts.loads, fen(amounts.balance, amount) + bytes((LOAD,)) + terminal
        )
        return fen(amounts.balance) + counter(amounts.loads) + self._described(index) + random + mac1

    @command()
    def initialize_purchase(self, index: int, parts: tuple[int, int, int], terminal: bytes, random: bytes) -> bytes:
        self._here()
        amounts = self.amounts
        self._permitted(index)
        refuse("9402", amounts.purchases == 0xFFFF)
        refuse("9401", parts[0] > amounts.balance)
        self.now.pending = Pending(PURCHASE, index, random, parts, terminal)
        shown = fen(amounts.balance, amounts.self_paid, amounts.pooled) + bytes.fromhex(f"{amounts.year:04}")
        return shown + counter(amounts.purchases) + self._described(index) + random

    def _permitted(self, index: int) -> None:
        refuse("6982", not self.pin_satisfied)
        refuse("9403", index not in VERSIONS)

    def _described(self, index: int) -> bytes:
        """Key version, which here is the index, and algorithm as key records have it: 00 3DES, 03 SM4."""
        return bytes((index, {"2.0": 0, "3.0": 3}[self.version]))

    def _pending(self, trade: int) -> Pending:
        """The transaction that the second command ends, whatever becomes of it."""
        self._here()
        pending: Pending | None = self.now.pending
        self.now.pending = None
        refuse("6901", pending is None or pending.trade != trade)
        assert pending is not None
        return pending

    @command(keeps=True)
    def credit(self, time: bytes, *, right: bool) -> bytes:
        pending = self._pending(LOAD)
        refuse("9302", not right)
        amounts, (amount,) = self.amounts, pending.parts
        after = replace(amounts, balance=amounts.balance + amount, loads=amounts.loads + 1)
        trade = fen(amount) + bytes((LOAD,)) + pending.terminal
        tac: bytes = self.outside.tac(pending.index, fen(after.balance) + counter(amounts.loads) + trade + time)
        self._finish(pending, after, after.loads, time, bytes(4) + tac)
        return tac

    @command(keeps=True)
    def debit(self, sequence: int, time: bytes, *, right: bool) -> bytes:
        pending = self._pending(PURCHASE)
        refuse("9302", not right)
        amounts, (account, self_paid, pooled) = self.amounts, pending.parts
        after = amounts.settle(self_paid, pooled, int(time[:4].hex()))
        after = replace(after, balance=amounts.balance - account, purchases=amounts.purchases + 1)
        parts = fen(*pending.parts)
        trade = parts + bytes((PURCHASE,)) + pending.terminal
        tac: bytes = self.outside.tac(pending.index, trade + sequence.to_bytes(4, "big") + time)
        mac2: bytes = self.outside.purchase_mac(pending.index, pending.random, amounts.purchases, sequence, parts)
        self._finish(pending, after, after.purchases, time, mac2 + tac)
        return tac + mac2

    def _finish(self, pending: Pending, after: Amounts, number: int, time: bytes, proof: bytes) -> None:
        head = counter(number) + bytes((pending.trade,)) + pending.terminal + time
        record = (head + fen(*pending.parts)).ljust(28, b"\x00")
        self.lasting.amounts = after
        self.lasting.proof = (pending.trade, number, proof)
        self.lasting.files[LOG] = (record, *self.lasting.files[LOG])[:30]

    @command(keeps=True)
    def get_balance(self, p2: int) -> bytes:
        self._here()
        refuse("6982", not self.pin_satisfied)
        amounts = self.amounts
        year = bytes.fromhex(f"{amounts.year:04}")
        return {1: fen(amounts.balance), 2: fen(amounts.self_paid) + year, 3: fen(amounts.pooled) + year}[p2]

    @command(keeps=True)
    def get_proof(self, trade: int, number: int) -> bytes:
        self._here()
        proof = self.lasting.proof
        refuse("9406", proof is None or proof[:2] != (trade, number))
        assert proof is not None
        return proof[2]

    @command()
    def update_starting_day(self, day: bytes) -> bytes:
        self._here()
        refuse("6982", not self.has(DSK))
        refuse("6985", not day.hex().isdecimal())
        self.lasting.amounts = replace(self.amounts, day=int(day.hex()))
        return b""

    @command()
    def get_starting_day(self) -> bytes:
        self._here()
        return bytes.fromhex(f"{self.amounts.day:04}")
