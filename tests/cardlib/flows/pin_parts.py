"""Parts of PIN flows on a simulated card, with everything that they ask."""

import pytest

from apdu.flow import run
from apdu.pinpad import PinEntry
from apdu.readers import executor
from apdu.secret import Secret
from apdu.transport.wrappers import get_response
from cardlib.flows.pin import (
    AtPad,
    unguarded,
)
from cardlib.flows.session import CardSession
from simulator.people import INITIAL_PIN

OLD = INITIAL_PIN
NEW = Secret(bytes.fromhex("864209"))
WRONG = Secret(bytes.fromhex("654321"))
NONE = Secret(b"")
QUERY, VERIFY = "0020000000", "0020000003"
"""Beginnings of VERIFY without and with a PIN of six digits, as they are on the wire with T=0."""


def on(desk, part, *arguments, **options):
    """Have a part of a flow carried out on a card that was just powered and opened."""

    def flow(atr, *, rng, forms):
        session = CardSession(atr, rng, forms)
        yield from session.open()
        return (yield from part(session, *arguments, **options))

    return desk.run(flow)


def pins_sent(desk) -> int:
    """Commands of the last conversation that had a PIN in them."""
    return sum(one.name in {"VERIFY", "CHANGE PIN"} and len(one.data) > 0 for one in desk.sent)


def asked(desk, kind):
    return [question for question in desk.questions if isinstance(question, kind)]


@pytest.fixture
def desk(new_desk, new_card, monkeypatch):
    """A desk with a card; ``questions`` has everything that was asked there."""
    made = new_desk(new_card())
    made.questions = []

    def run_asking(flow):
        made.sent.clear()
        made.questions.clear()

        def answer(question):
            made.questions.append(question)
            if (refusal := made.refusals.get(type(question))) is not None:
                raise refusal
            if isinstance(question, PinEntry):
                return made.typed(question)
            return unguarded(made.custodian.answer)(question)

        conversation = flow(made.card.power_on(), rng=lambda n: bytes(range(n)), forms=made.forms)
        return run(conversation, executor(get_response(made._transmit, strip_le=True)), answer)

    made.refusals = {}
    made.typed = None
    monkeypatch.setattr(made, "run", run_asking)
    return made


ENTRY = AtPad(PinEntry(bytes.fromhex("00200000")))
CHANGE_ENTRY = AtPad(PinEntry(bytes.fromhex("805E0100"), change=True, separator=b"\xff"))
