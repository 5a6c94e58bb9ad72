"""What a counter does with a holder's card whose keys are in a PSAM; conversations for tests, and a PSAM to spy on."""

import secrets
import threading
from collections.abc import Generator
from datetime import date
from typing import Any

from apdu.command import CommandAPDU
from apdu.flow import Script, Step, ask, run, send
from apdu.readers import Readers, executor
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from apdu.transport.wrappers import get_response
from cardlib import commands
from cardlib.crypto import Algorithm, purchase_factor
from cardlib.custody import KeyCustodian
from cardlib.flows.session import CardSession
from cardlib.forms import FormMemory
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, PinBlock, Purchase, Terminal, Verification
from cardlib.keys import KEYS, KeyReference
from services.custody.development import DevelopmentCustodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.psam.ready import ready_psam

MEDICAL = bytes.fromhex("D15600000503")
TIME = bytes.fromhex("20240102030405")
AMOUNTS = (1000, 250, 30)
TERMINAL = bytes.fromhex("990000000001")
DPK, STK, PUK = (KeyReference(name) for name in ("DPK", "STKSSSE", "PUK"))

SLOT, CARD_SLOT = "PSAM", "card"
CARD = CardFactors(Algorithm.SM4, "990000", bytes.fromhex("9900000100000001"))
TODAY = date(2024, 1, 2)
FACTOR, ORIGINAL = bytes(range(8)), b"original"


class Spied:
    """A PSAM whose commands are kept. ``fail_at``: numbers of commands that are not answered; the chip is reset then.

    ``hold`` is called with each command before it is carried out.
    """

    def __init__(self, chip: SoftwareCard, *fail_at: int) -> None:
        self.chip = chip
        self.commands: list[bytes] = []
        self.fail_at = set(fail_at)
        self.power_ons = 0
        self.hold = lambda _command: None

    def power_on(self) -> bytes:
        self.power_ons += 1
        return self.chip.power_on()

    def reset(self) -> bytes:
        return self.chip.reset()

    def power_off(self) -> None:
        self.chip.power_off()

    def process(self, command: bytes) -> bytes:
        self.hold(command)
        self.commands.append(command)
        if len(self.commands) in self.fail_at:
            self.chip.reset()
            return b""
        return self.chip.process(command)

    def sent(self, cla: int, ins: int) -> list[bytes]:
        return [command for command in self.commands if command[:2] == bytes((cla, ins))]


def converse(readers: Readers, reader: str, custodian: KeyCustodian, flow: Any) -> Any:
    """``flow(atr)`` with the card in a reader."""
    connection = readers.connect(reader)
    try:
        transmit = get_response(connection.transmit, strip_le=connection.t0)
        return run(flow(connection.atr), executor(transmit), custodian.answer)
    finally:
        connection.close()


def _session(atr: bytes) -> Generator[Script, Any, CardSession]:
    session = CardSession(atr, secrets.token_bytes, FormMemory())
    yield from session.open()
    return session


def block_pin(atr: bytes) -> Any:
    """Wrong PINs until the card takes no more."""
    yield from _session(atr)
    for _ in range(15):
        (answer,) = yield from send(_any(commands.verify(Secret(bytes.fromhex("999999")))))
        if answer.sw in {0x63C0, 0x6983}:
            return
    raise AssertionError("the PIN is never blocked")


def unblock_pin(atr: bytes, *, new: Secret | None = None) -> Any:
    """By the right of PUK; with ``new`` it becomes another PIN. Returns the card's answer to VERIFY without a PIN."""
    session = yield from _session(atr)
    card = session.factors()
    (challenge,) = (yield from send(commands.get_challenge())).ok()
    (cryptogram,) = yield from ask(KeyRequest(card, (Cryptogram(PUK, challenge, b"original"),)))
    number = KEYS["PUK"].card_id
    assert number is not None
    permit = commands.external_authenticate(number, cryptogram, b"original")
    _, challenge = (yield from send(permit, commands.get_challenge())).ok()
    command = commands.unblock_pin()
    if new is not None:
        (block,) = yield from ask(KeyRequest(card, (PinBlock(STK, challenge, new),)))
        command = commands.replace_pin(block)
    (mac,) = yield from ask(KeyRequest(card, (Mac(STK, challenge, commands.authenticated(command)),)))
    (yield from send(commands.with_mac(command, mac))).ok()
    (left,) = yield from send(_any(commands.verify_query()))
    return left.sw


def verify(pin: str) -> Any:
    def flow(atr: bytes) -> Any:
        yield from _session(atr)
        (yield from send(commands.verify(Secret(bytes.fromhex(pin))))).ok()

    return flow


def pay(*, spoil: int = 0, before_mac1: Any = lambda: None, before_proof: Any = lambda: None) -> Any:
    """A purchase; returns (balance before, trade number, what the verification of MAC2 said, balance after).

    ``spoil``: bits of MAC2 that are changed on the way. ``before_mac1`` is called when the card was told its terminal
    number, ``before_proof`` before MAC2 is verified.
    """

    def flow(atr: bytes) -> Any:
        session = yield from _session(atr)
        card = session.factors()
        (said,) = yield from ask(KeyRequest(card, (Terminal(DPK),)))
        terminal, index = said[:6], said[6]
        opened = yield from send(
            commands.select_name(MEDICAL),
            commands.verify(Secret(bytes.fromhex("123456"))),
            commands.get_balance(commands.Balance.ACCOUNT),
            commands.initialise_purchase(index, *AMOUNTS, terminal),
        )
        *_, balance, begun = opened.ok()
        sequence, version, random = int.from_bytes(begun[14:16], "big"), begun[16], begun[18:22]
        key = KeyReference("DPK", version)
        before_mac1()
        (made,) = yield from ask(KeyRequest(card, (Purchase(key, random, sequence, AMOUNTS, 0x32, TIME, terminal),)))
        assert made[:6] == terminal
        number = int.from_bytes(made[6:10], "big")
        (paid,) = (yield from send(commands.debit_purchase(number, TIME, made[10:]))).ok()
        before_proof()
        proof = Mac(key, purchase_factor(random, sequence, number), b"".join(a.to_bytes(4, "big") for a in AMOUNTS))
        mac2 = (int.from_bytes(paid[4:], "big") ^ spoil).to_bytes(4, "big")
        (said,) = yield from ask(KeyRequest(card, (Verification(proof, mac2),)))
        (left,) = (yield from send(commands.get_balance(commands.Balance.ACCOUNT))).ok()
        return int.from_bytes(balance, "big"), number, said, int.from_bytes(left, "big")

    return flow


def _any(command: CommandAPDU) -> Step:
    return Step(command, expect=None)


class Gate:
    """Holds a thread at a point until another opens it."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.set()
        assert self.open.wait(20)


class Desk:
    """Two readers, a PSAM in one of them, and its custodian."""

    def __init__(self, chip: object | None = None, **options: object) -> None:
        self.readers = InProcessReaders([SLOT, CARD_SLOT])
        self.psam = chip if isinstance(chip, Spied) else Spied(chip or SoftwareCard(ready_psam()))
        self.readers.insert(SLOT, self.psam, t0=True)
        self.custodian = PsamCustodian(self.readers, SLOT, today=lambda: TODAY, **{"wait": 0.2} | options)

    def ask(self, *tasks, card=CARD):
        return self.custodian.perform(KeyRequest(card, tasks))

    def pay(self, custodian=None, **options):
        return converse(self.readers, CARD_SLOT, custodian or self.custodian, pay(**options))


def cryptogram(name="IRK", version=1):
    return Cryptogram(KeyReference(name, version), FACTOR, ORIGINAL)


def right(*tasks, card=CARD):
    return DevelopmentCustodian(development_mode=True).perform(KeyRequest(card, tasks))


def purchase(sequence=1, terminal=TERMINAL):
    return Purchase(DPK, bytes(4), sequence, AMOUNTS, 0x32, TIME, terminal)


def proof_of(answer, sequence=1):
    """The task of which MAC2 is the answer."""
    factor = bytes(4) + sequence.to_bytes(2, "big") + answer[8:10]
    return Mac(DPK, factor, b"".join(amount.to_bytes(4, "big") for amount in AMOUNTS))


def proven(answer, sequence=1):
    proof = proof_of(answer, sequence)
    return Verification(proof, right(proof)[0])
