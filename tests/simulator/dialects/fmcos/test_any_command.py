"""Whatever is sent, a status word comes back."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BODIES = (
    "",
    "00",
    "08",
    "0100",
    "023F00",
    "0411223344",
    "08" + "00" * 8,
    "10" + "11" * 16,
    "1C" + "22" * 28,
    "FF" + "00" * 255,
)
SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"


def standing(chip, place: str):
    if place == "SSSE":
        chip.script(f"80E0DDF11738{0x1000:04X}4040FFFFFF{SSSE}")
        chip(f"00A404000F{SSSE}")
        chip.script("80E00000073F02001E40FFFF", "80D4010016390040403301" + "40" * 16, "80E0EF05072C00400000FFFF")
    else:
        chip.script("80E0000507A80010F0F0FF7F", "80D40100073AF0EF01331234", "80E00006072C0010F0F0FFFF")
    chip.script("00A4000002" + ("EF05" if place == "SSSE" else "0006"))
    return chip


@pytest.mark.parametrize("place", ["MF", "SSSE"])
@pytest.mark.parametrize("cla", ["00", "04", "80", "84"])
def test_every_instruction(chip, place, cla):
    standing(chip, place)
    for ins, parameters, body in product(range(256), ("0000", "0100", "8500"), BODIES):
        chip("0084000004")
        answer = chip(f"{cla}{ins:02X}{parameters}{body}")
        assert len(answer) >= 4
        assert answer[-4] in "69"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["80E0", "80D4", "84D4", "84E0", "800E"]), st.binary(max_size=40)), max_size=8)
)
def test_building_with_any_bytes(make, commands):
    chip = make()
    chip.mf()
    for name, rest in commands:
        head, data = rest[:2].ljust(2, b"\0"), rest[2:]
        assert len(chip(f"{name}{head.hex()}{len(data):02X}{data.hex()}")) == 4
    chip.reset()
    assert chip("00A40000023F00")[-4:] in {"9000", "6A81"}
