"""The line of iReadCardBas. Example: the interface's own text [S3], as it stands in the vectors."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from apdu import executor, run
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.flows.read_identity import Authenticity, IdentityReading, read_identity
from cardlib.forms import FormMemory
from cardlib.national import basic_line
from cardlib.profiles.v1 import V1
from services.custody.development import DevelopmentCustodian
from simulator.people import ready_card

VECTORS = Path(__file__).parents[2] / "vectors" / "traces" / "public-traces.json"
(SAMPLE,) = (step["response"] for step in json.loads(VECTORS.read_text("utf-8")) if step["trace"] == "J")


def reading(issuer: dict[int, bytes], holder: dict[int, bytes]) -> IdentityReading:
    """A 1.0 card with these records."""
    parts = [
        V1.file_named(name).decode({tag: (raw,) for tag, raw in records.items()})
        for name, records in (("issuer", issuer), ("holder", holder))
    ]
    history = bytes.fromhex("00814E43238697159900BF7C7A")
    return IdentityReading("1.0", Algorithm.DES, history, *parts, Authenticity.NOT_CHECKED, "", ())


OFFICIAL = reading(
    {
        0x01: bytes.fromhex("639900D15600000500BF7C7A48FB4966"),
        0x03: b"1.00",
        0x05: bytes.fromhex("20101001"),
        0x06: bytes.fromhex("20201001"),
        0x07: b"X00000019",
    },
    {0x08: b"111111198101011110", 0x09: "张三".encode("gbk").ljust(30, b"\x00")},
)


def test_the_sample_of_the_interface_is_printed() -> None:
    assert basic_line(OFFICIAL, terminal="410100813475", device="终端设备号") == SAMPLE.encode("gbk")


def test_without_psam_the_terminal_number_is_zeros_and_the_device_may_be_empty() -> None:
    assert basic_line(OFFICIAL).decode("gbk").split("|")[9:] == ["0" * 12, "", ""]


def test_an_empty_card_gives_eleven_empty_items() -> None:
    empty = replace(reading({}, {}), historical_bytes=b"")
    assert basic_line(empty) == b"|||||||||000000000000||"


def test_old_dates_are_given_as_they_stand_and_long_card_numbers_to_the_ninth_character() -> None:
    old = reading({0x05: b"2012", 0x07: b"ABCDEFGHIJKL"}, {})
    fields = basic_line(old).decode("gbk").split("|")
    assert (fields[2], fields[7]) == ("ABCDEFGHI", "2012")


@pytest.mark.parametrize(
    ("version", "start", "date"),
    [
        ("1.0", "990000|990000195006150037|T0001000", "1.00|20080901|"),
        ("2.0", "990000|990000198503120027|T0002000", "2.0|20140520|20540519"),
        ("3.0", "990000|990000199001010017|T0003000", "3.00|20210601|20610531"),
    ],
)
def test_a_card_that_was_read_gives_the_line(version: str, start: str, date: str) -> None:
    card = ready_card(version)
    atr = card.power_on()
    flow = read_identity(atr, rng=bytes, today=dt.date(2024, 1, 1), forms=FormMemory())
    transmit = get_response(lambda commands: [card.process(command) for command in commands], strip_le=True)
    line = basic_line(run(flow, executor(transmit), DevelopmentCustodian(development_mode=True).answer))
    text = line.decode("gb18030")
    assert text.startswith(start)
    assert date in text
    assert text.count("|") == 11
    if version == "3.0":
        assert "示例𠮷".encode("gb18030") in line
