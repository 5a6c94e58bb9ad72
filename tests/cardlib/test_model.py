"""Profiles as declarations: what they find, and how one is derived from another."""

from typing import Any

import pytest

from cardlib.model import CardProfile, Directory, InternalFile, Item, LinearFile
from cardlib.rules import COS, FREE, NONE, PIN, Key
from cardlib.schema import date, number


def item(tag: int | None, name: str, schema: Any) -> Item:
    return Item(tag=tag, name=name, chinese="项", schema=schema, vector=("", None), proto=None, sensitive=True)


def linear(name: str, fid: int = 0xEF15) -> LinearFile:
    return LinearFile(fid=fid, name=name, chinese="样", read=FREE, update=PIN, items=(item(0x0D, "day", date()),))


FILE = linear("sample")
AMOUNTS = InternalFile(name="amounts", chinese="额", read=NONE, update=COS, items=(item(None, "total", number(4)),))


PROFILE = CardProfile(
    version="8.0",
    directories=(
        Directory(name="SSSE", chinese="环境", df_name=b"first name", files=(FILE,)),
        Directory(name="DF01", chinese="区", df_name=b"other name", fid=0xDF01, files=(linear("days"), AMOUNTS)),
    ),
)


def test_a_profile_finds_directories_and_files() -> None:
    assert PROFILE.name == b"first name"
    assert PROFILE.directory_with_name(b"other name") == "DF01"
    assert PROFILE.directory_with_name(b"third name") is None
    assert PROFILE.files("DF09") == ()
    assert PROFILE.file("DF01", 0xEF15) is PROFILE.file_named("days")
    with pytest.raises(KeyError):
        PROFILE.file("DF01", 0xEF16)
    with pytest.raises(KeyError):
        PROFILE.file_named("nights")


def test_a_profile_derives_another_as_a_difference() -> None:
    derived = PROFILE.derive("9.0", days={"read": Key("RK1DF01")})
    assert derived.version == "9.0"
    assert str(derived.file_named("days").read) == "RK1DF01"
    assert PROFILE.file_named("days").read == FREE
    assert derived.file_named("sample") is FILE


def test_a_difference_about_an_unknown_file_is_refused() -> None:
    with pytest.raises(KeyError):
        PROFILE.derive("9.0", nights={"read": FREE})


def test_a_profile_knows_in_which_directory_a_file_stands() -> None:
    assert PROFILE.directory_of("days").fid == 0xDF01
    assert PROFILE.directory_of("amounts") is PROFILE.directory_of("days")
    with pytest.raises(KeyError):
        PROFILE.directory_of("nights")


def test_a_difference_may_add_and_remove_files_and_directories() -> None:
    derived = PROFILE.derive("9.0", add={"SSSE": [linear("nights", 0xEF16)]}, remove=["sample", "DF01"])
    assert [directory.name for directory in derived.directories] == ["SSSE"]
    assert [file.name for file in derived.files("SSSE")] == ["nights"]


def test_a_difference_may_replace_items() -> None:
    renamed = item(0x0D, "night", date())
    derived = PROFILE.derive("9.0", days={"items": PROFILE.file_named("days").replacing(renamed)})
    assert derived.file_named("days").items == (renamed,)


@pytest.mark.parametrize("difference", [{"add": {"DF09": [linear("nights")]}}, {"remove": ["nights"]}])
def test_a_difference_about_an_unknown_file_or_directory_is_refused(difference: Any) -> None:
    with pytest.raises(KeyError):
        PROFILE.derive("9.0", **difference)


def test_a_profile_with_two_files_of_one_name_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        PROFILE.derive("9.0", add={"SSSE": [linear("days")]})
