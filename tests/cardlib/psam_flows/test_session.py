"""Which of a PSAM's keys is used, at which level, and what is made of its refusals."""

from dataclasses import replace
from datetime import date

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, Terminal
from cardlib.keys import KeyDeclaration, KeyReference, Level, Purpose
from cardlib.psam import CITY_KEYS, PsamKeyType
from cardlib.psam_flows.environment import LevelInformation
from cardlib.psam_flows.errors import (
    PsamAnswerError,
    PsamError,
    PsamKeyMissingError,
    PsamLevelError,
    PsamPurchaseError,
    PsamReadKeyError,
    PsamRefusedError,
)
from cardlib.psam_flows.purchase import initialise_purchase, terminal_of
from cardlib.psam_keys import PsamKeyId
from tests.cardlib.psam_flows.paper import (
    AUTH8,
    CARD,
    CHALLENGE,
    CITY,
    DPK,
    ENCRYPTED,
    LEVELS,
    ORIGINAL,
    OTHER_CITY,
    PAYMENT,
    PROVINCE,
    SPENT,
    TERMINAL,
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


def pin_block(*lines, of=None):
    wanted = card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, Secret(bytes.fromhex("123456"))
    return Paper(*lines).run((of or session(Algorithm.DES, table=SPENT)).pin_block(*wanted))


DELIVERED = delivery(Algorithm.DES, "68", "10", CARD, CITY, PROVINCE)
ENCRYPT_PIN = "80FA000008 0312345680000000 08"


@pytest.mark.parametrize(
    ("sw", "error", "code"),
    [
        ("6985", PsamKeyMissingError, -27272),
        ("6901", PsamRefusedError, -26881),
        ("6A81", PsamRefusedError, -27265),
        ("6700", PsamRefusedError, -26368),
        ("6581", PsamRefusedError, -25985),
        ("6F00", PsamRefusedError, -28416),
    ],
)
def test_only_6985_says_that_the_key_does_not_encrypt_pins(sw, error, code):
    lines = [(DELIVERED, "9000"), (ENCRYPT_PIN, sw)] * (2 if sw == "6901" else 1)
    with pytest.raises(error) as caught:
        pin_block(*lines)
    assert (type(caught.value), caught.value.national_code, caught.value.key) == (error, code, "STKSSSE")


@pytest.mark.parametrize("sw", ["6985", "6901", "6A81", "6700"])
def test_a_delivery_that_is_refused_says_nothing_about_the_key(sw):
    of = session(Algorithm.DES, table=SPENT)
    for _ in range(2):
        with pytest.raises(PsamRefusedError) as caught:
            pin_block((DELIVERED, sw), of=of)
        assert caught.value.sw == int(sw, 16)


@pytest.mark.parametrize(
    ("algorithm", "answer", "clear"),
    [
        (Algorithm.DES, "", False),
        (Algorithm.DES, "3037B886D19741", False),
        (Algorithm.DES, "3037B886D197418E3037B886D197418E", False),
        (Algorithm.DES, "0312345680000000", True),
        (Algorithm.SM4, "3037B886D197418E", False),
        (Algorithm.SM4, "03123456800000000000000000000000", True),
    ],
)
def test_what_is_no_encrypted_pin_is_not_sent_to_the_card(algorithm, answer, clear):
    block = "0312345680000000" + ("" if algorithm is Algorithm.DES else "00" * 8)
    size = f"{len(block) // 2:02X}"
    paper = Paper(
        (delivery(algorithm, "68", "10", CARD, CITY, PROVINCE), "9000"),
        (f"80FA0000{size} {block} {size}", f"{answer} 9000"),
    )
    wanted = card(algorithm), KeyReference("STKSSSE"), CHALLENGE, Secret(bytes.fromhex("123456"))
    with pytest.raises(PsamAnswerError, match="in clear" if clear else "bytes to a PIN") as caught:
        paper.run(session(algorithm, table=SPENT).pin_block(*wanted))
    assert caught.value.key == "STKSSSE"
    assert "123456" not in str(caught.value)


def test_one_block_of_a_pin_in_clear_is_enough():
    wanted = card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, Secret(bytes.fromhex("12345678901234567890"))
    block = "0A12345678901234 5678908000000000"
    paper = Paper((DELIVERED, "9000"), (f"80FA000010 {block} 10", "3037B886D197418E 5678908000000000 9000"))
    with pytest.raises(PsamAnswerError, match="in clear"):
        paper.run(session(Algorithm.DES, table=SPENT).pin_block(*wanted))


@pytest.mark.parametrize("answer", ["", "215380A0", "215380A05943AA", "215380A05943AA8E00"])
def test_a_cryptogram_of_another_length_is_none(answer):
    deliver = (delivery(Algorithm.DES, "67", "08", CARD, CITY, PROVINCE), "9000")
    paper = Paper(deliver, (ENCRYPTED[Algorithm.DES][0], f"{answer} 9000"))
    with pytest.raises(PsamAnswerError, match="block of 8") as caught:
        paper.run(session(Algorithm.DES).cryptogram(card(Algorithm.DES), IRK, CHALLENGE, ORIGINAL))
    assert (caught.value.key, caught.value.national_code) == ("IRK", None)


@pytest.mark.parametrize("answer", ["", "215380", "215380A059", "215380A05943AA8E00"])
def test_a_mac_of_another_length_is_none(answer):
    deliver = (delivery(Algorithm.DES, "66", "09", CARD, CITY, PROVINCE), "9000")
    paper = Paper(deliver, (f"80FA050010 {'00' * 8} 8424000004800000 08", f"{answer} 9000"))
    with pytest.raises(PsamAnswerError, match="for a MAC") as caught:
        paper.run(session(Algorithm.DES).mac(card(Algorithm.DES), KeyReference("STKSSSE"), CHALLENGE, UNBLOCK))
    assert caught.value.key == "STKSSSE"


@pytest.mark.parametrize("answer", ["", "00000001", "00000001 B9452D7C 00"])
def test_a_mac1_of_another_length_is_none(answer):
    with pytest.raises(PsamAnswerError, match="trade number and MAC1") as caught:
        Paper((LEVELS[0], f"{answer} 9000")).run(
            initialise_purchase(session(Algorithm.DES), card(Algorithm.DES), PAYMENT)
        )
    assert caught.value.key == "DPK"


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


def test_what_has_one_version_is_said_by_the_deployment_s_table_of_keys():
    """A region's maintenance key has one version, whatever version the issuer's file says of the others."""
    table = (PsamKeyId("STKREGION", PsamKeyType.MAC, 0x7A, 1, CITY_KEYS),)
    keys = {"STKREGION": KeyDeclaration("STKREGION", Purpose.MAINTENANCE, "SSSE", Level.ISSUER)}
    of = session(Algorithm.DES, table=table, keys=keys, information=LevelInformation(1, 2))
    assert of.row(KeyReference("STKREGION", 1)) == table[0]
    with pytest.raises(PsamKeyMissingError, match="version 1, not 2"):
        of.row(KeyReference("STKREGION", 2))
    others = session(Algorithm.DES, table=table, keys={}, information=LevelInformation(1, 2))
    assert others.row(KeyReference("STKREGION", 2)) == table[0]


# --- what a card that shall pay is told ---


def test_a_card_is_told_the_terminal_number_and_the_index_of_the_psam_s_files():
    of = session(Algorithm.DES, information=LevelInformation(2, 1))
    assert terminal_of(of, card(Algorithm.DES), Terminal(DPK)) == TERMINAL + b"\x02"


def test_without_an_index_there_are_no_purchases():
    with pytest.raises(PsamPurchaseError) as caught:
        terminal_of(session(Algorithm.DES, information=LevelInformation()), card(Algorithm.DES), Terminal(DPK))
    assert caught.value.national_code == -37891


def test_a_version_that_the_table_has_not_got_is_none_of_the_psam_s():
    with pytest.raises(PsamKeyMissingError):
        terminal_of(session(Algorithm.DES), card(Algorithm.DES), Terminal(KeyReference("DPK", 4)))


def test_a_card_that_the_purchase_key_does_not_reach_is_told_nothing():
    of, whose = session(Algorithm.DES, terminal="650200000001"), card(Algorithm.DES)
    with pytest.raises(PsamLevelError) as caught:
        terminal_of(of, whose, Terminal(DPK))
    assert caught.value.national_code == -24
    # Once a purchase has shown another level than the table's, that counts.
    Paper((LEVELS[0], "00000001 B9452D7C 9000")).run(
        initialise_purchase(of, whose, replace(PAYMENT, terminal=OTHER_CITY))
    )
    assert terminal_of(of, whose, Terminal(DPK))[:6] == OTHER_CITY


def test_a_purchase_with_somebody_else_s_terminal_number_does_not_reach_the_psam():
    of = session(Algorithm.DES)
    with pytest.raises(KeyUnavailableError, match="terminal number of somebody else") as caught:
        Paper().run(initialise_purchase(of, card(Algorithm.DES), replace(PAYMENT, terminal=OTHER_CITY)))
    assert not isinstance(caught.value, PsamError)
    with pytest.raises(MalformedError):
        Paper().run(initialise_purchase(of, card(Algorithm.DES), replace(PAYMENT, terminal=TERMINAL[:5])))
