"""What may be shown of a conversation."""

import pytest

from apdu.command import CommandAPDU
from cardlib.commands import RecordMode, read_record
from cardlib.disclosure import Disclosure
from cardlib.model import LinearFile
from cardlib.profiles import LATEST

BY_TAG = RecordMode.FIRST_WITH_IDENTIFIER
SELECT_SSSE = CommandAPDU.from_bytes(bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF00"))


def shown(*commands: str) -> tuple[bool, bool]:
    disclosure = Disclosure()
    result = (False, False)
    for command in commands:
        result = disclosure(CommandAPDU.from_bytes(bytes.fromhex(command)))
    return result


SSSE = SELECT_SSSE.to_bytes().hex()
PUBLIC = {
    "SELECT SSSE": ((SSSE,), (True, True)),
    "version by SFI": ((SSSE, "00B2032806"), (False, True)),
    "version in the selected file": ((SSSE, "00A4020002EF05", "00B2030006"), (False, True)),
}
HIDDEN = {
    "whole file": (SSSE, "00B2012D40"),
    "name": (SSSE, "00B2093020"),
    "card number": (SSSE, "00B207280B"),
    "record by number": (SSSE, "00B2032C06"),
    "same tag, no application selected": ("00B2032806",),
    "same tag in another application": (SSSE, "00A4040006D15600000500", "00B2032806"),
    "same tag after SELECT MF": (SSSE, "00A40000023F00", "00B2032806"),
    "unknown tag": (SSSE, "00B2EE2806"),
    "PIN": (SSSE, "0020000003123456"),
    "cryptogram": (SSSE, "0082000A10" + "00" * 16),
    "challenge": (SSSE, "0084000008"),
    "secure messaging": (SSSE, "04B2032806"),
    "unheard of": (SSSE, "80FE000003AABBCC"),
}


@pytest.mark.parametrize(("conversation", "expected"), PUBLIC.values(), ids=PUBLIC)
def test_what_declarations_call_public_is_shown(conversation: tuple[str, ...], expected: tuple[bool, bool]) -> None:
    assert shown(*conversation) == expected


@pytest.mark.parametrize("conversation", HIDDEN.values(), ids=HIDDEN)
def test_everything_else_is_hidden(conversation: tuple[str, ...]) -> None:
    assert shown(*conversation) == (False, False)


ITEMS = [
    pytest.param(directory, file, item, id=f"{file.name}-{item.name}")
    for directory in LATEST.directories
    for file in directory.files
    if isinstance(file, LinearFile)
    for item in file.items
]


@pytest.mark.parametrize(("directory", "file", "item"), ITEMS)
def test_an_item_read_by_tag_is_shown_exactly_when_it_is_not_sensitive(directory, file, item) -> None:
    select = f"00A40400{len(directory.df_name):02X}{directory.df_name.hex()}"
    assert shown(select, read_record(item.tag, BY_TAG, sfi=file.sfi, ne=1).to_bytes().hex()) == (
        False,
        not item.sensitive,
    )
