"""The key custodian's port: what it answers to a flow, and what it refuses."""

import pytest

from apdu.errors import UnansweredError
from apdu.flow import Question, ask, run
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest
from cardlib.keys import KeyReference

CARD = CardFactors(Algorithm.SM4, "990100", bytes(8))
REQUEST = KeyRequest(
    CARD, tuple(Cryptogram(KeyReference(name), bytes(8), name.encode().ljust(8)) for name in ("IRK", "RKSSSE"))
)


class Echo(KeyCustodian):
    """Answers every request with its originals."""

    def perform(self, request):
        return tuple(cryptogram.original for cryptogram in request.tasks)


class Weather(Question[str]):
    """A question that has nothing to do with keys."""


def no_card(script):
    pytest.fail("this flow sends nothing to a card")


def test_a_custodian_answers_the_key_requests_of_a_flow():
    assert run(ask(REQUEST), no_card, answer=Echo().answer) == (b"IRK     ", b"RKSSSE  ")


def test_a_custodian_refuses_other_questions():
    with pytest.raises(UnansweredError, match="Weather"):
        run(ask(Weather()), no_card, answer=Echo().answer)


def test_a_refusal_reaches_the_flow_where_it_asks():
    def flow():
        try:
            yield from ask(REQUEST)
        except KeyUnavailableError as error:
            return error.key

    assert run(flow(), no_card, answer=NoKeys().answer) == "IRK, RKSSSE"


def test_a_deployment_without_keys_says_so():
    with pytest.raises(KeyUnavailableError, match=r"RKSSSE.*no key custodian is configured"):
        NoKeys().answer(REQUEST)
