"""The purchase: every status word, the state between MAC1 and MAC2, and the trade number [S2.9 §9.9, §9.10]."""

import pytest

from cardlib.crypto import Algorithm
from simulator.psam.quirks import PsamQuirks

CARD, CITY, PROVINCE = "8660650100000001", "3635303130307378", "3635303030307368"
MAC2 = "CA349A8D"


def initialise(*, version="01", code="00", factors=CARD + CITY + PROVINCE, header="80700100"):
    data = "A1B2C3D40001" + "000003E80000000000000000" + "3220240102030405" + version + code + factors
    return f"{header}{len(data) // 2:02X}{data}08"


DELIVERY = f"BFDE672D20{CARD}{CITY}{PROVINCE}0011223344556677"
ENCRYPT = "80FA0000080102030405060708"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        (initialise(header="80700000"), "6A86"),
        (initialise(header="80700101"), "6A86"),
        (initialise(factors=""), "6700"),
        (initialise(factors=CARD * 4), "6700"),
        (initialise(factors=CARD[2:]), "6700"),
        (initialise(version="04"), "6A88"),
        (initialise(code="03"), "6A88"),
        (initialise(factors=CARD + CITY), "6A80"),
        (initialise(factors=CARD), "6A80"),
        (initialise(version="02"), "6A80"),
    ],
)
def test_what_init_sam_for_purchase_refuses_moves_nothing_and_leaves_nothing(psam, command, sw):
    psam(initialise())
    assert psam(command) == sw
    assert psam(f"8072000004{MAC2}") == "6901"
    assert psam("00B0990004") == "000000029000"


def test_a_purchase_needs_the_application(make_psam):
    assert make_psam()(initialise()) == "6985"


def test_switches(make_psam):
    psam = make_psam(quirks=PsamQuirks(mac2_wrong=0x63CF, purchase_key_missing=0x9403, algorithm_checked=False))
    psam.enter(Algorithm.DES)
    assert psam(initialise(version="04")) == "9403"
    assert psam(initialise(code="03")) == "00000001B9452D7C9000"
    assert psam("8072000004CA349A8C") == "63CF"
    assert psam(f"8072000004{MAC2}") == "6901"


def test_a_wrong_mac2_is_9302_and_there_is_no_second_try(psam):
    psam(initialise())
    assert psam("8072000004CA349A8C") == "9302"
    assert psam(f"8072000004{MAC2}") == "6901"
    assert psam("00B0990004") == "000000029000"


@pytest.mark.parametrize(
    ("command", "sw"), [("8072010004" + MAC2, "6A86"), ("8072000003CA349A", "6700"), ("80720000", "6700")]
)
def test_what_credit_sam_refuses_ends_the_purchase(psam, command, sw):
    psam(initialise())
    assert psam(command) == sw
    assert psam(f"8072000004{MAC2}") == "6901"


def test_mac2_without_a_purchase_is_6901(psam):
    assert psam(f"8072000004{MAC2}") == "6901"


@pytest.mark.parametrize("command", ["00A4000002DF01", DELIVERY, "BFDE671F", "BFEC00000165", initialise(version="09")])
def test_what_a_purchase_does_not_outlive(psam, command):
    psam(initialise())
    psam(command)
    psam("00A4000002DF01") if command.startswith("BFEC") else None
    assert psam(f"8072000004{MAC2}") == "6901"


@pytest.mark.parametrize("command", ["0084000004", "00B0990004", "00A40000020019", ENCRYPT, "80FB0000"])
def test_what_a_purchase_outlives(psam, command):
    psam(initialise())
    psam(command)
    assert psam(f"8072000004{MAC2}") == "9000"


def test_its_session_key_encrypts_nothing_and_a_delivered_key_is_gone(psam):
    psam(DELIVERY)
    psam(initialise())
    assert psam(ENCRYPT) == "6901"


def test_a_reset_ends_it_and_the_number_stays_moved(psam):
    psam(initialise())
    psam.card.reset()
    psam("00A4000002DF01")
    assert psam(f"8072000004{MAC2}") == "6901"
    assert psam(initialise())[:8] == "00000002"


def test_each_environment_counts_for_itself(make_psam):
    psam = make_psam()
    for algorithm, code in ((Algorithm.DES, "00"), (Algorithm.SM4, "03"), (Algorithm.DES, "00")):
        psam.enter(algorithm)
        psam(initialise(code=code))
    assert psam("00B0990004") == "000000039000"
    psam.enter(Algorithm.SM4)
    assert psam("00B0990004") == "000000029000"


def test_mac1_is_over_the_terminal_number_in_memory(make_psam):
    psam = make_psam()
    psam("0084000004")
    assert psam("04D696000A65010000000142CD240F") == "9000"
    psam("00A4000002DF01")
    assert psam(initialise()) == "00000001B9452D7C9000"


def test_after_the_last_number_there_are_no_purchases(make_psam, image_of):
    psam = make_psam(image_of(trade_number=0xFFFFFFFE))
    psam.enter(Algorithm.DES)
    assert [psam(initialise())[:8] for _ in range(2)] == ["FFFFFFFE", "FFFFFFFF"]
    assert psam(initialise()) == "6985"
    psam.card.reset()
    psam("00A4000002DF01")
    assert psam(initialise()) == "6985"
    assert psam("00B0990004") == "FFFFFFFF9000"
    psam.enter(Algorithm.SM4)
    assert psam(initialise(code="03"))[:8] == "FFFFFFFE"


def test_the_answer_waits_for_get_response(make_psam):
    psam = make_psam(t0=True)
    psam("00A4000002DF01")
    assert psam(initialise()) == "6108"
    assert psam("00C0000008") == "00000001B9452D7C9000"
    assert psam(f"8072000004{MAC2}") == "9000"
