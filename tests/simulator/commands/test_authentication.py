import pytest

from cardlib.crypto import Algorithm
from simulator.quirks import Quirks

FACTOR, ORIGINAL = "0011223344556677", "0102030405060708"
RKSSSE_V1, RKSSSE_V2 = "0A01" * 8, "0A02" * 8
RK1DF01 = "8801" * 8


def challenge(terminal, le="08") -> bytes:
    answer = terminal(f"00840000{le}")
    assert answer.endswith("9000")
    return bytes.fromhex(answer[:-4])


@pytest.fixture
def proof(cryptogram):
    """The right RKSSSE cryptogram over a challenge, and what it was made of."""
    return lambda known: (
        cryptogram(Algorithm.SM4, bytes.fromhex(RKSSSE_V1), known, bytes.fromhex(ORIGINAL)).hex() + ORIGINAL
    )


@pytest.mark.parametrize("le", ["04", "08", "10"])
def test_a_challenge_has_the_length_asked_for_and_is_new_every_time(terminal, le):
    first, second = challenge(terminal, le), challenge(terminal, le)
    assert len(first) == len(second) == int(le, 16)
    assert first != second


@pytest.mark.parametrize("le", ["", "00", "01", "07", "20", "FF"])
def test_other_challenge_lengths_are_6700(terminal, le):
    assert terminal(f"00840000{le}") == "6700"


def test_the_card_proves_itself_with_the_published_vector(terminal):
    assert terminal(f"0088000010{FACTOR}{ORIGINAL}") == "6108"
    assert terminal("00C0000008") == "DF62A91FCF1EB21C9000"


def test_the_key_version_may_be_named(direct):
    assert direct(f"0088000011{FACTOR}{ORIGINAL}01") == "DF62A91FCF1EB21C9000"
    assert direct(f"0088000011{FACTOR}{ORIGINAL}04") == "6A88"


def test_outside_an_application_there_is_no_key(make_terminal):
    assert make_terminal()(f"0088000010{FACTOR}{ORIGINAL}") == "6A88"


def test_internal_authentication_leaves_the_challenge(terminal, proof):
    known = challenge(terminal)
    terminal(f"0088000010{FACTOR}{ORIGINAL}")
    command = f"0082000A10{proof(known)}"
    assert terminal(command) == "9000"


@pytest.mark.parametrize("le", ["04", "08", "10"])
def test_a_right_cryptogram_over_the_last_challenge_opens_the_file(terminal, le):
    challenge(terminal, le)
    assert terminal("00B2013403") == "6982"
    assert terminal.authenticate("0A", RKSSSE_V1, le=le) == "9000"
    assert terminal("00B2013403") == "0801339000"
    assert terminal("00B0880001") == "009000"


@pytest.mark.parametrize("le", ["04", "08"])
def test_a_des_card_takes_challenges_of_its_block(make_terminal, le):
    card = make_terminal(algorithm=Algorithm.DES)
    card.select_ssse()
    assert card.authenticate("0A", RKSSSE_V1, le=le) == "9000"


def test_a_des_card_has_no_use_for_sixteen_bytes_of_challenge(make_terminal):
    card = make_terminal(algorithm=Algorithm.DES)
    card.select_ssse()
    challenge(card, "10")
    assert card(f"0082000A10{'00' * 16}") == "6984"


def test_each_version_is_a_key_of_its_own(terminal):
    assert terminal.authenticate("0A", RKSSSE_V1, version="02") == "63C2"
    assert terminal.authenticate("0A", RKSSSE_V2, version="02") == "9000"
    assert terminal.authenticate("0A", RKSSSE_V1, version="04") == "6A88"


def test_a_challenge_is_good_for_one_comparison(terminal, proof):
    known = challenge(terminal)
    command = f"0082000A10{proof(known)}"
    assert terminal(f"0082000A10{'00' * 16}") == "63C2"
    assert terminal(command) == "6984"
    assert terminal.authenticate("0A", RKSSSE_V1) == "9000"
    assert terminal(command) == "6984"


def test_a_challenge_dies_with_its_application(terminal, proof):
    command = f"0082000A10{proof(challenge(terminal))}"
    terminal("00A4000002DF01")
    terminal("00A4000002DDF1")
    assert terminal(command) == "6984"


def test_a_challenge_outlives_the_selection_of_a_file(terminal, proof):
    command = f"0082000A10{proof(challenge(terminal))}"
    terminal("00A4020002EF06")
    assert terminal(command) == "9000"


def test_wrong_cryptograms_count_down_and_block_the_key_for_good(terminal):
    wrong = [terminal.authenticate("0A", RKSSSE_V2) for _ in range(3)]
    assert wrong == ["63C2", "63C1", "63C0"]
    assert terminal.authenticate("0A", RKSSSE_V1) == "6983"
    terminal.card.reset()
    terminal.select_ssse()
    assert terminal(f"0082000A10{'00' * 16}") == "6983"
    assert terminal.authenticate("0A", RKSSSE_V2, version="02") == "9000"


def test_a_success_restores_the_tries(terminal):
    terminal.authenticate("0A", RKSSSE_V2)
    terminal.authenticate("0A", RKSSSE_V2)
    assert terminal.authenticate("0A", RKSSSE_V1) == "9000"
    assert terminal.authenticate("0A", RKSSSE_V2) == "63C2"


def test_a_key_without_a_counter_never_blocks(terminal):
    assert {terminal.authenticate("05", RKSSSE_V1) for _ in range(20)} == {"63CF"}
    assert terminal.authenticate("05", "0501" * 8) == "9000"


def test_a_right_lasts_until_power_off(terminal):
    terminal.authenticate("0A", RKSSSE_V1)
    terminal.card.power_off()
    terminal.card.power_on()
    terminal.select_ssse()
    assert terminal("00B2013403") == "6982"


def test_a_right_outlives_the_selection_of_its_own_directory(terminal):
    terminal.authenticate("0A", RKSSSE_V1)
    terminal.select_ssse()
    assert terminal("00B2013403") == "0801339000"


def test_a_right_of_the_ssse_holds_inside_it_and_ends_outside(terminal):
    terminal.authenticate("0A", RKSSSE_V1)
    terminal("00A4000002DF01")
    terminal("00A4000002DDF1")
    assert terminal("00B2013403") == "0801339000"
    terminal("00A4000000")
    terminal.select_ssse()
    assert terminal("00B2013403") == "6982"


def test_a_right_of_a_directory_ends_with_its_selection(terminal):
    terminal("00A4000002DF01")
    assert terminal.authenticate("88", RK1DF01) == "9000"
    assert terminal("00B2012C03") == "2001319000"
    terminal("00A4000002DF02")
    terminal("00A4000002DF01")
    assert terminal("00B2012C03") == "6982"


def test_keys_of_the_ssse_are_reached_from_its_directories_and_not_the_other_way_round(terminal):
    assert terminal.authenticate("88", RK1DF01) == "6A88"
    terminal("00A4000002DF01")
    assert terminal.authenticate("0A", RKSSSE_V1) == "9000"


def test_one_key_does_not_open_what_another_guards(terminal):
    terminal.authenticate("04", "0401" * 8)
    assert terminal("00B2013403") == "6982"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param(f"0082010A10{'00' * 16}", "6A86", id="P1"),
        pytest.param(f"0082000010{'00' * 16}", "6A86", id="number 0"),
        pytest.param(f"0082008010{'00' * 16}", "6A86", id="number 0 of the directory"),
        pytest.param(f"0082001A10{'00' * 16}", "6A86", id="RFU bit"),
        pytest.param(f"0082000A0F{'00' * 15}", "6700", id="15 bytes"),
        pytest.param(f"0082000A12{'00' * 18}", "6700", id="18 bytes"),
        pytest.param("0082000A", "6700", id="no data"),
        pytest.param(f"0082000B10{'00' * 16}", "6A88", id="no such key"),
        pytest.param(f"0082000A10{'00' * 16}", "6984", id="no challenge"),
        pytest.param(f"0088000110{'00' * 16}", "6A86", id="internal, P2"),
        pytest.param(f"008800000F{'00' * 15}", "6700", id="internal, 15 bytes"),
        pytest.param("0084000108", "6A86", id="challenge, P2"),
    ],
)
def test_refusals(terminal, command, sw):
    assert terminal(command) == sw


def test_some_cards_want_the_key_version_named(make_terminal):
    card = make_terminal(t0=False, quirks=Quirks(key_version_required=True))
    card.select_ssse()
    assert card(f"0088000010{FACTOR}{ORIGINAL}") == "6700"
    assert card(f"0088000011{FACTOR}{ORIGINAL}01") == "DF62A91FCF1EB21C9000"
    assert card.authenticate("0A", RKSSSE_V1) == "6700"
    assert card.authenticate("0A", RKSSSE_V1, version="01") == "9000"
