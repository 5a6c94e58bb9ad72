"""Which of a PSAM's keys is used, at which level, and what is made of its refusals."""

from datetime import date

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.psam_flows.environment import LevelInformation
from cardlib.psam_flows.errors import (
    PsamKeyMissingError,
    PsamLevelError,
    PsamReadKeyError,
    PsamRefusedError,
)
from cardlib.psam_flows.purchase import initialise_purchase
from tests.cardlib.psam_flows.paper import (
    AUTH8,
    CARD,
    CHALLENGE,
    CITY,
    ENCRYPTED,
    LEVELS,
    ORIGINAL,
    PAYMENT,
    PROVINCE,
    SPENT,
    UNBLOCK,
    Paper,
    card,
    delivery,
    session,
)

MESSAGE = ("80FA000008 0102030405060708 08", "6901")
IRK = KeyReference("IRK")


def test_a_key_that_was_lost_is_delivered_once_more():
    deliver = (delivery(Algorithm.DES, "67", "08", CARD, CITY, PROVINCE), "9000")
    wanted = card(Algorithm.DES), IRK, CHALLENGE, ORIGINAL
    paper = Paper(deliver, MESSAGE, deliver, ENCRYPTED[Algorithm.DES])
    assert paper.run(session(Algorithm.DES).cryptogram(*wanted)).hex().upper() == AUTH8[Algorithm.DES]
    with pytest.raises(PsamRefusedError) as caught:
        Paper(deliver, MESSAGE, deliver, MESSAGE).run(session(Algorithm.DES).cryptogram(*wanted))
    assert (caught.value.sw, caught.value.national_code) == (0x6901, -26881)


def test_a_chain_that_was_cut_starts_again_from_its_first_part():
    data = bytes(range(60))  # 5 bytes more than one command holds, padding and IV counted
    deliver = (delivery(Algorithm.DES, "66", "09", CARD, CITY, PROVINCE), "9000")
    first = f"80FA070040 {'00' * 8} {data[:56].hex()}"
    last = f"80FA010008 {data[56:].hex()} 80000000 08"
    paper = Paper(deliver, (first, "9000"), (last, "6901"), deliver, (first, "9000"), (last, "0102030405060708 9000"))
    mac = paper.run(session(Algorithm.DES).mac(card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, data))
    assert mac == bytes((1, 2, 3, 4))


def test_a_long_message_goes_in_parts_of_eight_blocks():
    data = bytes(130)
    deliver = (delivery(Algorithm.DES, "66", "09", CARD, CITY, PROVINCE), "9000")
    paper = Paper(
        deliver,
        (f"80FA070040 {'00' * 64}", "9000"),
        (f"80FA030040 {'00' * 64}", "9000"),
        (f"80FA010010 {'00' * 10} 800000000000 08", "01020304 9000"),
    )
    # Four bytes are taken as a MAC that was cut already.
    assert paper.run(
        session(Algorithm.DES).mac(card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, data)
    ) == bytes((1, 2, 3, 4))


def tries_of(kinds, number, sws):
    factors = (CARD, CITY, PROVINCE)
    places = [(kind, levels) for kind in kinds for levels in (3, 2, 1)]
    return [
        (delivery(Algorithm.DES, f"{levels * 0x20 + kind:02X}", number, *factors[:levels]), sw)
        for (kind, levels), sw in zip(places, sws, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "number", "sws", "error", "code"),
    [
        ("IRK", "08", ["6A88"] * 6, PsamKeyMissingError, -27272),
        ("RKSSSE", "0F", ["6A88"] * 6, PsamReadKeyError, -2203),
        ("IRK", "08", ["6A80"] * 6, PsamLevelError, -24),
        ("RKSSSE", "0F", ["6A88", "6A80", "6A88"] * 2, PsamLevelError, -24),
    ],
)
def test_a_key_that_is_found_at_no_level(name, number, sws, error, code):
    paper = Paper(*tries_of((7, 8), number, sws))
    with pytest.raises(error) as caught:
        paper.run(session(Algorithm.DES).cryptogram(card(Algorithm.DES), KeyReference(name), CHALLENGE, ORIGINAL))
    assert (type(caught.value), caught.value.national_code, caught.value.key) == (error, code, name)
    assert not paper.lines


def test_a_key_of_another_type_than_declared_is_found():
    paper = Paper(*tries_of((7, 8), "08", ["6A88"] * 3 + ["9000"] + ["6A80"] * 2)[:4], ENCRYPTED[Algorithm.DES])
    assert paper.run(session(Algorithm.DES).cryptogram(card(Algorithm.DES), IRK, CHALLENGE, ORIGINAL))


def test_keys_that_were_replaced_are_found_again():
    of, whose = session(Algorithm.DES), card(Algorithm.DES)
    wanted = whose, KeyReference("UK2DF04"), CHALLENGE, ORIGINAL
    third, second, _ = tries_of((7,), "2A", ["9000", "9000", "9000"])
    Paper(third, ENCRYPTED[Algorithm.DES]).run(of.cryptogram(*wanted))
    refused = third[0], "6A80"
    Paper(refused, refused, second, ENCRYPTED[Algorithm.DES]).run(of.cryptogram(*wanted))


@pytest.mark.parametrize(
    ("usage", "region", "terminal", "reached"),
    [
        (3, "650100", "110100000001", True),
        (2, "650100", "659900000001", True),
        (2, "650100", "640100000001", False),
        (1, "650100", "650100000001", True),
        (1, "650101", "650100000001", False),
        (1, "330199", "330100000001", True),
        (1, "330200", "330100000001", False),
    ],
)
def test_a_card_of_another_area_gets_no_wrong_cryptogram(usage, region, terminal, reached):
    environment = session(Algorithm.DES, terminal=terminal).environment
    assert environment.reaches(region, usage) is reached


def test_a_key_of_another_area_is_not_used_though_it_was_delivered():
    paper = Paper(*tries_of((7,), "2A", ["6A80", "6A80", "9000"]))
    with pytest.raises(PsamLevelError) as caught:
        paper.run(
            session(Algorithm.DES, terminal="650200000001").cryptogram(
                card(Algorithm.DES), KeyReference("UK2DF04"), CHALLENGE, ORIGINAL
            )
        )
    assert caught.value.national_code == -24
    assert not paper.lines


@pytest.mark.parametrize("sw", ["6985", "6901"])
def test_a_psam_that_does_not_encrypt_pins_has_no_key_for_it(sw):
    of = session(Algorithm.DES, keys=SPENT)
    deliver = (delivery(Algorithm.DES, "68", "10", CARD, CITY, PROVINCE), "9000")
    refused = ("80FA000008 0312345680000000 08", sw)
    lines = [deliver, refused] * (2 if sw == "6901" else 1)
    with pytest.raises(PsamKeyMissingError) as caught:
        Paper(*lines).run(
            of.pin_block(card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, Secret(bytes.fromhex("123456")))
        )
    assert caught.value.national_code == -27272


def test_answers_of_odd_lengths_are_malformed():
    deliver = (delivery(Algorithm.DES, "67", "08", CARD, CITY, PROVINCE), "9000")
    wanted = card(Algorithm.DES), IRK, CHALLENGE, ORIGINAL
    with pytest.raises(MalformedError):
        Paper(deliver, ("80FA000008 0102030405060708 08", "215380A0 9000")).run(
            session(Algorithm.DES).cryptogram(*wanted)
        )
    deliver = (delivery(Algorithm.DES, "66", "09", CARD, CITY, PROVINCE), "9000")
    wanted = card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, UNBLOCK
    with pytest.raises(MalformedError):
        Paper(deliver, (f"80FA050010 {'00' * 8} 8424000004800000 08", "215380A059 9000")).run(
            session(Algorithm.DES).mac(*wanted)
        )
    with pytest.raises(MalformedError):
        Paper((LEVELS[0], "00000001 9000")).run(
            initialise_purchase(session(Algorithm.DES), card(Algorithm.DES), PAYMENT)
        )


def test_a_pin_that_is_refused_for_another_reason_is_refused_for_it():
    of = session(Algorithm.DES, keys=SPENT)
    deliver = (delivery(Algorithm.DES, "68", "10", CARD, CITY, PROVINCE), "9000")
    with pytest.raises(PsamRefusedError, match="6A81"):
        Paper(deliver, ("80FA000008 0312345680000000 08", "6A81")).run(
            of.pin_block(card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, Secret(bytes.fromhex("123456")))
        )


@pytest.mark.parametrize("sw", ["6982", "6A81", "6D00"])
def test_any_other_refusal_is_passed_on_as_it_is(sw):
    paper = Paper((delivery(Algorithm.DES, "67", "08", CARD, CITY, PROVINCE), sw))
    with pytest.raises(PsamRefusedError, match=sw) as caught:
        paper.run(session(Algorithm.DES).cryptogram(card(Algorithm.DES), IRK, CHALLENGE, ORIGINAL))
    assert caught.value.national_code == -int(sw, 16)


def test_a_card_of_ssf33_is_served_by_lengths_alone():
    """Its cipher is not public: only a PSAM has it. The text gives lengths and folding [S2.9 §7.2, §9.8]."""
    data = CARD + CITY + PROVINCE + CHALLENGE.hex() + "00" * 8
    paper = Paper(
        (f"BFDE670828{data}", "9000"),
        (f"80FA000010 {ORIGINAL.hex()} {'00' * 8} 10", "000102030405060708090A0B0C0D0E0F 9000"),
    )
    whose = CardFactors(Algorithm.SSF33, "650100", bytes.fromhex(CARD))
    assert paper.run(session(Algorithm.SSF33).cryptogram(whose, IRK, CHALLENGE, ORIGINAL)) == bytes((8,) * 8)


@pytest.mark.parametrize(
    ("information", "version", "served"),
    [
        (LevelInformation(1, 2), 2, True),
        (LevelInformation(1, 2), 1, False),
        (LevelInformation(), 1, True),
        (LevelInformation(), 2, False),
        (LevelInformation(1, 1, date(2024, 1, 2), date(2024, 1, 2)), 1, True),
        (LevelInformation(1, 1, date(2024, 1, 3), None), 1, False),
        (LevelInformation(1, 1, None, date(2024, 1, 1)), 1, False),
    ],
)
def test_a_key_serves_in_its_version_and_while_it_is_in_force(information, version, served):
    of = session(Algorithm.DES, information=information)
    if served:
        assert of.row(KeyReference("IRK", version)).id == 0x08
    else:
        with pytest.raises(PsamKeyMissingError):
            of.row(KeyReference("IRK", version))


@pytest.mark.parametrize(
    ("content", "information"),
    [
        ("0102 20200101 20991231", LevelInformation(1, 2, date(2020, 1, 1), date(2099, 12, 31))),
        ("FF00 FFFFFFFF 00000000", LevelInformation()),
        ("0301 20241301 2024010A", LevelInformation(3, 1)),
        ("", LevelInformation()),
        ("0102", LevelInformation()),
    ],
)
def test_what_the_issuers_files_say(content, information):
    assert LevelInformation.from_bytes(bytes.fromhex(content)) == information
