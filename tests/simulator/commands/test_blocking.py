import pytest

from cardlib.crypto import Algorithm
from simulator.people import ready_image

SSSE, MF = "00A4000002DDF1", "00A4000000"
APPLICATION, CARD = "841E0001", "84160000"
OTHERS = [
    "0020000000",
    "0084000008",
    "00B2012C00",
    "00DC012C03200131",
    "805E010007123456FF654321",
    f"{APPLICATION}0400000000",
]


@pytest.fixture(params=[("2.0", Algorithm.DES), ("3.0", Algorithm.SM4)], ids=["3DES", "SM4"])
def card(request, make_terminal, ready_keys):
    """A ready-made card in its SSSE, with its keys by name in hexadecimal as ``keys``."""
    name, algorithm = request.param
    terminal = make_terminal(t0=False, image=ready_image(name), algorithm=algorithm)
    terminal.keys = ready_keys(name)
    terminal.select_ssse()
    return terminal


def block_application(card, directory: str, *, by: str = "LK", mac: str | None = None) -> str:
    """Select a DF, win the right with LK or BK, and send APPLICATION BLOCK; the answer to it."""
    card(f"00A4000002{directory}")
    card_id, key = ("83", f"LK{directory}") if by == "LK" else ("05", "BK")
    assert card.authenticate(card_id, card.keys[key]) == "9000"
    return card.secured(APPLICATION, "", card.keys[mac or f"STK{directory}"])


def block_card(card) -> str:
    assert card.authenticate("05", card.keys["BK"]) == "9000"
    return card.secured(CARD, "", card.keys["STKSSSE"])


@pytest.mark.parametrize("directory", ["DF03", "DF04"])
def test_a_blocked_application_answers_9303_to_everything(card, directory):
    assert block_application(card, directory) == "9000"
    assert {card(command) for command in OTHERS} == {"9303"}
    assert card(f"00A4000002{directory}") == "9303"
    assert card(f"00A4040006D15600000{'502' if directory == 'DF03' else '503'}") == "9303"
    assert card("00A4020002EF05") == "9303"


ODD = ["", "00", "00B2", "0001000000", "FFA4000000", "00C0000013", "00A4000003EF05"]


def test_blocking_comes_before_everything_that_is_wrong_with_a_command(card):
    block_application(card, "DF04")
    assert {card(command) for command in ODD[:-1]} == {"9303"}
    assert card(ODD[-1]) == "6700"
    card(SSSE)
    block_card(card)
    assert {card(command) for command in ODD} == {"6A81"}


def test_only_the_selection_of_another_application_leads_out(card):
    block_application(card, "DF04")
    assert card("00B2012D00") == "9303"
    assert card("00A4000002DF03")[-4:] == "9000"
    card("0020000003123456")
    assert card("00B2012C00")[-4:] == "9000"


def test_a_blocked_application_that_was_selected_is_current(card):
    block_application(card, "DF04")
    card(SSSE)
    assert card("00B2012C00")[-4:] == "9000"
    assert card("00A4000002DF04") == "9303"
    assert card("00B2012C00") == "9303"


def test_blocking_is_for_good_and_of_this_card_alone(card, make_terminal):
    block_application(card, "DF04")
    card.card.power_off()
    card.card.power_on()
    card.select_ssse()
    assert card("00A4000002DF04") == "9303"
    other = make_terminal(t0=False, image=ready_image("3.0"))
    other.select_ssse()
    assert other("00A4000002DF04")[-4:] == "9000"


def test_a_directory_without_lk_is_blocked_by_bk(card):
    assert block_application(card, "DF01", by="BK") == "9000"
    assert card("0084000008") == "9303"


def test_bk_does_not_stand_in_for_lk(card):
    assert block_application(card, "DF04", by="BK") == "6982"


def test_the_right_of_lk_ends_with_its_directory(card):
    card("00A4000002DF03")
    card.authenticate("83", card.keys["LKDF03"])
    card("00A4000002DF04")
    assert card.secured(APPLICATION, "", card.keys["STKDF04"]) == "6982"


def test_the_mac_is_under_the_stk_of_the_directory(card):
    assert block_application(card, "DF04", mac="STKSSSE") == "6988"
    assert card("00A4000002DF04")[-4:] == "9000"


def test_blocking_the_ssse_takes_all_that_lies_in_it(card):
    assert card.authenticate("05", card.keys["BK"]) == "9000"
    assert card.secured(APPLICATION, "", card.keys["STKSSSE"]) == "9000"
    assert [card(SSSE), card("00A4000002DF01"), card("0084000008")] == ["9303"] * 3
    assert card(MF)[-4:] == "9000"
    assert card("0084000008")[-4:] == "9000"
    assert card("00A4040006D15600000503") == "9303"


def test_a_directory_without_stk_cannot_be_blocked(card):
    card("00A4000002DF07")
    card.authenticate("05", card.keys["BK"])
    card("0084000008")
    assert card(f"{APPLICATION}0400000000") == "6A88"


def test_outside_the_ssse_nothing_can_be_blocked(card):
    card.authenticate("05", card.keys["BK"])
    card(MF)
    assert card(f"{APPLICATION}0400000000") == card(f"{CARD}0400000000") == "6982"


def test_a_blocked_card_answers_6a81_for_good_and_still_has_its_atr(card):
    assert block_card(card) == "9000"
    atr = card.card.atr
    for _ in range(2):
        assert {card(command) for command in (*OTHERS, SSSE, MF, "00A4000002FFFF", f"{CARD}0400000000")} == {"6A81"}
        card.card.power_off()
        assert card.card.power_on() == atr


def test_a_card_with_a_blocked_application_can_be_blocked_too(card):
    block_application(card, "DF04")
    card(SSSE)
    assert block_card(card) == "9000"
    assert card("00A4000002DF04") == "6A81"


def test_the_card_is_blocked_by_bk_alone(card):
    card.authenticate("06", card.keys["PUK"])
    assert card.secured(CARD, "", card.keys["STKSSSE"]) == "6982"
    card("00A4000002DF04")
    card.authenticate("83", card.keys["LKDF04"])
    assert card.secured(CARD, "", card.keys["STKSSSE"]) == "6982"


@pytest.mark.parametrize(
    ("header", "where", "card_id", "key"), [(CARD, SSSE, "05", "BK"), (APPLICATION, "00A4000002DF04", "83", "LKDF04")]
)
def test_failures_lock_no_key_and_spend_the_challenge(card, header, where, card_id, key):
    card(where)
    assert {card.authenticate(card_id, "00" * 16) for _ in range(20)} == {"63CF"}
    assert card.authenticate(card_id, card.keys[key]) == "9000"
    assert card(f"{header}0400000000") == "6984"
    for _ in range(20):
        card("0084000008")
        assert [card(f"{header}0400000000") for _ in range(2)] == ["6988", "6984"]
    stk = card.keys["STKSSSE" if header == CARD else "STKDF04"]
    assert card.secured(header, "", stk) == "9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("841E01010400000000", "6A86", id="application, P1"),
        pytest.param("841E00000400000000", "6A86", id="application, P2"),
        pytest.param("841E0001", "6700", id="application, no MAC"),
        pytest.param("841E000105" + "00" * 5, "6700", id="application, 5 bytes"),
        pytest.param("841E00010400000000", "6982", id="application, no right"),
        pytest.param("84160001" + "0400000000", "6A86", id="card, P2"),
        pytest.param("8416000003000000", "6700", id="card, 3 bytes"),
        pytest.param("841600000400000000", "6982", id="card, no right"),
        pytest.param("801600000400000000", "6E00", id="card, class 80"),
        pytest.param("001E00010400000000", "6D00", id="application, class 00"),
    ],
)
def test_what_blocks_nothing(card, command, sw):
    assert card(command) == sw
    assert card("0084000008")[-4:] == "9000"


# MAC of the header under the card key of card.md §4.11 and its challenge, with the OpenSSL 3 command line:
# session = enc -ecb of the challenge, filled with 00, under STK; enc -cbc -iv 0 of 84160000 04 80 00…; 3DES: the first
# four bytes of the last block, SM4: its four words xored.
@pytest.mark.parametrize(
    ("algorithm", "stk", "expected"),
    [
        pytest.param(Algorithm.DES, "4ab5790ed90ffae3", "a15df109", id="3DES"),
        pytest.param(Algorithm.SM4, "4cf56d8b099457aea63cd651de50733e", "a8fdbc4c", id="SM4"),
    ],
)
def test_the_macs_of_these_tests_are_those_of_openssl(mac, algorithm, stk, expected):
    challenge, header = bytes.fromhex("0011223344556677"), bytes.fromhex("8416000004")
    assert mac(algorithm, bytes.fromhex(stk), challenge, header).hex() == expected
