"""Issuing a PSAM, from whatever the chip in the reader is now (PSAM发卡): the same call begins, goes on, and ends.

A PSAM that was cut off at any moment is found where it is by asking it. Nobody but the custodian sees a key, but for
the temporary one of this PSAM, which its vendor's commands take in clear.
"""

from apdu.flow import Flow
from apdu.status import OK
from cardlib import commands, psam_building
from cardlib.errors import UsedChipError, WrongChipError
from cardlib.issuance.build import NOT_FOUND
from cardlib.issuance.psam.issuers import Issuers
from cardlib.issuance.psam.order import PsamOrder
from cardlib.issuance.psam.prove import Proof
from cardlib.issuance.psam.report import PsamReport
from cardlib.issuance.psam.vendor import DIALECT, Vendor
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import Conversation, RandomBytes, Talk
from cardlib.psam import CARD_INFORMATION


def issue_psam(order: PsamOrder, atr: bytes, *, begun: bool, rng: RandomBytes, attempt: int = 0) -> Flow[PsamReport]:
    """Make a chip that was just reset and answered ``atr`` the PSAM of this order, or go on with it.

    ``begun``: it is known that this order was begun on this chip; a chip that is not blank is refused otherwise.
    ``attempt``: how many times before. ``rng``: makes random numbers.

    Asks for keys (:class:`~cardlib.key_requests.KeyRequest`) and has steps noted before they are done
    (:class:`~cardlib.issuance.questions.Note`). Raises :class:`~cardlib.errors.ChipError` and what is below it,
    ReadBackError, and what the key custodian raises.
    """
    talk = Talk(order.factors(order.algorithms[0]), rng, total=_expected(order))
    yield from talk.note(Stage.EXAMINED)
    blank = yield from _is_blank(talk)
    if not blank:
        yield from _require_ours(talk, order, begun=begun)
    complete = yield from Vendor(talk, order).run(begun=not blank)
    yield from Issuers(talk, order, attempt).run(begun=complete)
    report = yield from _proven(talk, order, atr)
    yield from talk.note(Stage.DONE)
    return report


def verify_psam(order: PsamOrder, atr: bytes, *, rng: RandomBytes) -> Flow[PsamReport]:
    """Compare a finished PSAM with its order, and prove its keys; nothing is written. Raises as :func:`issue_psam`."""
    talk = Talk(order.factors(order.algorithms[0]), rng)
    yield from talk.note(Stage.EXAMINED)
    if (yield from _is_blank(talk)):
        raise UsedChipError("nothing at all was built on it yet")
    return (yield from _proven(talk, order, atr))


def _proven(talk: Talk, order: PsamOrder, atr: bytes) -> Conversation[PsamReport]:
    proof = Proof(talk, order)
    yield from proof.run()
    return PsamReport(
        serial=order.serial,
        terminal=order.terminal,
        atr=atr,
        files=proof.files,
        keys=tuple(proof.keys),
        commands=dict(talk.sent),
    )


def _is_blank(talk: Talk) -> Conversation[bool]:
    answer = yield from talk.ask("look for the MF", commands.select_master_file())
    if answer.sw in NOT_FOUND:
        return True
    if not answer.is_among((OK,)):
        raise WrongChipError(DIALECT, answer.sw)
    return False


def _require_ours(talk: Talk, order: PsamOrder, *, begun: bool) -> Conversation[None]:
    """Refuse a chip on which something was built, but not by this order."""
    answer = yield from talk.ask("read EF 0015", psam_building.read_file(CARD_INFORMATION))
    filled = answer.is_among((OK,)) and any(byte not in {0x00, 0xFF} for byte in answer.data)
    if filled and answer.data != order.card_information:
        raise UsedChipError("it is another PSAM, or a card")
    if not begun:
        raise UsedChipError("it is this very PSAM" if filled else "it has a master file")


def _expected(order: PsamOrder) -> int:
    """Commands in all, roughly: of each environment, and of each key: challenge, load, and two that prove it."""
    return len(order.algorithms) * (85 + 4 * len(order.keys))
