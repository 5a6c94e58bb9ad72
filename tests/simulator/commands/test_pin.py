import pytest

QUERY, RIGHT, WRONG = "0020000000", "0020000003123456", "0020000003654321"


def test_the_question_tells_the_tries_left_and_costs_none(terminal):
    assert [terminal(QUERY), terminal("00200000"), terminal(RIGHT), terminal(QUERY)] == ["63C6", "63C6", "9000", "63C6"]


def test_wrong_pins_count_down_and_block(terminal):
    assert [terminal(WRONG) for _ in range(7)] == ["63C5", "63C4", "63C3", "63C2", "63C1", "63C0", "6983"]
    assert terminal(RIGHT) == "6983"
    assert terminal(QUERY) == "6983"


def test_a_blocked_pin_stays_blocked_through_power_off(terminal):
    for _ in range(6):
        terminal(WRONG)
    terminal.card.power_off()
    terminal.card.power_on()
    terminal.select_ssse()
    assert terminal(RIGHT) == "6983"


def test_the_right_pin_restores_the_tries(terminal):
    terminal(WRONG)
    assert terminal(RIGHT) == "9000"
    assert terminal(WRONG) == "63C5"


def test_a_longer_or_shorter_pin_is_wrong_not_malformed(terminal):
    assert terminal("00200000021234") == "63C5"
    assert terminal("002000000412345678") == "63C4"


def test_the_pin_opens_files_below_until_power_off_whatever_is_selected(terminal):
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "6982"
    assert terminal(RIGHT) == "9000"
    assert terminal("00B2013403") == "2301329000"
    terminal("00A4000000")
    terminal.select_ssse()
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "2301329000"
    terminal.card.reset()
    terminal.select_ssse()
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "6982"


def test_a_wrong_pin_ends_an_earlier_success(terminal):
    terminal(RIGHT)
    terminal(WRONG)
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "6982"


def test_the_pin_is_enough_where_pin_or_key_is_asked(terminal):
    terminal(RIGHT)
    terminal("00A4000002DF01")
    assert terminal("00B2012C03") == "2001319000"
    terminal("00A4000002DDF1")
    assert terminal("00B2013403") == "6982"


def test_a_card_without_a_pin_says_9000_and_refuses_every_pin(make_terminal):
    card = make_terminal(pin="")
    card.select_ssse()
    assert card(QUERY) == "9000"
    assert card(RIGHT) == "63C5"
    card("00A4000002DF01")
    assert card("00B2013403") == "2301329000"


def test_where_no_pin_belongs_there_is_none_to_refer_to(make_terminal):
    card = make_terminal()
    assert card(QUERY) == "6A88"
    assert card(RIGHT) == "6A88"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("0020010003123456", "6A86", id="P1"),
        pytest.param("0020008103123456", "6A86", id="P2"),
        pytest.param("002000000112", "6700", id="1 byte"),
        pytest.param("0020000009" + "12" * 9, "6700", id="9 bytes"),
    ],
)
def test_a_malformed_verify_costs_no_try(terminal, command, sw):
    assert terminal(command) == sw
    assert terminal(QUERY) == "63C6"
