"""Card descriptions in TOML: what they come to."""

import re
from pathlib import Path
from typing import Any

import pytest

from apdu.secret import Secret
from apdu.tlv import parse_simple
from cardlib import development_keys
from cardlib.codes import ETHNICITY, SEX
from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference
from cardlib.values import CardDate
from simulator.account.amounts import Amounts
from simulator.descriptions import CardDescription, Neighbours, load, parse
from simulator.image import image_for
from simulator.quirks import CONFORMING, Quirks


def described(text: str, version: str = "2.0") -> CardDescription:
    return parse(f'version = "{version}"\n{text}', where="test")


def records(description: CardDescription, file: str) -> dict[int, bytes]:
    return dict(parse_simple(b"".join(description.records[file])))


PERSON = """
[person]
name = "示例一"
social_security_number = "990000198503120027"
"""


def test_a_version_is_enough():
    card = described("")
    assert (card.profile.version, card.algorithm, card.cos, card.serial) == ("2.0", Algorithm.DES, "t514", 1)
    assert (card.issue.pin, card.issue.pin_tries, card.issue.key_tries) == (Secret(b"\x12\x34\x56"), 6, 3)
    assert card.issue.historical_bytes.hex() == "00814a44208660990000000001"
    assert (card.quirks, card.neighbours) == (CONFORMING, Neighbours())
    assert card.root_keys == development_keys.load()


@pytest.mark.parametrize(("version", "suite"), [("1.0", Algorithm.DES), ("2.0", Algorithm.DES), ("3.0", Algorithm.SM4)])
def test_the_suite_is_that_of_the_version(version, suite):
    assert described("", version).issue.algorithm is suite


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize("samples", ["true", "false"])
def test_what_is_left_out_makes_a_card_that_says_its_version(version, samples):
    card = described(f"samples = {samples}", version)
    assert records(card, "issuer")[0x03] == f"{version}0".encode("ascii")
    image_for(card.profile, card.contents, card.issue, card.root_keys)


def test_everything_at_the_top_is_taken():
    card = described('suite = "SM4"\ncos = "fmcos"\nserial = 77\nhistorical_bytes = "000102030405060708090A0B0C"')
    assert (card.issue.algorithm, card.cos, card.serial) == (Algorithm.SM4, "fmcos", 77)
    assert card.issue.historical_bytes == bytes(range(13))


def test_what_is_stated_stands_on_the_card_and_the_rest_are_samples():
    card = described(PERSON + '[files.household]\nhousehold_region = "990100"\n')
    holder = records(card, "holder")
    assert holder[0x08] == b"990000198503120027"
    assert holder[0x09].rstrip(b"\x00").decode("gb18030") == "示例一"
    assert card.contents["household"] == card.profile.file_named("household").sample | {"household_region": "990100"}


def test_one_meaning_of_a_record_takes_the_place_of_the_samples_of_the_other():
    card = described('[files.employer]\nidentity_class = "11"', "1.0")
    assert card.contents["employer"].keys().isdisjoint({"economic_type"})


def test_sex_and_birth_date_follow_from_the_number_unless_they_are_stated():
    holder = records(described(PERSON), "holder")
    assert (holder[0x0A], holder[0x0D].hex()) == (b"2", "19850312")
    holder = records(described(PERSON + 'sex = "1"\nbirth_date = "2001-02-03"\n'), "holder")
    assert (holder[0x0A], holder[0x0D].hex()) == (b"1", "20010203")


def test_a_number_that_is_no_citizens_says_nothing():
    holder = records(described('[person]\nsocial_security_number = "990000198503120028"'), "holder")
    assert (holder[0x0A], holder[0x0D].hex()) == (b"1", "19900101")


def test_reserved_files_are_blank_unless_they_are_stated():
    card = described("")
    file = card.profile.file_named("reserved_1")
    assert "reserved_1" not in card.contents
    (item,) = file.items
    stated = described(f'[files.reserved_1]\n{item.name} = "0102"')
    assert stated.records["reserved_1"] == [b"\x01\x02".ljust(file.size, b"\x00")]


def test_without_samples_the_rest_is_blank():
    card = described("samples = false" + PERSON)
    assert card.contents["holder"].keys() == {"name", "social_security_number"}
    assert not records(card, "holder")[0x0A].strip(b"\x00")
    assert not b"".join(card.records["photo"]).strip(b"\x00")
    assert card.amounts == Amounts()
    assert "medical_account" not in card.contents


def test_an_empty_text_is_a_blank_item():
    assert records(described('[issuer]\nexpiry_date = ""'), "issuer")[0x06] == b"\xff" * 4


@pytest.mark.parametrize("date", ["2014-05-20", '"2014-05-20"', '"20140520"'])
def test_dates_are_written_as_people_do(date):
    assert records(described(f"[issuer]\nissue_date = {date}"), "issuer")[0x05].hex() == "20140520"


def test_values_of_every_kind():
    card = described(
        """
[files.medical_insurance]
insurance_type_and_marks = { insurance_type = "310", outpatient_pooling = "1" }
[files.offline_settlement]
offline_settlement_total = 12345
[files.photo]
content = "FFD8FFD9"
[files.education]
degrees = ["", { degree = "2" }]
[[files.special_settlements]]
transaction_number = 3
settlement_type = "2"
[[files.special_settlements]]
transaction_number = 2
settlement_type = "1"
"""
    )
    assert records(card, "medical_insurance")[0x81] == b"310\x001\x00\x00\x00"
    assert records(card, "offline_settlement")[0x92].hex() == "00012345"
    stored = card.records
    assert stored["photo"] == [bytes.fromhex("FFD8FFD9").ljust(4096, b"\x00")]
    assert [record.hex() for record in stored["special_settlements"]] == ["000332", "000231"]
    first, second = card.contents["education"]["degrees"]
    assert first is None
    assert second["degree"] == "2"


def test_the_item_of_one_file_stands_in_the_one_that_states_it():
    item = "last_unemployment_registration_date"
    without, with_it = described(""), described(f"[files.employment]\n{item} = 2024-01-02")
    assert item not in without.contents["employment"]
    assert item in without.contents["unemployment_insurance"]
    assert with_it.contents["employment"][item] == CardDate("20240102")
    assert item not in with_it.contents["unemployment_insurance"]


def test_balances_are_the_amount_file():
    card = described(
        '[balances]\naccount = 5000\nself_paid = 1\npooled = 2\nyear = "2026"\nstarting_day = "0401"\n'
        "load_counter = 65535\npurchase_counter = 3"
    )
    # counters, then three amounts, most significant byte first, year and day packed [flows §4.2]
    expected = "FFFF 0003 00001388 00000001 00000002 2026 0401"
    assert card.amounts is not None
    assert card.amounts.pack() == bytes.fromhex(expected)
    assert card.records["medical_account"] == [bytes.fromhex(expected)]


def test_balances_left_out_are_zero_and_without_a_table_samples():
    assert described("[balances]\naccount = 5000").amounts == Amounts(0, 0, 5000, 0, 0, b"\x20\x24", b"\x01\x01")
    assert described("").amounts == Amounts(1, 2, 250_000, 500, 123_456, b"\x20\x24", b"\x01\x01")


def test_cards_without_an_amount_file_have_no_amounts():
    assert described("", "1.0").amounts is None


@pytest.mark.parametrize(("digits", "packed"), [("", ""), ("1234", "1234"), ("12345", "12345F")])
def test_pins_are_packed(digits, packed):
    card = described(f'[pin]\nvalue = "{digits}"\ntries = 3')
    assert (card.issue.pin, card.issue.pin_tries) == (Secret(bytes.fromhex(packed)), 3)


def test_quirks_are_those_of_the_simulator():
    card = described("[quirks]\nsfi = false\nef_p1 = [2]")
    assert card.quirks == Quirks(sfi=False, ef_p1=frozenset({2}))


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("bank = true", "6200000000000005"),
        ("bank = false", ""),
        ('bank = "6212345678901234567"', "6212345678901234567"),
    ],
)
def test_neighbours_are_carried(words, number):
    card = described(f"[neighbours]\n{words}\npki = true")
    assert card.neighbours == Neighbours(number, pki=True)
    assert card.issue.bank_combined is bool(number)


def test_root_keys_come_from_a_file_beside_the_description(tmp_path: Path):
    (tmp_path / "keys.toml").write_text(f'[keys]\nIRK = ["{"00" * 16}", "{"01" * 16}"]\n', encoding="utf-8")
    path = tmp_path / "card.toml"
    path.write_text('version = "2.0"\n[keys]\nsource = "keys.toml"\ntries = 5\n', encoding="utf-8")
    card = load(path)
    assert card.root_keys == {KeyReference("IRK", 1): Secret(bytes(16)), KeyReference("IRK", 2): Secret(b"\x01" * 16)}
    assert card.issue.key_tries == 5


def test_files_may_begin_with_a_byte_order_mark(tmp_path: Path):
    mark = b"\xef\xbb\xbf"
    (tmp_path / "keys.toml").write_bytes(mark + f'[keys]\nIRK = ["{"01" * 16}"]\n'.encode())
    text = f'version = "2.0"\n[keys]\nsource = "keys.toml"\n{PERSON}'
    (tmp_path / "card.toml").write_bytes(mark + text.encode())
    card = load(tmp_path / "card.toml")
    assert card.digest == parse(text, where="test", folder=tmp_path).digest
    assert card.root_keys == {KeyReference("IRK", 1): Secret(b"\x01" * 16)}


def test_the_region_of_the_identifier_is_that_of_all_that_follows():
    card = described('[issuer]\ncard_identifier = "990100d15600000500000007FFFFFFFF"')
    assert records(card, "issuer")[0x01].hex().upper() == "990100D15600000500000007FFFFFFFF"
    assert records(card, "issuer")[0x04].hex() == "915600000299010099010001"
    assert card.issue.historical_bytes[7:9].hex() == "9901"


def test_another_serial_number_is_another_card_of_the_same_holder():
    first = described('serial = 4\n[issuer]\ncard_number = "T00000019"' + PERSON)
    second = first.with_serial(5)
    assert second.contents["holder"] == first.contents["holder"]
    assert second.contents["issuer"]["card_number"] == "T00000019"
    assert records(second, "issuer")[0x01].hex().upper() == "990000D15600000500000005FFFFFFFF"
    assert second.issue.historical_bytes[-4:].hex() == "00000005"
    assert second.digest != first.digest
    with pytest.raises(ValueError, match="0 to 9999999"):
        first.with_serial(10_000_000)


def test_two_ways_to_say_the_same_have_one_digest():
    first = described('[person]\nbirth_date = 1990-01-01\nsex = "1"\n[pin]\nvalue = "123456"')
    second = described('samples = true\n[person]\nsex = "1"\nbirth_date = "19900101"')
    assert re.fullmatch("[0-9a-f]{64}", first.digest)
    assert first.digest == second.digest


@pytest.mark.parametrize(
    "words",
    [
        'suite = "SM4"',
        'cos = "fmcos"',
        "serial = 2",
        'historical_bytes = "000102030405060708090A0B0C"',
        "samples = false",
        '[pin]\nvalue = "1234"',
        "[pin]\ntries = 1",
        "[keys]\ntries = 1",
        PERSON,
        '[issuer]\ncard_category = "4"',
        '[files.health]\nhealth_status = ""',
        "[balances]\naccount = 1",
        "[quirks]\nsfi = false",
        "[neighbours]\nbank = true",
        "[neighbours]\npki = true",
    ],
)
def test_everything_that_differs_makes_another_digest(words):
    assert described(words).digest != described("").digest


def test_other_keys_make_another_digest(tmp_path: Path):
    text = 'version = "2.0"\n[keys]\nsource = "keys.toml"'
    found: set[str] = set()
    for key in ("00", "01"):
        (tmp_path / "keys.toml").write_text(f'[keys]\nIRK = ["{key * 16}"]\n', encoding="utf-8")
        found.add(parse(text, where="test", folder=tmp_path).digest)
    assert len(found) == 2


def test_nothing_is_shown():
    card = described('[pin]\nvalue = "654321"\n[neighbours]\nbank = true\n[balances]\naccount = 5000' + PERSON)
    shown: list[Any] = [card, card.neighbours]
    for secret in ("654321", "示例一", "990000198503120027", "6200000000000005", "5000"):
        assert secret not in repr(shown)


def test_codes_are_those_of_the_tables():
    holder = described('[person]\nsex = "2"\nethnicity = "05"').contents["holder"]
    assert (holder["sex"], holder["ethnicity"]) == (SEX["2"], ETHNICITY["05"])
