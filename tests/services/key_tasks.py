"""Key tasks of every kind, for one SM4 card, and the request that asks for them."""

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import KeyReference
from services.custody.development import TERMINAL
from services.mapping.keys import request_message
from sscard.v1 import keys_pb2

CARD_FACTOR = bytes.fromhex("99fa017e00c0ffee")
CARD = CardFactors(Algorithm.SM4, "990100", CARD_FACTOR)
FACTOR, ORIGINAL, PIN = bytes.fromhex("fac7fac7fac7fac7"), bytes.fromhex("0419041904190419"), bytes.fromhex("739518")
DATA = bytes.fromhex("da7ada7ada7ada7ada7ada7a")
IRK, STK, DTK, DPK, TMK = (KeyReference(name) for name in ("IRK", "STKSSSE", "DTK", "DPK", "TMK"))

CRYPTOGRAM = Cryptogram(IRK, FACTOR, ORIGINAL)
FOR_CARDS = [
    CRYPTOGRAM,
    Mac(STK, FACTOR, DATA),
    PinBlock(STK, FACTOR, Secret(PIN)),
    Purchase(DPK, FACTOR[:4], 7, (0x00C0FFEE, 250, 4750), 0x32, bytes.fromhex("20240102030405"), TERMINAL),
    Verification(Tac(DTK, DATA), ORIGINAL[:4]),
    Verification(Mac(DPK, FACTOR, DATA), ORIGINAL[:4]),
    Verification(CRYPTOGRAM, ORIGINAL),
    Terminal(DPK),
]
FOR_BUILDING = [
    Cryptogram(KeyReference("MKSSSE"), FACTOR, ORIGINAL),
    Cryptogram(TMK, FACTOR, ORIGINAL),
    Encipherment(KeyReference("TRANSPORT"), FACTOR),
    LoadedKey(IRK, TMK, bytes.fromhex("f000000102"), 0, bytes(4), FACTOR),
    LoadedKey(KeyReference("DLK"), TMK, bytes.fromhex("ff00000103"), 0, bytes(4), b""),
    LoadedKey(DTK, TMK, bytes.fromhex("0a0101ef03000010"), 16, bytes(4), b""),
    LoadedKey(Secret(PIN), TMK, bytes.fromhex("010001ef060f0f03"), 16, bytes(4), b""),
    Disclosure(TMK),
    CheckValue(IRK),
    CodeOfCard(IRK, DATA),
    Verification(Cryptogram(TMK, FACTOR, ORIGINAL), ORIGINAL),
]
FOR_PSAMS = [
    PsamKeyLoad(IRK, 3, KeyReference("PSAM-MKADF"), bytes.fromhex("6708000000000000"), bytes(4), FACTOR),
    Cryptogram(KeyReference("PSAM-KID01"), FACTOR, ORIGINAL),
    Verification(Cryptogram(KeyReference("PSAM-KID01"), FACTOR, ORIGINAL), ORIGINAL),
    CheckValue(KeyReference("PSAM-MKDDF")),
    LoadedKey(KeyReference("PSAM-KID02"), TMK, bytes(5), 0, bytes(4), b""),
    LoadedKey(IRK, KeyReference("PSAM-MKADF"), bytes(5), 0, bytes(4), b""),
    Disclosure(KeyReference("PSAM-MKADF")),
    Encipherment(KeyReference("PSAM-MKADF"), FACTOR),
]
FOR_ACCOUNTS = [
    Mac(DPK, FACTOR, DATA),
    Mac(KeyReference("DLK"), FACTOR, DATA),
    Tac(DTK, DATA),
]
EVERY = [*FOR_CARDS, *FOR_BUILDING, *FOR_PSAMS, *FOR_ACCOUNTS]


def message(*tasks, card: CardFactors = CARD) -> keys_pb2.PerformKeyTasksRequest:
    return request_message(KeyRequest(card, tasks))
