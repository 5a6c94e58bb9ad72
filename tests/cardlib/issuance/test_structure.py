"""Static checks of a card's layout: each rule finds what breaks it."""

from dataclasses import replace

import pytest

from cardlib.issuance.structure import structure_faults
from cardlib.keys import KEYS
from cardlib.model import CardProfile
from cardlib.profiles import ALL
from cardlib.profiles.v2 import V2
from cardlib.rules import rule
from cardlib.schema import an


def faults(profile: CardProfile, *, pin: bool = True) -> list[str]:
    return [str(fault) for fault in structure_faults(profile, pin=pin)]


def with_directory(name: str, **changes: object) -> CardProfile:
    """V2 with one directory that is otherwise."""
    directories = [replace(one, **changes) if one.name == name else one for one in V2.directories]
    return replace(V2, directories=tuple(directories))


def without_key(name: str) -> CardProfile:
    return replace(V2, keys={key: declared for key, declared in KEYS.items() if key != name})


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.version)
def test_the_profiles_of_the_specification_have_no_fault(profile):
    assert faults(profile) == []


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (
            with_directory("DF01", df_name=bytes.fromhex("D15600000501")),
            ["DF01: another directory has its DF name or AID", "DF02: another directory has its DF name or AID"],
        ),
        (
            with_directory("DF01", fid=0xDF02),
            [
                "DF01: another directory has the identifier DF02",
                "DF01: its identifier is not its name",
                "DF02: another directory has the identifier DF02",
            ],
        ),
        (with_directory("SSSE", df_name=b"1PAY.SYS.DDF01"), ["SSSE: its DF name is not that of the SSSE"]),
        (V2.derive("2.0", photo={"fid": 0xEF07}), ["SSSE: 2 files have the identifier EF07"]),
        (
            V2.derive("2.0", photo={"read": rule("RKNONE|RK1DF01")}),
            [
                "SSSE, file photo: read: the key RK1DF01 is one of DF01",
                "SSSE, file photo: read: there is no key RKNONE",
            ],
        ),
        (
            V2.derive("2.0", photo={"read": rule("(PIN&RKSSSE)|UKSSSE")}),
            ["SSSE, file photo: read: the PIN is for directories below the SSSE"],
        ),
        (without_key("IRK"), ["SSSE: has no key IRK"]),
        (without_key("BK"), ["SSSE: has no key BK"]),
        (without_key("PUK"), ["SSSE: has no key PUK"]),
        (without_key("DSK"), ["DF04: has no key DSK"]),
        (V2.derive("2.0", remove=["DF04"]), ["DF04: there is none with the AID D15600000503"]),
        (with_directory("DF04", df_name=b"other"), ["DF04: there is none with the AID D15600000503"]),
        (V2.derive("2.0", remove=["special_settlements"]), ["DF04: has no file EF15"]),
        (V2.derive("2.0", remove=["medical_account"]), ["DF04: has no internal file"]),
    ],
)
def test_what_breaks_a_rule(profile, told):
    assert faults(profile) == told


def test_a_key_that_unblocks_is_only_missed_where_there_is_a_pin():
    assert faults(without_key("PUK"), pin=False) == []


def test_records_of_a_fixed_file_are_of_one_length():
    (first,) = V2.file_named("insurance_certificate").items
    longer = replace(first, tag=0xEE, name="longer", schema=an(first.size + 1))
    profile = V2.derive("2.0", insurance_certificate={"items": (first, longer)})
    assert faults(profile) == ["DF03, file insurance_certificate: records of a fixed file are of one length"]
