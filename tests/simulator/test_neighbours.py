"""The bank application and the certificate area beside the social security application, as a reader meets them."""

from dataclasses import replace

import pytest

from apdu import Secret
from apdu.errors import MalformedError
from apdu.tlv import find
from cardlib.development_keys import load
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.neighbours import bank_application
from simulator.people import READY

NUMBER = "6200000000000005"
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
BANK = "00A4040008A000000333010101"
OPTIONS = "80A80000088306000000000156"


def card(kind: str = "3.0", *, number: str = NUMBER, pki: bool = True, cos: str = "t514") -> SoftwareCard:
    ready = READY[kind]
    issue = Issue(
        algorithm=ready.algorithm,
        historical_bytes=ready.historical_bytes(ready.serial),
        pin=Secret(bytes.fromhex("123456")),
        bank_combined=bool(number),
        bank_card_number=number,
        pki=pki,
        cos=cos,
    )
    made = SoftwareCard(image_for(ready.profile, ready.contents(ready.serial), issue, load()), t0=False)
    made.power_on()
    return made


@pytest.fixture(scope="module")
def combined() -> SoftwareCard:
    return card()


def say(chip: SoftwareCard, command: str) -> str:
    return chip.process(bytes.fromhex(command)).hex().upper()


def test_the_bank_card_number_is_found_the_way_emv_finds_it(combined):
    fci = say(combined, BANK)
    assert fci.endswith("9000")
    assert find(bytes.fromhex(fci[:-4]), 0x6F, 0xA5, 0x9F38) == bytes.fromhex("9F66049F1A02")
    assert say(combined, OPTIONS) == "770A820200009404080101009000"
    record = bytes.fromhex(say(combined, "00B2010C00")[:-4])
    assert find(record, 0x70, 0x5A) == bytes.fromhex(NUMBER)
    assert find(record, 0x70, 0x57).hex().upper().startswith(NUMBER + "D4912")


def test_a_chip_of_another_operating_system_has_the_same_neighbours():
    chip = card(cos="fmcos")
    assert say(chip, BANK) == "6F0A8408A0000003330101019000"
    assert say(chip, OPTIONS) == "770A820200009404080101009000"
    assert find(bytes.fromhex(say(chip, "00B2010C00")[:-4]), 0x70, 0x5A) == bytes.fromhex(NUMBER)
    assert say(chip, "00A404000C504B492EC9E7BBE1B1A3D5CF").endswith("9000")
    assert say(chip, "00A404000C53532E434552542E41444631").endswith("9000")
    assert say(chip, SSSE).endswith("9000")
    assert say(chip, OPTIONS) == "6E00"


def test_a_number_of_an_odd_count_of_digits_is_filled():
    held = bank_application("6200000000000000003").files[0].contents[0]
    assert find(held, 0x70, 0x5A) == bytes.fromhex("6200000000000000003F")


@pytest.mark.parametrize("number", ["", "12", "6" * 20, "620000000000000X"])
def test_what_is_no_bank_card_number_is_refused_unseen(number):
    with pytest.raises(MalformedError) as caught:
        bank_application(number)
    assert not number or number not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        ("80A80100088306000000000156", "6A86"),
        ("80A80000", "6700"),
        ("80A8000002AAFF", "6A80"),
        ("80A80000028400", "6A80"),
    ],
)
def test_options_are_asked_for_properly(combined, command, sw):
    say(combined, BANK)
    assert say(combined, command) == sw


def test_only_the_bank_application_knows_processing_options(combined):
    say(combined, SSSE)
    assert say(combined, OPTIONS) == "6E00"


def test_leaving_for_the_bank_ends_the_rights_of_keys_but_not_of_the_pin(combined):
    # The PIN lasts until power-off, keys as long as their directory is current or above [card.md §7 no. 18].
    combined.reset()
    say(combined, SSSE)
    assert say(combined, "0020000003123456") == "9000"
    say(combined, "00A4000002DF04")
    assert say(combined, "00B2014400").endswith("9000")
    assert say(combined, BANK).endswith("9000")
    assert say(combined, "00B2010C00").endswith("9000")
    assert say(combined, "0020000000") == "6A88"
    say(combined, SSSE)
    say(combined, "00A4000002DF04")
    assert say(combined, "00B2014400").endswith("9000")


def test_the_bank_has_a_security_world_of_its_own(combined):
    # BK is the SSSE's key: in the bank application nothing knows it.
    say(combined, BANK)
    challenge = say(combined, "0084000008")
    assert challenge.endswith("9000")
    assert say(combined, "0082000510" + "00" * 16) == "6A88"


def test_the_certificate_area_is_there_to_be_detected(combined):
    assert say(combined, "00A404000C504B492EC9E7BBE1B1A3D5CF").endswith("9000")
    assert say(combined, "00A404000C53532E434552542E41444631").endswith("9000")
    assert say(combined, SSSE).endswith("9000")
    assert say(combined, "00A4000002DF01") == "6F088406D156000005009000"


def test_a_card_without_neighbours_has_none():
    alone = card("2.0", number="", pki=False)
    assert say(alone, BANK) == "6A82"
    assert say(alone, "00A404000C504B492EC9E7BBE1B1A3D5CF") == "6A82"


def test_neither_number_nor_name_is_shown_by_repr():
    ready = READY["2.0"]
    issue = Issue(algorithm=ready.algorithm, historical_bytes=bytes(13), pin=Secret(b""), bank_card_number=NUMBER)
    assert NUMBER not in repr(replace(issue, pki=True))
