"""Cards of all kinds are made of blank chips, reported, examined again; and what is wrong on a card is found."""

import hashlib
from collections.abc import Sequence

import pytest

from cardlib import development_keys
from cardlib.crypto import Algorithm
from cardlib.errors import KeyProofError, ReadBackError, UsedChipError
from cardlib.issuance.flow import issue_card, verify_card
from cardlib.issuance.order import records_of
from cardlib.issuance.questions import Note, Stage
from cardlib.issuance.report import CardReport, KeyProof
from cardlib.key_requests import CardFactors, CheckValue
from cardlib.keys import CHIP_KEYS, KEYS, KeyReference, Purpose
from simulator.card import SoftwareCard
from simulator.dialects import BY_NAME
from simulator.files import Directory, Kind
from simulator.memory.eeprom import Eeprom
from simulator.memory.layout import HEADER
from simulator.memory.store import Store
from simulator.security import Rng
from tests.issuance import chips
from tests.issuance.chips import KINDS, REGION, Custodian, as_by_t0, converse
from tests.services.custody import openssl

PROVEN = {
    Purpose.MASTER: KeyProof.EXTERNAL_AUTHENTICATION,
    Purpose.INTERNAL_AUTHENTICATION: KeyProof.INTERNAL_AUTHENTICATION,
    Purpose.MAINTENANCE: KeyProof.ACCEPTED_LOAD,
    Purpose.PURCHASE: KeyProof.ACCEPTED_LOAD,
    Purpose.LOAD: KeyProof.ACCEPTED_LOAD,
    Purpose.TAC: KeyProof.ACCEPTED_LOAD,
}
"""How a key is proven, by its purpose; all others by an authentication."""
WRITING = frozenset({0xDC, 0xD6, 0xE2, 0xD2, 0xD4, 0xE0})
"""Commands that write to a card or build it."""


class Made:
    """A card that was just made, with all that was seen of it."""

    def __init__(self, name: str, rng: Rng) -> None:
        self.kind, self.rng, self.custodian = KINDS[name], rng, Custodian()
        self.order = self.kind.order()
        self.card = SoftwareCard(self.kind.blank)
        self.events: list[Note | bytes] = []
        self.atr = self.card.power_on()
        self.report = self.issue(begun=False)
        self.image = self.card.eeprom.content

    def issue(self, *, begun: bool) -> CardReport:
        return self._converse(issue_card(self.order, self.atr, begun=begun, rng=self.rng), self.card)

    def verify(self, memory: bytes) -> CardReport:
        card = SoftwareCard(Eeprom(memory))
        return self._converse(verify_card(self.order, card.power_on(), rng=self.rng), card)

    def again(self) -> CardReport:
        self.events.clear()
        self.atr = self.card.power_on()
        return self.issue(begun=True)

    def store(self, memory: bytes) -> Store:
        return Store(Eeprom(memory), BY_NAME[self.kind.chip])

    def _converse(self, flow, card: SoftwareCard) -> CardReport:
        inner = as_by_t0(card)

        def transmit(commands: Sequence[bytes]) -> list[bytes]:
            self.events += commands
            return inner(commands)

        return converse(flow, card, self.custodian, transmit=transmit, noted=self.events.append)


@pytest.fixture(params=KINDS)
def made(request) -> Made:
    """Random bytes are counted up, so that no challenge comes twice and a test is the same each time."""
    calls = iter(range(1, 1 << 20))
    return Made(request.param, lambda size: next(calls).to_bytes(size, "big"))


def second(made: Made) -> openssl.Card:
    """The chip's keys, computed with OpenSSL."""
    factors = CardFactors(made.kind.algorithm, REGION, made.report.historical_bytes[5:13])
    return openssl.Card(factors, development_keys.load({**CHIP_KEYS, **KEYS}))


def directories(root: Directory):
    yield root
    for child in root.directories:
        yield from directories(child)


def test_every_file_that_can_be_read_is_reported_as_it_was_ordered(made):
    identifier = {"issuer": {**made.order.contents["issuer"], "card_identifier": None}}
    del identifier["issuer"]["card_identifier"]
    wanted = records_of(made.order.profile, {**made.order.contents, **identifier})
    found = {file.name: file for file in made.report.files}
    # The directory of applications is made by the plan: it names those of the SSSE.
    names = found.pop("DIR")
    plan = made.order.plan(made.report.historical_bytes, {})
    (held,) = [file.contents for directory in plan.mf.walk() for file in directory.files if file.name == "DIR"]
    assert names.digest == hashlib.sha256(b"".join(held)).digest()
    # What no command reads, and bytes that nobody ordered, are not reported.
    assert wanted.keys() - found.keys() == {"medical_account"} | {f"reserved_{number}" for number in range(1, 6)}
    for name, file in found.items():
        records = list(wanted[name])
        if name == "issuer":
            records[0] = bytes((0x01, 16)) + made.report.card_identifier
        held = b"".join(records)
        assert (file.digest, file.records, file.size) == (hashlib.sha256(held).digest(), len(records), len(held)), name


def test_the_medical_account_is_on_the_card(made):
    store = made.store(made.image)
    amounts = [
        store.eeprom.read(file.at + HEADER, file.size)
        for directory in directories(store.root)
        for file in (*directory.files, *directory.internal)
        if file.kind is Kind.AMOUNTS
    ]
    # Two counters, the balance, two totals in fen, the year and its first day.
    account = bytes.fromhex("000100020003D090000001F40001E24020240101")
    assert [held.rstrip(b"\x00") for held in amounts] == [account]


def test_every_key_of_the_plan_is_proven_and_has_openssls_check_value(made):
    plan = made.order.plan(made.report.historical_bytes, {})
    planned = {(directory.name, key.reference): key for directory in plan.mf.walk() for key in directory.keys}
    reported = {(key.directory, key.key): key for key in made.report.keys}
    assert reported.keys() == planned.keys()
    assert len(reported) == len(made.report.keys) > 100
    for place, key in reported.items():
        purpose = planned[place].purpose
        if key.directory == "SSSE" and purpose is Purpose.MAINTENANCE:
            assert key.proof is KeyProof.COMMAND_MAC
        else:
            assert key.proof is PROVEN.get(purpose, KeyProof.EXTERNAL_AUTHENTICATION), place
    computed = second(made)
    for key in made.report.keys:
        # On FMCOS the MF is the bank's: its master key is one of 3DES whatever the social security application has.
        if key.directory != "MF" or made.kind.chip == "t514" or made.kind.algorithm is Algorithm.DES:
            assert key.check_value == computed.answer(CheckValue(key.key)), key.key


def test_the_card_identifier_is_region_rid_serial_and_a_mac_by_irk(made):
    """A3.3 of the personalisation notes; CBC under the left half, the last block under the whole key, with OpenSSL."""
    first = bytes.fromhex(f"{REGION}D156000005") + made.report.historical_bytes[-4:]
    irk = second(made).key(KeyReference("IRK"))
    if made.kind.algorithm is Algorithm.DES:
        state = openssl.ecb("des", irk[:8], first[:8])
        mac = openssl.ecb("des", irk, openssl.xor(state, first[8:] + b"\x80\x00\x00\x00"))[:4]
    else:
        block = openssl.ecb("sm4", irk, first + b"\x80\x00\x00\x00")
        mac = bytes(a ^ b ^ c ^ d for a, b, c, d in zip(block[:4], block[4:8], block[8:12], block[12:], strict=True))
    assert made.report.card_identifier == first + mac


def test_the_report_says_what_was_made(made):
    report = made.report
    assert (report.version, report.algorithm, report.chip) == (
        made.kind.version,
        made.kind.algorithm,
        made.kind.chip,
    )
    assert report.atr == made.card.atr
    assert report.historical_bytes == made.kind.blank.system.historical_bytes
    assert report.pin_tries == made.order.pin_tries
    assert sum(report.commands.values()) == sum(isinstance(event, bytes) for event in made.events)
    assert chips.PIN.reveal().hex() not in repr(report)


def test_stages_come_in_their_order_each_noted_before_a_command_of_it_is_sent(made):
    notes = [event for event in made.events if isinstance(event, Note)]
    order = list(Stage)
    stages = [order.index(note.stage) for note in notes]
    assert stages == sorted(stages)
    assert {note.stage for note in notes} >= {Stage.EXAMINED, Stage.OPENED, Stage.BUILDING, Stage.SEALING, Stage.DONE}
    sent: dict[str, int] = {}
    for event in made.events:
        if isinstance(event, Note):
            stage = event.stage
        else:
            sent[stage.name] = sent.get(stage.name, 0) + 1
            if event[1] in WRITING:
                assert stage not in {Stage.EXAMINED, Stage.PROVING, Stage.DONE}
    assert sent == dict(made.report.commands)
    assert [note.done for note in notes] == sorted(note.done for note in notes)


def test_a_second_run_writes_nothing_and_reports_the_same(made):
    report = made.again()
    assert not [event.hex() for event in made.events if isinstance(event, bytes) and event[1] in WRITING]
    assert made.card.eeprom.content[0x3000:] == made.image[0x3000:]
    for name in ("version", "chip", "atr", "historical_bytes", "card_identifier", "pin_tries", "files", "keys"):
        assert getattr(report, name) == getattr(made.report, name), name


def test_a_finished_card_is_refused_when_nothing_is_known_of_it(made):
    made.atr = made.card.power_on()
    with pytest.raises(UsedChipError):
        made.issue(begun=False)
    assert made.card.eeprom.content == made.image


def test_a_card_that_is_examined_again_is_reported_as_it_was_made(made):
    report = made.verify(made.image)
    assert report.files == made.report.files
    assert report.card_identifier == made.report.card_identifier
    masters = {
        key for key in made.report.keys if key.proof is KeyProof.EXTERNAL_AUTHENTICATION and key.key.name[:2] == "MK"
    }
    assert set(report.keys) == set(made.report.keys) - masters


def test_a_changed_byte_is_found_in_a_file_of_every_structure(made):
    kinds = set()
    for directory in directories(made.store(made.image).root.directories[0]):
        for file in directory.files:
            shown = made.store(made.image)
            held = b"".join(shown.records(file)) if file.has_records else None
            content = held if held is not None else shown.content(file) if file.kind is Kind.TRANSPARENT else b""
            if file.kind in kinds or len(content.strip(b"\x00")) < 4:
                continue
            # In the last byte of the file that is not zero: the value of a record, never its tag or length.
            end = file.at + HEADER + file.size
            at = next(at for at in reversed(range(file.at + HEADER, end)) if made.image[at] not in {0x00, 0xFF})
            changed = bytearray(made.image)
            changed[at] ^= 0x01
            with pytest.raises(ReadBackError):
                made.verify(bytes(changed))
            kinds.add(file.kind)
    assert len(kinds) >= 3


@pytest.mark.parametrize("name", ["IRK", "RKSSSE", "UKSSSE", "PUK", "STKSSSE"])
def test_a_changed_key_is_found(made, name):
    value = second(made).key(KeyReference(name))
    assert made.image.count(value) == 1
    changed = made.image.replace(value, bytes((value[0] ^ 0x02,)) + value[1:])
    with pytest.raises(KeyProofError) as info:
        made.verify(changed)
    assert (info.value.key, info.value.key_version) == (name, 1)
