"""A purchase on the medical account, the PSAM's part: MAC1 for the card, MAC2 from the card [S2.9 §9.9, §9.10].

Between the two the PSAM must be left alone: whatever else is asked of it, and any reset, loses the purchase.
"""

from dataclasses import dataclass
from typing import Final

from apdu.command import CommandAPDU
from apdu.errors import MalformedError
from apdu.flow import Flow, Step, send
from apdu.status import OK
from cardlib.crypto import Algorithm, purchase_factor
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import OTHER_TERMINAL, CardFactors, Mac, Purchase, Terminal
from cardlib.psam import ALGORITHMS, DES_KEY
from cardlib.psam_flows.errors import (
    PsamAnswerError,
    PsamLevelError,
    PsamProofRefusedError,
    PsamPurchaseError,
    PsamPurchaseLostError,
    PsamRefusedError,
)
from cardlib.psam_flows.session import KEY_NOT_FOUND, WRONG_LEVELS, WRONG_STATE, PsamSession, wire_factors
from cardlib.psam_flows.table import LEVELS, Root, Use
from cardlib.psam_keys import PsamKeyId
from cardlib.values import CardDate

NO_PURCHASES: Final = 0x9403
"""What bank PSAMs answer without a purchase key, and the terminal's text takes it for [S3 annex A]."""
_WRONG_LENGTH: Final = 0x6700
_OTHER_LEVELS: Final = frozenset({WRONG_LEVELS, KEY_NOT_FOUND, NO_PURCHASES, _WRONG_LENGTH})
"""The text has only "an error" for a wrong number of levels."""
_PROOF_REFUSED: Final = frozenset({0x9302, 0x63CF})
"""By the table and by the words of [S2.9 §9.10]."""
_NUMBER: Final = 4
_ANSWER: Final = 8

_ALGORITHM_BYTES: Final = {algorithm: code for code, algorithm in ALGORITHMS.items() if code != DES_KEY}
"""The key record's algorithm byte, which the card names too; purchase keys have 16 bytes."""


@dataclass(frozen=True, slots=True)
class OpenPurchase:
    """A purchase whose MAC2 the PSAM can check: the card's, and what MAC2 is over."""

    card: CardFactors
    proof: Mac
    """The task whose verification it is: key, session factor, amounts."""


def terminal_of(session: PsamSession, card: CardFactors, task: Terminal) -> bytes:
    """What a card that shall pay is told: terminal number(6) ‖ index of the purchase key(1) [S2.9 §5.2, §5.5–5.7].

    Raises PsamKeyMissingError, :class:`PsamPurchaseError` where no issuer names an index, and :class:`PsamLevelError`
    for a card that the purchase key will not reach: at the level that was found or, before the first purchase, that
    the deployment's table has. Now somebody else can still be asked.
    """
    row = session.row(task.key)
    index = session.environment.purchase_index
    if index is None:
        raise PsamPurchaseError(row.name, "the PSAM's files name no index of a purchase key")
    known = session.levels.known(row, Use.PURCHASE)
    if not session.environment.reaches(card.region, row.levels if known is None else known.levels):
        raise PsamLevelError(row.name, "the PSAM's is one of another area than the card's")
    return session.environment.terminal_number + bytes((index,))


def initialise_purchase(session: PsamSession, card: CardFactors, task: Purchase) -> Flow[tuple[bytes, OpenPurchase]]:
    """MAC1 (医疗消费MAC1): terminal number(6) ‖ trade number(4) ‖ MAC1(4), and what is now open.

    The trade number is the one in the answer, and no other: a gap is normal, a number is never used twice. Numbers of
    levels are tried until one works. Raises :class:`PsamPurchaseError`, :class:`PsamLevelError`,
    PsamKeyMissingError, :class:`PsamRefusedError`, :class:`PsamAnswerError` for an answer of a wrong length,
    KeyUnavailableError when the card was told another terminal number, and MalformedError for input of a wrong length.
    """
    environment = session.environment
    row = session.row(task.key)
    head = _head(card.algorithm, task)
    if task.terminal != environment.terminal_number:
        raise KeyUnavailableError(row.name, OTHER_TERMINAL)
    session.forget_register()
    known = session.levels.known(row, Use.PURCHASE)
    attempts = LEVELS if known is None else (known.levels, *(levels for levels in LEVELS if levels != known.levels))
    refusals: list[int] = []
    for levels in attempts:
        if not environment.reaches(card.region, levels):
            # Wrong for this card with this number of levels: it would be a MAC1 that the card refuses.
            raise PsamLevelError(row.name, "the PSAM's is one of another area than the card's")
        command = CommandAPDU(0x80, 0x70, 0x01, 0x00, head + wire_factors(card, levels), _ANSWER)
        (answer,) = yield from send(Step(command, expect=None))
        if answer.is_among((OK,)):
            if len(answer.data) != _ANSWER:
                raise PsamAnswerError(row.name, f"the PSAM answered {len(answer.data)} bytes for trade number and MAC1")
            session.levels.keep(row, Root(row.kind, levels))
            number = int.from_bytes(answer.data[:_NUMBER], "big")
            factor = purchase_factor(task.random, task.sequence, number)
            return environment.terminal_number + answer.data, OpenPurchase(card, Mac(task.key, factor, _amounts(task)))
        if answer.sw not in _OTHER_LEVELS:
            raise PsamRefusedError(row.name, answer.sw)
        session.levels.forget(row)
        refusals.append(answer.sw)
    raise _refusal(row, refusals)


def credit_purchase(key: str, mac2: bytes) -> Flow[None]:
    """Have the open purchase's MAC2, 4 bytes, checked (消费校验); there is one try.

    Raises :class:`PsamProofRefusedError` when it is wrong: the card has been debited all the same.
    :class:`PsamPurchaseLostError` when the PSAM knows of no purchase, :class:`PsamRefusedError` otherwise.
    """
    (answer,) = yield from send(Step(CommandAPDU(0x80, 0x72, 0x00, 0x00, mac2), expect=None))
    if answer.is_among((OK,)):
        return
    if answer.sw in _PROOF_REFUSED:
        raise PsamProofRefusedError(key, f"the card's MAC2 is wrong ({answer.sw:04X})")
    if answer.sw == WRONG_STATE:
        raise PsamPurchaseLostError(key, "the PSAM knows of no purchase under way (6901)")
    raise PsamRefusedError(key, answer.sw)


def _head(algorithm: Algorithm, task: Purchase) -> bytes:
    if (len(task.random), len(task.terminal)) != (4, 6):
        raise MalformedError("a purchase has 4 random bytes and a terminal number of 6")
    if len(task.time) != 7 or CardDate(task.time.hex()).date is None:
        raise MalformedError("a purchase has a time of 7 bytes, YYYYMMDDhhmmss packed, of the calendar")
    try:
        numbers = task.sequence.to_bytes(2, "big") + _amounts(task) + bytes((task.kind,))
    except (OverflowError, ValueError):
        raise MalformedError("counter, amounts or type of the purchase do not fit their fields") from None
    version = bytes((task.key.version, _ALGORITHM_BYTES[algorithm]))
    return task.random + numbers + task.time + version


def _amounts(task: Purchase) -> bytes:
    return b"".join(amount.to_bytes(4, "big") for amount in task.amounts)


def _refusal(row: PsamKeyId, refusals: list[int]) -> PsamPurchaseError | PsamLevelError | PsamRefusedError:
    if _WRONG_LENGTH in refusals:
        return PsamRefusedError(row.name, _WRONG_LENGTH)
    if WRONG_LEVELS in refusals:
        return PsamLevelError(row.name, "the PSAM has it at a level that cannot be found")
    return PsamPurchaseError(row.name, f"the PSAM has no purchase key of version {row.id:02X}")
