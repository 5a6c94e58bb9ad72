"""Templates: what they come to, and that all that is wrong with them is told at once."""

from importlib import resources
from pathlib import Path

import pytest

from cardlib.crypto import Algorithm
from cardlib.issuance.faults import OrderFaultsError
from cardlib.issuance.order import IdentificationCode
from cardlib.issuance.template import Template, parse
from cardlib.regional import load
from cardlib.values import CardDate

HEAD = 'version = "2.0"\nregion = "990000"\nchip = "t514"\n'
HOLDER = '[person]\nsocial_security_number = "${number}"\nname = "${name}"\n'


def faults(text: str) -> list[str]:
    with pytest.raises(OrderFaultsError) as refused:
        parse(text)
    return list(refused.value.mistakes)


def fault(words: str, head: str = HEAD) -> str:
    (one,) = faults(head + words)
    return one


def shipped(name: str) -> Template:
    return parse(resources.files("cardlib.issuance").joinpath("data", name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "algorithm"), [("template-2.0.toml", Algorithm.DES), ("template-3.0.toml", Algorithm.SM4)]
)
def test_the_templates_that_are_shipped_are_sound(name, algorithm):
    template = shipped(name)
    assert (template.algorithm, template.premade, template.warnings) == (algorithm, False, ())
    assert template.uses["ethnicity"].optional
    assert not template.uses["name"].optional
    assert template.uses["pin"].places == ["pin.value"]


def test_the_template_for_premade_cards_that_is_shipped_is_sound():
    template = shipped("template-premade.toml")
    assert template.premade
    assert "spec_version" not in template.fixed["issuer"]


def test_values_without_placeholders_are_fixed_and_the_version_is_said():
    template = parse(HEAD + '[issuer]\nissue_date = 2024-05-20\nexpiry_date = "${expiry}"\n')
    assert template.fixed["issuer"] == {"spec_version": "2.00", "issue_date": CardDate("20240520")}
    assert template.awaited == {"issuer": {"expiry_date": "${expiry}"}}
    assert [str(warning) for warning in template.warnings] == ["person: the cards will have no holder yet"]


def test_a_placeholder_may_stand_in_several_places_and_is_optional_if_it_is_everywhere():
    template = parse(
        HEAD
        + HOLDER
        + 'birth_place = "${region?}"\n[files.medical_insurance]\ninsured_region = "${region}"\n'
        + 'insurance_type_and_marks = { insurance_type = "${kind?}" }\n'
    )
    use = template.uses["region"]
    assert (use.optional, use.places, use.takes) == (
        False,
        ["person.birth_place", "files.medical_insurance.insured_region"],
        ["six digits"],
    )
    assert template.uses["kind"].optional


def test_everything_at_the_top_is_taken():
    template = parse(
        HEAD
        + 'algorithm = "SM4"\nidentification_code = "unset"\nhistorical_bytes = "00814A44208660990000${serial}"\n'
        + "[keys]\nversions = [1, 2]\ntries = 5\ntransport_lot = 7\n[face]\nsize = 9\n"
    )
    assert template.algorithm is Algorithm.SM4
    assert template.identification_code is IdentificationCode.UNSET
    assert template.face == {"size": 9}
    assert template.document.keys.versions == [1, 2]
    assert template.uses["serial"].places == ["historical_bytes"]


def test_all_that_is_wrong_is_told_at_once_each_with_its_place():
    told = faults(
        """
version = "2.0"
region = "99000"
chip = "t514"
colour = "red"
identification_code = "given"
[pin]
value = "12"
tries = 16
[keys]
versions = [2]
[person]
nme = "${name}"
sex = "${sex} or not"
birth_date = 1990
[issuer]
spec_version = "3.00"
[files.pensions]
[files.skills]
worker_qualifications = "${all}"
[[files.special_settlements]]
transaction_number = "1"
"""
    )
    assert sorted(line.split(": ")[0] for line in told) == sorted(
        [
            "region",
            "colour",
            "pin.value",
            "pin.tries",
            "keys.versions",
            "person.nme",
            "person.sex",
            "person.birth_date",
            "files.pensions",
            "files.skills.worker_qualifications",
            "files.special_settlements[1].transaction_number",
        ]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('[issuer]\nspec_version = "3.00"', "issuer.spec_version: is not the template's version"),
        ('[issuer]\nspec_version = "${version}"', "issuer.spec_version: is not the template's version"),
        ('historical_bytes = "00"', "historical_bytes: takes 26 hexadecimal digits in quotation marks"),
        ('historical_bytes = "00814A4420866099${serial?}"', "historical_bytes: cannot be blank"),
        ('identification_code = "given"', 'issuer.card_identifier: is missing: identification_code = "given"'),
        (
            'identification_code = "given"\n[issuer]\ncard_identifier = "110000D156000005000A0B1CFFFFFFFF"',
            "issuer.card_identifier: its region is not the template's",
        ),
        (
            '[issuer]\ncard_identifier = "${identifier}"',
            'issuer.card_identifier: is made with the card, unless identification_code = "given"',
        ),
        ('[pin]\nvalue = "${pin} "', "pin.value: takes a placeholder alone, such as ${name}, or ${name?} where blank"),
        ('regional = "示例"', "regional: no regional profile of this title applies to this region and version"),
        ("[person]\nname = 7", "person.name: takes text in quotation marks"),
        (f'[person]\nname = "{"张" * 26}"', "person.name: takes up to 50 bytes of text, not 52"),
        ('[files.photo]\ncontent = "zz"', "files.photo.content: takes hexadecimal digits in quotation marks"),
        ('[files]\nphoto = "all"', "files.photo: takes the names of items, each with its value"),
        ('files = "all"', "files: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong(words, told):
    assert fault(words).startswith(told)


def test_a_chip_has_to_be_named_unless_the_cards_are_made():
    head = 'version = "2.0"\nregion = "990000"\n'
    assert fault("", head).startswith("chip: is missing")
    assert parse(head + "premade = true\n" + HOLDER).premade


def test_what_belongs_to_the_making_is_refused_for_premade_cards():
    told = faults(HEAD + 'premade = true\n[pin]\nvalue = "1234"\n[keys]\n' + HOLDER)
    assert [line.split(": ")[0] for line in told] == ["chip", "pin", "keys"]


def test_what_no_key_opens_is_refused_for_premade_cards():
    head = 'version = "2.0"\nregion = "990000"\npremade = true\n'
    told = fault("[[files.medical_transactions]]\ntransaction_number = 1\n", head)
    assert told == "files.medical_transactions: no key opens it on a premade card"
    assert fault("", head) == "template: writes nothing"


def test_an_account_begins_whole_or_not_at_all():
    told = faults(HEAD + '[files.medical_account]\nbalance = "${balance}"\n')
    assert "files.medical_account: payment_year is missing: the operating system needs all of it" in told
    assert len(told) == 6


def test_a_wrong_version_says_that_items_are_checked_later():
    told = faults('version = "4.0"\nregion = "990000"\nchip = "t514"\n[person]\nnme = 1\n')
    assert [line.split(": ")[0] for line in told] == ["version", "version"]


@pytest.mark.parametrize("text", ["version = ", "a = " + "[" * 3000 + "]" * 3000, "\x00"])
def test_what_is_no_toml(text):
    (told,) = faults(text)
    assert told.startswith("template: ")


def test_values_nested_ever_deeper_are_refused():
    told = {fault("[person]\nname = " + "[" * depth + '"a"' + "]" * depth) for depth in range(200, 600)}
    assert told == {
        "person.name: takes text in quotation marks",
        "template: has tables or lists that are nested too deeply",
    }


def test_two_meanings_of_a_record_do_not_go_together():
    head = HEAD.replace("2.0", "1.0")
    told = fault('[files.employer]\nidentity_class = "11"\neconomic_type = "110"\n', head)
    assert told.startswith("files.employer.")


def test_an_unknown_province_is_a_warning():
    template = parse(HEAD.replace("990000", "170000") + HOLDER)
    assert [str(warning) for warning in template.warnings] == ["region: there is no such province"]


def test_what_a_region_adds_can_be_written(tmp_path: Path):
    path = tmp_path / "region.toml"
    path.write_text(
        """
title = "示例市"
regions = ["9900"]
versions = ["2.0"]
[[keys]]
name = "UKCDF02"
directory = "DF02"
purpose = "update"
card_id = "9C"
[[files]]
directory = "DF02"
fid = "EF0D"
name = "city"
chinese = "示例"
structure = "V"
read = "free"
update = "UKCDF02"
[[files.items]]
tag = "EA"
name = "bus_pass"
chinese = "公交卡号"
type = "an"
length = 8
example = "3132333435363738"
""",
        encoding="utf-8",
    )
    template = parse(HEAD + 'regional = "示例市"\n[files.city]\nbus_pass = "${bus}"\n', regional=load(path))
    assert template.uses["bus"].takes == ["text of up to 8 bytes of GB 18030"]


def test_nothing_of_a_template_is_shown():
    template = parse(HEAD + '[pin]\nvalue = "834612"\n' + HOLDER)
    assert "834612" not in f"{template!r} {template} {template.document!r} {template.document.pin!r}"
    (told,) = faults(HEAD + '[pin]\nvalue = "8346121212121212121"\n')
    assert "8346" not in told
