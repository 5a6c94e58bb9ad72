"""How cases are chosen, run and reported: what is not run is said, what a card refuses is not tried again."""

import dataclasses
import io
from xml.etree import ElementTree as ET

import pytest

from apdu.errors import TranscriptMismatchError
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.transport.transcript import Recorder, Replay, Transcript
from apdu.transport.wrappers import recorded
from cardlib.conformance import Harm, Outcome, ReplayedCard, cases, conduct, junit, recognise
from cardlib.conformance.case import Allowed
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.development_keys import load
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import READY, ready_card


class Counting:
    """A card that counts what begins with a header."""

    def __init__(self, header: str) -> None:
        self.card = ready_card("3.0", t0=False)
        self.header = bytes.fromhex(header)
        self.count = 0

    def __getattr__(self, name: str):
        return getattr(self.card, name)

    def process(self, command: bytes) -> bytes:
        self.count += command.startswith(self.header)
        return self.card.process(command)


class OtherKeys(KeyCustodian):
    """A custodian whose keys are of other cards; ``but`` names those it has rightly."""

    def __init__(self, right: KeyCustodian, *but: str) -> None:
        self.right, self.but = right, but

    def perform(self, request):
        answers = self.right.perform(request)
        return tuple(
            answer if wanted.key.name in self.but else bytes(byte ^ 0xFF for byte in answer)
            for wanted, answer in zip(request.tasks, answers, strict=True)
        )


class Recorded:
    """A card connection whose conversation is recorded."""

    def __init__(self, card, sink) -> None:
        self.atr, self.t0, self.reset = card.atr, card.t0, card.reset
        self.transmit = recorded(card.transmit, sink)


def test_without_keys_what_needs_them_is_not_run_and_never_passed(run_suite):
    results = run_suite(ready_card("3.0", t0=False), keys=NoKeys())
    assert Outcome.FAILED not in {result.outcome for result in results.values()}
    for group in ("KEY_VER1", "KEY_VER2", "KEY_VER3"):
        found = [result for id_, result in results.items() if result.case.group == group and id_ != f"{group}.DPK"]
        assert found
        assert all(result.outcome is Outcome.NOT_RUN and result.detail.startswith("no key: ") for result in found)
    assert results["SSSE_SAFETY.EF06.read"].outcome is Outcome.PASSED


def test_without_the_pin_what_needs_it_is_not_run(run_suite):
    results = run_suite(ready_card("3.0", t0=False), "VERIFY", "DF04_RECORD", pin=None)
    assert results["VERIFY.right"].detail == results["DF04_RECORD.EF08.records"].detail == "no PIN was given"
    assert results["DF04_RECORD.EF05.records"].outcome is Outcome.PASSED, "a key opens it, too"


def test_what_harms_a_card_is_run_only_when_asked_for(run_suite):
    chip = Counting("00DC")
    results = run_suite(chip, destructive=False)
    harmful = {id_ for id_, result in results.items() if result.case.harm is not Harm.NONE}
    assert {"VERIFY.blocked", "VERIFY.wrong", "SSSE_RECORD.EF05.update", "BLOCK.card"} <= harmful
    assert {"KEY_VER1.UKSSSE.counter", "CHANGE PIN.changed", "ACCOUNT.load", "BLOCK.DF03_mac"} <= harmful
    assert {id_ for id_, result in results.items() if result.detail.startswith("destructive: ")} == harmful
    assert all(results[id_].outcome is Outcome.NOT_RUN for id_ in harmful)


def test_what_ends_a_cards_life_is_run_only_when_asked_for_twice(run_suite):
    chip = Counting("8416")
    results = run_suite(chip, "BLOCK", irreversible=False)
    ending = [id_ for id_, result in results.items() if result.detail.startswith("irreversible: ")]
    assert ending == ["BLOCK.DF03", "BLOCK.DF04", "BLOCK.card"]
    assert all(results[id_].outcome is Outcome.NOT_RUN for id_ in ending)
    assert run_suite(chip, "BLOCK", destructive=False)["BLOCK.card"].outcome is Outcome.NOT_RUN
    assert chip.card.process(bytes.fromhex("0084000004"))[-2:] == b"\x90\x00"


def test_the_cases_that_block_come_last_and_the_card_itself_last_of_all():
    found = cases(READY["2.0"].profile)
    assert [case.id for case in found[-5:]] == [
        *("CHANGE PIN.unblocked", "VERIFY.blocked", "BLOCK.DF03", "BLOCK.DF04", "BLOCK.card")
    ]
    assert not {case.harm for case in found[:-5]} & {Harm.UNBLOCKS, Harm.BLOCKS, Harm.ENDS}


@pytest.mark.parametrize("pin", ["123456", "98765f", "1234567890123456"])
def test_any_pin_is_changed_blocked_and_unblocked_and_stays_what_it_was(run_suite, pin):
    ready, packed = READY["3.0"], Secret(bytes.fromhex(pin))
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(3000), pin=packed)
    chip = SoftwareCard(image_for(ready.profile, ready.contents(3000), issue, load()), t0=False)
    results = run_suite(chip, "CHANGE PIN", pin=packed)
    assert {result.outcome for result in results.values()} == {Outcome.PASSED}
    assert run_suite(chip, "VERIFY", pin=packed, destructive=False)["VERIFY.right"].outcome is Outcome.PASSED


def test_without_puk_the_pin_is_not_blocked_to_be_unblocked(run_suite, custodian):
    chip = Counting("0020000003")
    results = run_suite(chip, "CHANGE PIN", keys=OtherKeys(custodian, "IRK", "STKSSSE"))
    assert results["CHANGE PIN.unblocked"].outcome is not Outcome.PASSED
    assert run_suite(chip, "VERIFY", destructive=False)["VERIFY.right"].outcome is Outcome.PASSED


def test_a_file_with_more_room_than_one_command_fills_is_not_judged_by_it_and_is_left_as_it_was(run_suite):
    chip = Roomy()
    results = run_suite(chip, "SSSE_RECORD")
    assert results["SSSE_RECORD.full"].detail == "the file has more room than one command can fill"
    assert chip.record is None


class Roomy:
    """A card that takes a record of any length in EF05."""

    def __init__(self) -> None:
        self.card = ready_card("3.0", t0=False)
        self.record: bytes | None = None

    def __getattr__(self, name: str):
        return getattr(self.card, name)

    def process(self, command: bytes) -> bytes:
        if command.startswith(bytes.fromhex("00DC012CFF")):
            self.record = command[5:]
            return b"\x90\x00"
        if command.startswith(bytes.fromhex("00DC012C")):
            self.record = None
        if command.startswith(bytes.fromhex("00B2012C")) and self.record is not None:
            return self.record + b"\x90\x00"
        return self.card.process(command)


def test_a_card_is_as_it_was_after_all_but_the_blocking_cases(connect, custodian):
    chip = ready_card("2.0", t0=False)
    card = connect(chip)
    subject = recognise(card, pin=Secret(bytes.fromhex("123456")))
    selected = [case for case in cases(subject.profile) if case.harm not in {Harm.BLOCKS, Harm.ENDS}]
    before = [conduct_one(card, subject, case, custodian) for case in selected]
    after = [conduct_one(card, subject, case, custodian) for case in selected]
    assert before == after


def conduct_one(card, subject, case, custodian):
    (result,) = conduct(card, subject, [case], custodian, destructive=True)
    return case.id, result.outcome, result.detail


def test_keys_of_another_card_cost_no_try(run_suite, custodian):
    chip = Counting("0082")
    results = run_suite(chip, "KEY_VER1", "DF01_RECORD", keys=OtherKeys(custodian))
    assert chip.count == 0
    assert results["KEY_VER1.IRK"].outcome is Outcome.FAILED
    assert results["KEY_VER1.UK1DF01"].outcome is Outcome.NOT_RUN


def test_a_key_that_the_card_refuses_is_not_tried_again(run_suite, custodian):
    chip = Counting("00820084")
    results = run_suite(chip, "DF03_RECORD", keys=OtherKeys(custodian, "IRK"), pin=None)
    assert chip.count == 1, "RK1DF03 is asked for by every file"
    assert "refused before" in results["DF03_RECORD.EF07.runs"].detail


def test_a_pin_that_the_card_refuses_is_not_sent_again(run_suite):
    chip = Counting("0020000003")
    results = run_suite(chip, "VERIFY", "DF04_RECORD", pin=Secret(bytes.fromhex("654321")))
    assert chip.count == 1
    assert results["VERIFY.right"].outcome is Outcome.FAILED
    assert results["VERIFY.blocked"].outcome is Outcome.NOT_RUN


@pytest.mark.parametrize("t0", [True, False])
def test_a_recorded_run_comes_out_the_same_again(connect, custodian, t0):
    file = io.StringIO()
    card = connect(ready_card("3.0", t0=t0), t0=t0)
    live = whole_run(Recorded(card, Recorder(file, card.atr)), custodian)
    replay = Replay(Transcript.from_lines(file.getvalue().splitlines()))
    assert whole_run(ReplayedCard(replay, t0=t0), custodian) == live
    assert replay.remaining == 0


def test_another_run_than_the_recorded_one_is_noticed(connect, custodian):
    file = io.StringIO()
    card = connect(ready_card("3.0", t0=False))
    recognise(Recorded(card, Recorder(file, card.atr)))
    replay = Replay(Transcript.from_lines(file.getvalue().splitlines()))
    with pytest.raises(TranscriptMismatchError):
        whole_run(ReplayedCard(replay, t0=False), custodian)


def whole_run(card, custodian):
    subject = recognise(card)
    results = conduct(card, subject, cases(subject.profile), custodian)
    return [(result.case.id, result.outcome, result.detail) for result in results]


def test_the_junit_report_counts_and_holds_nothing_of_the_card(connect, custodian):
    chip = ready_card("3.0", t0=False)
    card = connect(chip)
    subject = recognise(card)
    (first, *results) = conduct(card, subject, cases(subject.profile), custodian)
    failed = dataclasses.replace(first, outcome=Outcome.FAILED, detail="answered 6F00")
    report = junit(subject, [failed, *results])
    root = ET.fromstring(report)
    assert root.get("tests") == str(len(results) + 1) == str(len(root.findall("./testsuite/testcase")))
    assert root.get("failures") == "1" == str(len(root.findall("./testsuite/testcase/failure")))
    assert root.get("skipped") == str(len(root.findall("./testsuite/testcase/skipped"))) != "0"
    text = report.decode("utf-8")
    holder = READY["3.0"].holder
    for secret in (str(holder["name"]), str(holder["social_security_number"]), card.atr.hex(), "T0003000"):
        assert secret.lower() not in text.lower()


@pytest.mark.parametrize(
    ("notation", "sw", "allowed"),
    [
        ("9000", 0x9000, True),
        ("9000", 0x6110, True),
        ("9000 63Cx", 0x63C0, True),
        ("63Cx", 0x63D0, False),
        ("6A82", 0x6A83, False),
        ("6A82", 0x6110, False),
    ],
)
def test_a_set_of_status_words_has_what_is_written(notation, sw, allowed):
    assert (ResponseAPDU(b"", sw) in Allowed(notation)) is allowed


@pytest.mark.parametrize("notation", ["", "900", "63cx", "OK"])
def test_what_is_no_set_of_status_words_is_refused(notation):
    with pytest.raises(ValueError, match="status words"):
        Allowed(notation)


class Answering:
    """A card that answers commands that begin with a header with this, and others as a card does."""

    def __init__(self, header: str, answer: str) -> None:
        self.card = ready_card("3.0", t0=False)
        self.header, self.answer = bytes.fromhex(header), bytes.fromhex(answer)

    def __getattr__(self, name: str):
        return getattr(self.card, name)

    def process(self, command: bytes) -> bytes:
        return self.answer if command.startswith(self.header) else self.card.process(command)


def test_a_card_that_is_not_recognised_fails_and_nothing_more_is_tried_on_it(run_suite):
    results = run_suite(Answering("00A404000F7378", "6A82"))
    assert results["SELECT.recognised"].outcome is Outcome.FAILED
    rest = [result for result in results.values() if result.case.group not in {"ATR", "SELECT"}]
    assert {result.outcome for result in rest} == {Outcome.NOT_RUN}
    assert {result.detail for result in rest} == {
        "the card is not recognised: the card has no social security application (SSSE)"
    }


def test_a_card_that_falls_silent_fails_the_case_and_the_run_goes_on(run_suite):
    results = run_suite(Answering("0002", ""), "COMMAND")
    assert results["COMMAND.ins"].detail == "the card does not answer"
    assert results["COMMAND.cla"].outcome is Outcome.PASSED


def test_what_asks_for_the_pin_is_not_run_on_a_card_without_one(run_suite):
    ready = READY["2.0"]
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(2000), pin=Secret(b""))
    chip = SoftwareCard(image_for(ready.profile, ready.contents(2000), issue, load()), t0=False)
    results = run_suite(chip)
    assert not [id_ for id_, result in results.items() if result.outcome is Outcome.FAILED]
    for id_ in ("VERIFY.wrong", "VERIFY.blocked", "DF01_SAFETY.EF05.read", "DF04_SAFETY.EF06.read_RK1DF04"):
        assert results[id_].detail == "the card has no PIN set"
    assert results["DF01_RECORD.EF05.records"].outcome is Outcome.PASSED
