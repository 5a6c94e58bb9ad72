"""A key of components; the second computation is in hex digits, and openssl's."""

import subprocess

import pytest

from apdu.secret import Secret
from services.custody.keystore import KeyAlgorithm, KeyPlan, changing
from services.custody.keystore.ceremony import (
    Custodian,
    combined,
    component,
    component_check,
    custodians_of,
    record_text,
    same_check_value,
)
from services.custody.keystore.errors import KeyRefusedError

PLAN = KeyPlan("RKSSSE", 1, KeyAlgorithm.SM4)
PARTS = ("6b1e0f4a9c2d7358e1f0a4b5c6d70819", "0F2E4D6C8BAAC9E8F70615243342516F", "ff00ff00ff00ff00ff00ff00ff00ff01")


@pytest.mark.parametrize("count", [2, 3])
def test_the_key_is_all_components_xored(count):
    whole = 0
    for part in PARTS[:count]:
        whole ^= int(part, 16)
    assert combined([component(PLAN, part) for part in PARTS[:count]]).reveal().hex() == f"{whole:032x}"


def test_a_component_has_the_check_value_that_openssl_computes():
    command = ["openssl", "enc", "-sm4-ecb", "-nopad", "-K", PARTS[0]]
    block = subprocess.run(command, input=bytes(16), capture_output=True, check=True).stdout
    assert component_check(PLAN, component(PLAN, PARTS[0])) == block[:3].hex().upper()


def test_a_component_may_be_typed_in_groups():
    assert component(PLAN, " 6b1e 0f4a 9c2d 7358\te1f0 a4b5 c6d7 0819\n") == component(PLAN, PARTS[0])


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "32 hex digits, not 0"),
        (PARTS[0][:-2], "32 hex digits, not 30"),
        (PARTS[0] * 2, "32 hex digits, not 64"),
        (PARTS[0][:-1], "two for each byte"),
        (PARTS[0][:-1] + "g", "hex digits"),
        ("６b1e0f4a9c2d7358e1f0a4b5c6d70819", "hex digits"),
        ("00" * 16, "zeros"),
    ],
)
def test_a_component_that_cannot_be_is_refused_and_not_repeated(typed, why):
    with pytest.raises(KeyRefusedError, match=why) as caught:
        component(PLAN, typed)
    assert PARTS[0][:6] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "at least 2"),
        (PARTS[:1], "at least 2"),
        ([PARTS[0], PARTS[0]], "alike"),
        ([PARTS[0], PARTS[1], PARTS[0]], "alike"),
        ([PARTS[0], PARTS[1][:16]], "different lengths"),
    ],
)
def test_components_that_make_no_key_are_refused(parts, why):
    with pytest.raises(KeyRefusedError, match=why):
        combined([Secret(bytes.fromhex(part)) for part in parts])


def test_people_have_names_and_roles_in_either_script():
    assert custodians_of(["张三，密钥管理员", "李四, supervisor", "王五"]) == (
        Custodian("张三", "密钥管理员"),
        Custodian("李四", "supervisor"),
        Custodian("王五"),
    )


@pytest.mark.parametrize("people", [[], ["张三"], ["张三", "张三, again"], ["张三", " "], ["张三", ", role"]])
def test_fewer_than_two_different_people_hold_no_ceremony(people):
    with pytest.raises(KeyRefusedError):
        custodians_of(people)


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ("A1B2C3", "a1b2c3", True),
        ("A1B2C3", " A1 B2 C3\n", True),
        ("A1B2C3 / D4E5F6", "a1b2c3d4e5f6", True),
        ("A1B2C3", "A1B2C4", False),
        ("A1B2C3", "", False),
        ("A1B2C3", "A1B2", False),
    ],
)
def test_check_values_are_compared_as_people_write_them(here, there, same):
    assert same_check_value(here, there) is same


def test_the_record_says_all_that_is_to_be_signed_and_no_secret(path, opener):
    parts = [component(PLAN, part) for part in PARTS]
    people = custodians_of(["张三,密钥管理员", "李四,安全员", "𠮷野"])
    with changing(path, opener) as keystore:
        key = keystore.add(PLAN, combined(parts))
    checks = [component_check(PLAN, part) for part in parts]
    text = record_text(keystore, key, people, checks, typed=True)
    for told in (
        "RKSSSE", "SM4", "全国 national", key.created, keystore.identifier, keystore.digest, *key.check_values, *checks,
        "1. 张三 (密钥管理员)", "2. 李四 (安全员)", "3. 𠮷野",
    ):  # fmt: skip
        assert told in text
    assert text.count("签字") == 3
    assert "typed by each holder" in text
    handed_over = record_text(keystore, key, people, checks, typed=False)
    assert "handed over by a program" in handed_over
    assert "typed by each holder" not in handed_over
    for secret in (*parts, combined(parts), opener.value):
        assert secret.reveal().hex() not in text.lower()
