import pytest

from cardlib.crypto import Algorithm
from simulator.quirks import Quirks

UKSSSE, UK1DF01 = "0401" * 8, "8301" * 8
STKSSSE, STKDF01 = "0201" * 8, "8201" * 8
LINEAR, FIXED, CYCLIC = "00A4020002EF0B", "00A4020002EF0C", "00A4020002EF0D"


@pytest.fixture
def whole(direct):
    """A file's records, back to back."""

    def read(sfi: int) -> str:
        return direct(f"00B201{sfi << 3 | 5:02X}00")

    return read


# EF0B holds 0A01A1 0B01B1 0A01A2 and has room for one record more and one byte.
@pytest.mark.parametrize(
    ("reference", "record", "held"),
    [
        pytest.param(("02", 4), "0B01FF", "0A01A10B01FF0A01A2", id="by number"),
        pytest.param(("02", 4), "0C01FF", "0A01A10C01FF0A01A2", id="by number, another tag"),
        pytest.param(("02", 4), "0B03010203", "0A01A10B030102030A01A2", id="longer than before"),
        pytest.param(("02", 4), "0B00", "0A01A10B000A01A2", id="shorter than before"),
        pytest.param(("04", 4), "0C01FF", "0A01A10B01B10A01A20C01FF", id="the next free number appends"),
        pytest.param(("0A", 0), "0A01FF", "0A01FF0B01B10A01A2", id="first of a tag"),
        pytest.param(("0A", 1), "0A01FF", "0A01A10B01B10A01FF", id="last of a tag"),
        pytest.param(("0A", 2), "0A01FF", "0A01FF0B01B10A01A2", id="next without a pointer"),
        pytest.param(("0A", 3), "0A01FF", "0A01A10B01B10A01FF", id="previous without a pointer"),
        pytest.param(("00", 1), "0C01FF", "0A01A10B01B10C01FF", id="last of any tag"),
        pytest.param(("0C", 0), "0C01FF", "0A01A10B01B10A01A20C01FF", id="an unknown tag appends"),
    ],
)
@pytest.mark.parametrize("sfi", [0, 0x0B], ids=["current file", "SFI"])
def test_a_record_takes_the_place_that_p1_and_mode_name(direct, reference, record, held, sfi):
    p1, mode = reference
    direct(LINEAR)
    assert direct(f"00DC{p1}{sfi << 3 | mode:02X}{len(record) // 2:02X}{record}") == "9000"
    assert direct("00B2015D00") == f"{held}9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00DC015D030A01FF", "6A86", id="mode 5"),
        pytest.param("00DC015F030A01FF", "6A86", id="mode 7"),
        pytest.param("00DCFF5C030A01FF", "6A86", id="P1 FF"),
        pytest.param("00DC01FC030A01FF", "6A86", id="SFI 1F"),
        pytest.param("00DC0104030A01FF", "6986", id="no current file"),
        pytest.param("00DC01CC030A01FF", "6A82", id="no such SFI"),
        pytest.param("00DC013C030A01FF", "6981", id="transparent file"),
        pytest.param("00DC012C030101FF", "6982", id="never"),
        pytest.param("00DC0134030801FF", "6982", id="UKSSSE wanted"),
        pytest.param("00DC015C", "6700", id="no data"),
        pytest.param("00DC015C00", "6700", id="Lc 00"),
        pytest.param("00DC015C030A01", "6700", id="cut off"),
        pytest.param("00DC015C030A02FF", "6A85", id="length too large"),
        pytest.param("00DC015C040A01FFFF", "6A85", id="length too small"),
        pytest.param("00DC015C010A", "6A85", id="a tag alone"),
        pytest.param("00DC015C030001FF", "6A85", id="tag 00"),
        pytest.param("00DC015C03FF01FF", "6A85", id="tag FF"),
        pytest.param("00DC0A58030B01FF", "6A85", id="another tag than P1"),
        pytest.param("00DC055C030C01FF", "6A83", id="behind the next free number"),
        pytest.param("00DC005C030C01FF", "6A83", id="number 00 without a pointer"),
        pytest.param("00DC045C050C03010203", "6A84", id="no room to append"),
        pytest.param("00DC015C090A0701020304050607", "6A84", id="no room to grow"),
        pytest.param("04DC015C030A01FF", "6E00", id="secure messaging where none is wanted"),
        pytest.param("80DC015C030A01FF", "6E00", id="other class"),
    ],
)
def test_a_refused_update_changes_nothing(direct, whole, command, sw):
    assert direct(command) == sw
    assert whole(0x0B) == "0A01A10B01B10A01A29000"


def test_the_pointer_stands_at_what_was_written_by_tag(direct):
    direct(LINEAR)
    assert direct("00DC0A01030A01FF") == "9000"
    assert direct("00B2000400") == "0A01FF9000"
    assert direct("00DC0A03030A01EE") == "9000"
    assert direct("00B2000400") == "0A01EE9000"
    assert direct("00DC0A03030A01DD") == "6A83"
    assert direct("00B2000400") == "0A01EE9000"


def test_nothing_is_appended_for_any_tag_when_there_is_no_next_record(direct, whole):
    direct(LINEAR)
    direct("00B2000100")
    assert direct("00DC0002030C01CC") == "6A83"
    assert whole(0x0B) == "0A01A10B01B10A01A29000"


def test_a_number_replaces_without_moving_the_pointer_and_appends_with(direct):
    direct(LINEAR)
    direct("00B20B0000")
    assert direct("00DC0104030A01FF") == "9000"
    assert direct("00B2000400") == "0B01B19000"
    assert direct("00DC0004030B01EE") == "9000"
    assert direct("00B2020400") == "0B01EE9000"
    assert direct("00DC0404030C01CC") == "9000"
    assert direct("00B2000400") == "0C01CC9000"


def test_an_sfi_makes_the_written_file_current(direct):
    direct(FIXED)
    direct("00DC0B58030B01FF")
    assert direct("00B2030400") == "0A01A29000"
    assert direct("00DC0560030A01FF") == "6A85"
    assert direct("00B2000400") == "0B01FF9000"


def test_records_of_a_fixed_file_keep_their_length(direct, whole):
    assert direct("00DC0164030A01FF") == "9000"
    assert direct("00DC0164040A02FFFF") == "6700"
    assert direct("00DC0364030C01CC") == "9000"
    assert direct("00DC0464030D01DD") == "6A84"
    assert whole(0x0C) == "0A01FF0B01B10C01CC9000"


def test_a_cyclic_file_holds_the_newest_record_first_and_forgets_the_oldest(direct, whole):
    assert whole(0x0D) == "D2D2D1D19000"
    direct(CYCLIC)
    assert direct("00DC000302D3D3") == "9000"
    assert direct("00B2000400") == "D3D39000"
    assert whole(0x0D) == "D3D3D2D2D1D19000"
    assert direct("00DC006B02D4D4") == "9000"
    assert whole(0x0D) == "D4D4D3D3D2D29000"
    assert direct("00B2036C00") == "D2D29000"
    assert direct("00B2046C00") == "6A83"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00DC016C02D3D3", "6A86", id="by number"),
        pytest.param("00DC006802D3D3", "6A86", id="first"),
        pytest.param("00DC006A02D3D3", "6A86", id="next"),
        pytest.param("00DCD26B02D3D3", "6A86", id="a tag"),
        pytest.param("00DC006B01D3", "6700", id="too short"),
        pytest.param("00DC006B03D3D3D3", "6700", id="too long"),
        pytest.param("00DC006B00", "6700", id="no data"),
    ],
)
def test_a_cyclic_file_takes_whole_records_in_one_form_only(direct, whole, command, sw):
    assert direct(command) == sw
    assert whole(0x0D) == "D2D2D1D19000"


def test_records_of_a_cyclic_file_have_no_tag_to_be_found_by(direct):
    direct(CYCLIC)
    assert direct("00B2D20000") == "6A83"
    assert direct("00B2000000") == "D2D29000"
    assert direct("00B2000200") == "D1D19000"


def test_some_cards_append_to_a_cyclic_file_by_number_one(make_terminal):
    card = make_terminal(t0=False, quirks=Quirks(lenient_append=True))
    card.select_ssse()
    assert card("00DC016C02D3D3") == card("00DC006B02D4D4") == "9000"
    assert card("00B2016D00") == "D4D4D3D3D2D29000"
    assert card("00DC026C02D5D5") == "6A86"


def test_bytes_are_written_by_sfi_and_at_offsets_of_the_current_file(direct):
    assert direct("00D6870304AABBCCDD") == "9000"
    assert direct("00B0870208") == "02AABBCCDD0708099000"
    assert direct("00D6012B01EE") == "9000"
    assert direct("00B0012A00") == "5AEE9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00D6800001AA", "6A86", id="SFI 00"),
        pytest.param("00D69F0001AA", "6A86", id="SFI 1F"),
        pytest.param("00D6000001AA", "6986", id="no current file"),
        pytest.param("00D6980001AA", "6A82", id="no such SFI"),
        pytest.param("00D6850001AA", "6981", id="record file"),
        pytest.param("00D6880001AA", "6982", id="UKSSSE wanted"),
        pytest.param("00D6870000", "6700", id="no data"),
        pytest.param("04D6870001AA", "6E00", id="secure messaging where none is wanted"),
    ],
)
def test_a_refused_binary_update_changes_nothing(direct, command, sw):
    assert direct(command) == sw
    assert direct("00B0870001") == "009000"


def test_bytes_beyond_the_end_are_not_written(direct):
    direct("00A4020002EF07")
    assert direct("00D6012C01AA") == "6B00"
    assert direct("00D6012B02AAAA") == "6700"
    assert direct("00B0012B01") == "5A9000"


def test_the_update_key_lets_write_and_not_read(direct):
    assert direct.authenticate("04", UKSSSE) == "9000"
    assert direct("00DC0834030801FF") == "6A83"
    assert direct("00DC0830030801FF") == "9000"
    assert direct("00D6880001AA") == "9000"
    assert direct("00B2013400") == direct("00B0880001") == "6982"
    direct.authenticate("0A", "0A01" * 8)
    assert direct("00B2013400") == "0801FF9000"
    assert direct("00B0880001") == "AA9000"


def test_update_rights_of_a_directory_end_with_its_selection(direct):
    direct("00A4000002DF01")
    assert direct.authenticate("83", UK1DF01) == "9000"
    assert direct("00DC012C032001AA") == "9000"
    direct("00A4000002DDF1")
    direct("00A4000002DF01")
    assert direct("00DC012C032001BB") == "6982"


def test_pin_and_key_are_both_needed_where_the_rule_says_so(direct):
    direct("00A4000002DF01")
    direct.authenticate("83", UK1DF01)
    assert direct("00DC0134032301AA") == "6982"
    direct("0020000003123456")
    assert direct("00DC0134032301AA") == "9000"


def test_what_was_written_survives_power_off_and_is_this_card_s_alone(make_terminal, odd):
    first, second = make_terminal(t0=False, image=odd), make_terminal(t0=False, image=odd)
    first.select_ssse()
    second.select_ssse()
    for command in ("00DC015C030A01FF", "00DC006B02D3D3", "00D6870001AA"):
        assert first(command) == "9000"
    first.card.power_off()
    first.card.power_on()
    first.select_ssse()
    reads = ("00B2015C00", "00B2016C00", "00B0870001")
    assert [first(read) for read in reads] == ["0A01FF9000", "D3D39000", "AA9000"]
    assert [second(read) for read in reads] == ["0A01A19000", "D2D29000", "009000"]


@pytest.mark.parametrize("algorithm", [Algorithm.SM4, Algorithm.DES])
@pytest.mark.parametrize("le", ["04", "08"])
def test_a_file_that_asks_for_a_mac_takes_updates_with_the_right_one(make_terminal, algorithm, le):
    card = make_terminal(t0=False, algorithm=algorithm)
    card.select_ssse()
    stk = STKSSSE if algorithm is Algorithm.SM4 else STKSSSE[:16]
    assert card.secured("04DC0073", "D3D3", stk, le=le) == "9000"
    assert card.secured("04D68F02", "AABB", stk, le=le) == "9000"
    assert card("00B2017400") == "D3D39000"
    assert card("00B08F0000") == "0000AABB000000009000"


def test_the_mac_is_under_the_maintenance_key_of_the_file_s_level(direct):
    direct("00A4000002DF01")
    assert direct.secured("04DC013C", "2901AA", STKSSSE) == "6988"
    assert direct.secured("04DC013C", "2901AA", STKDF01) == "9000"
    assert direct("00B2013C00") == "2901AA9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00DC007302D3D3", "6987", id="plain"),
        pytest.param("00D68F0002AABB", "6987", id="plain binary"),
        pytest.param("04DC007302D3D3", "6987", id="no room for a MAC"),
        pytest.param("04DC007300", "6987", id="nothing"),
        pytest.param("04DC007306D3D300000000", "6984", id="no challenge"),
    ],
)
def test_an_update_without_mac_or_challenge_is_refused(direct, command, sw):
    assert direct(command) == sw
    assert direct("00B2017400") == "6A83"
    assert direct("00B08F0008") == "00000000000000009000"


def test_a_wrong_mac_spends_the_challenge_and_writes_nothing(direct):
    direct("0084000008")
    assert direct("04DC007306D3D300000000") == "6988"
    assert direct("04DC007306D3D300000000") == "6984"
    assert direct("00B2017400") == "6A83"


def test_a_mac_covers_the_header(direct):
    header = "04D68F02"
    challenge_twice = direct.secured(header, "AABB", STKSSSE), direct.secured(header, "AABB", STKDF01)
    assert challenge_twice == ("9000", "6988")


def test_a_mac_without_data_is_no_update(direct):
    assert direct.secured("04DC0073", "", STKSSSE) == "6700"


def test_a_missing_maintenance_key_makes_every_mac_wrong(direct):
    direct("00A4040008504B492E54455354")
    direct("00A4000002DF01")
    assert direct("00D6900002AABB") == "6987"
    assert direct.secured("04D69000", "AABB", STKSSSE) == "6988"
    assert direct("00B0900008") == "00000000000000009000"


def test_a_challenge_longer_than_a_des_block_is_none_for_a_mac(make_terminal):
    card = make_terminal(t0=False, algorithm=Algorithm.DES)
    card.select_ssse()
    card("0084000010")
    assert card("04DC007306D3D300000000") == "6984"


def test_cards_in_the_field_may_not_know_sfis(make_terminal):
    card = make_terminal(t0=False, quirks=Quirks(sfi=False))
    card.select_ssse()
    assert card("00DC015C030A01FF") == card("00D6870001AA") == "6A86"
    card(LINEAR)
    assert card("00DC0104030A01FF") == "9000"
