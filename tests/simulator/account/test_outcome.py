"""Proof slot and log record, byte by byte."""

import pytest

from apdu.errors import MalformedError
from cardlib.profiles.df04 import MEDICAL_TRANSACTIONS
from simulator.account.outcome import NO_PROOF, LogRecord, Proof, TradeType

TERMINAL, TIME = bytes.fromhex("650100000001"), bytes.fromhex("20240102030405")
PURCHASE = LogRecord(2, TradeType.PURCHASE, TERMINAL, TIME, 1000, 250, 4750)
PUBLISHED = "0002 32 650100000001 20240102030405 000003E8"


@pytest.mark.parametrize(
    ("size", "tail"),
    [(0x14, ""), (0x1C, "000000FA 0000128E"), (0x20, "000000FA 0000128E 00000000")],
)
def test_a_purchase_in_the_log(size, tail):
    assert PURCHASE.pack(size) == bytes.fromhex(PUBLISHED + tail)


def test_a_load_in_the_log_has_one_amount():
    record = LogRecord(1, TradeType.LOAD, TERMINAL, TIME, 1000)
    assert record.pack(0x1C) == bytes.fromhex("0001 31 650100000001 20240102030405 000003E8 00000000 00000000")


def test_the_record_has_the_length_the_profile_declares():
    assert MEDICAL_TRANSACTIONS.record_size == 0x1C


def test_a_proof_in_its_slot():
    proof = Proof(TradeType.PURCHASE, 2, bytes.fromhex("CA349A8D"), bytes.fromhex("AE2A4513"))
    assert proof.pack() == bytes.fromhex("32 0002 CA349A8D AE2A4513")
    assert Proof.unpack(proof.pack()) == proof


@pytest.mark.parametrize("stored", [NO_PROOF, b"\xff" * 11, b"\x30" + bytes(10)])
def test_a_slot_without_a_transaction_holds_no_proof(stored):
    assert Proof.unpack(stored) is None


@pytest.mark.parametrize("size", [0, 10, 12])
def test_no_other_length_is_a_slot(size):
    with pytest.raises(MalformedError, match="11 bytes"):
        Proof.unpack(bytes(size))
