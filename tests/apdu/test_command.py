"""CommandAPDU: the encodings of ISO/IEC 7816-4 §5.1, ISO/IEC 7816-3 §12.1."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apdu.command import CommandAPDU
from apdu.errors import ApduFormatError
from apdu.secret import Secret

# Encodings written out by hand from ISO/IEC 7816-3 table 13 (field sizes 0, 1, 3 for Lc and 0, 1, 2, 3 for Le).
ENCODINGS = {
    "1": (CommandAPDU(0x00, 0xA4, 0x00, 0x00), "1", "00A40000"),
    "2S": (CommandAPDU(0x00, 0x84, 0x00, 0x00, ne=8), "2S", "0084000008"),
    "2S, all bytes": (CommandAPDU(0x00, 0xB2, 0x01, 0x04, ne=256), "2S", "00B2010400"),
    "2E": (CommandAPDU(0x00, 0xB0, 0x00, 0x00, ne=257), "2E", "00B00000000101"),
    "2E, all bytes": (CommandAPDU(0x00, 0xB0, 0x00, 0x00, ne=65_536), "2E", "00B00000000000"),
    "2E, asked for": (CommandAPDU(0x00, 0xB0, 0x00, 0x00, ne=16, extended=True), "2E", "00B00000000010"),
    "3S": (CommandAPDU(0x00, 0xA4, 0x02, 0x00, b"\xef\x05"), "3S", "00A4020002EF05"),
    "3E": (CommandAPDU(0x00, 0xD6, 0, 0, bytes(256)), "3E", "00D60000000100" + "00" * 256),
    "4S": (CommandAPDU(0x00, 0x88, 0, 0, bytes(16), 8), "4S", "0088000010" + "00" * 16 + "08"),
    "4S, all bytes": (CommandAPDU(0x00, 0xA4, 4, 0, b"\xd1\x56", 256), "4S", "00A4040002D15600"),
    "4E": (CommandAPDU(0x00, 0x88, 0, 0, b"\x01", 300), "4E", "00880000000001" + "01" + "012C"),
}


@pytest.mark.parametrize(("command", "case", "encoded"), ENCODINGS.values(), ids=ENCODINGS)
def test_each_case_encodes_as_iso_writes_it(command: CommandAPDU, case: str, encoded: str) -> None:
    assert command.case == case
    assert command.to_bytes().hex().upper() == encoded
    assert CommandAPDU.from_bytes(bytes.fromhex(encoded)) == replace(command, extended=command.is_extended)


@given(
    st.tuples(*[st.integers(0, 255)] * 4),
    st.binary(max_size=600),
    st.none() | st.integers(1, 65_536),
    st.booleans(),
)
def test_what_is_encoded_decodes_to_the_same_command(
    header: tuple[int, int, int, int], data: bytes, ne: int | None, extended: bool
) -> None:
    command = CommandAPDU(*header, data=data, ne=ne, extended=extended)
    again = CommandAPDU.from_bytes(command.to_bytes())
    assert (again.header, again.data, again.ne) == (command.header, command.data, command.ne)
    assert again.to_bytes() == command.to_bytes()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_a_format_error(raw: bytes) -> None:
    try:
        command = CommandAPDU.from_bytes(raw)
    except ApduFormatError:
        return
    assert command.to_bytes() == raw


MALFORMED = {
    "nothing": "",
    "header cut off": "00A404",
    "data cut off": "00A4040005D156",
    "bytes after Le": "00A4040002D1560000",
    "extended Lc cut off": "00A404000000",
    "extended Lc zero": "00A404000000000000",
    "extended data cut off": "00D60000000003AABB",
    "extended with one byte of Le": "00D60000000001AA00",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_contradicting_lengths_are_refused(raw: str) -> None:
    with pytest.raises(ApduFormatError):
        CommandAPDU.from_bytes(bytes.fromhex(raw))


OUT_OF_RANGE = {
    "P1 of two bytes": {"p1": 0x100},
    "negative INS": {"ins": -1},
    "Ne of zero": {"ne": 0},
    "Ne beyond 65536": {"ne": 65_537},
    "Nc beyond 65535": {"data": bytes(65_536)},
}


@pytest.mark.parametrize("fields", OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_values_that_do_not_fit_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ApduFormatError):
        CommandAPDU(**({"cla": 0, "ins": 0xA4, "p1": 0, "p2": 0} | fields))  # type: ignore[arg-type]


def test_repr_names_the_command_and_hides_its_data() -> None:
    command = CommandAPDU(0x00, 0x20, 0x00, 0x00, Secret(b"\x12\x34\x56"))
    assert repr(command) == "<VERIFY 00 20 00 00, Nc 3>"
    assert "123456" not in f"{command} {command.data}"
    assert command.to_bytes().hex() == "0020000003123456"
