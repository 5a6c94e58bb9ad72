"""Group ACCOUNT: what the medical account on the card (医疗个人账户) answers, and when [S2.5 §7, S2.7 §10–12].

A card need not have an account: it says so by 6985, or has none of the commands.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands
from cardlib.commands import Balance, Transaction
from cardlib.conformance.booking import (
    INDEX,
    LOAD,
    PURCHASE,
    TERMINAL,
    TERMINAL_SEQUENCE,
    book_load,
    book_purchase,
    into_account,
    ready_load,
    ready_purchase,
    there,
)
from cardlib.conformance.case import Allowed, Case, Harm, NotRun, Subject
from cardlib.conformance.steps import Steps, enter, must, require, tell
from cardlib.keys import VERSIONS
from cardlib.model import CardProfile, Directory

DIRECTORY: Final = "DF04"

_NO_INDEX: Final = 0xFF
_LARGEST: Final = 0xFFFFFFFF
_SECURITY, _STATE = 0x6982, 0x6901
_NO_MAC: Final = bytes(commands.MAC_SIZE)
_SOME_TIME: Final = bytes.fromhex("20240101030405")
_CREDIT: Final = commands.credit_load(_SOME_TIME, _NO_MAC)
_DEBIT: Final = commands.debit_purchase(TERMINAL_SEQUENCE, _SOME_TIME, _NO_MAC)
_DATA_OF_LOAD: Final = bytes((INDEX,)) + bytes(4) + TERMINAL
_DATA_OF_PURCHASE: Final = bytes((INDEX,)) + bytes(12) + TERMINAL

_InAccount: TypeAlias = Callable[[Directory, Subject], Steps[ResponseAPDU]]


def account_cases(profile: CardProfile) -> Iterator[Case]:
    """The cases of ACCOUNT, and those of DPK in KEY_VER1 to KEY_VER3, for cards of a profile."""
    directory = next((found for found in profile.directories if found.name == DIRECTORY), None)
    if directory is None:
        return
    yield from _reading(directory)
    yield from _initialising(directory)
    yield from _states(directory)
    title = "A load of 0 fen: MAC1, TAC, proof and log are right, the balance stays, the counter goes on by one"
    yield Case("ACCOUNT.load", "S2.7 §11, §14", title, Allowed("9000"), partial(book_load, directory), Harm.BOOKS)
    title = "A purchase of 0 fen: TAC, MAC2, proof and log are right, the amounts stay, the counter goes on by one"
    yield Case(
        "ACCOUNT.purchase", "S2.7 §12, §14", title, Allowed("9000"), partial(book_purchase, directory), Harm.BOOKS
    )
    for version in VERSIONS:
        title = f"The card makes a purchase ready with DPK of index {version}"
        flow = partial(_index, directory, version)
        yield Case(f"KEY_VER{version}.DPK", "S2.9 annex B, S2.5 §7.6", title, Allowed("9000"), flow)


def _index(directory: Directory, index: int, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    return (yield from tell(commands.initialise_purchase(index, 0, 0, 0, TERMINAL)))


def _after(first: tuple[CommandAPDU, ...], last: CommandAPDU) -> _InAccount:
    """The flow of some commands that have to succeed, and of one whose answer decides."""

    def flow(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
        yield from into_account(directory, subject)
        for command in first:
            yield from must(command)
        return (yield from tell(last))

    return flow


# --- balances and the starting day ---


def _reading(directory: Directory) -> Iterator[Case]:
    def case(name: str, clause: str, title: str, expected: str, flow: _InAccount) -> Case:
        return Case(f"ACCOUNT.{name}", clause, title, Allowed(expected), partial(flow, directory))

    balance, starting = "S2.5 §7.3", "S2.5 §7.7, §7.8"
    title = "Balances have 4 bytes, totals 6 with the year, and INITIALIZE FOR PURCHASE says the same"
    yield case("balances", balance, title, "9000", _balances)
    title = "Without the PIN nothing is said or begun"
    yield case("pin", "S2.5 §7.3, §7.5, §7.6", title, "6982", _without_pin)
    title = "GET BALANCE refuses another Le, and does not name the right one"
    yield replace(case("balance_length", balance, title, "6700", _balance_length), raw=True)
    title = "GET BALANCE refuses another P2"
    other = CommandAPDU(0xB0, 0x26, 0x00, 0x04, ne=Balance.ACCOUNT.size)
    yield case("balance_p2", balance, title, "6A86", _after((), other))
    title = "The starting day is a month and a day of packed digits, or not set"
    yield case("starting_day", starting, title, "9000", _starting_day)
    title = "Without the right of DSK the starting day is not updated"
    yield case("starting_day_right", starting, title, "6982", _starting_day_right)


def _balances(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    found: dict[Balance, bytes] = {}
    answer = ResponseAPDU(b"")
    for balance in Balance:
        answer = yield from must(commands.get_balance(balance))
        require(len(answer.data) == balance.size, f"P2 {balance:02X} is answered by {len(answer.data)} bytes")
        found[balance] = answer.data
    purchase = yield from ready_purchase()
    require(found[Balance.ACCOUNT] == purchase.balance, "the balance is another one than GET BALANCE says")
    totals = (purchase.self_paid + purchase.year, purchase.pooled + purchase.year)
    said = (found[Balance.SELF_PAID], found[Balance.POOLED])
    require(said == totals, "totals or year are others than GET BALANCE says")
    return answer


def _without_pin(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from enter(subject, directory)
    if (yield from tell(commands.verify_query())).is_among((OK,)):
        raise NotRun("the card has no PIN set")
    answer = ResponseAPDU(b"")
    for command in (commands.get_balance(Balance.ACCOUNT), LOAD, PURCHASE):
        answer = there((yield from tell(command)))
        require(answer.sw == _SECURITY, f"{command.name} was answered {answer.sw:04X}, not {_SECURITY:04X}")
    return answer


def _balance_length(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    short = yield from tell(CommandAPDU(0xB0, 0x26, 0x00, Balance.SELF_PAID, ne=Balance.ACCOUNT.size))
    answer = yield from tell(CommandAPDU(0xB0, 0x26, 0x00, Balance.ACCOUNT, ne=Balance.SELF_PAID.size))
    require(short.sw == answer.sw, f"too short an Le was answered {short.sw:04X}, too long a one {answer.sw:04X}")
    return answer


def _starting_day(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    answer = yield from must(commands.get_starting_day())
    digits = answer.data.hex()
    require(len(digits) == 4, f"the starting day has {len(answer.data)} bytes")
    sane = digits.isdecimal() and "01" <= digits[:2] <= "12" and "01" <= digits[2:] <= "31"
    require(sane or digits in {"0000", "ffff"}, "the starting day is none")
    return answer


def _starting_day_right(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    """What is to be refused would write what stands there already."""
    yield from into_account(directory, subject)
    day = (yield from must(commands.get_starting_day())).data
    return (yield from tell(commands.update_starting_day(day)))


# --- what INITIALIZE refuses ---


def _initialising(directory: Directory) -> Iterator[Case]:
    def case(name: str, clause: str, title: str, expected: str, flow: _InAccount) -> Case:
        return Case(f"ACCOUNT.{name}", clause, title, Allowed(expected), partial(flow, directory))

    load, purchase = "S2.5 §7.5", "S2.5 §7.6"
    title = "INITIALIZE FOR LOAD refuses an unknown key index"
    yield case("load_index", load, title, "9403", _after((), commands.initialise_load(_NO_INDEX, 0, TERMINAL)))
    title = "INITIALIZE FOR PURCHASE refuses an unknown key index"
    unknown = commands.initialise_purchase(_NO_INDEX, 0, 0, 0, TERMINAL)
    yield case("purchase_index", purchase, title, "9403", _after((), unknown))
    title = "INITIALIZE FOR PURCHASE refuses more than the balance"
    yield case("balance_too_small", purchase, title, "9401", _too_much)
    title = "INITIALIZE FOR LOAD refuses ten bytes of data"
    short = CommandAPDU(0xB0, 0x28, 0x00, 0x01, _DATA_OF_LOAD[:-1])
    yield case("load_length", load, title, "6700", _after((), short))
    title = "INITIALIZE FOR PURCHASE refuses eighteen bytes of data"
    short = CommandAPDU(0xB0, 0x28, 0x01, 0x01, _DATA_OF_PURCHASE[:-1])
    yield case("purchase_length", purchase, title, "6700", _after((), short))
    title = "INITIALIZE refuses another P1"
    yield case("p1", "S2.5 §7.5, §7.6", title, "6A86", _after((), CommandAPDU(0xB0, 0x28, 0x02, 0x01, _DATA_OF_LOAD)))
    title = "A transaction that is not the last one has no proof"
    yield case("proof_absent", "S2.5 §7.4", title, "9406", _unknown_proof)


def _too_much(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    balance = int.from_bytes((yield from must(commands.get_balance(Balance.ACCOUNT))).data, "big")
    if balance == _LARGEST:
        raise NotRun("there is no amount above the balance")
    return (yield from tell(commands.initialise_purchase(INDEX, balance + 1, 0, 0, TERMINAL)))


def _unknown_proof(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    """Half a round of the counter away, neither coding of the number means one that has been."""
    yield from into_account(directory, subject)
    load = yield from ready_load()
    far = (load.number + 0x8000) & 0xFFFF
    return (yield from tell(commands.get_transaction_proof(Transaction.LOAD, far)))


# --- the state machine [S2.5 T49] ---


def _states(directory: Directory) -> Iterator[Case]:
    balance = commands.get_balance(Balance.ACCOUNT)
    select = commands.select_name(directory.df_name, ne=None)
    cells = (
        ("idle_credit", "CREDIT FOR LOAD is refused when nothing was begun", (), _CREDIT, "6901"),
        ("idle_debit", "DEBIT FOR PURCHASE is refused when nothing was begun", (), _DEBIT, "6901"),
        ("load_debit", "DEBIT FOR PURCHASE is refused after the beginning of a load", (LOAD,), _DEBIT, "6901"),
        ("purchase_credit", "CREDIT FOR LOAD is refused after that of a purchase", (PURCHASE,), _CREDIT, "6901"),
        ("selected", "SELECT ends what was begun", (PURCHASE, select), _DEBIT, "6901"),
        ("load_mac", "CREDIT FOR LOAD refuses a wrong MAC2", (LOAD,), _CREDIT, "9302"),
        ("purchase_mac", "DEBIT FOR PURCHASE refuses a wrong MAC1", (PURCHASE,), _DEBIT, "9302"),
        ("load_balance", "GET BALANCE leaves a load as it stands", (LOAD, balance), _CREDIT, "9302"),
        ("purchase_balance", "GET BALANCE leaves a purchase as it stands", (PURCHASE, balance), _DEBIT, "9302"),
        ("purchase_load", "A load may be begun in place of a purchase", (PURCHASE, LOAD), _CREDIT, "9302"),
        ("load_purchase", "A purchase may be begun in place of a load", (LOAD, PURCHASE), _DEBIT, "9302"),
    )
    for name, title, first, last, expected in cells:
        # What a card does about wrong MACs besides is not said.
        harm = Harm.TRIES if expected == "9302" else Harm.NONE
        flow = partial(_after(first, last), directory)
        yield Case(f"ACCOUNT.{name}", "S2.5 §7, T49", title, Allowed(expected), flow, harm)
    title = "A refusal ends what was begun"
    yield Case("ACCOUNT.refused", "S2.5 §7, T49", title, Allowed("6901"), partial(_refused, directory))
    title = "A wrong MAC ends what was begun"
    flow = partial(_once, directory)
    yield Case("ACCOUNT.once", "S2.5 §7, T49", title, Allowed("6901"), flow, Harm.TRIES)


def _refused(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    answer = ResponseAPDU(b"")
    for first, refused, last in ((LOAD, _DEBIT, _CREDIT), (PURCHASE, _CREDIT, _DEBIT)):
        yield from must(first)
        yield from tell(refused)
        answer = yield from tell(last)
        require(answer.sw == _STATE, f"{last.name} after a refusal was answered {answer.sw:04X}, not {_STATE:04X}")
    return answer


def _once(directory: Directory, subject: Subject) -> Steps[ResponseAPDU]:
    yield from into_account(directory, subject)
    answer = ResponseAPDU(b"")
    for first, last in ((LOAD, _CREDIT), (PURCHASE, _DEBIT)):
        yield from must(first)
        yield from tell(last)
        answer = yield from tell(last)
        require(answer.sw == _STATE, f"a second {last.name} was answered {answer.sw:04X}, not {_STATE:04X}")
    return answer
