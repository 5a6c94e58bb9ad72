"""A purchase on the medical account, the terminal's side: MAC1 for the card, MAC2 from the card [S2.9 §9.9, §9.10]."""

from typing import Final

from apdu.secret import Secret
from cardlib.crypto import purchase_factor
from cardlib.crypto.suite import FACTOR_SIZE, MAC_SIZE
from cardlib.psam import MAX_LEVELS, TERMINAL_INFORMATION, TRADE_NUMBER, PsamKeyType
from simulator.command import SW, Command, Refused
from simulator.files import File
from simulator.memory.layout import ENDED, FLAGS_AT
from simulator.psam.delivery import diversified
from simulator.psam.places import application, application_key, environment, levels
from simulator.psam.quirks import quirks_of
from simulator.psam.state import Purchase, state_of
from simulator.session import Session

_FIXED: Final = 0x1C
"""Bytes before the factors."""
_RANDOM, _SEQUENCE, _AMOUNTS, _TYPE, _MOMENT = slice(0, 4), slice(4, 6), slice(6, 18), slice(18, 19), slice(19, 26)
_VERSION, _ALGORITHM = 26, 27
_NUMBER_SIZE: Final = 4
_TERMINAL_SIZE: Final = 6
_LAST: Final = b"\xff" * _NUMBER_SIZE


def initialise_purchase(session: Session, command: Command) -> bytes:
    """INIT SAM FOR PURCHASE (消费初始化): answers the terminal's trade number (4 bytes) ‖ MAC1 (4 bytes).

    Data: the card's random(4) ‖ sequence(2) ‖ account, self-paid and pooled amounts(4 each) ‖ type ‖ date(4) ‖ time(3)
    ‖ key version ‖ algorithm ‖ card, city and province factors, as many as the key has levels. The next number is in
    memory for good before this one is answered, so that no interruption repeats one; it is never taken back (the text
    does not say when it moves). After FFFFFFFF there are no more purchases.

    Whatever was in the register is gone. Refuses with 6A86, 6700, 6985 (no application is current, or no number left),
    6A82 (a file is missing), 6A88 no such version or not of this algorithm, 6A80 another number of levels; nothing has
    moved then.
    """
    state = state_of(session)
    state.clear()
    if command.p1 != 1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    data = command.data
    factors, rest = divmod(len(data) - _FIXED, FACTOR_SIZE)
    if rest or not 1 <= factors <= MAX_LEVELS:
        raise Refused(SW.WRONG_LENGTH)
    directory = application(session)
    quirks = quirks_of(session)
    if quirks.blocked:
        raise Refused(SW.CONDITIONS)
    number_file = _file(directory.by_fid.get(TRADE_NUMBER), _NUMBER_SIZE)
    terminal_file = _file(environment(session)[-1].by_fid.get(TERMINAL_INFORMATION), _TERMINAL_SIZE)
    if _is_used_up(session, number_file):
        raise Refused(SW.CONDITIONS)
    key = application_key(session, directory, PsamKeyType.PURCHASE, data[_VERSION])
    if key is None:
        raise Refused(quirks.purchase_key_missing)
    if quirks.algorithm_checked and data[_ALGORITHM] != key.algorithm:
        raise Refused(SW.KEY_NOT_FOUND)
    if factors != levels(key):
        raise Refused(SW.WRONG_DATA)
    cipher, card_key = diversified(session, key, data[_FIXED:])
    number = _next_number(session, number_file)
    sequence = int.from_bytes(data[_SEQUENCE], "big")
    factor = purchase_factor(data[_RANDOM], sequence, int.from_bytes(number, "big"))
    session_key = cipher.session_key(card_key, factor)
    terminal = session.store.content(terminal_file)
    mac1 = cipher.mac(session_key, data[_AMOUNTS] + data[_TYPE] + terminal + data[_MOMENT])
    state.purchase = Purchase(cipher, session_key, data[_AMOUNTS])
    return number + mac1


def credit_purchase(session: Session, command: Command) -> bytes:
    """CREDIT SAM FOR PURCHASE (消费校验): checks the card's MAC2, 4 bytes; there is one try, whatever comes of it.

    Refuses with 6A86, 6700, 6901 (no purchase was initialised), and 9302 for a wrong MAC2.
    """
    state = state_of(session)
    purchase, state.purchase = state.purchase, None
    if command.p1 or command.p2:
        raise Refused(SW.WRONG_P1P2)
    if len(command.data) != MAC_SIZE:
        raise Refused(SW.WRONG_LENGTH)
    quirks = quirks_of(session)
    if quirks.blocked:
        raise Refused(SW.CONDITIONS)
    if purchase is None:
        raise Refused(SW.WRONG_STATE)
    expected = purchase.suite.mac(purchase.session_key, purchase.amounts)
    if Secret(command.data) != Secret(expected):
        raise Refused(quirks.mac2_wrong)
    return b""


def _file(file: File | None, size: int) -> File:
    if file is None or file.size != size:
        raise Refused(SW.FILE_NOT_FOUND)
    return file


def _is_used_up(session: Session, file: File) -> bool:
    # A flag of the file's header that otherwise only directories use: FFFFFFFF itself has no successor to tell by.
    return bool(session.store.eeprom.read(file.at + FLAGS_AT, 1)[0] & ENDED)


def _next_number(session: Session, file: File) -> bytes:
    """The number to use; from here on memory holds the next one."""
    number = session.store.content(file)
    if number == _LAST:
        session.store.write(file.at + FLAGS_AT, bytes((ENDED,)), guarded=True)
    else:
        following = (int.from_bytes(number, "big") + 1).to_bytes(_NUMBER_SIZE, "big")
        session.store.write_content(file, 0, following, guarded=True)
    session.store.commit()
    return number
