"""A load and a purchase between their two commands: what the first one fixes, and what the second makes of it.

One of :class:`PendingLoad` and :class:`PendingPurchase`, or neither, is the card's transaction state (load, purchase,
idle) [S2.5 T49]. MAC1, MAC2 and TAC have no header bytes [S2.4 §8.2.4]; the TAC has no session key [S2.7 §15].
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, TypeAlias

from apdu.secret import Secret
from cardlib.crypto import CipherSuite, load_factor, purchase_factor
from simulator.account.amounts import MAX_COUNTER, Amounts
from simulator.account.outcome import LogRecord, Proof, TradeType
from simulator.command import SW, Refused
from simulator.quirks import Quirks

_DATE_SIZE = 4


@dataclass(frozen=True, slots=True)
class TransactionKeys:
    """The keys that an INITIALIZE command chose by their index (密钥索引).

    ``version``: key version as answered, 1 byte. ``session``: DLK or DPK; ``tac``: DTK; this card's, 16 bytes.
    ``algorithm``: byte of the key's record, 00 3DES, 03 SM4. It is what a PSAM compares with its own key record, not
    the FCI's algorithm, in which 01 is the DES world [S2.9 §6.1, §9.9].
    """

    suite: CipherSuite
    version: int
    session: Secret
    tac: Secret
    algorithm: int

    def described(self) -> bytes:
        """Key version ‖ algorithm id, as an INITIALIZE command answers them."""
        return bytes((self.version, self.algorithm))

    def tac_of(self, data: bytes) -> bytes:
        """The TAC (交易验证码) of a transaction, 4 bytes."""
        return self.suite.mac(self.suite.tac_key(self.tac), data)


class Outcome(NamedTuple):
    """A transaction carried out: what to store, all of it or nothing, the log record last; and the ``answer``."""

    proof: Proof
    amounts: Amounts
    record: LogRecord
    answer: bytes


@dataclass(frozen=True, slots=True)
class PendingLoad:
    """A load (帐户划入) after INITIALIZE FOR LOAD, waiting for the host's MAC2 [S2.7 §11].

    ``random``: the card's 4 bytes. ``amounts``: as they stand before it. ``amount``: fen. ``terminal``: number as sent,
    6 bytes.
    """

    trade: ClassVar = TradeType.LOAD

    keys: TransactionKeys
    random: bytes
    amounts: Amounts
    amount: int
    terminal: bytes

    def answer(self) -> bytes:
        """Balance 4 ‖ load counter 2 ‖ key version 1 ‖ algorithm 1 ‖ random 4 ‖ MAC1 4."""
        balance = _fen(self.amounts.balance)
        mac1 = self._mac(balance + self._common())
        return balance + _counter(self.amounts.loads) + self.keys.described() + self.random + mac1

    def complete(self, time: bytes, mac2: bytes, quirks: Quirks) -> Outcome:
        """Carry it out; ``time`` is the host's, 7 bytes packed digits as sent; answers the TAC. Refuses with 9302."""
        if Secret(mac2) != Secret(self._mac(self._common() + time)):
            raise Refused(SW.PROOF_REFUSED)
        number, after = self.amounts.loads, self.amounts.credit(self.amount)
        balance = after.balance if quirks.load_tac_balance == "after" else self.amounts.balance
        tac = self.keys.tac_of(_fen(balance) + _counter(number) + self._common() + time)
        return Outcome(
            Proof(self.trade, _numbered(number, quirks.proof_number), bytes(4), tac),
            after,
            LogRecord(_numbered(number, quirks.log_number), self.trade, self.terminal, time, self.amount),
            tac,
        )

    def _common(self) -> bytes:
        return _fen(self.amount) + bytes((self.trade,)) + self.terminal

    def _mac(self, data: bytes) -> bytes:
        suite = self.keys.suite
        return suite.mac(suite.session_key(self.keys.session, load_factor(self.random, self.amounts.loads)), data)


@dataclass(frozen=True, slots=True)
class PendingPurchase:
    """A purchase (医疗消费) after INITIALIZE FOR PURCHASE, waiting for the PSAM's MAC1 [S2.7 §12].

    ``account``, ``self_paid``, ``pooled``: fen from the personal account, paid by the holder, by the pooled fund; the
    rest as for a load. ``account_only``: the last two enter the MACs and the TAC as sent, but nothing is kept of them.
    """

    trade: ClassVar = TradeType.PURCHASE

    keys: TransactionKeys
    random: bytes
    amounts: Amounts
    account: int
    self_paid: int
    pooled: int
    terminal: bytes
    account_only: bool

    def answer(self) -> bytes:
        """Balance 4 ‖ totals 4, 4 ‖ year 2 ‖ purchase counter 2 ‖ key version 1 ‖ algorithm 1 ‖ random 4.

        An account-only card sends 00 as totals and year.
        """
        shown = published(self.amounts, account_only=self.account_only)
        return (
            _fen(shown.balance, shown.self_paid, shown.pooled)
            + shown.year
            + _counter(shown.purchases)
            + self.keys.described()
            + self.random
        )

    def complete(self, terminal_sequence: bytes, time: bytes, mac1: bytes, quirks: Quirks) -> Outcome:
        """Carry it out; ``terminal_sequence``: 4 bytes, ``time``: 7 bytes packed digits, as sent; answers TAC ‖ MAC2.

        The session key is made only here, where the terminal's number becomes known. Refuses with 9302, and with 6985
        where the totals cannot hold it.
        """
        suite = self.keys.suite
        number = self.amounts.purchases
        factor = purchase_factor(self.random, number, int.from_bytes(terminal_sequence, "big"))
        session = suite.session_key(self.keys.session, factor)
        parts = _fen(self.account, self.self_paid, self.pooled)
        common = parts + bytes((self.trade,)) + self.terminal
        if Secret(mac1) != Secret(suite.mac(session, common + time)):
            raise Refused(SW.PROOF_REFUSED)
        mac2 = suite.mac(session, parts)
        tac = self.keys.tac_of(common + terminal_sequence + time)
        after = self.amounts.debit(self.account)
        record = LogRecord(_numbered(number, quirks.log_number), self.trade, self.terminal, time, self.account)
        if not self.account_only:
            record = replace(record, self_paid=self.self_paid, pooled=self.pooled)
            calendar = quirks.settlement_year == "calendar"
            after = after.accumulate(self.self_paid, self.pooled, time[:_DATE_SIZE], calendar_year=calendar)
        return Outcome(Proof(self.trade, _numbered(number, quirks.proof_number), mac2, tac), after, record, tac + mac2)


Pending: TypeAlias = PendingLoad | PendingPurchase
"""A transaction that has begun; without one the card is idle."""


def published(amounts: Amounts, *, account_only: bool) -> Amounts:
    """The amounts as commands show them: of an account-only card, totals, year and starting day are 00 [S2.7 §12]."""
    if not account_only:
        return amounts
    return replace(amounts, self_paid=0, pooled=0, year=b"\x00\x00", starting_day=b"\x00\x00")


def require_counter(counter: int) -> None:
    """Refuse with 9402 a transaction that the counter could not number any more [S2.7 §11, §12]."""
    if counter >= MAX_COUNTER:
        raise Refused(SW.COUNTER_FULL)


def _numbered(counter: int, when: str) -> int:
    """A transaction's number in log or proof: the counter before or after it."""
    return counter + (when == "after")


def _fen(*amounts: int) -> bytes:
    return b"".join(amount.to_bytes(4, "big") for amount in amounts)


def _counter(value: int) -> bytes:
    return value.to_bytes(2, "big")
