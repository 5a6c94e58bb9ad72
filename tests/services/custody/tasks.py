"""What the contract of key custodians asks: tasks that must be answered, and tasks that must be refused."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, get_args

import pytest

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.crypto import Algorithm
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyTask,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyReference, Purpose

EVERY_TASK: Final = frozenset(get_args(KeyTask))
"""The type of every task there is."""
ALL_KEYS: Final = {**KEYS, **CHIP_KEYS}
TRANSPORT: Final = Secret(b"\xff" * 16)
ROOTS: Final[Mapping[KeyReference, Secret]] = {
    reference: TRANSPORT if reference.name == "TRANSPORT" else root
    for reference, root in development_keys.load(ALL_KEYS).items()
}
"""The root keys that the custodian under test holds."""

FACTOR = bytes.fromhex("0011223344556677")
ORIGINAL = bytes.fromhex("0102030405060708")
PIN = Secret(bytes.fromhex("123456"))
TIME = bytes.fromhex("20240102030405")
TERMINAL = bytes.fromhex("990000000001")


def card(algorithm: Algorithm = Algorithm.DES, region: str = "990100") -> CardFactors:
    return CardFactors(algorithm, region, bytes.fromhex("9901000100000001"))


def purchase(**changes: Any) -> Purchase:
    task = Purchase(KeyReference("DPK"), bytes.fromhex("a1b2c3d4"), 1, (1000, 250, 4750), 0x32, TIME, TERMINAL)
    return dataclasses.replace(task, **changes)


def load(
    value: KeyReference | Secret, under: str, *, header: str = "f9f0f0aa33", width: int = 0, challenge: bytes = FACTOR
) -> LoadedKey:
    """A key or PIN for a chip; ``header``: hexadecimal digits, by themselves those of a key on FMCOS."""
    return LoadedKey(value, KeyReference(under), bytes.fromhex(header), width, bytes.fromhex("84d401ff"), challenge)


def psam_load(
    name: str,
    levels: int,
    *,
    under: str = "PSAM-MKADF",
    header: str = "",
    version: int = 1,
    challenge: bytes = FACTOR[:4],
) -> PsamKeyLoad:
    """A key for a PSAM; ``header``: hexadecimal digits of the record's, else one for encryption."""
    if levels:
        record, head = bytes.fromhex(header or f"{levels << 5 | 7:02x}2d000000000000"), "84d40011"
    else:
        record, head = bytes.fromhex(header or "000000"), "84d40100"
    reference = KeyReference(name, version)
    return PsamKeyLoad(reference, levels, KeyReference(under), record, bytes.fromhex(head), challenge)


IRK, STK, DTK, DPK, TMK = (KeyReference(name) for name in ("IRK", "STKSSSE", "DTK", "DPK", "TMK"))

TASKS: Final[Mapping[str, KeyTask]] = {
    "internal authentication": Cryptogram(IRK, FACTOR, ORIGINAL),
    "short challenge": Cryptogram(KeyReference("RKSSSE"), FACTOR[:4], ORIGINAL),
    "another version": Cryptogram(KeyReference("UK1DF01", 3), FACTOR, ORIGINAL),
    "master key authenticates": Cryptogram(KeyReference("MKSSSE", 2), FACTOR, ORIGINAL),
    "MAC of a command": Mac(STK, FACTOR, bytes.fromhex("8424000004")),
    "MAC of nothing": Mac(KeyReference("STKDF01"), FACTOR[:4], b""),
    "MAC of a whole block": Mac(STK, FACTOR, bytes(range(16))),
    "MAC of a long command": Mac(STK, FACTOR, bytes(range(255))),
    "MAC1 of a load": Mac(KeyReference("DLK"), bytes.fromhex("a1b2c3d400018000"), bytes(15)),
    "MAC1 of a purchase": Mac(DPK, bytes.fromhex("a1b2c3d400010001"), bytes(26)),
    "TAC": Tac(DTK, bytes(range(22))),
    "PIN of three bytes": PinBlock(STK, FACTOR, PIN),
    "PIN that fills a block": PinBlock(STK, FACTOR[:4], Secret(bytes.fromhex("12345678901234"))),
    "transport key shown": Encipherment(KeyReference("TRANSPORT"), FACTOR),
    "master key shown": Encipherment(KeyReference("MKMF"), FACTOR[:4]),
    "temporary key shown": Encipherment(TMK, FACTOR),
    "key loaded with a MAC": load(IRK, "TMK"),
    "maintenance key loaded": load(STK, "TMK", header="f60040ffff", challenge=FACTOR[:4]),
    "maintenance key loaded and filled up": load(STK, "TMK", header="070001ef03010008", width=16),
    "key with its version loaded": load(KeyReference("RK1DF03", 2), "TMK", header="f90040813302"),
    "PIN loaded and filled up": load(PIN, "TMK", header="010001ef060f0f03", width=16),
    "key loaded without a MAC": load(KeyReference("MKDF01", 2), "TMK", challenge=b""),
    "root for a PSAM": psam_load("RK1DF04", 3),
    "province's key for a PSAM": psam_load("UK2DF04", 2, version=3, challenge=FACTOR),
    "city's key for a PSAM": psam_load("UK1DF02", 1),
    "city's maintenance key for a PSAM": psam_load("STKDF01", 1, header="2620000100000000"),
    "master key of a PSAM": psam_load("PSAM-MKADF", 0, under="TMK"),
    "loader's key of a PSAM": psam_load("PSAM-KID02", 0, header="0e0200"),
    "PSAM's own key authenticates": Cryptogram(KeyReference("PSAM-KID01"), FACTOR, ORIGINAL),
    "temporary key told": Disclosure(TMK),
    "transport key told": Disclosure(KeyReference("TRANSPORT", 2)),
    "check value": CheckValue(KeyReference("BK")),
    "check value of a maintenance key": CheckValue(STK),
    "identification code": CodeOfCard(IRK, bytes.fromhex("990100d15600000500000001")),
}
"""Tasks whose answers do not depend on what was asked before, by what they are."""

RIGHT_KEYS: Final[Mapping[type, frozenset[Purpose]]] = {
    Cryptogram: frozenset(Purpose) - {Purpose.MAINTENANCE, Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC},
    Mac: frozenset({Purpose.MAINTENANCE, Purpose.LOAD, Purpose.PURCHASE}),
    Tac: frozenset({Purpose.TAC}),
    PinBlock: frozenset({Purpose.MAINTENANCE}),
    Encipherment: frozenset({Purpose.MASTER, Purpose.TEMPORARY, Purpose.TRANSPORT}),
    LoadedKey: frozenset({Purpose.TEMPORARY}),
    PsamKeyLoad: frozenset({Purpose.PSAM_MASTER}),
    Disclosure: frozenset({Purpose.TEMPORARY, Purpose.TRANSPORT}),
    CodeOfCard: frozenset({Purpose.INTERNAL_AUTHENTICATION}),
    Terminal: frozenset({Purpose.PURCHASE}),
    Purchase: frozenset({Purpose.PURCHASE}),
}
"""What a key must be for, to serve a task; a check value is had of every key."""
NEVER_LOADED: Final = tuple(
    name
    for name, key in CHIP_KEYS.items()
    if key.purpose in {Purpose.TEMPORARY, Purpose.TRANSPORT, Purpose.PSAM_MASTER, Purpose.PSAM_LOADER}
)
"""Names of keys that no finished card has: nothing loads them into one."""

_ONE_OF_A_KIND: Final = {key.purpose: key.name for key in reversed(ALL_KEYS.values())}
BY_TYPE: Final = {type(task): task for task in [*reversed(TASKS.values()), Terminal(DPK), purchase()]}
"""One task of each type, but for verifications."""
EVERY_KIND: Final = [*BY_TYPE.values(), Verification(Mac(STK, FACTOR, b""), bytes(4))]
WRONG_KEYS: Final = [
    pytest.param(BY_TYPE[kind], name, id=f"{kind.__name__}-{name}")
    for kind, right in RIGHT_KEYS.items()
    for purpose, name in _ONE_OF_A_KIND.items()
    if purpose not in right
]
MALFORMED: Final = {
    "empty factor": Cryptogram(IRK, b"", ORIGINAL),
    "factor too long": Cryptogram(IRK, bytes(9), ORIGINAL),
    "original too short": Cryptogram(IRK, FACTOR, bytes(7)),
    "original too long": Cryptogram(IRK, FACTOR, bytes(16)),
    "factor of a MAC": Mac(STK, bytes(7), b""),
    "factor of a PIN block": PinBlock(STK, bytes(5), PIN),
    "no PIN": PinBlock(STK, FACTOR, Secret(b"")),
    "PIN without end": PinBlock(STK, FACTOR, Secret(bytes(256))),
    "block too short": Encipherment(TMK, bytes(7)),
    "block too long": Encipherment(TMK, bytes(17)),
    "challenge of a load": load(IRK, "TMK", challenge=bytes(5)),
    "too much to load": load(IRK, "TMK", width=256),
    "load without header": load(IRK, "TMK", header=""),
    "load with a header that is too short": load(IRK, "TMK", header="39f0f0aa"),
    "load with a header of no system": load(IRK, "TMK", header="39f0f0aa330102"),
    "load with a header that is too long": load(IRK, "TMK", header="0d0401ef03000410ff", width=16),
    "load with one system's header and the other's width": load(IRK, "TMK", width=16),
    "load without the width of its header": load(IRK, "TMK", header="0d0401ef03000410"),
    "load with another width": load(PIN, "TMK", header="010001ef060f0f03", width=8),
    "levels of a PSAM's key": psam_load("RK1DF04", 2, header="672d000000000000"),
    "own key of a PSAM with levels": psam_load("PSAM-KID01", 0, header="2e0100"),
    "challenge of a PSAM": psam_load("RK1DF04", 3, challenge=bytes(5)),
    "record of a PSAM": dataclasses.replace(psam_load("PSAM-KID01", 0), header=b""),
    "random of a purchase": purchase(random=bytes(3)),
    "counter of a purchase": purchase(sequence=0x10000),
    "terminal number of a purchase": purchase(terminal=TERMINAL[:5]),
    "time of a purchase": purchase(time=TIME[:6]),
    "time that is no number": purchase(time=b"\xff" * 7),
    "time of no day": purchase(time=bytes.fromhex("20230229030405")),
    "time of no hour": purchase(time=bytes.fromhex("20240102240405")),
    "time of no second": purchase(time=bytes.fromhex("20240102030460")),
    "what is verified": Verification(Mac(STK, bytes(7), b""), bytes(4)),
}
BOTH: Final = [Algorithm.DES, Algorithm.SM4]


def with_key(task: KeyTask, key: KeyReference) -> KeyTask:
    """The same task with another key; what loads a key, with another one to protect it."""
    if isinstance(task, Verification):
        return dataclasses.replace(task, task=with_key(task.task, key))
    return dataclasses.replace(task, **{"under" if isinstance(task, LoadedKey | PsamKeyLoad) else "key": key})
