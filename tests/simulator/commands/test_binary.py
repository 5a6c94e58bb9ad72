import pytest

from simulator.quirks import Quirks


def test_bytes_are_read_by_sfi_from_an_offset(terminal):
    assert terminal("00B0870304") == "030405069000"


def test_the_sfi_becomes_current_and_offsets_go_beyond_255(terminal):
    terminal("00B0870001")
    assert terminal("00B000FF02") == "FF5A9000"
    assert terminal("00B0012A02") == "5A5A9000"


def test_le_00_asks_for_256_bytes(terminal):
    assert terminal("00B0870000") == bytes(range(256)).hex().upper() + "9000"


def test_at_the_end_of_the_file_t0_names_the_length_and_a_hiding_reader_brings_it(terminal, direct):
    assert terminal("00B0870000")[-4:] == "9000"
    assert terminal("00B0012A00") == "6C02"
    direct("00B0870000")
    assert direct("00B0012A00") == "5A5A9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00B0800000", "6A86", id="SFI 00"),
        pytest.param("00B09F0000", "6A86", id="SFI 1F"),
        pytest.param("00B0A70000", "6A86", id="RFU bit"),
        pytest.param("00B0000000", "6986", id="no current file"),
        pytest.param("00B0980000", "6A82", id="no such SFI"),
        pytest.param("00B0850000", "6981", id="record file"),
        pytest.param("00B0880000", "6982", id="RKSSSE wanted"),
        pytest.param("00B0870002AABB", "6700", id="with data"),
    ],
)
def test_refusals(terminal, command, sw):
    assert terminal(command) == sw


def test_an_offset_behind_the_last_byte_is_6b00(terminal):
    terminal("00A4020002EF07")
    assert terminal("00B0012B01") == "5A9000"
    assert terminal("00B0012C01") == "6B00"


def test_cards_in_the_field_may_not_know_sfis(make_terminal):
    card = make_terminal(quirks=Quirks(sfi=False))
    card.select_ssse()
    assert card("00B0870304") == "6A86"
    card("00A4020002EF07")
    assert card("00B0000304") == "030405069000"
