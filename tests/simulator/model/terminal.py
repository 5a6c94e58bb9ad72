"""What stands outside the card: keys and cryptograms, and a terminal that tells model and card the same."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from apdu.secret import Secret
from cardlib.crypto import Algorithm, load_factor, purchase_factor, suite_for
from cardlib.development_keys import load
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from simulator.memory.eeprom import Cut
from tests.simulator.model.account import AccountModel, counter, fen
from tests.simulator.model.model import FILES, KEYS, NAMES, VERSIONS, Key, Lasting

ORIGINAL = b"original"
ALGORITHMS = {"2.0": Algorithm.DES, "3.0": Algorithm.SM4}
INITIAL_PIN = bytes.fromhex("123456")
ROOTS = load()


class Outside:
    """Everything that is computed with a card's keys, from the published development keys and its ATR."""

    def __init__(self, version: str, atr: bytes) -> None:
        self.suite = suite_for(ALGORITHMS[version])
        self._factors = CardFactors(ALGORITHMS[version], "990000", atr[-8:])
        self._keys: dict[tuple[str, int], Secret] = {}

    def key(self, name: str, version: int = 1) -> Secret:
        if (name, version) not in self._keys:
            reference = KeyReference(name, version)
            self._keys[name, version] = self._factors.card_key(reference, ROOTS[reference])
        return self._keys[name, version]

    def cryptogram(self, key: Key, challenge: bytes) -> bytes:
        return self.suite.cryptogram(self._session(self.key(key.name, key.version), challenge), ORIGINAL)

    def protect(self, where: str, header: bytes, challenge: bytes, pin: bytes | None = None) -> tuple[bytes, bytes]:
        """A maintenance command's [encrypted PIN and] MAC, under the STK of a directory."""
        session = self._session(self.key("STK" + where), challenge)
        encrypted = self.suite.encrypt(session, Secret(pin)) if pin else b""
        return encrypted, self.suite.mac(session, header + bytes((len(encrypted) + 4,)) + encrypted)

    def load_mac(self, index: int, random: bytes, number: int, data: bytes) -> bytes:
        return self.suite.mac(self.suite.session_key(self.key("DLK", index), load_factor(random, number)), data)

    def purchase_mac(self, index: int, random: bytes, number: int, sequence: int, data: bytes) -> bytes:
        factor = purchase_factor(random, number, sequence)
        return self.suite.mac(self.suite.session_key(self.key("DPK", index), factor), data)

    def tac(self, index: int, data: bytes) -> bytes:
        return self.suite.mac(self.suite.tac_key(self.key("DTK", index)), data)

    def _session(self, key: Secret, challenge: bytes) -> Secret:
        """Of what challenge there is; where the card can have no session key, any will do."""
        usable = 0 < len(challenge) <= self.suite.block
        return self.suite.session_key(key, challenge if usable else bytes(8))


class DisagreedError(AssertionError):
    """Card and model answered differently."""


class Terminal:
    """Sends each command to the card, asks the model the same, and holds the answers against each other.

    ``make``: a card from its memory's content, None for a new one. ``cut``: where power fails, for one command.
    """

    def __init__(
        self, make: Callable[[bytes | None], Any], version: str, lasting: Lasting, memory: bytes | None = None
    ) -> None:
        self.make = make
        self.card = make(memory)
        self.model = AccountModel(version, 0, lasting, None)
        self.model.outside = Outside(version, self.card.power_on())
        self.model.block = self.model.outside.suite.block
        self.cut: Cut | None = None
        self.recovery: Cut | None = None
        self.ambiguous = False
        self.seen: set[bytes] = set()
        self.compared = self.lost = 0
        """Answers that were the model's, and losses of power that the card came back from as it may."""

    # One command, with or without a power cut

    def send(self, command: bytes, predict: Callable[[bytes], bytes]) -> bytes:
        """``predict``: what the model says, given the card's answer (only for the random bytes in it)."""
        model, cut = self.model, self.cut
        before, model.midway, self.cut = model.lasting.copy(), None, None
        self.card.eeprom.arm(cut)
        answer: bytes = self.card.process(command)
        self.card.eeprom.arm(None)
        expected = predict(answer)
        writes = before != model.lasting or model.midway is not None
        if cut and not answer and writes:
            self._survive(before, cut)
            self.lost += 1
        elif answer != expected:
            raise DisagreedError(f"{command.hex()}: the card says {answer.hex()}, the model {expected.hex()}")
        elif cut and cut.write == 1 and writes:
            raise DisagreedError(f"{command.hex()}: answered {answer.hex()} without a write of what had to be written")
        else:
            self.compared += 1
        return answer

    def _survive(self, before: Lasting, cut: Cut) -> None:
        """Power on again: the card is as before or after the command, or after the try that it took first.

        ``ambiguous``: two of these say the same of all that can be asked, so that the run cannot go on.
        """
        states = [before, *filter(None, (self.model.midway, self.model.lasting))]
        states = [state for at, state in enumerate(states) if state not in states[:at]]
        self.card.eeprom.arm(self.recovery)
        while not self.card.power_on():  # power failed again while the card recovered
            self.card.eeprom.arm(None)
        self.card.eeprom.arm(None)
        self.model.reset()
        keys = {key for state in states for key in state.spent}
        possible = [state for state in states if self.agrees(state, keys)]
        if not possible:
            raise DisagreedError(f"after a cut at {cut} the card is none of the {len(states)} that it may be")
        self.ambiguous = len(possible) > 1
        self.model.lasting = possible[0]

    def agrees(self, lasting: Lasting, keys: Iterable[Key]) -> bool:
        """Whether copies of the card, with power just on, are all that this state says."""
        try:
            self.examine(lasting, keys)
        except DisagreedError:
            return False
        return True

    def examine(self, lasting: Lasting, keys: Iterable[Key]) -> None:
        """Ask copies of the card for all that lasts: tries of PIN and keys, then what can be read.

        Raises DisagreedError where an answer is not what this state says.
        """
        memory = self.card.image.content
        Terminal(self.make, self.model.version, lasting.copy(), memory).ask_for_tries(keys)
        Terminal(self.make, self.model.version, lasting.copy(), memory).ask_for_contents()

    def ask_for_tries(self, keys: Iterable[Key]) -> None:
        """By failing: it costs one try each."""
        self.select("SSSE")
        self.verify(b"")
        self.verify(b"\x00\x00")
        for key in keys:
            self.select(key.where)
            self.get_challenge(8)
            self.external_authenticate(key, right=False)

    def ask_for_contents(self) -> None:
        self.select("SSSE")
        if not self.model.lasting.pin_tries:
            puks = (Key("SSSE", 0x06, version) for version in (1, 2, 3))
            self.win(next((key for key in puks if self.model.tries(key)), Key("SSSE", 0x06, 1)))
            self.get_challenge(8)
            self.unblock_pin(None, right=True)
        self.verify(self.model.lasting.pin)
        for where in NAMES:
            self.select(where)
            for key in (Key(where, 0x84, 1), Key(where, 0x85, 1), Key(where, 0x88, 1), Key(where, 0x0A, 1)):
                self.win(key)
            for (place, sfi), file in FILES.items():
                if place == where and file.kind == "T":
                    self.read_binary(sfi, 0)
                elif place == where:
                    for number in range(1, len(self.model.lasting.files[place, sfi]) + 2):
                        self.read_record(sfi, number)
        for p2 in (1, 2, 3):
            self.get_balance(p2)
        self.get_starting_day()
        for trade, number in ((0x31, self.model.amounts.loads), (0x32, self.model.amounts.purchases)):
            self.get_proof(trade, number)
        self.initialize_load(1, 0)
        self.initialize_purchase(1, (0, 0, 0))

    # The commands

    def reset(self) -> None:
        self.card.reset()
        self.model.reset()

    def select(self, where: str, *, by_fid: bool = False) -> None:
        if where == "MF":
            data, p1 = bytes.fromhex("3F00"), 0
        elif by_fid:
            data, p1 = bytes.fromhex(where.rjust(4, "0")), 2
        else:
            data, p1 = NAMES.get(where, b"D1560"), 4
        command = bytes((0, 0xA4, p1, 0, len(data))) + data + b"\x00"
        self.send(command, lambda _: self.model.select(where, by_fid=by_fid))

    def verify(self, pin: bytes) -> None:
        self.send(bytes((0, 0x20, 0, 0, len(pin))) + pin, lambda _: self.model.verify(pin))

    def change_pin(self, data: bytes) -> None:
        self.send(bytes((0x80, 0x5E, 1, 0, len(data))) + data, lambda _: self.model.change_pin(data))

    def get_challenge(self, size: int) -> None:
        command = bytes((0, 0x84, 0, 0, size))
        answer = self.send(command, lambda answer: self.model.get_challenge(size, answer[:-2]))
        if len(answer) >= 10:
            assert answer not in self.seen, "a challenge came twice"
            self.seen.add(answer)

    def external_authenticate(self, key: Key, *, right: bool, bare: bool = False) -> None:
        """``bare``: without a version byte, which means version 1."""
        exists = key.id in KEYS.get(key.where, ()) and key.version in VERSIONS
        proof = self.model.outside.cryptogram(key, self.model.now.challenge) if exists and right else bytes(8)
        data = proof + ORIGINAL + (b"" if bare else bytes((key.version,)))
        version, right = (1, right and key.version == 1) if bare else (key.version, right)
        command = bytes((0, 0x82, 0, key.id, len(data))) + data
        self.send(command, lambda _: self.model.external_authenticate(key.id, version, right=right))

    def win(self, key: Key) -> None:
        """Authenticate with a key, as far as the card has it."""
        if key.id in KEYS[key.where]:
            self.get_challenge(8)
            self.external_authenticate(key, right=True)

    def unblock_pin(self, new: bytes | None, *, right: bool, p2: int | None = None) -> None:
        """``p2``: in place of what the new PIN asks for."""
        p2 = (new is not None) if p2 is None else p2
        header = bytes((0x84, 0x24, 0, p2))
        encrypted, mac = self.model.outside.protect("SSSE", header, self.model.now.challenge, new)
        command = header + bytes((len(encrypted) + 4,)) + encrypted + spoilt(mac, right)
        self.send(command, lambda _: self.model.unblock_pin(int(p2), len(encrypted), new, right=right))

    def block_application(self, *, right: bool) -> None:
        where = "SSSE" if self.model.now.where == "MF" else self.model.now.where
        _, mac = self.model.outside.protect(where, bytes.fromhex("841E0001"), self.model.now.challenge)
        command = bytes.fromhex("841E000104") + spoilt(mac, right)
        self.send(command, lambda _: self.model.block_application(right=right))

    def block_card(self, *, right: bool) -> None:
        _, mac = self.model.outside.protect("SSSE", bytes.fromhex("84160000"), self.model.now.challenge)
        command = bytes.fromhex("8416000004") + spoilt(mac, right)
        self.send(command, lambda _: self.model.block_card(right=right))

    def read_record(self, sfi: int, number: int, *, rest: bool = False) -> None:
        command = bytes((0, 0xB2, number, sfi << 3 | 4 | rest, 0))
        self.send(command, lambda _: self.model.read_record(sfi, number, rest=rest))

    def update_record(self, sfi: int, number: int, data: bytes) -> None:
        """Number 0: as the newest of a cyclic file."""
        command = bytes((0, 0xDC, number, sfi << 3 | (4 if number else 3), len(data))) + data
        self.send(command, lambda _: self.model.update_record(sfi, number, data))

    def read_binary(self, sfi: int, offset: int) -> None:
        self.send(bytes((0, 0xB0, 0x80 | sfi, offset, 0)), lambda _: self.model.read_binary(sfi, offset, 256))

    def update_binary(self, sfi: int, offset: int, data: bytes) -> None:
        command = bytes((0, 0xD6, 0x80 | sfi, offset, len(data))) + data
        self.send(command, lambda _: self.model.update_binary(sfi, offset, data))

    def initialize_load(self, index: int, amount: int, terminal: bytes = bytes(6)) -> None:
        command = bytes.fromhex("B02800010B") + bytes((index,)) + fen(amount) + terminal
        self.send(command, lambda answer: self.model.initialize_load(index, amount, terminal, answer[8:12]))

    def initialize_purchase(self, index: int, parts: tuple[int, int, int], terminal: bytes = bytes(6)) -> None:
        command = bytes.fromhex("B028010113") + bytes((index,)) + fen(*parts) + terminal
        self.send(command, lambda answer: self.model.initialize_purchase(index, parts, terminal, answer[18:22]))

    def credit(self, time: bytes, *, right: bool) -> None:
        """With the right MAC2, as far as there is a load."""
        pending, mac = self.model.now.pending, bytes(4)
        if pending and pending.trade == 0x31:
            data = fen(*pending.parts) + bytes((0x31,)) + pending.terminal + time
            mac = self.model.outside.load_mac(pending.index, pending.random, self.model.amounts.loads, data)
        command = bytes.fromhex("B02A00000B") + time + spoilt(mac, right)
        self.send(command, lambda _: self.model.credit(time, right=right))

    def debit(self, sequence: int, time: bytes, *, right: bool) -> None:
        """With the right MAC1, as far as there is a purchase."""
        pending, mac = self.model.now.pending, bytes(4)
        if pending and pending.trade == 0x32:
            data = fen(*pending.parts) + bytes((0x32,)) + pending.terminal + time
            number = self.model.amounts.purchases
            mac = self.model.outside.purchase_mac(pending.index, pending.random, number, sequence, data)
        command = bytes.fromhex("B02C01000F") + sequence.to_bytes(4, "big") + time + spoilt(mac, right)
        self.send(command, lambda _: self.model.debit(sequence, time, right=right))

    def get_balance(self, p2: int = 1) -> None:
        self.send(bytes((0xB0, 0x26, 0, p2, 4 if p2 == 1 else 6)), lambda _: self.model.get_balance(p2))

    def get_proof(self, trade: int, number: int) -> None:
        command = bytes((0xB0, 0x2E, 0, trade, 2)) + counter(number)
        self.send(command, lambda _: self.model.get_proof(trade, number))

    def update_starting_day(self, day: bytes) -> None:
        self.send(bytes.fromhex("B056000002") + day, lambda _: self.model.update_starting_day(day))

    def get_starting_day(self) -> None:
        self.send(bytes.fromhex("B056010002"), lambda _: self.model.get_starting_day())


def spoilt(mac: bytes, right: bool) -> bytes:
    return mac if right else bytes((mac[0] ^ 1,)) + mac[1:]


def dice() -> Callable[[int], bytes]:
    """Random bytes that are the same every time, so that a run can be repeated."""
    numbers = iter(range(1 << 32))
    return lambda size: hashlib.sha256(next(numbers).to_bytes(4, "big")).digest()[:size]
