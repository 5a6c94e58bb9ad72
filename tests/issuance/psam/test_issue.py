"""A PSAM issued on a blank chip with keys in custody: what stands on it, and that it does a PSAM's work."""

from dataclasses import replace

import pytest

from apdu.errors import MalformedError
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.issuance.psam.flow import verify_psam
from cardlib.issuance.psam.report import PsamKeyProof
from cardlib.issuance.questions import Note, Stage
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac, PinBlock, PsamKeyLoad
from cardlib.keys import KEYS, PSAM_OWN_KEYS, KeyReference, Purpose
from cardlib.psam import ADF_FID, ENVIRONMENTS, NATIONAL_KEYS, PsamKeyType
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId, psam_factor
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from tests.issuance.chips import Custodian, constant
from tests.issuance.psam.bench import (
    FEW_KEYS,
    REGION,
    SERIAL,
    TERMINAL,
    chip,
    issue,
    issued,
    order,
    speak,
    with_pin_reset,
)
from tests.services.custody import openssl
from tests.services.custody.tasks import FACTOR, ORIGINAL, PIN, ROOTS, purchase

SLOT = "PSAM"
BOTH = (Algorithm.DES, Algorithm.SM4)
CARD_FACTOR = bytes.fromhex("9901000100000001")


def custodian_of(memory: bytes) -> PsamCustodian:
    readers = InProcessReaders([SLOT])
    readers.insert(SLOT, SoftwareCard(chip(memory).eeprom, t0=True), t0=True)
    return PsamCustodian(readers, SLOT)


def entered(algorithm: Algorithm, *, application: bool) -> SoftwareCard:
    card = chip(issued())
    card.power_on()
    assert send(card, "00A404000F" + ENVIRONMENTS[algorithm][1].hex()).endswith("9000")
    assert not application or send(card, f"00A4000002{ADF_FID:04X}").endswith("9000")
    return card


def send(card: SoftwareCard, command: str) -> str:
    return card.process(bytes.fromhex(command)).hex().upper()


# --- what stands on it ---


@pytest.mark.parametrize("algorithm", BOTH)
def test_the_files_hold_what_was_ordered(algorithm) -> None:
    card = entered(algorithm, application=False)
    assert send(card, "00B095000F") == "99" + SERIAL + "0100F1F29000"
    assert send(card, "00B0960006") == TERMINAL + "9000"
    assert send(card, "00B2010C18") == "61164F06D15600000590500C" + "社会保障应用".encode("gbk").hex().upper() + "9000"
    card = entered(algorithm, application=True)
    assert send(card, "00B0990004") == "000000019000"
    assert send(card, "00B09A000A") == "010120260101203012319000"
    assert send(card, "00B09B000A") == "010120260201203112319000"
    assert send(card, "00B09C000A") == "020120260301203212319000"


@pytest.mark.parametrize("algorithm", BOTH)
@pytest.mark.parametrize(("number", "name"), list(enumerate(PSAM_OWN_KEYS[1:])))
def test_its_own_keys_are_those_of_its_serial_number(algorithm, number, name) -> None:
    """And no longer the temporary key: the second computation knows them by the region and the serial number."""
    card = entered(algorithm, application=True)
    challenge = bytes.fromhex(send(card, "0084000008"))[:8]
    psam = CardFactors(algorithm, REGION, bytes.fromhex(SERIAL[4:]))
    shown = openssl.Card(psam, ROOTS).answer(Cryptogram(KeyReference(name), challenge, ORIGINAL))
    assert send(card, f"008200{number:02X}10" + shown.hex() + ORIGINAL.hex()) == "9000"


@pytest.mark.parametrize("algorithm", BOTH)
@pytest.mark.parametrize("command", ["00D6950001 00", "00D69A000101", "80D000001A" + "00" * 26, "808000000800170031"])
def test_nothing_is_built_any_more(algorithm, command) -> None:
    card = entered(algorithm, application=command.startswith("00D69A"))
    assert send(card, command)[-4:] in {"6982", "6985", "6700"}


# --- what it does ---


@pytest.mark.parametrize("levels", [None, 3, 2, 1])
@pytest.mark.parametrize("algorithm", BOTH)
def test_it_answers_as_whoever_has_the_roots(algorithm, levels) -> None:
    """Every key that computes, for a card of its city, whatever level it came at."""
    memory = issued(levels=levels, keys=with_pin_reset())
    whose = CardFactors(algorithm, REGION, CARD_FACTOR)
    second = openssl.Card(whose, ROOTS)
    tasks = []
    for row in PSAM_KEYS:
        match KEYS[row.name].purpose:
            case Purpose.MAINTENANCE:
                tasks += [
                    Mac(KeyReference(row.name), FACTOR, bytes(5)),
                    PinBlock(KeyReference(row.name), FACTOR, PIN),
                ]
            case Purpose.PURCHASE | Purpose.LOAD | Purpose.TAC:
                pass
            case _:
                tasks.append(Cryptogram(KeyReference(row.name), FACTOR, ORIGINAL))
    with_psam = custodian_of(memory)
    assert len(tasks) > 50
    assert with_psam.perform(KeyRequest(whose, tuple(tasks))) == tuple(second.answer(task) for task in tasks)
    for version in (1, 2, 3):
        task = purchase(key=KeyReference("DPK", version), terminal=bytes.fromhex(TERMINAL))
        (answer,) = with_psam.perform(KeyRequest(whose, (task,)))
        assert answer == second.answer(task, sequence=version, terminal=bytes.fromhex(TERMINAL))
    with_psam.close()


def test_keys_have_the_version_that_their_issuer_says() -> None:
    information = tuple(ApplicationInformation(key_version=version) for version in (3, 2, 1))
    card = chip()
    report = issue(order(information=information, algorithms=(Algorithm.DES,)), card, begun=False)
    versions = {key.key.name: key.key.version for key in report.keys}
    assert (versions["RKSSSE"], versions["PUK"], versions["STKDF01"]) == (3, 2, 1)
    whose = CardFactors(Algorithm.DES, REGION, CARD_FACTOR)
    task = Cryptogram(KeyReference("RKSSSE", 3), FACTOR, ORIGINAL)
    with_psam = custodian_of(card.eeprom.content)
    assert with_psam.perform(KeyRequest(whose, (task,))) == (openssl.Card(whose, ROOTS).answer(task),)


# --- how it is done ---


def test_the_report_says_how_each_key_was_proven() -> None:
    report = issue(order(), chip(), begun=False)
    assert (report.serial, report.terminal) == (SERIAL, TERMINAL)
    proofs = {(key.algorithm, key.key): key.proof for key in report.keys}
    assert len(proofs) == len(report.keys) == len(BOTH) * (len(PSAM_KEYS) + len(PSAM_OWN_KEYS))
    for algorithm in BOTH:
        assert proofs[algorithm, KeyReference("PSAM-KID03")] is PsamKeyProof.AUTHENTICATION
        assert proofs[algorithm, KeyReference("RKSSSE")] is PsamKeyProof.COMPUTATION
        assert proofs[algorithm, KeyReference("DPK", 2)] is PsamKeyProof.ACCEPTED_LOAD
        assert [file.name for file in report.files[algorithm]] == [
            "0001",
            "0015",
            "0016",
            "0019",
            "001A",
            "001B",
            "001C",
        ]
    assert {key.levels for key in report.keys if key.key.name == "IRK"} == {3}
    assert "IRK" not in repr(report.commands)


def test_steps_are_noted_in_their_order_and_the_bar_ends() -> None:
    notes: list[Note] = []
    report = issue(order(), chip(), begun=False, noted=notes.append)
    assert [note.stage for note in notes][:: len(notes) - 1] == [Stage.EXAMINED, Stage.DONE]
    assert {note.stage for note in notes} == set(Stage) - {Stage.OPENED}
    assert [note.done for note in notes] == sorted(note.done for note in notes)
    assert abs(notes[-1].done - notes[-1].total) < notes[-1].total / 10
    assert sum(report.commands.values()) >= notes[-1].done


def test_a_finished_psam_is_only_proven_again() -> None:
    card = chip(issued())
    report = issue(order(), card, begun=True)
    assert set(report.commands) == {"EXAMINED", "SEALING", "PROVING"}
    assert len(report.keys) == len(BOTH) * (len(PSAM_KEYS) + len(PSAM_OWN_KEYS))


def test_verifying_writes_nothing_and_says_the_same() -> None:
    card = chip(issued())
    asked: list[KeyRequest] = []

    class Watched(Custodian):
        def answer(self, request: KeyRequest) -> tuple[bytes, ...]:
            asked.append(request)
            return super().answer(request)

    found = speak(verify_psam(order(), card.power_on(), rng=constant), card, Watched())
    assert found.keys == issue(order(), chip(issued()), begun=True).keys
    assert not any(isinstance(task, PsamKeyLoad) for request in asked for task in request.tasks)
    assert chip(issued()).eeprom.content == issued()


# --- orders that cannot be ---


def row(**changes: object) -> PsamKeyId:
    return replace(PsamKeyId("IRK", PsamKeyType.ENCRYPT, 8, 3, NATIONAL_KEYS), **changes)


IMPOSSIBLE = {
    "serial number": {"serial": "9901002026010100000"},
    "serial number in other digits": {"serial": "９" * 20},
    "terminal number": {"terminal": "99010000000"},
    "terminal number of another city": {"terminal": "990200000001"},
    "terminal number of another province": {"terminal": "110100000001", "levels": 2},
    "region": {"region": "99010"},
    "SM4 first": {"algorithms": (Algorithm.SM4, Algorithm.DES)},
    "DES twice": {"algorithms": (Algorithm.DES, Algorithm.DES)},
    "no environment": {"algorithms": ()},
    "issuer": {"issuer": 256},
    "FCI data": {"fci_data": b"\x00"},
    "levels": {"levels": 4},
    "no levels": {"levels": 0},
    "version of keys": {"information": (ApplicationInformation(key_version=4),) * 3},
    "unknown key": {"keys": (row(name="UKEF0D"),)},
    "master key of cards": {"keys": (row(name="MKSSSE"),)},
    "file of a key": {"keys": (row(file=0x0014),)},
    "own type": {"keys": (row(kind=PsamKeyType.EXTERNAL),)},
    "levels of a key": {"keys": (row(levels=0),)},
    "two keys of one name": {"keys": (row(), row(name="RKSSSE"))},
}


@pytest.mark.parametrize("changes", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_order_that_cannot_be_is_refused_before_a_chip_is_touched(changes) -> None:
    with pytest.raises(MalformedError):
        order(**changes)


def test_ssf33_is_refused_by_name() -> None:
    with pytest.raises(AlgorithmUnsupportedError) as caught:
        order(algorithms=(Algorithm.DES, Algorithm.SSF33))
    assert caught.value.algorithm == "SSF33"


def test_national_roots_have_no_area() -> None:
    assert order(levels=3, terminal="110100000001").terminal == "110100000001"
    assert order(levels=2, terminal="990300000001", keys=FEW_KEYS).terminal == "990300000001"


@pytest.mark.parametrize(
    "changes", [{"valid_from": "2026-1-1"}, {"valid_until": ""}, {"purchase_index": 256}, {"key_version": -1}]
)
def test_application_information_that_cannot_be_is_refused(changes) -> None:
    with pytest.raises(MalformedError):
        ApplicationInformation(**changes)


def test_the_factor_of_a_psam_is_the_end_of_its_serial_number() -> None:
    assert psam_factor(SERIAL) == bytes.fromhex("0020260101000001")
