import pytest

from simulator.quirks import Quirks

ALL = "0101AA0202BBBB0301C10301C20401DD0301C3"


@pytest.mark.parametrize(
    ("p1", "mode", "answer"),
    [
        ("01", 4, "0101AA"),
        ("06", 4, "0301C3"),
        ("01", 5, ALL),
        ("05", 5, "0401DD0301C3"),
        ("06", 5, "0301C3"),
        ("05", 6, "0301C30401DD"),
        ("01", 6, "0301C30401DD0301C20301C10202BBBB0101AA"),
        ("03", 0, "0301C1"),
        ("03", 1, "0301C3"),
        ("00", 0, "0101AA"),
        ("00", 1, "0301C3"),
        ("03", 2, "0301C1"),
        ("03", 3, "0301C3"),
    ],
)
@pytest.mark.parametrize("sfi", [0, 5], ids=["current file", "SFI"])
def test_each_mode_answers_whole_records(direct, p1, mode, answer, sfi):
    direct("00A4020002EF05")
    assert direct(f"00B2{p1}{sfi << 3 | mode:02X}00") == f"{answer}9000"


def test_next_and_previous_walk_along_the_pointer(direct):
    direct("00A4020002EF05")
    walk = [("03", 0), ("03", 2), ("03", 2), ("03", 3), ("00", 3), ("00", 2), ("00", 2)]
    answers = [direct(f"00B2{p1}{mode:02X}00") for p1, mode in walk]
    assert answers == ["0301C19000", "0301C29000", "0301C39000", "0301C29000", "0301C19000", "0301C29000", "0401DD9000"]


def test_a_search_that_fails_leaves_the_pointer(direct):
    direct("00A4020002EF05")
    direct("00B2040000")
    assert direct("00B2040200") == "6A83"
    assert direct("00B2000400") == "0401DD9000"


def test_a_reference_by_number_does_not_move_the_pointer(direct):
    direct("00A4020002EF05")
    direct("00B2030000")
    direct("00B2060400")
    direct("00B2010500")
    assert direct("00B2000400") == "0301C19000"


def test_number_00_without_a_pointer_is_not_found(direct):
    direct("00A4020002EF05")
    assert direct("00B2000400") == "6A83"


def test_an_sfi_makes_its_file_current_and_resets_the_pointer(direct):
    direct("00B2032800")
    assert direct("00B2030200") == "0301C29000"
    assert direct("00B2032A00") == "0301C19000"
    direct("00B2012C00")
    assert direct("00B2000400") == "6A83"


def test_selecting_the_file_again_resets_the_pointer(direct):
    direct("00A4020002EF05")
    direct("00B2030100")
    direct("00A4020002EF05")
    assert direct("00B2030200") == "0301C19000"


def test_a_wrong_le_is_answered_with_the_right_one_and_consumes_nothing(terminal):
    terminal("00A4020002EF05")
    terminal("00B2030003")
    for wrong in ("00", "02", "04", "FF"):
        assert terminal(f"00B20302{wrong}") == "6C03"
    assert terminal("00B20302") == "6C03"
    assert terminal("00B2030203") == "0301C29000"


def test_an_sfi_refused_for_its_le_does_not_become_current(terminal):
    terminal("00A4020002EF05")
    assert terminal("00B2014C00") == "6C66"
    assert terminal("00B2010403") == "0101AA9000"


def test_a_card_may_send_what_it_has_whatever_le_says(make_terminal):
    card = make_terminal(quirks=Quirks(exact_le=False))
    card.select_ssse()
    assert card("00B2012C00") == card("00B2012CFF") == "0101AA9000"
    assert card("00B2012C02") == "01019000"


def test_a_file_of_more_than_256_bytes_is_read_record_by_record(terminal):
    assert terminal("00B2014D00") == "6A81"
    assert terminal("00B2024DCC")[-4:] == "9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00B2012F00", "6A86", id="mode 7"),
        pytest.param("00B2FF2C00", "6A86", id="P1 FF"),
        pytest.param("00B201FC00", "6A86", id="SFI 1F"),
        pytest.param("00B2010400", "6986", id="no current file"),
        pytest.param("00B201F400", "6A82", id="no such SFI"),
        pytest.param("00B2013C00", "6981", id="transparent file"),
        pytest.param("00B2013400", "6982", id="RKSSSE wanted"),
        pytest.param("00B2072C00", "6A83", id="no such number"),
        pytest.param("00B2072D00", "6A83", id="from no such number"),
        pytest.param("00B2092800", "6A83", id="no such tag"),
        pytest.param("00B2015400", "6A83", id="empty file"),
        pytest.param("00B2015500", "6A83", id="whole empty file"),
        pytest.param("00B2012C02AABB", "6700", id="with data"),
    ],
)
def test_refusals(terminal, command, sw):
    assert terminal(command) == sw


def test_the_access_rule_comes_before_the_record(terminal):
    assert terminal("00B2093400") == "6982"


@pytest.mark.parametrize(
    ("quirk", "refused", "taken"),
    [
        pytest.param({"sfi": False}, "00B2012C03", "00B2010403", id="no SFI"),
        pytest.param({"whole_file": False}, "00B2010513", "00B2010403", id="no whole file"),
        pytest.param({"by_tag": False}, "00B2010003", "00B2010403", id="no tags"),
    ],
)
def test_cards_in_the_field_know_fewer_forms(make_terminal, quirk, refused, taken):
    card = make_terminal(quirks=Quirks(**quirk))
    card.select_ssse()
    card("00A4020002EF05")
    assert card(refused) == "6A86"
    assert card(taken) == "0101AA9000"
