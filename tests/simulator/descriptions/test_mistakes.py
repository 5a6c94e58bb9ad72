"""Card descriptions that cannot be used: all that is wrong is told at once, and no value is shown."""

from pathlib import Path

import pytest

from simulator.descriptions import DescriptionError, load, parse


def mistakes(text: str, folder: Path = Path()) -> list[str]:
    with pytest.raises(DescriptionError) as refused:
        parse(text, where="card", folder=folder)
    assert all(mistake.startswith("card: ") for mistake in refused.value.mistakes)
    return [mistake.removeprefix("card: ") for mistake in refused.value.mistakes]


def mistake(words: str, version: str = "2.0") -> str:
    (one,) = mistakes(f'version = "{version}"\n{words}')
    return one


def test_all_mistakes_are_told_at_once_each_with_its_place():
    told = mistakes(
        """
version = "2.0"
serial = -1
colour = "red"
[pin]
value = "12a4"
tries = 16
[person]
nme = "示例"
social_security_number = "99000019900101001"
birth_date = 1990
sex = "7"
[files.pensions]
[files.skills]
worker_qualifications = ["1", "2", "3"]
[[files.special_settlements]]
transaction_number = "1"
[balances]
year = "26"
[quirks]
sfi = "no"
"""
    )
    assert [line.split(": ")[0] for line in told] == [
        "serial",
        "pin.value",
        "pin.tries",
        "balances.year",
        "colour",
        "quirks.sfi",
        "person.nme",
        "person.birth_date",
        "person.sex",
        "person.social_security_number",
        "files.pensions",
        "files.skills.worker_qualifications",
        "files.special_settlements[1].transaction_number",
    ]
    assert not any(value in "\n".join(told) for value in ("12a4", "示例", "99000019900101001", "1990"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('[pin]\nvalue = "123"', 'pin.value: takes 4 to 16 digits, or "" for no PIN'),
        (f'[pin]\nvalue = "{"1" * 17}"', 'pin.value: takes 4 to 16 digits, or "" for no PIN'),
        ('historical_bytes = "00"', "historical_bytes: takes 26 hexadecimal digits in quotation marks"),
        ('[person]\nnamex = ""', "person.namex: there is no such item; did you mean name?"),
        (
            "[quirks]\nzzz = 1",
            "quirks.zzz: there is no such quirk; there are sfi, whole_file, ",
        ),
        ("[files.pensio]", "files.pensio: there is no such file; did you mean pension?"),
        ("[files.holder]", "files.holder: is written as [person]"),
        ("[files.medical_account]", "files.medical_account: is written as [balances]"),
        (
            "[files.special_settlements]",
            "files.special_settlements: takes records, the newest first: write [[files.special_settlements]]",
        ),
        ("[[files.health]]", "files.health: takes the names of items, each with its value"),
        (
            "[[files.special_settlements]]",
            "files.special_settlements.records: takes records that hold something",
        ),
        (f'[person]\nname = "{"甲" * 26}"', "person.name: takes up to 50 bytes of text, not 52"),
        ("[person]\nname = 1", "person.name: takes text in quotation marks"),
        ('[person]\nbirth_place = "99"', "person.birth_place: is not a region code of six digits"),
        ('[person]\nbirth_date = "19900230"', "person.birth_date: there is no such day in the calendar"),
        ('[person]\nsex = "7"', "person.sex: the code is not in the table of the specification"),
        ('[person]\nsocial_security_number = "1"', "person.social_security_number: takes 18 characters, not 1"),
        ('[issuer]\ncard_identifier = "1"', "issuer.card_identifier: takes a card identifier: six digits of a region"),
        ("[issuer]\ncard_identifier = 1", "issuer.card_identifier: takes 32 digits in quotation marks"),
        ('[issuer]\ncard_identifier = ""', "issuer.card_identifier: cannot be blank: keys are made for its region"),
        ('[files.photo]\ncontent = "FFD"', "files.photo.content: takes hexadecimal digits in quotation marks"),
        (f'[files.photo]\ncontent = "{"FF" * 4097}"', "files.photo.content: takes 4096 bytes"),
        (
            '[files.medical_insurance.insurance_type_and_marks]\nmedical_assistence = "1"',
            "files.medical_insurance.insurance_type_and_marks: medical_assistence: there is no such part; did you mean",
        ),
        (
            '[files.medical_insurance.insurance_type_and_marks]\nmedical_assistance = "9"',
            "files.medical_insurance.insurance_type_and_marks: medical_assistance: the code is not in the table",
        ),
        ("[files.education]\ndegrees = 1", "files.education.degrees: takes a list of up to 3 values"),
        ('[balances]\nstarting_day = "0230"', "balances.starting_day: takes a month and a day, four digits"),
        ("[balances]\naccount = -1", "balances.account: Input should be greater than or equal to 0"),
        ("[balances]\nload_counter = 65536", "balances.load_counter: Input should be less than or equal to 65535"),
        ('[balances]\nyear = "0000"', "balances.year: takes the four digits of a year"),
        ('[balances]\nstarting_day = "1"', "balances.starting_day: takes a month and a day, four digits"),
        ('historical_bytes = "zz"', "historical_bytes: takes 26 hexadecimal digits in quotation marks"),
        ("[person]\nbirth_date = 1990", "person.birth_date: takes a date of 8 digits in quotation marks"),
        ("[person]\nsex = 1", "person.sex: takes a code of the table"),
        (
            "[files.medical_insurance]\ninsurance_type_and_marks = 1",
            "files.medical_insurance.insurance_type_and_marks: takes a table of: insurance_type, ",
        ),
        ("[quirks]\npin_query_locked = 0x6984", "quirks.pin_query_locked: "),
        ('[neighbours]\nbank = "1"', "neighbours.bank: takes true, false, or a number of 16 to 19 digits"),
        ("person = 5", "person: Input should be a valid dictionary"),
        ("files = { health = 5 }", "files.health: takes the names of items, each with its value"),
        ("files = 5", "files: Input should be a valid dictionary"),
    ],
)
def test_every_mistake_is_explained(words, told):
    assert mistake(words).startswith(told)


def test_only_versions_that_there_are():
    assert mistakes("") == ["version: Field required"]
    assert mistakes('version = "4.0"') == ["version: Input should be '1.0', '2.0' or '3.0'"]
    assert mistakes('version = "4.0"\n[person]\nnme = ""') == [
        "version: Input should be '1.0', '2.0' or '3.0'",
        "version: items are checked once it is right",
    ]
    assert mistakes("version = []") == ["version: Input should be '1.0', '2.0' or '3.0'"]


def test_cards_without_an_amount_file_take_no_balances():
    assert mistake("[balances]", "1.0") == "balances: cards of version 1.0 have no amount file"


def test_what_is_no_toml_is_told_with_its_line():
    (told,) = mistakes("version = ")
    assert told.startswith("is no TOML file in UTF-8: ")


@pytest.mark.parametrize("deep", [f"colour = {'[' * 9999}", f"quirks.{'a.' * 9999}a = 1"])
def test_what_is_nested_too_deeply_is_told(deep: str) -> None:
    assert mistakes(f'version = "2.0"\n{deep}') == ["has tables or lists that are nested too deeply"]


def test_root_keys_that_are_nested_too_deeply_are_told(tmp_path):
    (tmp_path / "keys.toml").write_text(f"keys = {'[' * 9999}", encoding="utf-8")
    (found,) = mistakes('version = "2.0"\n[keys]\nsource = "keys.toml"', tmp_path)
    assert found.endswith("keys.toml: has tables or lists that are nested too deeply")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_files_that_cannot_be_read_are_told(tmp_path, content):
    path = tmp_path / "card.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DescriptionError, match=r"card\.toml: (cannot be read|is no TOML file)"):
        load(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("[keys", "is no TOML file"),
        ("", "has no table of keys"),
        ('[keys]\nIRKK = ["00"]', "IRKK: there is no such key; did you mean IRK?"),
        ("[keys]\nIRK = []", "IRK: takes a list of 1 to 3 values, version 1 first"),
        (f'[keys]\nIRK = ["{"00" * 16}", "5A"]', "IRK[2]: takes 32 hexadecimal digits"),
        ("[keys]\nIRK = [5]", "IRK[1]: takes 32 hexadecimal digits"),
    ],
)
def test_root_keys_that_cannot_be_used_are_told(tmp_path, content, told):
    path = tmp_path / "keys.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    (found,) = mistakes('version = "2.0"\n[keys]\nsource = "keys.toml"', tmp_path)
    assert found.startswith(f"keys.source: {path}: {told}")
    assert "5A" not in found


def test_two_meanings_of_one_record_do_not_go_together():
    told = mistake('[files.employer]\neconomic_type = "110"\nidentity_class = "11"', "1.0")
    assert told == "files.employer.identity_class: takes the record of economic_type, which has a value as well"
