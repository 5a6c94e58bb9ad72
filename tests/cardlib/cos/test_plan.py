from dataclasses import replace

import pytest

from cardlib.cos.plan import CardParameters, Plan, PlanError, PlannedDirectory, plan_card
from cardlib.crypto import Algorithm
from cardlib.development_keys import load
from cardlib.files import TransparentFile
from cardlib.keys import KeyReference, Level, Purpose
from cardlib.model import CardProfile, Structure
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.rules import COS, Key, rule

HISTORICAL = bytes.fromhex("00814A44208660990000002000")
DES = CardParameters(algorithm=Algorithm.DES, historical_bytes=HISTORICAL)
SM4 = replace(DES, algorithm=Algorithm.SM4)
KEYS = frozenset(load())


def directory(plan: Plan, name: str) -> PlannedDirectory:
    return next(found for found in plan.mf.walk() if found.name == name)


@pytest.mark.parametrize("profile", [V1, V2, V3], ids=lambda profile: profile.version)
def test_every_directory_and_every_file_of_the_profile_is_planned(profile: CardProfile) -> None:
    plan = plan_card(profile, DES, KEYS)
    assert [found.name for found in plan.mf.walk()] == ["MF", *(found.name for found in profile.directories)]
    for declared in profile.directories:
        expected = [file.name for file in declared.files if file.size]
        planned = [file.name for file in directory(plan, declared.name).files]
        assert planned == (["DIR", *expected] if declared.name == "SSSE" else expected)


def test_drafts_that_hold_nothing_are_left_out() -> None:
    names = [file.name for file in directory(plan_card(V1, DES, KEYS), "DF03").files]
    assert names == ["unemployment_insurance", "labour_capability", "pension"]


def test_tree_of_identifiers_and_names() -> None:
    plan = plan_card(V3, SM4, KEYS)
    ssse = directory(plan, "SSSE")
    assert (plan.mf.fid, plan.mf.df_name, ssse.fid, ssse.df_name.hex()) == (
        0x3F00,
        b"",
        0xDDF1,
        "7378312e73682ec9e7bbe1b1a3d5cf",
    )
    assert (ssse.dir_sfi, ssse.algorithm, ssse.lock_key) == (0x1E, Algorithm.SM4, "BK")
    assert [child.fid for child in ssse.children] == list(range(0xDF01, 0xDF08))
    assert [found.lock_key for found in ssse.children] == [None, None, "LKDF03", "LKDF04", None, "LKDF06", None]
    assert [found.is_ddf for found in plan.mf.walk()] == [True, True] + [False] * 7


def test_des_is_not_named_in_the_answer_to_select() -> None:
    assert directory(plan_card(V2, DES, KEYS), "SSSE").algorithm is None


def test_the_master_file_of_a_bank_card_has_a_name() -> None:
    assert plan_card(V2, replace(DES, bank_combined=True), KEYS).mf.df_name == b"1PAY.SYS.DDF01"


def test_the_pin_is_planned_without_its_value() -> None:
    plan = plan_card(V2, replace(DES, pin_tries=4), KEYS)
    pins = {found.name: found.pin for found in plan.mf.walk() if found.pin}
    assert list(pins) == ["SSSE"]
    assert (pins["SSSE"].tries, pins["SSSE"].unblocked_by) == (4, "PUK")


def test_the_dir_file_names_the_applications() -> None:
    (found,) = (file for file in directory(plan_card(V2, DES, KEYS), "SSSE").files if file.name == "DIR")
    assert (found.fid, found.sfi, len(found.contents)) == (0xEF1E, 0x1E, 7)
    # 61{4F D15600000500, 50 公共应用信息区}
    label = "公共应用信息区".encode("gbk")
    assert found.contents[0] == bytes((0x61, 24, 0x4F, 6)) + bytes.fromhex("D15600000500") + bytes((0x50, 14)) + label


def test_the_dir_file_shortens_labels_to_whole_characters() -> None:
    first, second, *rest = V2.directories
    long = replace(V2, directories=(first, replace(second, chinese="公共应用信息区域一"), *rest))
    (found,) = (file for file in directory(plan_card(long, DES, KEYS), "SSSE").files if file.name == "DIR")
    assert found.contents[0].endswith(bytes((0x50, 16)) + "公共应用信息区域".encode("gbk"))


def test_the_master_key_is_the_first_and_the_only_one_of_its_directory() -> None:
    for found in plan_card(V2, DES, KEYS).mf.walk():
        masters = [key for key in found.keys if key.purpose is Purpose.MASTER]
        assert masters == [found.keys[0]]
        assert (masters[0].reference, masters[0].card_id) == (KeyReference(f"MK{found.name}"), 0x00)


def test_keys_have_as_many_versions_as_there_are_and_stk_one() -> None:
    keys = directory(plan_card(V2, DES, KEYS), "DF01").keys
    assert [key.version for key in keys if key.name == "RK1DF01"] == [1, 2, 3]
    assert [(key.version, key.size) for key in keys if key.name == "STKDF01"] == [(1, 8)]
    some = {reference for reference in KEYS if reference.version != 3}
    assert [key.version for key in directory(plan_card(V2, DES, some), "DF01").keys if key.name == "RK1DF01"] == [1, 2]


def test_keys_of_the_account_are_found_by_index() -> None:
    keys = directory(plan_card(V2, DES, KEYS), "DF04").keys
    assert [(key.name, key.card_id, key.version) for key in keys if key.name in {"DPK", "DLK", "DTK"}] == [
        (name, index, index) for name in ("DPK", "DLK", "DTK") for index in (1, 2, 3)
    ]
    assert [key.card_id for key in keys if key.name == "DSK"] == [0x87] * 3


def test_keys_without_known_id_are_left_out() -> None:
    names = {key.name for found in plan_card(V1, DES, KEYS).mf.walk() for key in found.keys}
    assert not names & {"RK3DF03", "RK4DF03", "RK5DF03", "UK3DF04"}
    assert "UKMF" in names


def test_a_key_of_version_1_0_is_the_same_key_under_another_name() -> None:
    key = directory(plan_card(V1, DES, KEYS), "SSSE").key("UKMF")
    assert key is not None
    assert (key.reference.name, key.level) == ("UKSSSE", Level.PROVINCIAL)


def test_only_keys_that_somebody_authenticates_with_can_block() -> None:
    plan = plan_card(V2, replace(DES, key_tries=5), KEYS)
    tries = {key.name: key.tries for found in plan.mf.walk() for key in found.keys}
    assert {name for name, count in tries.items() if count is None} == {
        *("IRK", "BK", "STKSSSE", "DPK", "DLK", "DTK", "LKDF03", "LKDF04", "LKDF06"),
        *(f"STKDF0{number}" for number in range(1, 7)),
    }
    masters = {name for name in tries if name.startswith("MK")}
    assert {count for name, count in tries.items() if count is not None and name not in masters} == {5}
    assert {tries[name] for name in masters} == {8}, "as in the manual of FMCOS"
    assert plan_card(V2, replace(DES, key_tries=12), KEYS).mf.master_key.tries == 12


def test_files_have_the_space_of_the_profile_or_of_what_is_written() -> None:
    records = {"holder": [bytes(100)], "special_settlements": [bytes(3)] * 10}
    plan = plan_card(V2, DES, KEYS, records)
    files = {file.name: file for found in plan.mf.walk() for file in found.files}
    assert (files["issuer"].space, files["holder"].space, files["photo"].space) == (64, 100, 4096)
    cyclic = files["special_settlements"]
    assert (cyclic.record_size, cyclic.record_count, cyclic.space) == (3, 10, 30)
    fixed = files["insurance_certificate"]
    assert (fixed.record_size, fixed.record_count, fixed.space) == (41, 4, 164)


def test_the_amounts_are_written_by_who_has_dsk() -> None:
    account = directory(plan_card(V2, DES, KEYS), "DF04").file(Structure.INTERNAL)
    assert account is not None
    assert (account.fid, account.sfi, account.space, account.update) == (None, 0, 20, Key("DSK"))
    without = plan_card(V2, DES, {reference for reference in KEYS if reference.name != "DSK"})
    amounts = directory(without, "DF04").file(Structure.INTERNAL)
    assert amounts is not None
    assert amounts.update == COS


def test_references_are_all_keys_to_be_known() -> None:
    references = plan_card(V2, DES, KEYS).references
    assert {KeyReference("MKMF"), KeyReference("UK1DF01", 3), KeyReference("DTK", 2)} <= references
    assert KeyReference("STKDF01", 2) not in references


def test_a_plan_holds_no_secret() -> None:
    assert "secret" not in repr(plan_card(V2, DES, KEYS)).lower()


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        pytest.param(replace(DES, historical_bytes=bytes(12)), "13 historical bytes, not 12", id="historical bytes"),
        pytest.param(replace(DES, pin_tries=0), "PIN: 1 to 15 tries, not 0", id="PIN tries"),
        pytest.param(replace(DES, key_tries=16), "keys: 1 to 15 tries, not 16", id="key tries"),
    ],
)
def test_limits_of_what_an_issuer_may_want(parameters: CardParameters, fault: str) -> None:
    with pytest.raises(PlanError, match=fault):
        plan_card(V2, parameters, KEYS)


def with_file(**changes: object) -> CardProfile:
    return V2.derive("2.x", household=changes)


@pytest.mark.parametrize(
    ("profile", "fault"),
    [
        pytest.param(with_file(read=rule("RK9DF01")), "file household: the card has no key RK9DF01", id="key"),
        pytest.param(with_file(update=rule("UK1DF02")), "no key UK1DF02", id="key of another directory"),
        pytest.param(with_file(secure_messaging="UK1DF01"), "UK1DF01 is no maintenance key", id="secure messaging"),
        pytest.param(with_file(fid=0xEF06), "DF01: file EF06 stands twice", id="identifier"),
        pytest.param(with_file(fid=0xEF1F), "short file identifiers are 01 to 1E", id="short identifier"),
    ],
)
def test_what_no_card_can_be(profile: CardProfile, fault: str) -> None:
    with pytest.raises(PlanError, match=fault):
        plan_card(profile, DES, KEYS)


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        pytest.param({"photo": [bytes(0x10000)]}, "65536 bytes are more than 65535", id="space"),
        pytest.param({"special_settlements": [bytes(3)] * 255}, "at most 254 records", id="records"),
    ],
)
def test_limits_of_what_can_be_written(records: dict[str, list[bytes]], fault: str) -> None:
    with pytest.raises(PlanError, match=fault):
        plan_card(V2, DES, KEYS, records)


def test_names_and_identifiers_of_directories() -> None:
    first, second, *rest = V2.directories
    with pytest.raises(PlanError, match="DF01: a DF name has 5 to 16 bytes"):
        plan_card(replace(V2, directories=(first, replace(second, df_name=b"x"), *rest)), DES, KEYS)
    with pytest.raises(PlanError, match="SSSE: directory DF02 stands twice"):
        plan_card(replace(V2, directories=(first, replace(second, fid=0xDF02), *rest)), DES, KEYS)
    with pytest.raises(PlanError, match="DF01 has no file identifier"):
        plan_card(replace(V2, directories=(first, replace(second, fid=None), *rest)), DES, KEYS)


def test_a_file_without_identifier_is_an_internal_one() -> None:
    photo = V2.file_named("photo")
    assert isinstance(photo, TransparentFile)
    with pytest.raises(PlanError, match="only internal files have no identifier"):
        plan_card(V2.derive("2.x", photo={"fid": None}), DES, KEYS)
