"""The holder's PIN: how it stands, verifying it, changing it [S2.5 §6.3, §6.14; S2.7 §5.6–5.8, §9].

Nothing else sends a holder's PIN to a card. Each attempt is one command, and before it the card is asked how many tries
are left, which costs none, and whoever guards the card is asked whether the PIN may be sent (:class:`MaySendPin`).
Nothing is tried again by itself.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar, cast

from apdu.errors import TransportError
from apdu.flow import Answer, Question, Script, Step, ask
from apdu.pinpad import PinEntry
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.errors import (
    InitialPinError,
    LastPinTryError,
    PinNotSetError,
    PinRepeatedError,
    PinStatusUnknownError,
    PinUnprovenError,
)
from cardlib.flows.session import CARD_IDENTIFIER, CardSession
from cardlib.model import FileContents
from cardlib.profiles.ssse import ISSUER
from cardlib.values import CardIdentifier

T = TypeVar("T")
R = TypeVar("R")
Conversation: TypeAlias = Generator[Script | Question[Any], Any, T]
"""A part of a flow."""

PIN_BLOCKED: Final = 0x6983
MOST_TRIES: Final = 15
"""What a card can say at most, 63CF."""
_TRIES: Final = 0x63C0
_LAST_TRY: Final = 1
_VERIFY, _CHANGE_PIN = 0x20, 0x5E


class PinState(Enum):
    """How a PIN stands (密码状态)."""

    SET = "set"
    """It has tries left."""
    BLOCKED = "blocked"
    NOT_SET = "not set"
    """The card has none, and asks for none."""


@dataclass(frozen=True, slots=True)
class PinStatus:
    """How the PIN of a card stands; ``tries_left``: 1…15, 0 where it is blocked, None where none is set."""

    state: PinState
    tries_left: int | None


class PinResult(Enum):
    """What came of a PIN (密码结果)."""

    OK = "ok"
    """The card took it."""
    REJECTED = "rejected"
    """The card refused it."""
    NOW_BLOCKED = "now blocked"
    """The card refused it, and that was the last try."""
    WAS_BLOCKED = "was blocked"
    """The PIN was blocked before: nothing was compared."""
    INITIAL_PIN = "initial"
    """It is a region's initial PIN and not to be sent to this card: nothing was sent."""


@dataclass(frozen=True, slots=True)
class PinAttempt:
    """What came of one PIN; ``tries_left``: as the card said last, before a PIN that it took unless it was counted."""

    result: PinResult
    tries_left: int


@dataclass(frozen=True, slots=True)
class CardMark:
    """Which card a PIN is for, as far as it says: what EF05 has, b"" or "" where that is blank, and T1…TD."""

    historical_bytes: bytes = field(repr=False)
    card_identifier: str = field(repr=False)
    """32 hexadecimal digits (卡的识别码)."""
    card_number: str = field(repr=False)
    """卡号, as it stands on the card."""


def card_mark(session: CardSession) -> CardMark:
    """The mark of the card of an open session."""
    return mark_of(session.historical_bytes, ISSUER.parse(session.issuer_run))


def mark_of(historical_bytes: bytes, issuer: FileContents) -> CardMark:
    """The mark of a card with this EF05."""
    identifier, number = issuer.values.get(CARD_IDENTIFIER.name), issuer.values.get("card_number")
    return CardMark(
        historical_bytes,
        identifier.digits if isinstance(identifier, CardIdentifier) else "",
        number if isinstance(number, str) else "",
    )


class PinQuestion(Question[None]):
    """What who guards a card's PIN is asked and told; services answer it in one place (密码守护)."""


@dataclass(frozen=True, slots=True)
class MaySendPin(PinQuestion):
    """Asked before each PIN that goes to a card: may it? (可否送卡校验).

    ``pin``: packed; ``tries_left``: as the card has just said; ``card_is_new``: the caller says that the card was never
    activated. The answer is None, or :class:`~cardlib.errors.PinRepeatedError` or
    :class:`~cardlib.errors.InitialPinError` raised.
    """

    card: CardMark
    pin: Secret
    tries_left: int
    card_is_new: bool = False


@dataclass(frozen=True, slots=True)
class PinAnswered(PinQuestion):
    """Told after each PIN that the card took or refused (校验结果): it is verified on the card now, or not any more.

    ``pin``: None where it was typed at a pad. ``tries_left``: of a refused one, what is left; else as in MaySendPin.
    """

    card: CardMark
    pin: Secret | None
    accepted: bool
    tries_left: int


@dataclass(frozen=True, slots=True)
class PinReplaced(PinQuestion):
    """Told after the card got another PIN that was not verified (密码已更换): whether one was before, stays so."""

    card: CardMark


@dataclass(frozen=True, slots=True)
class TriesRestored(PinQuestion):
    """Told before and after the PIN gets its tries back and stays as it is (密码解锁): what was refused is still wrong.

    ``tries_before``: what it had, 0 where it was blocked. ``tries_left``: what it has then; told ahead, the most that a
    card can say.
    """

    card: CardMark
    tries_before: int
    tries_left: int


class PinStep(Enum):
    """What changes a PIN."""

    CHANGE = "change"
    RESET = "reset"
    UNBLOCK = "unblock"


@dataclass(frozen=True, slots=True)
class PinStepAhead(Question[None]):
    """Told right before the command that changes something: for who keeps a journal (写前日志)."""

    step: PinStep


@dataclass(frozen=True, slots=True)
class AtPad:
    """A PIN that the holder types at the reader's own pad; ``entry`` has it typed and sent, once, when it is asked."""

    entry: PinEntry


def unguarded(answer: Answer) -> Answer:
    """Answers as ``answer`` does, lets every PIN be sent, and keeps no journal: for tests and tools with one card."""

    def answered(question: Question[R]) -> R:
        if isinstance(question, PinQuestion | PinStepAhead):
            return cast("R", None)
        return answer(question)

    return answered


def pin_status(session: CardSession) -> Conversation[PinStatus]:
    """How the PIN stands, by VERIFY without data; costs no try [S2.7 §5.6, flows R4].

    Raises :class:`~cardlib.errors.PinStatusUnknownError` where the card says something else.
    """
    (answer,) = yield from session.exchange(Step(commands.verify_query(), expect=None))
    if answer.is_among((OK,)):
        return PinStatus(PinState.NOT_SET, None)
    if answer.sw in {PIN_BLOCKED, _TRIES}:
        return PinStatus(PinState.BLOCKED, 0)
    if answer.sw & 0xFFF0 == _TRIES:
        return PinStatus(PinState.SET, answer.sw & 0x0F)
    raise PinStatusUnknownError(answer.sw)


def verify_pin(
    session: CardSession,
    pin: Secret | AtPad,
    *,
    allow_last_try: bool = False,
    card_is_new: bool = False,
    counted: bool = False,
) -> Conversation[PinAttempt]:
    """Have the card verify the PIN (验证密码), packed, or typed at the pad; ``session`` is open.

    One PIN goes to the card at most. ``allow_last_try``: also where one try is left.
    ``card_is_new``: the card was never activated, says the caller, and may have an initial PIN. ``counted``: ask the
    card once more after a PIN that it took, for the tries that it has then. Raises
    :class:`~cardlib.errors.PinNotSetError`, LastPinTryError, PinStatusUnknownError, PinRepeatedError, none of which
    costs a try; StatusWordError for an answer that says neither right nor wrong; and what ``entry`` of a pad raises.
    """
    if isinstance(pin, AtPad):
        attempt = yield from _at_pad(session, pin, _VERIFY, allow_last_try=allow_last_try)
        return (yield from _counted(session, attempt)) if counted else attempt

    def send(tries: int) -> Conversation[ResponseAPDU]:
        yield from ask(MaySendPin(mark, pin, tries, card_is_new))
        (answer,) = yield from session.exchange(Step(commands.verify(pin), expect=None))
        return answer

    mark = card_mark(session)
    attempt = yield from _attempt(session, mark, pin, send, _VERIFY, allow_last_try=allow_last_try)
    return (yield from _counted(session, attempt)) if counted else attempt


def change_pin(
    session: CardSession, old: Secret, new: Secret, *, allow_last_try: bool = False, card_is_new: bool = False
) -> Conversation[PinAttempt]:
    """Change the PIN (修改密码): ``old`` and ``new`` packed, ``old`` b"" on a card that has none; ``session`` is open.

    The old PIN is verified first: so the counter is at its maximum when it is changed, and only a PIN that was right
    goes into CHANGE PIN. The new one is verified afterwards, which proves the change [flows §3.1, R6], but not on a
    card that wants no PIN any more by then: its answer to CHANGE PIN is all there is. The result is that of the old
    PIN; OK means that the card has the new one. Raises as :func:`verify_pin`, and
    :class:`~cardlib.errors.PinUnprovenError` where the card does not take what it was given.
    """
    attempt = PinAttempt(PinResult.OK, 0)
    if len(old):
        attempt = yield from verify_pin(session, old, allow_last_try=allow_last_try, card_is_new=card_is_new)
        if attempt.result is not PinResult.OK:
            return attempt
    elif (status := (yield from pin_status(session))).state is not PinState.NOT_SET:
        # VERIFY takes no empty PIN, and CHANGE PIN with none would cost a try [S2.5 §6.3].
        return _not_empty(status)
    yield from ask(PinStepAhead(PinStep.CHANGE))
    (answer,) = yield from session.exchange(Step(commands.change_pin(old, new), expect=None))
    if not answer.is_among((OK,)):
        if answer.sw & 0xFFF0 == _TRIES:  # which ends that a PIN is verified [flows R6]
            yield from ask(PinAnswered(card_mark(session), old, accepted=False, tries_left=answer.sw & 0x0F))
        raise error_for(answer.sw, _CHANGE_PIN)
    try:
        proof = yield from verify_pin(session, new, allow_last_try=allow_last_try)
    except PinNotSetError:
        if not len(old):
            raise
        # So answers a card of ISO/IEC 7816-4 once a PIN is verified, and while it does none is sent to it. That the PIN
        # was changed is what CHANGE PIN was answered.
        yield from ask(PinReplaced(card_mark(session)))
        return attempt
    if proof.result is not PinResult.OK:
        raise PinUnprovenError(proof.tries_left)
    return proof


def resume_change(
    session: CardSession, old: Secret, new: Secret, *, allow_last_try: bool = False, card_is_new: bool = False
) -> Conversation[PinAttempt]:
    """Go on with :func:`change_pin` after an interruption behind its :class:`PinStepAhead`.

    The card has exactly one of both PINs, and its counter was at the maximum: the new one is tried, and where the card
    refuses it, or has done so before, the change is made as if anew. OK: as for :func:`change_pin`. REJECTED: it has
    neither. Raises as there: the last try is not spent on this either unless ``allow_last_try``.
    """
    status = yield from pin_status(session)
    if status.state is PinState.SET:
        try:
            attempt = yield from verify_pin(session, new, allow_last_try=allow_last_try)
        except PinRepeatedError:
            pass
        else:
            if attempt.result is not PinResult.REJECTED or not len(old):
                return attempt
    return (yield from change_pin(session, old, new, allow_last_try=allow_last_try, card_is_new=card_is_new))


def change_pin_at_pad(
    session: CardSession, pad: AtPad, *, allow_last_try: bool = False, counted: bool = False
) -> Conversation[PinAttempt]:
    """Change the PIN, old and new typed at the reader's pad, which sends CHANGE PIN (密码键盘修改).

    ``session`` is open. The new one is not verified: nobody but the pad knows it. ``counted``: as for
    :func:`verify_pin`. Raises as that, and what ``entry`` raises.
    """
    ahead = PinStepAhead(PinStep.CHANGE)
    attempt = yield from _at_pad(session, pad, _CHANGE_PIN, allow_last_try=allow_last_try, ahead=ahead)
    if not counted:
        return attempt
    try:
        return (yield from _counted(session, attempt))
    except TransportError:  # a card that is pulled only now has the new PIN all the same
        return attempt


def _counted(session: CardSession, attempt: PinAttempt) -> Conversation[PinAttempt]:
    """The attempt with the tries that the card has after a PIN that it took: the counter is at its maximum again."""
    if attempt.result is not PinResult.OK:
        return attempt
    try:
        status = yield from pin_status(session)
    except PinStatusUnknownError:
        return attempt
    # The standard leaves open what VERIFY without data says once a PIN is verified; ISO/IEC 7816-4 has 9000 for that.
    return attempt if status.tries_left is None else replace(attempt, tries_left=status.tries_left)


def _at_pad(
    session: CardSession, pad: AtPad, ins: int, *, allow_last_try: bool, ahead: PinStepAhead | None = None
) -> Conversation[PinAttempt]:
    def send(tries: int) -> Conversation[ResponseAPDU]:
        if ahead is not None:
            yield from ask(ahead)
        # A reader that sends the command without a PIN has only asked how many tries are left.
        entry = replace(pad.entry, unchanged=_TRIES | tries) if ins == _VERIFY else pad.entry
        return (yield from ask(entry))

    return (yield from _attempt(session, card_mark(session), None, send, ins, allow_last_try=allow_last_try))


def _attempt(  # noqa: PLR0913
    session: CardSession,
    mark: CardMark,
    pin: Secret | None,
    send: Callable[[int], Conversation[ResponseAPDU]],
    ins: int,
    *,
    allow_last_try: bool,
) -> Conversation[PinAttempt]:
    """Look at the counter, ``send`` once, tell what came of it."""
    status = yield from pin_status(session)
    if status.tries_left is None:
        raise PinNotSetError
    if status.state is PinState.BLOCKED:
        return PinAttempt(PinResult.WAS_BLOCKED, 0)
    if status.tries_left == _LAST_TRY and not allow_last_try:
        raise LastPinTryError
    try:
        answer = yield from send(status.tries_left)
    except InitialPinError:
        return PinAttempt(PinResult.INITIAL_PIN, status.tries_left)
    attempt = _judged(answer, status.tries_left, ins)
    accepted = attempt.result is PinResult.OK
    if accepted and ins == _CHANGE_PIN:
        yield from ask(PinReplaced(mark))
    elif attempt.result is not PinResult.WAS_BLOCKED:
        yield from ask(PinAnswered(mark, pin, accepted, attempt.tries_left))
    return attempt


def _judged(answer: ResponseAPDU, tries: int, ins: int) -> PinAttempt:
    """What the card's answer to a PIN means; raises for one that says neither right nor wrong."""
    if answer.is_among((OK,)):
        return PinAttempt(PinResult.OK, tries)
    if answer.sw == PIN_BLOCKED:
        return PinAttempt(PinResult.WAS_BLOCKED, 0)
    if answer.sw & 0xFFF0 != _TRIES:
        raise error_for(answer.sw, ins)
    left = answer.sw & 0x0F
    return PinAttempt(PinResult.REJECTED if left else PinResult.NOW_BLOCKED, left)


def _not_empty(status: PinStatus) -> PinAttempt:
    """A PIN is set where none was said to be: nothing was sent."""
    blocked = status.state is PinState.BLOCKED
    return PinAttempt(PinResult.WAS_BLOCKED if blocked else PinResult.REJECTED, status.tries_left or 0)
