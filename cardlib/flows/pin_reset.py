"""The PIN set anew, or its tries given back, by the right of PUK and a MAC under STK [S2.5 §6.7, S2.7 §13.3].

The card proves that it is genuine before PUK is tried on it: a failure costs one of PUK's tries, and with the last of
them PUK is lost for good [flows R15]. Repeating either is harmless: the card then stands as it did.
"""

from typing import Final

from apdu.flow import Step, ask
from apdu.secret import Secret
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.errors import PinNotSetError
from cardlib.flows.pin import (
    MOST_TRIES,
    Conversation,
    PinReplaced,
    PinState,
    PinStatus,
    PinStep,
    PinStepAhead,
    TriesRestored,
    card_mark,
    pin_status,
)
from cardlib.flows.rights import PinPolicy, Rights
from cardlib.flows.session import CardSession
from cardlib.key_requests import KeyRequest, Mac, PinBlock
from cardlib.keys import KeyReference

PUK: Final = "PUK"
STK: Final = KeyReference("STKSSSE")
_GET_CHALLENGE, _PIN_CHANGE_UNBLOCK = 0x84, 0x24


def unblock_pin(session: CardSession) -> Conversation[PinStatus]:
    """Give the PIN all its tries back (密码解锁); it stays as it is. ``session`` is open.

    How it stands afterwards. Raises :class:`~cardlib.errors.PinNotSetError` where there is none,
    :class:`~cardlib.errors.NotAuthenticError`, KeyUnavailableError, what a custodian raises, StatusWordError of PUK or
    of the command, PinStatusUnknownError.
    """
    status = yield from pin_status(session)
    if status.state is PinState.NOT_SET:
        raise PinNotSetError
    rights = yield from _permitted(session)
    mark, tries_before = card_mark(session), status.tries_left or 0
    yield from ask(PinStepAhead(PinStep.UNBLOCK))
    # Told ahead too: should the card not be there to be asked afterwards, what it refused is remembered all the same.
    yield from ask(TriesRestored(mark, tries_before, MOST_TRIES))
    command = commands.unblock_pin()
    mac = yield from rights.mac(STK.name, commands.authenticated(command))
    (answer,) = yield from session.exchange(Step(commands.with_mac(command, mac), expect=None))
    if not answer.is_among((OK,)):
        raise error_for(answer.sw, _PIN_CHANGE_UNBLOCK)
    status = yield from pin_status(session)
    yield from ask(TriesRestored(mark, tries_before, status.tries_left or 0))
    return status


def reset_pin(session: CardSession, new: Secret) -> Conversation[PinStatus]:
    """Set the PIN without the old one (密码重置); ``new``: packed, 2…8 bytes. ``session`` is open.

    How it stands afterwards: SET, with all tries. Raises as :func:`unblock_pin`.
    """
    yield from _permitted(session)
    yield from ask(PinStepAhead(PinStep.RESET))
    # One challenge serves encryption and MAC: both are under the session key of STK [flows §2.5].
    (challenge,) = yield from session.exchange(commands.get_challenge())
    factor, card = challenge.ok(_GET_CHALLENGE), session.factors()
    (encrypted,) = yield from ask(KeyRequest(card, (PinBlock(STK, factor, new),)))
    command = commands.replace_pin(encrypted)
    (mac,) = yield from ask(KeyRequest(card, (Mac(STK, factor, commands.authenticated(command)),)))
    (answer,) = yield from session.exchange(Step(commands.with_mac(command, mac), expect=None))
    if not answer.is_among((OK,)):
        raise error_for(answer.sw, _PIN_CHANGE_UNBLOCK)
    yield from ask(PinReplaced(card_mark(session)))
    return (yield from pin_status(session))


def _permitted(session: CardSession) -> Conversation[Rights]:
    """The right of PUK, won on a card that has shown itself genuine."""
    rights = Rights(session, PinPolicy())
    yield from rights.authenticate(PUK)
    return rights
