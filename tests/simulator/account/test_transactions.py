"""Loads and purchases against the published vectors, and against the OpenSSL command line for others."""

import random

import pytest

from apdu.secret import Secret
from cardlib.crypto import Algorithm, suite_for
from simulator.account.amounts import Amounts
from simulator.account.outcome import LogRecord, Proof, TradeType
from simulator.account.transactions import PendingLoad, PendingPurchase, TransactionKeys, require_counter
from simulator.command import Refused
from simulator.quirks import CONFORMING, Quirks

RANDOM = bytes.fromhex("A1B2C3D4")
TERMINAL, TIME = bytes.fromhex("650100000001"), bytes.fromhex("20240102030405")
CARD = Amounts(1, 1, 5000, 25_000, 480_000, bytes.fromhex("2024"), bytes.fromhex("0101"))
CARD_KEYS = {Algorithm.DES: "f27d8d26ec3430bd1ab26aced5f5ea2e", Algorithm.SM4: "4cf56d8b099457aea63cd651de50733e"}
CODES = {Algorithm.DES: 0x00, Algorithm.SM4: 0x03}
"""Algorithm bytes of key records [S2.9 §6.1]."""

ALGORITHMS = pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4], ids=lambda found: found.name)


def keys(algorithm: Algorithm) -> TransactionKeys:
    """The card of the published vectors: DLK = DPK = DTK."""
    key = Secret(bytes.fromhex(CARD_KEYS[algorithm]))
    return TransactionKeys(suite_for(algorithm), 1, key, key, CODES[algorithm])


def load(algorithm: Algorithm, amounts: Amounts = CARD) -> PendingLoad:
    return PendingLoad(keys(algorithm), RANDOM, amounts, 1000, TERMINAL)


def purchase(algorithm: Algorithm, *split: int, amounts: Amounts = CARD, account_only: bool = False) -> PendingPurchase:
    return PendingPurchase(keys(algorithm), RANDOM, amounts, *split, TERMINAL, account_only)


# --- published: load of 1000 fen on 5000; purchases 1000/0/0 and 1000/250/4750 ---

LOADS = [
    pytest.param(Algorithm.DES, "2f39c5cf", "ce21c249", "a4c7ea8b", "7e50fc4f", id="DES"),
    pytest.param(Algorithm.SM4, "d6571c5a", "81e2c074", "bdbfc207", "47111896", id="SM4"),
]
PURCHASES = [
    pytest.param(Algorithm.DES, (1000, 0, 0), "b9452d7c", "ca349a8d", "ae2a4513", id="DES, account only"),
    pytest.param(Algorithm.SM4, (1000, 0, 0), "8b15863d", "49694902", "9edba333", id="SM4, account only"),
    pytest.param(Algorithm.DES, (1000, 250, 4750), "b6e039d3", "1ea4b616", "cebf91ef", id="DES, split"),
    pytest.param(Algorithm.SM4, (1000, 250, 4750), "5bbfd118", "41084d24", "c0c90bf1", id="SM4, split"),
]


@pytest.mark.parametrize(("algorithm", "mac1", "mac2", "after", "before"), LOADS)
def test_published_load(algorithm, mac1, mac2, after, before):
    pending = load(algorithm)
    assert pending.answer().hex() == f"00001388000101{CODES[algorithm]:02x}a1b2c3d4{mac1}"
    outcome = pending.complete(TIME, bytes.fromhex(mac2), CONFORMING)
    assert outcome.answer.hex() == after
    assert outcome.amounts == Amounts(2, 1, 6000, 25_000, 480_000, CARD.year, CARD.starting_day)
    assert outcome.record == LogRecord(2, TradeType.LOAD, TERMINAL, TIME, 1000)
    assert outcome.proof == Proof(TradeType.LOAD, 2, bytes(4), bytes.fromhex(after))
    assert pending.complete(TIME, bytes.fromhex(mac2), Quirks(load_tac_balance="before")).answer.hex() == before


@pytest.mark.parametrize(("algorithm", "split", "mac1", "mac2", "tac"), PURCHASES)
def test_published_purchase(algorithm, split, mac1, mac2, tac):
    pending = purchase(algorithm, *split)
    assert pending.answer().hex() == f"00001388000061a8000753002024000101{CODES[algorithm]:02x}a1b2c3d4"
    outcome = pending.complete(bytes.fromhex("00000001"), TIME, bytes.fromhex(mac1), CONFORMING)
    assert outcome.answer.hex() == tac + mac2
    assert outcome.proof.pack().hex() == "320002" + mac2 + tac
    assert outcome.record == LogRecord(2, TradeType.PURCHASE, TERMINAL, TIME, *split)
    account, self_paid, pooled = split
    totals = 25_000 + self_paid, 480_000 + pooled
    assert outcome.amounts == Amounts(1, 2, 5000 - account, *totals, CARD.year, CARD.starting_day)


@ALGORITHMS
def test_an_account_only_card_keeps_nothing_of_the_other_parts(algorithm):
    published = {Algorithm.DES: ("b6e039d3", "cebf91ef1ea4b616"), Algorithm.SM4: ("5bbfd118", "c0c90bf141084d24")}
    mac1, answer = published[algorithm]
    pending = purchase(algorithm, 1000, 250, 4750, account_only=True)
    assert pending.answer().hex() == f"00001388{'00' * 10}000101{CODES[algorithm]:02x}a1b2c3d4"
    outcome = pending.complete(bytes.fromhex("00000001"), TIME, bytes.fromhex(mac1), CONFORMING)
    assert outcome.answer.hex() == answer
    assert outcome.amounts == Amounts(1, 2, 4000, 25_000, 480_000, CARD.year, CARD.starting_day)
    assert outcome.record.pack(0x14).hex() == "000232650100000001" + "20240102030405" + "000003e8"


# --- second computation ---


@ALGORITHMS
def test_any_load_agrees_with_openssl(algorithm, outside):
    rng, other = random.Random(algorithm.name), outside(algorithm)
    dlk, dtk, rnd, terminal, time = (rng.randbytes(size) for size in (16, 16, 4, 6, 7))
    number, balance, amount = rng.randrange(0xFFFF), rng.randrange(1 << 31), rng.randrange(1 << 31)
    pending = PendingLoad(
        TransactionKeys(suite_for(algorithm), 3, Secret(dlk), Secret(dtk), CODES[algorithm]),
        rnd,
        Amounts(loads=number, balance=balance),
        amount,
        terminal,
    )
    seq = number.to_bytes(2, "big")
    fixed = amount.to_bytes(4, "big") + b"1" + terminal
    session = other.session(dlk, rnd + seq + b"\x80\x00")
    old, new = balance.to_bytes(4, "big"), (balance + amount).to_bytes(4, "big")
    assert pending.answer() == old + seq + bytes((3, CODES[algorithm])) + rnd + other.mac(session, old + fixed)
    outcome = pending.complete(time, other.mac(session, fixed + time), CONFORMING)
    assert outcome.answer == other.tac(dtk, new + seq + fixed + time)


@ALGORITHMS
def test_any_purchase_agrees_with_openssl(algorithm, outside):
    rng, other = random.Random(algorithm.name), outside(algorithm)
    dpk, dtk, rnd, terminal, sequence = (rng.randbytes(size) for size in (16, 16, 4, 6, 4))
    number, split = rng.randrange(0xFFFF), [rng.randrange(1 << 31) for _ in range(3)]
    pending = PendingPurchase(
        TransactionKeys(suite_for(algorithm), 2, Secret(dpk), Secret(dtk), CODES[algorithm]),
        rnd,
        Amounts(purchases=number, balance=1 << 31),
        *split,
        terminal,
        account_only=False,
    )
    parts = b"".join(part.to_bytes(4, "big") for part in split)
    session = other.session(dpk, rnd + number.to_bytes(2, "big") + sequence[2:])
    outcome = pending.complete(sequence, TIME, other.mac(session, parts + b"2" + terminal + TIME), CONFORMING)
    assert outcome.answer == other.tac(dtk, parts + b"2" + terminal + sequence + TIME) + other.mac(session, parts)
    assert outcome.proof.mac + outcome.proof.tac == outcome.answer[4:] + outcome.answer[:4]


# --- readings and refusals ---


@pytest.mark.parametrize(
    ("quirks", "log", "proof"),
    [(Quirks(), 2, 2), (Quirks(log_number="before"), 1, 2), (Quirks(proof_number="before"), 2, 1)],
)
def test_what_numbers_a_transaction_is_a_matter_of_reading(quirks, log, proof):
    loaded = load(Algorithm.SM4).complete(TIME, bytes.fromhex("81e2c074"), quirks)
    bought = purchase(Algorithm.SM4, 1000, 0, 0).complete(
        bytes.fromhex("00000001"), TIME, bytes.fromhex("8b15863d"), quirks
    )
    assert [(outcome.record.number, outcome.proof.number) for outcome in (loaded, bought)] == [(log, proof)] * 2


def test_the_naive_settlement_year_is_a_quirk():
    amounts = Amounts(1, 1, 5000, 25_000, 480_000, bytes.fromhex("2021"), bytes.fromhex("0701"))
    sent = bytes.fromhex("00000001"), TIME, bytes.fromhex("5bbfd118")
    pending = purchase(Algorithm.SM4, 1000, 250, 4750, amounts=amounts)
    assert pending.complete(*sent, CONFORMING).amounts.year.hex() == "2023"
    assert pending.complete(*sent, Quirks(settlement_year="calendar")).amounts.year.hex() == "2024"


@ALGORITHMS
def test_a_wrong_mac_is_refused(algorithm):
    for call in (
        lambda: load(algorithm).complete(TIME, bytes(4), CONFORMING),
        lambda: purchase(algorithm, 1000, 0, 0).complete(bytes(4), TIME, bytes(4), CONFORMING),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.sw == 0x9302


def test_a_load_seals_amount_terminal_and_time():
    mac2 = bytes.fromhex("81e2c074")
    wrong = [
        (PendingLoad(keys(Algorithm.SM4), RANDOM, CARD, 1001, TERMINAL), TIME),
        (PendingLoad(keys(Algorithm.SM4), RANDOM, CARD, 1000, bytes(6)), TIME),
        (PendingLoad(keys(Algorithm.SM4), bytes(4), CARD, 1000, TERMINAL), TIME),
        (load(Algorithm.SM4, Amounts(loads=2, balance=5000)), TIME),
        (load(Algorithm.SM4), bytes(7)),
    ]
    for pending, time in wrong:
        with pytest.raises(Refused, match="9302"):
            pending.complete(time, mac2, CONFORMING)


def test_only_the_low_half_of_the_terminals_number_is_in_the_session_key():
    mac1 = bytes.fromhex("8b15863d")
    outcome = purchase(Algorithm.SM4, 1000, 0, 0).complete(bytes.fromhex("7FFF0001"), TIME, mac1, CONFORMING)
    assert outcome.answer[4:] == bytes.fromhex("49694902")
    assert outcome.answer[:4] != bytes.fromhex("9edba333")


def test_a_counter_ends_at_ffff():
    require_counter(0xFFFE)
    with pytest.raises(Refused, match="9402"):
        require_counter(0xFFFF)


def test_keys_do_not_show():
    assert CARD_KEYS[Algorithm.SM4] not in repr(load(Algorithm.SM4)).lower()
