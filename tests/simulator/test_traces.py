"""The software card, given the data of cards whose traces were published, behaves on the wire as they did.

And the middleware understands such a card. Its keys are unknown, so the software card holds the development keys.
"""

import datetime as dt
import json
import re
from collections import deque
from pathlib import Path

import pytest

from apdu import Secret, executor, run
from apdu.transport.wrappers import get_response
from cardlib.crypto import SM4, Algorithm
from cardlib.development_keys import load
from cardlib.flows.read_identity import Authenticity, IdentityReading, read_identity
from cardlib.forms import FormMemory
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.model import LinearFile
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.image import Issue, image_of_records

STEPS = json.loads((Path(__file__).parents[1] / "vectors" / "traces" / "public-traces.json").read_text("utf-8"))


def steps(trace: str, kind: str) -> list[dict[str, str]]:
    return [step for step in STEPS if step["trace"] == trace and step["kind"] == kind]


def records(profile, trace: str) -> dict[str, list[bytes]]:
    """The records that a trace shows, in the files of the profile; blank where it shows none."""
    seen = {}
    for step in steps(trace, "apdu"):
        if step["apdu"].startswith("00B2") and step["response"].endswith("9000"):
            found = profile.file_named("issuer").split(bytes.fromhex(step["response"][:-4]))
            seen |= {tag: bytes((tag, len(value))) + value for tag, (value,) in found.items()}
    return {
        file.name: [seen.get(record[0], record) for record in file.encode({})]
        for file in profile.files("SSSE")
        if isinstance(file, LinearFile)
    }


def card_of(profile, trace: str, algorithm: Algorithm, pin: str, *, t0: bool) -> SoftwareCard:
    (atr,) = steps(trace, "atr")
    challenges = deque(
        bytes.fromhex(step["response"][:-4]) for step in steps(trace, "apdu") if step["apdu"].startswith("0084")
    )
    issue = Issue(
        algorithm=algorithm, historical_bytes=bytes.fromhex(atr["response"])[4:], pin=Secret(bytes.fromhex(pin))
    )
    image = image_of_records(profile, records(profile, trace), issue, load())
    card = SoftwareCard(image, t0=t0, rng=lambda size: challenges.popleft() or bytes(size))
    assert card.power_on().hex().upper() == atr["response"]
    return card


def expected(step: dict[str, str]) -> str:
    """The answer, as a pattern: of what was not logged, or was computed with unknown keys, the length."""
    command = bytes.fromhex(step["apdu"])
    if command[1] == 0x88 or not step["response"]:
        size = 8 if command[1] == 0x88 else command[-1]
        return f"[0-9A-F]{{{2 * size}}}9000"
    return step["response"]


def replay(card: SoftwareCard, trace: str, cryptogram=None) -> list[str]:
    """The numbers of the steps that were answered otherwise than in the trace."""
    different = []
    for step in steps(trace, "apdu"):
        command = bytes.fromhex(step["apdu"])
        if cryptogram and command[1] == 0x82:
            command = command[:5] + cryptogram(command[13:]) + command[13:]
        answer = card.process(command).hex().upper()
        if not re.fullmatch(expected(step), answer):
            different.append(f"{step['step']}: {answer}")
    return different


def test_trace_a_a_third_generation_card_behind_a_reader_that_hides_61_and_6c():
    card = card_of(V3, "A", Algorithm.SM4, "123456", t0=False)
    factors = CardFactors(Algorithm.SM4, "519900", bytes.fromhex("8660519900 0001AC"))
    key = factors.card_key(KeyReference("RKSSSE"), load()[KeyReference("RKSSSE")])
    last_challenge = bytes.fromhex("98B4D293D091C331")

    def cryptogram(original: bytes) -> bytes:
        return SM4.cryptogram(SM4.session_key(key, last_challenge), original)

    assert len(steps("A", "apdu")) == 19
    assert replay(card, "A", cryptogram) == []


def test_trace_a_with_the_foreign_cryptogram_is_refused_and_the_holder_data_stay_closed():
    card = card_of(V3, "A", Algorithm.SM4, "123456", t0=False)
    assert replay(card, "A") == ["14: 63C2", "19: 6982", "20: 6982", "21: 6982"]


def test_trace_d_a_second_generation_card_at_tpdu_level():
    card = card_of(V2, "D", Algorithm.DES, "666666", t0=True)
    assert len(steps("D", "apdu")) == 7
    assert replay(card, "D") == []


@pytest.mark.parametrize("trace", ["A", "D"])
def test_the_replay_notices_a_difference(trace):
    profile, algorithm = (V3, Algorithm.SM4) if trace == "A" else (V2, Algorithm.DES)
    card = card_of(profile, trace, algorithm, "123456", t0=trace == "A")
    card.power_off()
    assert len(replay(card, trace)) == len(steps(trace, "apdu"))


def understood(card: SoftwareCard) -> IdentityReading:
    def transmit(commands):
        return [card.process(command) for command in commands]

    flow = read_identity(card.power_on(), rng=bytes, today=dt.date(2021, 1, 1), forms=FormMemory())
    custodian = DevelopmentCustodian(development_mode=True)
    return run(flow, executor(get_response(transmit, strip_le=True)), custodian.answer)


def test_the_middleware_understands_the_card_of_trace_a():
    reading = understood(card_of(V3, "A", Algorithm.SM4, "123456", t0=False))
    assert (reading.version, reading.algorithm, reading.authenticity) == ("3.0", Algorithm.SM4, Authenticity.PROVEN)
    assert reading.issuer.values["card_identifier"].digits == "519900D15600000510000B26FFFFFFFF"
    assert reading.issuer.values["spec_version"] == "3.00"
    assert reading.issuer.values["card_number"] == "T00000001"
    assert reading.holder.values["social_security_number"] == "111111198101011110"
    assert reading.holder.values["name"] == "张三"
    assert reading.warnings == ()


def test_the_middleware_understands_the_card_of_trace_d_and_says_what_is_odd_about_it():
    reading = understood(card_of(V2, "D", Algorithm.DES, "666666", t0=True))
    assert (reading.version, reading.algorithm, reading.authenticity) == ("2.0", Algorithm.DES, Authenticity.PROVEN)
    issuer = reading.issuer.values
    assert issuer["card_category"].en.startswith("adult")
    assert issuer["initialising_body"] == "9156000002430200430100D5"
    assert (issuer["issue_date"].text, issuer["expiry_date"].text) == ("2012", "2022")
    assert issuer["card_number"] == "B00000131"
    assert [(warning.code.value, warning.item) for warning in reading.warnings] == [
        ("DATE_NOT_STANDARD", "issue_date"),
        ("DATE_NOT_STANDARD", "expiry_date"),
    ]
