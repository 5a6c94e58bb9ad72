"""The holder chooses a PIN at a counter: in the place of the one that the card was issued with."""

from apdu.flow import Flow
from apdu.secret import Secret
from cardlib.flows.pin import AtPad, PinAttempt, PinState, change_pin, change_pin_at_pad, pin_status, resume_change
from cardlib.flows.session import CardSession, RandomBytes
from cardlib.forms import FormMemory


def choose_pin(  # noqa: PLR0913  # what a caller decides, each by its name
    atr: bytes,
    old: Secret | None,
    new: Secret,
    *,
    initial: Secret,
    resume: bool,
    rng: RandomBytes,
    forms: FormMemory,
) -> Flow[PinAttempt]:
    """Change the PIN (设置个人密码) of a card that answered ``atr``; PINs are packed.

    ``old`` None: ``initial``, with which cards of the region are issued, or none where the card has none. ``resume``:
    an earlier attempt may have changed it. Raises as :func:`~cardlib.flows.pin.change_pin`.
    """
    session = CardSession(atr, rng, forms)
    yield from session.open()
    if old is None:
        status = yield from pin_status(session)
        old = Secret(b"") if status.state is PinState.NOT_SET else initial
    change = resume_change if resume else change_pin
    return (yield from change(session, old, new))


def choose_pin_at_pad(atr: bytes, pad: AtPad, *, rng: RandomBytes, forms: FormMemory) -> Flow[PinAttempt]:
    """As :func:`choose_pin`, both PINs typed by the holder at the reader's own pad."""
    session = CardSession(atr, rng, forms)
    yield from session.open()
    return (yield from change_pin_at_pad(session, pad))
