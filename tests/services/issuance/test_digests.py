"""Digests: the same for the same order alone, and nobody without the key makes them."""

import dataclasses
import os

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.issuance.order import CardOrder, IdentificationCode
from cardlib.profiles import ALL
from services.issuance.digests import DigestKeyError, Digests, open_digests

BY_VERSION = {profile.version: profile for profile in ALL}
DIGESTS = Digests(Secret(bytes(32)))
ORDER = CardOrder(
    profile=BY_VERSION["2.0"],
    algorithm=Algorithm.DES,
    chip="t514",
    region="990000",
    contents={"holder": {"name": "测试"}},
    pin=Secret(bytes.fromhex("123456")),
)

CHANGES = {
    "profile": BY_VERSION["3.0"],
    "algorithm": Algorithm.SM4,
    "chip": "fmcos",
    "region": "990100",
    "contents": {"holder": {"name": "测验"}},
    "pin": Secret(bytes.fromhex("123457")),
    "pin_tries": 5,
    "key_tries": 5,
    "key_versions": (1,),
    "bank_combined": True,
    "historical_bytes": bytes(13),
    "identification_code": IdentificationCode.UNSET,
    "transport_lot": 2,
    "premade": True,
}


def test_every_field_of_an_order_counts() -> None:
    assert CHANGES.keys() == {field.name for field in dataclasses.fields(CardOrder)}


@pytest.mark.parametrize("name", CHANGES)
def test_another_order_has_another_digest(name) -> None:
    changed = dataclasses.replace(ORDER, **{name: CHANGES[name]})
    assert DIGESTS.of_order(changed) != DIGESTS.of_order(ORDER)


def test_the_same_order_has_the_same_digest() -> None:
    again = dataclasses.replace(ORDER, contents={"holder": {"name": "测试", "sex": None}})
    assert DIGESTS.of_order(again) == DIGESTS.of_order(ORDER)
    assert len(DIGESTS.of_order(ORDER)) == 32


def test_a_card_number_has_a_digest_of_its_own_in_its_region() -> None:
    def numbered(number: str | None, **more: object) -> bytes | None:
        contents = {"issuer": {"card_number": number}, "holder": {"name": "测试"}}
        return DIGESTS.of_card_number(dataclasses.replace(ORDER, contents=contents, **more))

    assert numbered("T00000001") == numbered("T00000001", pin=Secret(b"\x11\x11\x11"))
    assert len({numbered("T00000001"), numbered("T00000002"), numbered("T00000001", region="990100")}) == 3
    assert numbered(None) is DIGESTS.of_card_number(ORDER) is None


def test_another_key_makes_other_digests() -> None:
    other = Digests(Secret(b"\x01" * 32))
    assert other.of_order(ORDER) != DIGESTS.of_order(ORDER)
    assert other.of_file("holder", bytes(32)) != DIGESTS.of_file("holder", bytes(32))
    assert other.key_id != DIGESTS.key_id


def test_a_key_that_is_there_is_taken(tmp_path) -> None:
    first = open_digests(tmp_path / "new" / "key")
    assert open_digests(tmp_path / "new" / "key").key_id == first.key_id


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_in_production_nobody_else_reads_the_key(tmp_path, mode) -> None:
    """Who has it tries out names and numbers."""
    path = tmp_path / "key"
    key_id = open_digests(path).key_id
    path.chmod(mode)
    with pytest.raises(DigestKeyError, match="chmod 0400"):
        open_digests(path)
    assert open_digests(path, development_mode=True).key_id == key_id
    path.chmod(0o400)
    assert open_digests(path).key_id == key_id


def test_a_key_that_is_no_file_is_refused(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(DigestKeyError, match="the file of the digest key"):
            open_digests(path)
