"""The worked examples of the PSAM's specification: what is sent, byte for byte, and what is made of the answers.

The bytes stand in the specification, computed twice by others; a PSAM of paper says them.
"""

from dataclasses import replace

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference
from cardlib.psam_flows.errors import (
    PsamLevelError,
    PsamProofRefusedError,
    PsamPurchaseError,
    PsamPurchaseLostError,
    PsamRefusedError,
)
from cardlib.psam_flows.purchase import credit_purchase, initialise_purchase
from tests.cardlib.psam_flows.paper import (
    AUTH8,
    BOTH,
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
    UNBLOCK,
    Paper,
    card,
    delivery,
    session,
)


@BOTH
@pytest.mark.parametrize(
    ("name", "number", "levels"), [("RK1DF04", "2D", 3), ("UK2DF04", "2A", 2), ("UK1DF02", "26", 1)]
)
def test_a_cryptogram_at_any_level_and_the_level_is_looked_for_once(algorithm, name, number, levels):
    factors = (CARD, CITY, PROVINCE)
    tries = [
        (delivery(algorithm, f"{tried * 0x20 + 7:02X}", number, *factors[:tried]), "9000" if tried == levels else sw)
        for tried, sw in ((3, "6A80"), (2, "6A88"), (1, "6A80"))
        if tried >= levels
    ]
    of, whose = session(algorithm), card(algorithm)
    wanted = whose, KeyReference(name), CHALLENGE, ORIGINAL
    assert Paper(*tries, ENCRYPTED[algorithm]).run(of.cryptogram(*wanted)).hex().upper() == AUTH8[algorithm]
    # The key's encryption is finished: it is delivered again, at the level that is known.
    assert Paper(tries[-1], ENCRYPTED[algorithm]).run(of.cryptogram(*wanted)).hex().upper() == AUTH8[algorithm]


@BOTH
def test_the_mac_that_unblocks_a_pin(algorithm):
    answers = {
        Algorithm.DES: ("80FA050010 0000000000000000 8424000004800000 08", "4074092F57607F23 9000"),
        Algorithm.SM4: (
            f"80FA050020 {'00' * 16} 84240000048000000000000000000000 10",
            "5A10D0A7710EAEC40B37DE4C09FFC414 9000",
        ),
    }
    paper = Paper((delivery(algorithm, "66", "09", CARD, CITY, PROVINCE), "9000"), answers[algorithm])
    mac = paper.run(session(algorithm).mac(card(algorithm), KeyReference("STKSSSE"), CHALLENGE, UNBLOCK))
    assert mac.hex().upper() == {Algorithm.DES: "4074092F", Algorithm.SM4: "29D6643B"}[algorithm]


@BOTH
def test_a_pin_is_reset_with_one_delivery(algorithm):
    des = algorithm is Algorithm.DES
    encrypted = "3037B886D197418E" if des else "D0E4107471AC3FC9BDBBD87126788012"
    paper = Paper(
        (delivery(algorithm, "68", "10", CARD, CITY, PROVINCE), "9000"),
        (
            "80FA000008 0312345680000000 08" if des else "80FA000010 03123456800000000000000000000000 10",
            encrypted + "9000",
        ),
        (
            "80FA050018 0000000000000000 842400010C3037B886D197418E800000 08"
            if des
            else f"80FA050030 {'00' * 16} 8424000114D0E4107471AC3FC9BDBBD871267880128000000000000000000000 10",
            ("E0A9546B21A2CA98" if des else "AF29162D928EDAD6A1E2D6B180C8EF99") + "9000",
        ),
    )
    of, whose, key = session(algorithm, table=SPENT), card(algorithm), KeyReference("STKSSSE")

    def reset():
        block = yield from of.pin_block(whose, key, CHALLENGE, Secret(bytes.fromhex("123456")))
        header = bytes.fromhex("8424000114" if not des else "842400010C")
        mac = yield from of.mac(whose, key, CHALLENGE, header + block)
        return block.hex().upper(), mac.hex().upper()

    assert paper.run(reset()) == (encrypted, "E0A9546B" if des else "1C8DF5D3")


@BOTH
def test_mac1_and_mac2_of_a_purchase(algorithm):
    code, mac1, mac2 = {Algorithm.DES: ("00", "B9452D7C", "CA349A8D"), Algorithm.SM4: ("03", "8B15863D", "49694902")}[
        algorithm
    ]
    command = (
        f"8070010034 A1B2C3D4 0001 000003E8 00000000 00000000 32 20240102 030405 01 {code} {CARD}{CITY}{PROVINCE} 08"
    )
    of, whose = session(algorithm), card(algorithm)
    answer, opened = Paper((command, f"00000001 {mac1} 9000")).run(initialise_purchase(of, whose, PAYMENT))
    assert answer.hex().upper() == f"65010000000100000001{mac1}"
    assert (opened.card, opened.proof.key) == (whose, DPK)
    assert opened.proof.factor == bytes.fromhex("A1B2C3D400010001")
    assert opened.proof.data == bytes.fromhex("000003E80000000000000000")
    assert Paper((f"8072000004 {mac2}", "9000")).run(credit_purchase("DPK", bytes.fromhex(mac2))) is None


@pytest.mark.parametrize("sw", ["9302", "63CF"])
def test_both_answers_to_a_wrong_mac2_are_one_error(sw):
    with pytest.raises(PsamProofRefusedError, match=sw) as caught:
        Paper(("8072000004 CA349A8C", sw)).run(credit_purchase("DPK", bytes.fromhex("CA349A8C")))
    assert caught.value.national_code == -37634


def test_mac2_of_a_purchase_that_the_psam_has_forgotten():
    with pytest.raises(PsamPurchaseLostError):
        Paper(("8072000004 CA349A8D", "6901")).run(credit_purchase("DPK", bytes.fromhex("CA349A8D")))
    with pytest.raises(PsamRefusedError) as caught:
        Paper(("8072000004 CA349A8D", "6985")).run(credit_purchase("DPK", bytes.fromhex("CA349A8D")))
    assert caught.value.national_code == -27013


@pytest.mark.parametrize("refusals", [("6A80", "6A80"), ("6A88", "6700"), ("9403", "6A88")])
def test_the_level_of_a_purchase_key_is_looked_for_in_the_transaction(refusals):
    of, whose = session(Algorithm.DES), card(Algorithm.DES)
    answers = [*refusals, "00000007 B9452D7C 9000"]
    answer, _ = Paper(*zip(LEVELS, answers, strict=True)).run(initialise_purchase(of, whose, PAYMENT))
    assert answer[6:10] == bytes.fromhex("00000007")
    Paper((LEVELS[2], "00000008 B9452D7C 9000")).run(initialise_purchase(of, whose, PAYMENT))


@pytest.mark.parametrize(
    ("answers", "error", "code"),
    [
        (("6A88", "6A88", "6A88"), PsamPurchaseError, -37891),
        (("9403", "9403", "9403"), PsamPurchaseError, -37891),
        (("6A80", "6A80", "6A80"), PsamLevelError, -24),
        (("6700", "6700", "6700"), PsamRefusedError, -26368),
        (("6985",), PsamRefusedError, -27013),
    ],
)
def test_a_purchase_that_the_psam_does_not_make(answers, error, code):
    paper = Paper(*zip(LEVELS, answers, strict=False))
    with pytest.raises(error) as caught:
        paper.run(initialise_purchase(session(Algorithm.DES), card(Algorithm.DES), PAYMENT))
    assert caught.value.national_code == code
    assert not paper.lines


def test_a_purchase_with_a_card_of_another_city_is_not_begun_with_a_city_s_key():
    paper = Paper((LEVELS[0], "6A80"), (LEVELS[1], "6A80"))
    of, task = session(Algorithm.DES, terminal="650200000001"), replace(PAYMENT, terminal=OTHER_CITY)
    with pytest.raises(PsamLevelError) as caught:
        paper.run(initialise_purchase(of, card(Algorithm.DES), task))
    assert caught.value.national_code == -24
    assert not paper.lines
