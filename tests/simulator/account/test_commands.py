"""The account's commands over the wire: published transactions, refusals and their order, balances."""

import pytest

from cardlib.crypto import Algorithm
from simulator.account.amounts import Amounts
from simulator.quirks import Quirks

CODES = {Algorithm.DES: 0, Algorithm.SM4: 3}

ALGORITHMS = pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4], ids=lambda found: found.name)
TOTALS = "000061A82024 000753002024"
"""Both totals of the card, each with its year."""

PUBLISHED = {
    Algorithm.DES: {
        "load": ("2F39C5CF", "CE21C249", "A4C7EA8B", "7E50FC4F"),
        (1000, 0, 0): ("B9452D7C", "CA349A8D", "AE2A4513"),
        (1000, 250, 4750): ("B6E039D3", "1EA4B616", "CEBF91EF"),
    },
    Algorithm.SM4: {
        "load": ("D6571C5A", "81E2C074", "BDBFC207", "47111896"),
        (1000, 0, 0): ("8B15863D", "49694902", "9EDBA333"),
        (1000, 250, 4750): ("5BBFD118", "41084D24", "C0C90BF1"),
    },
}


@ALGORITHMS
def test_the_published_load(terminal, algorithm):
    card = terminal(algorithm=algorithm)
    mac1, mac2, tac, _ = PUBLISHED[algorithm]["load"]
    assert card.begin_load() == f"000013880001010{CODES[algorithm]}A1B2C3D4{mac1}9000"
    assert card(f"B02A00000B20240102030405{mac2}") == tac + "9000"
    assert card.balance() == f"00001770 {TOTALS}"
    assert card.log() == ["00023165010000000120240102030405000003E80000000000000000"]
    assert card.proof("31", 2) == f"00000000{tac}9000"


@ALGORITHMS
def test_the_published_load_of_a_card_that_seals_the_old_balance(terminal, algorithm):
    card = terminal(algorithm=algorithm, quirks=Quirks(load_tac_balance="before"))
    _, mac2, _, tac = PUBLISHED[algorithm]["load"]
    card.begin_load()
    assert card(f"B02A00000B20240102030405{mac2}") == tac + "9000"
    assert card.balance().startswith("00001770 ")


@ALGORITHMS
@pytest.mark.parametrize(
    ("split", "total", "amounts"),
    [
        ((1000, 0, 0), TOTALS, "000003E80000000000000000"),
        ((1000, 250, 4750), "000062A22024 0007658E2024", "000003E8000000FA0000128E"),
    ],
)
def test_the_published_purchases(terminal, algorithm, split, total, amounts):
    card = terminal(algorithm=algorithm)
    mac1, mac2, tac = PUBLISHED[algorithm][split]
    assert card.begin_purchase(*split) == f"00001388000061A80007530020240001010{CODES[algorithm]}A1B2C3D49000"
    assert card(f"B02C01000F0000000120240102030405{mac1}") == f"{tac}{mac2}9000"
    assert card.balance() == f"00000FA0 {total}"
    assert card.log() == ["00023265010000000120240102030405" + amounts]
    assert card.proof("32", 2) == f"{mac2}{tac}9000"


def test_answers_travel_by_get_response(terminal):
    card = terminal(t0=True)
    assert card.begin_load() == "6110"
    assert card("00C0000010") == "00001388000101" + "03A1B2C3D4D6571C5A9000"
    assert card("B02A00000B2024010203040581E2C074") == "6104"
    assert card("00C0000004") == "BDBFC2079000"
    assert card.begin_purchase() == "6116"
    assert card("00C0000016")[-4:] == "9000"
    assert card.debit() == "6108"
    assert card("00C0000008")[-4:] == "9000"
    assert card.proof("32", 2) == "6108"
    assert card("00C0000008")[-4:] == "9000"
    assert card("B026000104") == "000013889000"
    assert card("B056010002") == "01019000"


def test_counters_run_apart_and_the_log_holds_the_newest_first(terminal):
    card = terminal()
    for number in (1, 2):
        card.begin_load()
        assert card.credit(number=number)[-4:] == "9000"
    card.begin_purchase(7)
    assert card.debit(7)[-4:] == "9000"
    assert card.begin_load()[8:12] == "0003"
    assert card.begin_purchase()[28:32] == "0002"
    assert [record[:6] for record in card.log()] == ["000232", "000331", "000231"]


def test_what_numbers_log_and_proof_is_a_matter_of_reading(terminal):
    card = terminal(quirks=Quirks(log_number="before", proof_number="before"))
    card.begin_load()
    card.credit()
    assert card.log()[0][:6] == "000131"
    assert card.proof("31", 1)[-4:] == "9000"
    assert card.proof("31", 2) == "9406"


def test_amounts_of_nothing_are_accepted(terminal):
    card = terminal(amounts=Amounts(1, 1))
    card.begin_load(0)
    assert card.credit(0)[-4:] == "9000"
    card.begin_purchase(0)
    assert card.debit(0)[-4:] == "9000"


# --- an account-only card ---


def test_an_account_only_card_sends_nothing_of_the_other_amounts(terminal):
    card = terminal(record=0x14)
    assert card.begin_purchase(1000, 250, 4750) == "00001388" + "00" * 10 + "00010103A1B2C3D49000"
    assert card("B02C01000F00000001202401020304055BBFD118") == "C0C90BF141084D249000"
    assert card.balance() == "00000FA0 000000000000 000000000000"
    assert card.log() == ["00023265010000000120240102030405000003E8"]
    assert card.proof("32", 2) == "41084D24C0C90BF19000"
    assert card("B056010002") == "00009000"
    assert card.authenticate("87") == "9000"
    assert card("B0560000020701") == "6985"


# --- refusals ---

INITIALIZE_LOAD = f"B02800010B01000003E8{'00' * 6}"
INITIALIZE_PURCHASE = f"B02801011301{'00' * 18}"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("B02802010B01000003E8000000000000", "6A86"),
        ("B02800000B01000003E8000000000000", "6A86"),
        ("B02801001301" + "00" * 18, "6A86"),
        ("B02800020B01000003E8000000000000", "6A86"),
        ("B02800010A01000003E80000000000", "6700"),
        ("B02800011301" + "00" * 18, "6700"),
        ("B02801010B01000003E8000000000000", "6700"),
        ("B0280001", "6700"),
        ("B02A00010B" + "00" * 11, "6A86"),
        ("B02A01000B" + "00" * 11, "6A86"),
        ("B02A00000A" + "00" * 10, "6700"),
        ("B02A00000B" + "00" * 11, "6901"),
        ("B02C00000F" + "00" * 15, "6A86"),
        ("B02C01010F" + "00" * 15, "6A86"),
        ("B02C010010" + "00" * 16, "6700"),
        ("B02C01000F" + "00" * 15, "6901"),
        ("B026010104", "6A86"),
        ("B026000004", "6A86"),
        ("B026000404", "6A86"),
        ("B026000106", "6700"),
        ("B026000204", "6700"),
        ("B026000304", "6700"),
        ("B026000100", "6700"),
        ("B0260001", "6700"),
        ("B02E0100020001", "6A86"),
        ("B02E0031010001", "6700"),
        ("B02E0030020001", "6A86"),
        ("B02E0001020001", "6A86"),
        ("B02E00310100", "6700"),
        ("B02E003103000001", "6700"),
        ("B056020002", "6A86"),
        ("B056000102" + "0101", "6A86"),
        ("B0560000010" + "1", "6700"),
        ("B056010003", "6700"),
        ("B0560100", "6700"),
        ("B027000104", "6E00"),
        ("0026000104", "6D00"),
    ],
)
def test_malformed_commands(terminal, command, answer):
    assert terminal()(command) == answer


@pytest.mark.parametrize("t0", [True, False])
def test_a_wrong_le_of_get_balance_is_never_corrected(terminal, t0):
    card = terminal(t0=t0)
    assert [card(f"B0260001{le}") for le in ("00", "03", "05")] == ["6700"] * 3


@pytest.mark.parametrize("missing", [{"amounts": None}, {"record": 0}])
@pytest.mark.parametrize(
    "command",
    [
        INITIALIZE_LOAD,
        INITIALIZE_PURCHASE,
        "B02A00000B" + "00" * 11,
        "B02C01000F" + "00" * 15,
        "B026000104",
        "B02E0031020001",
        "B0560000020101",
        "B056010002",
    ],
)
def test_a_card_without_an_account_refuses_by_conditions(terminal, missing, command):
    assert terminal(**missing)(command) == "6985"


def test_the_account_belongs_to_its_directory(terminal):
    card = terminal()
    assert card("00A4000002DF03")[-4:] == "9000"
    assert card("B026000104") == "6985"
    assert card("00A4000002DF04")[-4:] == "9000"
    assert card("B026000104") == "000013889000"


FULL = Amounts(0xFFFF, 0xFFFF, 5000)


@pytest.mark.parametrize(
    ("verified", "index", "amounts", "answer"),
    [
        pytest.param(False, 9, FULL, "6982", id="PIN before key index"),
        pytest.param(True, 9, FULL, "9403", id="key index before counter"),
        pytest.param(True, 1, FULL, "9402", id="counter before balance"),
        pytest.param(True, 1, Amounts(1, 1, 5000), "9401", id="balance"),
    ],
)
def test_what_a_purchase_is_refused_by_first(terminal, verified, index, amounts, answer):
    card = terminal(amounts=amounts)
    if not verified:
        card.card.reset()
        card.enter()
    assert card.begin_purchase(5001, index=index) == answer


@pytest.mark.parametrize(
    ("verified", "index", "amount", "answer"),
    [
        pytest.param(False, 9, 0xFFFFFFFF - 4999, "6985", id="overflow before PIN"),
        pytest.param(False, 9, 0xFFFFFFFF - 5000, "6982", id="PIN before key index"),
        pytest.param(True, 9, 0xFFFFFFFF - 5000, "9403", id="key index before counter"),
        pytest.param(True, 1, 0xFFFFFFFF - 5000, "9402", id="counter"),
    ],
)
def test_what_a_load_is_refused_by_first(terminal, verified, index, amount, answer):
    card = terminal(amounts=FULL)
    if not verified:
        card.card.reset()
        card.enter()
    assert card.begin_load(amount, index=index) == answer


def test_a_balance_goes_to_the_limit_of_32_bits(terminal):
    card = terminal()
    card.begin_load(0xFFFFFFFF - 5000)
    assert card.credit(0xFFFFFFFF - 5000)[-4:] == "9000"
    assert card("B026000104") == "FFFFFFFF9000"
    assert card.begin_load(1) == "6985"
    assert card.begin_purchase(0xFFFFFFFF)[-4:] == "9000"


def test_the_last_number_of_a_counter_is_used_and_then_no_more(terminal):
    card = terminal(amounts=Amounts(0xFFFE, 0xFFFE, 5000))
    card.begin_load()
    assert card.credit(number=0xFFFE)[-4:] == "9000"
    card.begin_purchase()
    assert card.debit(number=0xFFFE)[-4:] == "9000"
    assert (card.begin_load(), card.begin_purchase()) == ("9402", "9402")
    assert [record[:6] for record in card.log()] == ["FFFF32", "FFFF31"]
    assert card.proof("32", 0xFFFF)[-4:] == "9000"


def test_a_card_without_a_pin_asks_for_none(terminal):
    card = terminal(pin="")
    assert card.begin_purchase()[-4:] == "9000"
    assert card.debit()[-4:] == "9000"
    assert card("B026000104") == "00000FA09000"


def test_without_the_pin_there_is_no_balance(terminal):
    card = terminal()
    card.card.reset()
    card.enter()
    assert card.balance() == "6982 6982 6982"
    assert card.proof("31", 2) == "9406"
    assert card("B056010002") == "01019000"


def test_each_index_is_a_key_of_its_own(terminal):
    card = terminal(indexes=(2, 3))
    assert (card.begin_load(index=1), card.begin_purchase(index=1)) == ("9403", "9403")
    assert card.begin_load(index=3)[-4:] == "9000"


def test_any_tac_key_serves_where_the_index_has_none(terminal):
    card = terminal(indexes=(2,), tac_indexes=(3,))
    card.begin_load(index=2)
    assert card.credit() == "BDBFC2079000"


@pytest.mark.parametrize("keys", [{"tac_indexes": ()}, {"key_size": 8}])
def test_without_keys_that_can_finish_it_nothing_begins(terminal, keys):
    card = terminal(**keys)
    assert (card.begin_load(), card.begin_purchase()) == ("9403", "9403")


def test_wrong_macs_change_nothing(terminal):
    card = terminal()
    before = card.card.eeprom.content
    card.begin_load()
    assert card.credit(spoil=1) == "9302"
    card.begin_purchase()
    assert card.debit(spoil=0x80000000) == "9302"
    assert card.card.eeprom.content == before


def test_a_mac_is_good_for_one_transaction(terminal):
    card = terminal()
    for _ in range(2):
        card.begin_purchase()
        answer = card.debit(number=1)
    assert answer == "9302"


# --- the year ---

WORKED = [
    pytest.param("20100701", "20110630", "accounting", "000062A22010 0007658E2010", id="last day of the year"),
    pytest.param("20100701", "20110701", "accounting", "000000FA2011 0000128E2011", id="first day of the next"),
    pytest.param("20100701", "20120315", "accounting", "000000FA2011 0000128E2011", id="before the starting day"),
    pytest.param("20100701", "20120315", "calendar", "000000FA2012 0000128E2012", id="the same, naive year"),
    pytest.param("20110701", "20110630", "accounting", "000062A22011 0007658E2011", id="before the stored year"),
    pytest.param("00000101", "20240310", "accounting", "000000FA2024 0000128E2024", id="no year stored"),
]
"""Year stored and starting day, date, reading; both totals with their year afterwards [S2.7 §12.6]."""


@pytest.mark.parametrize(("stored", "date", "reading", "totals"), WORKED)
def test_turn_of_the_year(terminal, stored, date, reading, totals):
    amounts = Amounts(1, 1, 6000, 25_000, 480_000, bytes.fromhex(stored[:4]), bytes.fromhex(stored[4:]))
    card = terminal(amounts=amounts, quirks=Quirks(settlement_year=reading))
    assert card.begin_purchase(1000, 250, 4750)[24:28] == stored[:4]
    assert card.debit(1000, 250, 4750, time=date + "120000")[-4:] == "9000"
    assert card.balance() == f"00001388 {totals}"


def test_the_naive_year_adds_to_the_year_before(terminal):
    amounts = Amounts(1, 1, 6000, 25_000, 480_000, bytes.fromhex("2010"), bytes.fromhex("0701"))
    card = terminal(amounts=amounts, quirks=Quirks(settlement_year="calendar"))
    for number, date in ((1, "20120315"), (2, "20120801")):
        card.begin_purchase(1000, 250, 4750)
        assert card.debit(1000, 250, 4750, number=number, time=date + "120000")[-4:] == "9000"
    assert card.balance() == "00000FA0 000001F42012 0000251C2012"


def test_a_load_never_touches_the_year(terminal):
    card = terminal()
    card.begin_load()
    card.credit(time="20991231235959")
    assert card.balance() == f"00001770 {TOTALS}"


def test_another_starting_day_takes_the_right_of_dsk(terminal):
    card = terminal()
    assert card("B0560000020701") == "6982"
    assert card.authenticate("87") == "9000"
    assert card("B0560000020A01") == "6985"
    assert card("B0560000020701") == "9000"
    assert card("B056010002") == "07019000"
    assert card.balance() == f"00001388 {TOTALS}"
    card.start()
    assert card("B056010002") == "07019000"
    assert card("B0560000020101") == "6982"


def test_the_new_starting_day_counts_at_the_next_purchase(terminal):
    card = terminal()
    card.authenticate("87")
    card("B0560000020701")
    card.begin_purchase(0, 1, 2)
    card.debit(0, 1, 2, time="20250630000000")
    assert card.balance() == "00001388 000061A92024 000753022024"
    card.begin_purchase(0, 1, 2)
    card.debit(0, 1, 2, number=2, time="20250701000000")
    assert card.balance() == "00001388 000000012025 000000022025"


def test_totals_end_at_32_bits_and_dates_at_digits(terminal):
    card = terminal()
    before = card.card.eeprom.content
    card.begin_purchase(1, 0xFFFFFFFF, 0)
    assert card.debit(1, 0xFFFFFFFF, 0) == "6985"
    card.begin_purchase(1)
    assert card.debit(1, time="2024010A000000") == "6985"
    assert card.card.eeprom.content == before
