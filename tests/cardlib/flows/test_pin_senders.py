"""Who sends a PIN: the flow of the PIN alone, for files that want one too."""

import ast
import datetime as dt
from pathlib import Path

import pytest

import cardlib
import services
from apdu.flow import run
from apdu.readers import executor
from apdu.transport.wrappers import get_response
from cardlib.errors import PinRepeatedError
from cardlib.flows.pin import MaySendPin, verify_pin
from cardlib.flows.read_files import read_files
from cardlib.flows.session import CardSession
from simulator.people import INITIAL_PIN as OLD


def test_reading_files_asks_the_guard_too(new_desk, new_card):
    desk = new_desk(new_card())
    card, seen = desk.card, []

    def answer(question):
        seen.append(question)
        if isinstance(question, MaySendPin):
            raise PinRepeatedError(question.tries_left)
        return desk.custodian.answer(question)

    flow = read_files(
        card.power_on(),
        ["medical_transactions"],
        rng=bytes,
        today=dt.date(2026, 1, 15),
        forms=desk.forms,
        pin=OLD,
        card_is_new=True,
    )
    with pytest.raises(PinRepeatedError):
        run(flow, executor(get_response(desk._transmit, strip_le=True)), answer)
    assert [one.card_is_new for one in seen if isinstance(one, MaySendPin)] == [True]
    assert not [one for one in desk.sent if one.name == "VERIFY" and len(one.data)]


def test_a_pin_that_was_verified_before_is_not_asked_for(new_desk, new_card):
    desk = new_desk(new_card())

    def verified_before(atr, **options):
        session = CardSession(atr, options["rng"], options["forms"])
        yield from session.open()
        yield from verify_pin(session, OLD)
        desk.sent.clear()
        return (yield from read_files(atr, ["medical_transactions"], pin_verified=True, **options))

    reading = desk.run(verified_before, today=dt.date(2026, 1, 15))
    assert not reading.refused
    assert "VERIFY" not in desk.names


def test_nobody_else_sends_a_pin() -> None:
    """Who has the commands that carry a holder's PIN: the flow here, issuing's own proofs, the conformance suite.

    And who has a pad make them, of whose header alone.
    """
    found = {}
    for package in (cardlib, services):
        root = Path(package.__file__).parent
        for path in root.rglob("*.py"):
            named = path.relative_to(root.parent).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = isinstance(node, ast.Attribute) and node.attr in {"verify", "change_pin"}
                if called and isinstance(node.value, ast.Name) and node.value.id == "commands":
                    found.setdefault(named, set()).add(node.attr)
                imports = isinstance(node, ast.ImportFrom) and node.module == "cardlib.commands"
                assert not (imports and {"verify", "change_pin"} & {alias.name for alias in node.names}), named
    assert found.pop("cardlib/flows/pin.py") == {"verify", "change_pin"}
    assert {name for name in found if not name.startswith("cardlib/conformance/")} == {
        "cardlib/issuance/premade.py",
        "cardlib/issuance/prove.py",
        "services/pin_entry.py",
    }
