"""For every group: a card that breaks one of its rules fails the case of that rule; for ACCOUNT see test_account."""

from collections.abc import Callable

import pytest

from cardlib.codes import SETTLEMENT_KIND
from cardlib.conformance import GROUPS, Outcome
from cardlib.development_keys import load
from cardlib.model import RECORDS
from cardlib.profiles.v3 import V3
from cardlib.rules import FREE
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import INITIAL_PIN, READY, ready_card
from simulator.quirks import Quirks

SSSE = V3.name.hex().upper()


class Altered:
    """A 3.0 card whose answers are altered: ``rule`` gets the current DF's name, the command and the answer."""

    def __init__(self, rule: Callable[[str, bytes, bytes], bytes], card: SoftwareCard | None = None) -> None:
        self.card = card or ready_card("3.0", t0=False)
        self.rule = rule
        self.at = ""

    def power_on(self) -> bytes:
        return self.card.power_on()

    def reset(self) -> bytes:
        return self.card.reset()

    def power_off(self) -> None:
        self.card.power_off()

    def process(self, command: bytes) -> bytes:
        answer = self.card.process(command)
        if command[:3] == bytes.fromhex("00A404") and answer[-2:] == b"\x90\x00":
            name = command[5 : 5 + command[4]]
            self.at = next(directory.name for directory in V3.directories if directory.df_name == name)
        return self.rule(self.at, command, answer)


def answering(header: str, answer: str) -> Altered:
    """A card that answers commands that begin so, with this."""
    start, words = bytes.fromhex(header), bytes.fromhex(answer)
    return Altered(lambda _at, command, honest: words if command.startswith(start) else honest)


class Pretending(Altered):
    """A card that answers commands that begin so by 9000, and does nothing about them."""

    def __init__(self, header: str, card: SoftwareCard | None = None) -> None:
        super().__init__(lambda _at, _command, answer: answer, card)
        self.header = bytes.fromhex(header)

    def process(self, command: bytes) -> bytes:
        return b"\x90\x00" if command.startswith(self.header) else super().process(command)


def other_word(header: str, honest: str, other: str) -> Altered:
    """A card that answers commands that begin so with another status word than the honest one."""
    start, word, instead = (bytes.fromhex(text) for text in (header, honest, other))
    return Altered(lambda _at, command, answer: instead if command.startswith(start) and answer == word else answer)


class OtherAtr(Altered):
    """A card with another ATR, at power-on or after a reset only."""

    def __init__(self, atr: str, *, cold: bool = True) -> None:
        super().__init__(lambda _at, _command, answer: answer)
        self.other, self.cold = bytes.fromhex(atr), cold

    def power_on(self) -> bytes:
        self.card.power_on()
        return self.other if self.cold else self.card.atr

    def reset(self) -> bytes:
        self.card.reset()
        return self.other


def with_other_tags(directory: str) -> Altered:
    """A card whose records, in one directory, all have the tag FE."""

    def rule(at: str, command: bytes, answer: bytes) -> bytes:
        if at != directory or command[1] != 0xB2 or len(answer) < 4:
            return answer
        return b"\xfe" + answer[1:]

    return Altered(rule)


def with_free_files(directory: str) -> SoftwareCard:
    """A card whose files, in one directory, anybody may read and update."""
    free = {
        file.name: {"read": FREE, "update": FREE}
        for found in V3.directories
        if found.name == directory
        for file in found.files
        if file.fid is not None
    }
    return SoftwareCard(_image(V3.derive("3.0", **free), load()), t0=False)


def without_key(name: str, version: int) -> SoftwareCard:
    """A card that was not given one key in one version."""
    keys = {key: value for key, value in load().items() if (key.name, key.version) != (name, version)}
    return SoftwareCard(_image(V3, keys), t0=False)


def _image(profile, keys, **other):
    ready = READY["3.0"]
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(3000), pin=INITIAL_PIN)
    return image_for(profile, {**ready.contents(3000), **other}, issue, keys)


def with_full_log() -> SoftwareCard:
    """A card whose eight special settlements differ from each other."""
    kind = SETTLEMENT_KIND["1"]
    settlements = tuple({"transaction_number": number, "settlement_type": kind} for number in range(8))
    return SoftwareCard(_image(V3, load(), special_settlements={RECORDS: settlements}), t0=False)


def counting(header: str) -> Altered:
    """A card that counts the failures of a key whose failures are not to be counted."""
    start, left = bytes.fromhex(header), iter(range(14, 0, -1))
    return Altered(
        lambda _at, command, answer: (
            bytes((0x63, 0xC0 | next(left))) if command.startswith(start) and answer[:1] == b"\x63" else answer
        )
    )


def never_a_try_less() -> Altered:
    """A card that says all tries are left, whatever happened."""
    return Altered(lambda _at, _command, answer: b"\x63\xc6" if answer[:1] == b"\x63" else answer)


def forgetful() -> Altered:
    """A card that goes back to the MF when it does not find what is to be selected."""

    def rule(_at: str, command: bytes, answer: bytes) -> bytes:
        if command[1] == 0xA4 and answer == b"\x6a\x82":
            chip.card.process(bytes.fromhex("00A40000023F00"))
        return answer

    chip = Altered(rule)
    return chip


def lasting_rights() -> Altered:
    """A card whose warm reset forgets nothing."""
    chip = Altered(lambda _at, _command, answer: answer)
    chip.reset = lambda: chip.card.atr  # type: ignore[method-assign]
    return chip


def unblocked_by_reset() -> Altered:
    """A card that forgets with a reset that an application was blocked."""

    def rule(_at: str, command: bytes, answer: bytes) -> bytes:
        forgotten = chip.resets and answer == b"\x93\x03" and command[1] == 0xA4
        return b"\x90\x00" if forgotten else answer

    class Forgetting(Altered):
        resets = 0

        def process(self, command: bytes) -> bytes:
            answer = super().process(command)
            self.resets = 0 if command[1] == 0x1E else self.resets
            return answer

        def reset(self) -> bytes:
            self.resets += 1
            return super().reset()

    chip = Forgetting(rule)
    return chip


BROKEN: dict[str, tuple[str, Callable[[], object]]] = {
    "an ATR that is cut off": ("ATR.form", lambda: OtherAtr("3B6D0000")),
    "an ATR with T0 that announces TA1 and TD1 only": ("ATR.form", lambda: OtherAtr("3B1011")),
    "an ATR that offers T=1": ("ATR.protocol", lambda: OtherAtr("3B8001" + "81")),
    "twelve historical bytes": ("ATR.historical", lambda: OtherAtr("3B6C0000" + "00" * 12)),
    "another ATR after a reset": ("ATR.again", lambda: OtherAtr("3B6D0000" + "00" * 13, cold=False)),
    "no SSSE": ("SELECT.recognised", lambda: answering("00A404000F7378", "6A82")),
    "an FCI without A5": ("SELECT.ssse", lambda: answering("00A404000F", f"6F11840F{SSSE}9000")),
    "an FCI without a name": ("SELECT.ssse", lambda: answering("00A404000F", "6F05A50388011E9000")),
    "another word for a name not found": ("SELECT.absent", lambda: other_word("00A40400", "6A82", "6A88")),
    "a P1 of SELECT taken for another": ("SELECT.p1", lambda: answering("00A40F", "9000")),
    "a DF that is not found by FID": ("SELECT.DF03", lambda: answering("00A4000002DF03", "6A82")),
    "a DF that is not found by name": ("SELECT.DF03", lambda: answering("00A4040006D15600000502", "6A82")),
    "a DIR file of something else": ("SELECT.dir", lambda: answering("00B201F4", "01029000")),
    "a DIR file of what is not there": (
        "SELECT.dir",
        lambda: answering("00A4040006D15600000503", "6A82"),
    ),
    "a selection lost by a SELECT that fails": ("SELECT.kept", forgetful),
    "an unknown INS accepted": ("COMMAND.ins", lambda: answering("0002", "9000")),
    "an unknown CLA accepted": ("COMMAND.cla", lambda: answering("F0A4", "6D00")),
    "short challenges": ("COMMAND.challenge", lambda: answering("0084000010", "00" * 8 + "9000")),
    "challenges that repeat": ("COMMAND.fresh", lambda: ready_card("3.0", t0=False, rng=bytes)),
    "a challenge of five bytes": ("COMMAND.challenge_length", lambda: answering("0084000005", "01020304059000")),
    "P2 of GET CHALLENGE ignored": ("COMMAND.challenge_p2", lambda: answering("00840001", "01" * 8 + "9000")),
    "a proof of 15 bytes": ("COMMAND.proof_length", lambda: other_word("00880000", "6700", "6A80")),
    "P1 of a proof ignored": ("COMMAND.proof_p1", lambda: answering("00887F00", "01" * 8 + "9000")),
    "a key version for another": ("COMMAND.proof_version", lambda: other_word("00880000", "6A88", "6A86")),
    "the wrong Le named": ("COMMAND.le", lambda: answering("00B2072800", "6C0C")),
    "GET RESPONSE out of nothing": ("COMMAND.response", lambda: answering("00C0", "9000")),
    "the question for the PIN refused": ("VERIFY.query", lambda: other_word("00200000", "63C6", "6700")),
    "P2 of VERIFY ignored": ("VERIFY.p2", lambda: answering("0020007F", "9000")),
    "a PIN of nine bytes compared": ("VERIFY.length", lambda: answering("0020000009", "63C5")),
    "tries that never end": ("VERIFY.wrong", never_a_try_less),
    "a blocked PIN that is compared": ("VERIFY.blocked", lambda: other_word("00200000", "6983", "63C0")),
    "records that cannot be found by tag": (
        "SSSE_RECORD.EF05.tags",
        lambda: ready_card("3.0", t0=False, quirks=Quirks(by_tag=False)),
    ),
    "a record more than EF05 has": ("SSSE_RECORD.EF05.records", lambda: answering("00B2082C", "EA01319000")),
    "no runs of records": (
        "SSSE_RECORD.EF05.runs",
        lambda: ready_card("3.0", t0=False, quirks=Quirks(whole_file=False)),
    ),
    "an undefined mode understood": ("SSSE_RECORD.mode_7", lambda: answering("00B2012F", "9000")),
    "records written that are no TLV": ("SSSE_RECORD.tlv", lambda: other_word("00DC", "6A85", "9000")),
    "another word for a full file": ("SSSE_RECORD.full", lambda: other_word("00DC", "6A84", "6A80")),
    "a long record said to be written": ("SSSE_RECORD.full", lambda: Pretending("00DC012CFF")),
    "an update of nothing": ("SSSE_RECORD.no_data", lambda: other_word("00DC", "6700", "9000")),
    "a gap between records": ("SSSE_RECORD.gap", lambda: other_word("00DC", "6A83", "9000")),
    "a cyclic file that takes nothing": ("DF02_RECORD.EF07.append", lambda: answering("00DC003B", "6981")),
    "a cyclic file that only says it takes it": ("DF02_RECORD.EF07.append", lambda: Pretending("00DC003B")),
    "a full cyclic file that only says so": (
        "DF04_RECORD.EF15.append",
        lambda: Pretending("00DC00AB", with_full_log()),
    ),
    "updates that are not done": (
        "DF01_RECORD.EF05.update",
        lambda: answering("00DC012C", "6581"),
    ),
    "a challenge that serves twice": ("SSSE_SAFETY.challenge_once", lambda: other_word("0082", "6984", "9000")),
    "a challenge that outlives its application": (
        "SSSE_SAFETY.challenge_elsewhere",
        lambda: other_word("0082", "6984", "9000"),
    ),
    "an update with a MAC that is none": ("SSSE_SAFETY.secure", lambda: Pretending("04DC")),
    "rights that outlast a reset": ("DF01_SAFETY.reset", lasting_rights),
    "a file that every key opens": ("DF01_SAFETY.other_key", lambda: with_free_files("DF01")),
    **{
        f"records of {name} with other tags": (f"{name}_RECORD.EF05.records", lambda name=name: with_other_tags(name))
        for name in ("SSSE", "DF01", "DF02", "DF03", "DF04", "DF05", "DF06", "DF07")
    },
    **{
        f"files of {name} that are free to read": (f"{name}_SAFETY.{fid}.read", lambda name=name: with_free_files(name))
        for name, fid in (
            ("SSSE", "EF06"),
            ("DF01", "EF05"),
            ("DF02", "EF06"),
            ("DF03", "EF05"),
            ("DF04", "EF05"),
            ("DF06", "EF05"),
            ("DF07", "EF05"),
        )
    },
    **{
        f"files of {name} that anybody updates": (f"{name}_SAFETY.EF05.update", lambda name=name: with_free_files(name))
        for name in ("SSSE", "DF01", "DF04", "DF05")
    },
    **{
        f"no {name} of version {version}": (
            f"KEY_VER{version}.{name}",
            lambda name=name, version=version: without_key(name, version),
        )
        for version in (1, 2, 3)
        for name in ("IRK", "UK1DF01")
    },
    "a key of version 1 refused": ("KEY_VER1.UK1DF01", lambda: other_word("00820083", "9000", "6A88")),
    "a key of every version": ("KEY_VER1.UK1DF01.version", lambda: other_word("00820083", "6A88", "9000")),
    "a key that counts no failures": ("KEY_VER1.UKSSSE.counter", lambda: other_word("0082", "63C2", "6982")),
    "a key whose tries never end": ("KEY_VER2.UK1DF01.counter", lambda: other_word("00820083", "63C1", "63C2")),
    "failures of BK that are counted": ("KEY_VER1.BK.counter", lambda: counting("00820005")),
    "failures of LK that are counted": ("KEY_VER3.LKDF03.counter", lambda: counting("00820083")),
    "a PIN that is not changed": ("CHANGE PIN.changed", lambda: Pretending("805E")),
    "a wrong old PIN answered otherwise": ("CHANGE PIN.wrong", lambda: other_word("805E", "63C5", "6982")),
    "a change that wins no try back": ("CHANGE PIN.counter", lambda: Pretending("805E")),
    "another word for what is no PIN": ("CHANGE PIN.data", lambda: other_word("805E", "6A80", "6985")),
    "another word for a wrong length": ("CHANGE PIN.length", lambda: other_word("805E", "6700", "6A80")),
    "P2 of CHANGE PIN ignored": ("CHANGE PIN.p2", lambda: Pretending("805E017F")),
    "an unblocking that asks for no right": ("CHANGE PIN.unblock_right", lambda: other_word("8424", "6982", "9000")),
    "one without a challenge": ("CHANGE PIN.unblock_challenge", lambda: other_word("8424", "6984", "6985")),
    "one with a wrong MAC": ("CHANGE PIN.unblock_mac", lambda: other_word("8424", "6988", "9000")),
    "one with a long MAC": ("CHANGE PIN.unblock_length", lambda: other_word("8424", "6700", "9000")),
    "P2 of unblocking ignored": ("CHANGE PIN.unblock_p2", lambda: Pretending("8424007F")),
    "one that is not done": ("CHANGE PIN.unblocked", lambda: Pretending("8424000004")),
    "a blocked PIN that is changed": ("CHANGE PIN.unblocked", lambda: other_word("805E", "6983", "9000")),
    **{
        f"a block of {name} answered otherwise for want of {what}": (
            f"BLOCK.{name}_{what}",
            lambda header=header, word=word: other_word(header, word, "6985"),
        )
        for name, header in (("DF03", "841E"), ("DF04", "841E"), ("card", "8416"))
        for what, word in (("right", "6982"), ("challenge", "6984"), ("mac", "6988"), ("length", "6700"))
    },
    **{
        f"{name} blocked by the right of BK": (f"BLOCK.{name}_other_key", lambda: other_word("841E", "6982", "9000"))
        for name in ("DF03", "DF04")
    },
    "an application that is only said to be blocked": ("BLOCK.DF03", lambda: Pretending("841E")),
    "a blocked application that is selected after a reset": ("BLOCK.DF04", unblocked_by_reset),
    "a card that is only said to be blocked": ("BLOCK.card", lambda: Pretending("8416")),
    "a blocked card that answers otherwise": ("BLOCK.card", lambda: other_word("0084", "6A81", "9303")),
    "a proof by another key": ("KEY_VER1.IRK", lambda: answering("0088000011", "01" * 8 + "9000")),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_card_that_breaks_a_rule_fails_its_case(run_suite, broken):
    id_, make = BROKEN[broken]
    result = run_suite(make(), id_.partition(".")[0])[id_]
    assert result.outcome is Outcome.FAILED, result.detail
    assert result.detail


def test_a_full_cyclic_file_is_as_it_was_after_a_whole_round(run_suite):
    card = with_full_log()
    for _ in range(2):
        result = run_suite(card, "DF04_RECORD")["DF04_RECORD.EF15.append"]
        assert result.outcome is Outcome.PASSED, result.detail


def test_every_group_has_a_card_that_breaks_it():
    assert {id_.partition(".")[0] for id_, _ in BROKEN.values()} == GROUPS.keys() - {"ACCOUNT"}
