import pytest

from simulator.quirks import Quirks

SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"
SSSE_FCI = f"6F11840F{SSSE}9000"
MF_FCI = "6F10840E315041592E5359532E44444630319000"


@pytest.fixture
def mf(make_terminal):
    """A card just reset, without 61xx."""
    return make_terminal(t0=False)


@pytest.mark.parametrize("command", ["00A4000000", "00A40000", "00A40000023F00", "00A40000023F0000"])
def test_the_master_file_is_selected_by_fid_or_by_no_data(mf, command):
    mf(f"00A404000F{SSSE}")
    assert mf(command) == MF_FCI


@pytest.mark.parametrize(
    "command", [f"00A404000F{SSSE}", f"00A404000F{SSSE}00", "00A4000002DDF1", "00A40400057378312E73"]
)
def test_the_ssse_is_selected_by_name_partial_name_or_fid(mf, command):
    assert mf(command) == SSSE_FCI


@pytest.mark.parametrize("p1", ["00", "02"])
def test_an_elementary_file_answers_9000_alone(direct, p1):
    assert direct(f"00A4{p1}0002EF05") == "9000"
    assert direct("00B2010403") == "0101AA9000"


def test_an_application_is_selected_with_p1_02_too(direct):
    assert direct("00A4020002DF02") == "6F088406D156000005019000"
    assert direct("00A4020002DF01") == "6F088406D156000005009000"
    assert direct("00B2012C00") == "6982"


def test_an_application_is_selected_by_aid_and_by_fid_from_its_parent_or_a_sibling(direct):
    assert direct("00A4040006D15600000501") == "6F088406D156000005019000"
    assert direct("00A4000002DF01") == "6F088406D156000005009000"
    assert direct("00A4000002DDF1") == SSSE_FCI
    assert direct("00A4000002DF01") == "6F088406D156000005009000"


def test_a_partial_name_goes_through_its_matches_until_6a82(direct):
    assert direct("00A4040005D156000005") == "6F088406D156000005009000"
    assert direct("00A4040205D156000005") == "6F088406D156000005019000"
    assert direct("00A4040205D156000005") == "6A82"
    assert direct("00A4040005D156000005") == "6F088406D156000005009000"


def test_the_same_fid_means_the_directory_below_the_current_one(mf):
    assert mf("00A4040008504B492E54455354") == "6F0A8408504B492E544553549000"
    assert mf("00A4000002DF01") == "6F0784054F544845529000"
    assert mf("00B2012C00") == "6A82"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("00A4010002EF05", "6A86", id="P1 01"),
        pytest.param("00A4000C02EF05", "6A86", id="P2 0C"),
        pytest.param("00A4020000", "6700", id="EF without FID"),
        pytest.param("00A4000001EF", "6700", id="half a FID"),
        pytest.param("00A40400047378312E", "6700", id="name of 4 bytes"),
        pytest.param("00A4040011" + "73" * 17, "6700", id="name of 17 bytes"),
        pytest.param("00A4020002EF1D", "6A82", id="no such EF"),
        pytest.param("00A4000002DF09", "6A82", id="no such DF"),
        pytest.param("00A4020002DF09", "6A82", id="no such DF, P1 02"),
        pytest.param("00A4000202EF05", "6A82", id="no next EF of this FID"),
        pytest.param("00A404000F" + "7378322E73682EC9E7BBE1B1A3D5CF", "6A82", id="no such name"),
    ],
)
def test_a_refused_selection_leaves_the_current_file_alone(direct, command, sw):
    direct("00A4020002EF05")
    assert direct(command) == sw
    assert direct("00B2010403") == "0101AA9000"


def test_selecting_a_directory_deselects_the_file(direct):
    direct("00A4020002EF05")
    direct(f"00A404000F{SSSE}")
    assert direct("00B2010403") == "6986"


def test_one_makers_cards_find_an_application_only_after_the_master_file(make_terminal):
    card = make_terminal(t0=False, quirks=Quirks(select_mf_first=True))
    assert card(f"00A404000F{SSSE}") == "6A82"
    card("00A40000023F00")
    assert card(f"00A404000F{SSSE}") == SSSE_FCI


@pytest.mark.parametrize(("known", "other"), [("00", "02"), ("02", "00")])
def test_some_cards_select_an_elementary_file_with_one_p1_only(make_terminal, known, other):
    card = make_terminal(t0=False, quirks=Quirks(ef_p1=frozenset({int(known, 16)})))
    card.select_ssse()
    assert card(f"00A4{other}0002EF05") == "6A82"
    assert card(f"00A4{known}0002EF05") == "9000"
