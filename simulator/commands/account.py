"""The commands of the medical account (医疗个人账户), CLA B0 [S2.5 §7, S2.7 §10–12, §14].

A load and a purchase take two commands each; ``session.transaction`` is what stands between them (load, purchase,
idle). :mod:`simulator.card` ends it at every command whose row does not keep it, and at every failure [S2.5 T49].
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from simulator.account.amounts import Amounts
from simulator.account.outcome import TradeType
from simulator.account.storage import Account, account_of
from simulator.account.transactions import (
    Outcome,
    PendingLoad,
    PendingPurchase,
    TransactionKeys,
    published,
    require_counter,
)
from simulator.command import SW, Command, Refused
from simulator.commands.instruction import Handler, Instruction
from simulator.credentials import KeyUse
from simulator.session import Session

LOAD, PURCHASE = 0x00, 0x01
"""P1 of INITIALIZE."""
CIA, SPIP, SPFP = 0x01, 0x02, 0x03
"""P2 of GET BALANCE: balance of the personal account, self-paid total, total paid by the pooled fund."""
UPDATE, GET = 0x00, 0x01
"""P1 of the STARTING DAY commands."""

_LOAD_SIZE, _CREDIT_SIZE, _PURCHASE_SIZE, _DEBIT_SIZE = 0x0B, 0x0B, 0x13, 0x0F
_NUMBER_SIZE = _DAY_SIZE = 2
_KEY_SIZE = 16
_RANDOM_SIZE = 4
_LENIENT_TYPES: Final = {0x01: TradeType.LOAD, 0x02: TradeType.PURCHASE}


def initialize(session: Session, command: Command) -> bytes:
    """INITIALIZE FOR LOAD (划入初始化) and FOR PURCHASE (消费初始化): begin a transaction; nothing lasting happens.

    Load: key index 1 ‖ amount 4 ‖ terminal 6. Purchase: key index 1 ‖ account 4 ‖ self-paid 4 ‖ pooled 4 ‖ terminal 6.
    Answers: see :class:`~simulator.account.transactions.PendingLoad` and
    :class:`~simulator.account.transactions.PendingPurchase`. Refuses with 6A86, 6700, 6985 (no amount file, or the
    balance would exceed 32 bits), 6982 (PIN), 9403 (key index), 9402 (counter at FFFF) and 9401, in this order.
    """
    if command.p1 not in {LOAD, PURCHASE} or command.p2 != 0x01:
        raise Refused(SW.WRONG_P1P2)
    _require_size(command, _LOAD_SIZE if command.p1 == LOAD else _PURCHASE_SIZE)
    account = account_of(session.store, session.directory)
    amounts = account.amounts
    index, terminal = command.data[0], command.data[-6:]
    first, *others = (int.from_bytes(command.data[at : at + 4], "big") for at in range(1, len(command.data) - 6, 4))
    pending: PendingLoad | PendingPurchase
    if command.p1 == LOAD:
        amounts.credit(first)
        keys = _permitted_keys(session, KeyUse.LOAD, index)
        require_counter(amounts.loads)
        pending = PendingLoad(keys, session.security.random(_RANDOM_SIZE), amounts, first, terminal)
    else:
        keys = _permitted_keys(session, KeyUse.PURCHASE, index)
        require_counter(amounts.purchases)
        amounts.debit(first)
        self_paid, pooled = others
        random, only = session.security.random(_RANDOM_SIZE), account.account_only
        pending = PendingPurchase(keys, random, amounts, first, self_paid, pooled, terminal, account_only=only)
    session.transaction = pending
    return pending.answer()


def credit_for_load(session: Session, command: Command) -> bytes:
    """CREDIT FOR LOAD (划入): host's time 7 ‖ MAC2 4; answers the TAC, 4 bytes.

    Balance, load counter, proof and log change together. Refuses with 6A86, 6700, 6985 (no amount file), 6901 (no load
    was initialised) and 9302, in this order; with 6581 the card is blocked.
    """

    def carried_out(data: bytes) -> Outcome:
        pending = session.transaction
        if not isinstance(pending, PendingLoad):
            raise Refused(SW.WRONG_STATE)
        return pending.complete(data[:7], data[7:], session.quirks)

    return _settle(session, command, 0x00, _CREDIT_SIZE, carried_out)


def debit_for_purchase(session: Session, command: Command) -> bytes:
    """DEBIT FOR PURCHASE (消费): terminal's transaction number 4 ‖ time 7 ‖ MAC1 4; answers TAC 4 ‖ MAC2 4.

    Balance, totals, year, purchase counter, proof and log change together. Refuses as CREDIT FOR LOAD, and with 6985
    (totals would exceed 32 bits, or the year's arithmetic meets a digit that is none) after 9302.
    """

    def carried_out(data: bytes) -> Outcome:
        pending = session.transaction
        if not isinstance(pending, PendingPurchase):
            raise Refused(SW.WRONG_STATE)
        return pending.complete(data[:4], data[4:11], data[11:], session.quirks)

    return _settle(session, command, 0x01, _DEBIT_SIZE, carried_out)


def get_balance(session: Session, command: Command) -> bytes:
    """GET BALANCE (读余额): P2 01 balance 4; 02 self-paid total 4 ‖ year 2; 03 pooled total 4 ‖ year 2.

    An account-only card answers 00 for 02 and 03. Refuses with 6A86, 6700 (Le is not the length, never 6Cxx), 6985 and
    6982, in this order.
    """
    if command.p1 or command.p2 not in {CIA, SPIP, SPFP}:
        raise Refused(SW.WRONG_P1P2)
    if command.le != (4 if command.p2 == CIA else 6):
        raise Refused(SW.WRONG_LENGTH)
    amounts = _published(account_of(session.store, session.directory))
    if not session.security.pin_satisfied:
        raise Refused(SW.SECURITY_STATUS)
    if command.p2 == CIA:
        return amounts.balance.to_bytes(4, "big")
    return (amounts.self_paid if command.p2 == SPIP else amounts.pooled).to_bytes(4, "big") + amounts.year


def get_transaction_proof(session: Session, command: Command) -> bytes:
    """GET TRANSACTION PROOF (取交易认证码): P2 type of the transaction, data its number 2; answers MAC 4 ‖ TAC 4.

    The MAC of a load is 00000000. Needs no right. Refuses with 6A86, 6700, 6985 and 9406, in this order.
    """
    types = {trade.value: trade for trade in TradeType} | (_LENIENT_TYPES if session.quirks.lenient_proof_type else {})
    trade = types.get(command.p2)
    if command.p1 or trade is None:
        raise Refused(SW.WRONG_P1P2)
    _require_size(command, _NUMBER_SIZE)
    proof = account_of(session.store, session.directory).proof
    if proof is None or (proof.trade, proof.number) != (trade, int.from_bytes(command.data, "big")):
        raise Refused(SW.PROOF_UNAVAILABLE)
    return proof.mac + proof.tac


def starting_day(session: Session, command: Command) -> bytes:
    """UPDATE STARTING DAY, P1 00, and GET STARTING DAY, P1 01 (更新、取年度起始日期): mmdd in packed digits, 2 bytes.

    Updating takes the right of DSK, and changes neither year nor totals; reading is free, and answers 0000 on an
    account-only card. Refuses with 6A86, 6700, 6985 (no amount file, an account-only card) and 6982, in this order, and
    with 6985 for digits that are none; with 6581 the card is blocked.
    """
    if command.p1 not in {UPDATE, GET} or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if command.p1 == GET and command.le != _DAY_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    if command.p1 == UPDATE:
        _require_size(command, _DAY_SIZE)
    account = account_of(session.store, session.directory)
    if command.p1 == GET:
        return _published(account).starting_day
    if account.account_only:
        raise Refused(SW.CONDITIONS)
    if not session.may_update(account.file):
        raise Refused(SW.SECURITY_STATUS)
    account.write_amounts(account.amounts.starting_on(command.data))
    return b""


def locking(handler: Handler) -> Handler:
    """The handler, after whose 6581 the card is blocked for good: its memory is damaged [S2.5 T53]."""

    def guarded(session: Session, command: Command) -> bytes:
        try:
            return handler(session, command)
        except Refused as refusal:
            if refusal.sw == SW.MEMORY:
                session.store.undo()
                session.security.lock_card()
                session.store.commit()
                session.rebuilt()
            raise

    return guarded


class _EitherWay(Instruction):
    """One INS for a command that takes data, P1 00, and one that is outgoing, any other P1."""

    __slots__ = ()

    def parse(self, raw: bytes, *, exact: bool) -> Command:
        if raw[2] == UPDATE:
            return Instruction(self.handler).parse(raw, exact=exact)
        return Instruction(self.handler, outgoing=True).parse(raw, exact=exact)


ACCOUNT_INSTRUCTIONS: Final = MappingProxyType(
    {
        b"\xb0\x26": Instruction(get_balance, outgoing=True, keeps_transaction=True),
        b"\xb0\x28": Instruction(initialize),
        b"\xb0\x2a": Instruction(locking(credit_for_load), keeps_transaction=True),
        b"\xb0\x2c": Instruction(locking(debit_for_purchase), keeps_transaction=True),
        b"\xb0\x2e": Instruction(get_transaction_proof, keeps_transaction=True),
        b"\xb0\x56": _EitherWay(locking(starting_day), outgoing=True),
    }
)
"""CLA and INS → the command."""


def _settle(session: Session, command: Command, p1: int, size: int, carried_out: Callable[[bytes], Outcome]) -> bytes:
    """The second command of a transaction; it ends the transaction, whatever comes of it."""
    if command.p1 != p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    _require_size(command, size)
    account = account_of(session.store, session.directory)
    if session.quirks.drop_on_receipt:
        account.drop_proof()
    outcome = carried_out(command.data)
    account.finish(outcome)
    session.transaction = None
    return outcome.answer


def _permitted_keys(session: Session, use: KeyUse, index: int) -> TransactionKeys:
    """DLK or DPK of this index, with the DTK of the same, or of any, index. Refuses with 6982 (PIN) and 9403."""
    security, here = session.security, session.directory
    if not security.pin_satisfied:
        raise Refused(SW.SECURITY_STATUS)
    key = security.find(here, use, index)
    tac = security.find(here, KeyUse.TAC, index) or security.find(here, KeyUse.TAC)
    if key is None or tac is None or len(key.value) != _KEY_SIZE or len(tac.value) != _KEY_SIZE:
        raise Refused(SW.KEY_INDEX_NOT_FOUND)
    return TransactionKeys(security.suite(key), key.version, key.value, tac.value, key.algorithm)


def _published(account: Account) -> Amounts:
    return published(account.amounts, account_only=account.account_only)


def _require_size(command: Command, size: int) -> None:
    if len(command.data) != size:
        raise Refused(SW.WRONG_LENGTH)
