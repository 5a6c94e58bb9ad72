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


CHANGE = "805E0100"


def change(terminal, old: str, new: str) -> str:
    return terminal(f"{CHANGE}{(len(old) + len(new)) // 2 + 1:02X}{old}FF{new}")


def test_the_old_pin_lets_set_a_new_one(terminal):
    assert change(terminal, "123456", "654321") == "9000"
    assert [terminal(RIGHT), terminal(WRONG)] == ["63C5", "9000"]


@pytest.mark.parametrize("new", ["1234", "123F", "12345F", "1234567890123456", "123456789012345F"])
def test_a_pin_has_4_to_16_digits(terminal, new):
    assert change(terminal, "123456", new) == ("6A80" if new == "123F" else "9000")
    assert terminal(f"00200000{len(new) // 2:02X}{new}") == ("63C5" if new == "123F" else "9000")


def test_a_wrong_old_pin_costs_a_try_and_the_right_won(terminal):
    terminal(RIGHT)
    assert change(terminal, "654321", "111111") == "63C5"
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "6982"
    assert change(terminal, "123456", "111111") == "9000"
    assert terminal(QUERY) == "63C6"


@pytest.mark.parametrize(("verified", "answer"), [(True, "2301329000"), (False, "6982")])
def test_a_change_leaves_the_right_as_it_was(terminal, verified, answer):
    if verified:
        terminal(RIGHT)
    change(terminal, "123456", "654321")
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == answer


def test_changing_and_verifying_share_one_counter_that_blocks_both(terminal):
    assert [change(terminal, "654321", "111111") for _ in range(5)] == ["63C5", "63C4", "63C3", "63C2", "63C1"]
    assert terminal(WRONG) == "63C0"
    assert change(terminal, "123456", "111111") == "6983"
    assert terminal(QUERY) == "6983"


def test_a_pin_can_be_removed_and_set_again(terminal):
    assert change(terminal, "123456", "") == "9000"
    assert [terminal(QUERY), terminal(RIGHT)] == ["9000", "63C5"]
    terminal("00A4000002DF01")
    assert terminal("00B2013403") == "2301329000"
    assert change(terminal, "123456", "1111") == "63C4"
    assert change(terminal, "", "1111") == "9000"
    assert terminal("00B2013403") == "6982"
    assert terminal("00200000021111") == "9000"


def test_an_empty_old_pin_is_wrong_where_one_is_set(terminal):
    assert change(terminal, "", "1111") == "63C5"


def test_a_changed_pin_outlives_power_off_and_is_this_card_s_alone(make_terminal, odd):
    first, second = make_terminal(image=odd), make_terminal(image=odd)
    first.select_ssse()
    second.select_ssse()
    change(first, "123456", "654321")
    first.card.power_off()
    first.card.power_on()
    first.select_ssse()
    assert [first(WRONG), second(RIGHT)] == ["9000", "9000"]


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("805E000007123456FF654321", "6A86", id="P1"),
        pytest.param("805E010107123456FF654321", "6A86", id="P2"),
        pytest.param("805E0100", "6700", id="nothing"),
        pytest.param("805E01000212FF", "6700", id="2 bytes"),
        pytest.param("805E010012" + "12" * 8 + "FF" + "12" * 9, "6700", id="18 bytes"),
        pytest.param("805E010006123456654321", "6A80", id="no separator"),
        pytest.param("805E0100051234FFFF12", "6A80", id="two separators"),
        pytest.param("805E0100051234FF5A67", "6A80", id="no digit"),
        pytest.param("805E010005F234FF5667", "6A80", id="filler in front"),
        pytest.param("805E0100071234FF5678", "6700", id="cut off"),
        pytest.param("805E01000412FF1234", "6A80", id="old of 2 digits"),
        pytest.param("805E0100041234FF12", "6A80", id="new of 2 digits"),
        pytest.param("805E01000C1234FF" + "12" * 9, "6A80", id="new of 9 bytes"),
        pytest.param("005E010007123456FF654321", "6D00", id="class 00"),
        pytest.param("845E010007123456FF654321", "6E00", id="class 84"),
    ],
)
def test_a_malformed_change_costs_no_try(terminal, command, sw):
    assert terminal(command) == sw
    assert [terminal(QUERY), terminal(RIGHT)] == ["63C6", "9000"]


def test_where_no_pin_belongs_there_is_none_to_change(make_terminal):
    assert change(make_terminal(), "123456", "654321") == "6A81"
