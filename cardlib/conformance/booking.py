"""A load and a purchase of 0 fen, from the first command to the log (划入、消费): what group ACCOUNT books."""

from dataclasses import dataclass
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import ask
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands
from cardlib.commands import Balance, RecordMode, Transaction
from cardlib.conformance.case import NotRun, ResetCard, Subject
from cardlib.conformance.steps import Steps, computed, enter, must, require, tell, verify
from cardlib.crypto import load_factor, purchase_factor
from cardlib.key_requests import Mac, Tac
from cardlib.keys import KeyReference
from cardlib.model import AddressableFile, Directory

INDEX: Final = 1
"""Key index of what is booked."""
TERMINAL: Final = bytes.fromhex("990000000001")
TERMINAL_SEQUENCE: Final = 1
NO_ACCOUNT: Final = "the card keeps no medical account"
"""Why a case is not run on a card that has none."""

LOAD: Final = commands.initialise_load(INDEX, 0, TERMINAL)
PURCHASE: Final = commands.initialise_purchase(INDEX, 0, 0, 0, TERMINAL)

_LOG: Final = "medical_transactions"
_ABSENT: Final = frozenset({0x6985, 0x6A81, 0x6D00, 0x6E00})
_COUNTER_AT_END, _NO_PROOF = 0x9402, 0x9406
_NOTHING: Final = bytes(4)
_TIME_OF_DAY: Final = bytes.fromhex("030405")
_SOME_YEAR, _NEW_YEAR = bytes.fromhex("2024"), bytes.fromhex("0101")


@dataclass(frozen=True, slots=True)
class ReadyLoad:
    """The answer of INITIALIZE FOR LOAD, 16 bytes; ``balance`` and ``mac1`` as sent, 4 bytes each."""

    balance: bytes
    number: int
    version: int
    random: bytes
    mac1: bytes


@dataclass(frozen=True, slots=True)
class ReadyPurchase:
    """The answer of INITIALIZE FOR PURCHASE, 22 bytes; amounts of 4 bytes and the year of 2 as sent."""

    balance: bytes
    self_paid: bytes
    pooled: bytes
    year: bytes
    number: int
    version: int
    random: bytes


def into_account(directory: Directory, subject: Subject) -> Steps[None]:
    """Enter the application and verify the PIN; NotRun for a card without an account."""
    yield from enter(subject, directory)
    there((yield from tell(commands.get_balance(Balance.ACCOUNT))))
    yield from verify(subject)
    answer = there((yield from tell(commands.get_balance(Balance.ACCOUNT))))
    require(answer.is_among((OK,)), f"GET BALANCE was answered {answer.sw:04X}")


def there(answer: ResponseAPDU) -> ResponseAPDU:
    """An answer to a command of the account, unless it says that there is none: NotRun then."""
    if answer.sw in _ABSENT:
        raise NotRun(NO_ACCOUNT)
    return answer


def ready_load() -> Steps[ReadyLoad]:
    """INITIALIZE FOR LOAD of 0 fen; NotRun on a card whose counter is used up."""
    data = yield from _ready(LOAD)
    return ReadyLoad(data[:4], int.from_bytes(data[4:6], "big"), data[6], data[8:12], data[12:])


def ready_purchase() -> Steps[ReadyPurchase]:
    """INITIALIZE FOR PURCHASE of 0 fen; NotRun as for a load."""
    data = yield from _ready(PURCHASE)
    number = int.from_bytes(data[14:16], "big")
    return ReadyPurchase(data[:4], data[4:8], data[8:12], data[12:14], number, data[16], data[18:])


def _ready(command: CommandAPDU) -> Steps[bytes]:
    answer = yield from tell(command)
    if answer.sw == _COUNTER_AT_END:
        raise NotRun("the card has counted as many transactions as it can")
    require(answer.is_among((OK,)), f"{command.name} was answered {answer.sw:04X}")
    require(len(answer.data) == command.ne, f"{command.name} is answered by {len(answer.data)} bytes, not {command.ne}")
    return answer.data


def book_load(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    """All of a load; the answer of CREDIT FOR LOAD decides."""
    yield from into_account(directory, subject)
    time = _SOME_YEAR + _NEW_YEAR + _TIME_OF_DAY
    transaction, nothing = Transaction.LOAD.value + TERMINAL, _NOTHING
    load = yield from ready_load()
    key, factor = KeyReference("DLK", load.version), load_factor(load.random, load.number)
    mac1, mac2, tac = yield from computed(
        subject,
        Mac(key, factor, load.balance + nothing + transaction),
        Mac(key, factor, nothing + transaction + time),
        # Of 0 fen: the balance before is the one after, which the TAC has [flows R20].
        Tac(
            KeyReference("DTK", load.version),
            load.balance + load.number.to_bytes(2, "big") + nothing + transaction + time,
        ),
    )
    require(load.mac1 == mac1, "MAC1 is not that of the load")
    answer = yield from tell(commands.credit_load(time, mac2))
    if not answer.is_among((OK,)):
        return answer
    require(answer.data == tac, "TAC is not that of the load")
    proof = yield from _proof(directory, Transaction.LOAD, load.number, subject)
    require(proof[4:] == tac, "the last four bytes of the proof are not the TAC")
    yield from _logged(directory, Transaction.LOAD, load.number, time, subject)
    after = yield from ready_load()
    require(after.balance == load.balance, "the balance is another one after a load of nothing")
    require(after.number == load.number + 1, "the counter did not go on by one")
    return answer


def book_purchase(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    """All of a purchase, in the year that the card accounts for, so that no total starts anew [S2.7 §12.6]."""
    yield from into_account(directory, subject)
    day = (yield from must(commands.get_starting_day())).data
    purchase = yield from ready_purchase()
    time = _set(purchase.year, _SOME_YEAR) + _set(day, _NEW_YEAR) + _TIME_OF_DAY
    amounts, transaction = _NOTHING * 3, Transaction.PURCHASE.value + TERMINAL
    factor = purchase_factor(purchase.random, purchase.number, TERMINAL_SEQUENCE)
    key = KeyReference("DPK", purchase.version)
    mac1, mac2, tac = yield from computed(
        subject,
        Mac(key, factor, amounts + transaction + time),
        Mac(key, factor, amounts),
        Tac(
            KeyReference("DTK", purchase.version),
            amounts + transaction + TERMINAL_SEQUENCE.to_bytes(4, "big") + time,
        ),
    )
    answer = yield from tell(commands.debit_purchase(TERMINAL_SEQUENCE, time, mac1))
    if not answer.is_among((OK,)):
        return answer
    require(answer.data[:4] == tac, "the first four bytes of the answer are not the TAC")
    require(answer.data[4:] == mac2, "the last four bytes of the answer are not MAC2")
    proof = yield from _proof(directory, Transaction.PURCHASE, purchase.number, subject)
    require(proof == mac2 + tac, "the proof is not MAC2 and TAC, in this order")
    yield from _logged(directory, Transaction.PURCHASE, purchase.number, time, subject)
    after = yield from ready_purchase()
    same = (after.balance, after.self_paid, after.pooled) == (purchase.balance, purchase.self_paid, purchase.pooled)
    require(same, "amounts are others after a purchase of nothing")
    require(after.number == purchase.number + 1, "the counter did not go on by one")
    return answer


def _set(digits: bytes, otherwise: bytes) -> bytes:
    """Packed digits of a date, unless they are none, or not set."""
    return digits if digits.hex().isdecimal() and any(digits) else otherwise


def _proof(directory: Directory, transaction: Transaction, number: int, subject: Subject) -> Steps[bytes]:
    """The proof of what was just booked; it outlasts a reset and asks for no PIN.

    It is asked for by the number after, as the clients of the kindred wallet do, or else by the number that INITIALIZE
    named [flows R24].
    """
    yield from ask(ResetCard())
    yield from enter(subject, directory)
    answer = yield from tell(commands.get_transaction_proof(transaction, number + 1))
    if answer.sw == _NO_PROOF:
        answer = yield from tell(commands.get_transaction_proof(transaction, number))
    require(answer.is_among((OK,)), f"GET TRANSACTION PROOF was answered {answer.sw:04X}")
    return answer.data


def _logged(directory: Directory, transaction: Transaction, number: int, time: bytes, subject: Subject) -> Steps[None]:
    """Record 1 of the log is what was just booked, under its number or the next one [flows R23]."""
    file = next(file for file in directory.files if file.name == _LOG)
    assert isinstance(file, AddressableFile), "the log can be read"
    yield from verify(subject)
    record = (yield from must(commands.read_record(1, RecordMode.NUMBER, sfi=file.sfi, ne=256))).data
    numbers = {number.to_bytes(2, "big"), (number + 1).to_bytes(2, "big")}
    require(record[:2] in numbers, "record 1 of the log has another number")
    same = record[2:16] == transaction.value + TERMINAL + time
    require(same, "record 1 of the log has another type, terminal or time")
    require(not any(record[16:]), "record 1 of the log has another amount")
