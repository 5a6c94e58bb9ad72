"""Reading identity: the fewest commands, every kind of card, and what is said when it does not work."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from apdu.command import CommandAPDU
from apdu.errors import CardRemovedError, FunctionUnsupportedError, StatusWordError, TlvError, WrongKeyError
from apdu.flow import run
from apdu.readers import executor
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import (
    AlgorithmUnsupportedError,
    CardDataError,
    ForeignCardError,
    KeyUnavailableError,
    NotAuthenticError,
    VersionUnsupportedError,
)
from cardlib.flows.read_identity import Authenticity, AuthenticityCheck, IdentityReading, read_identity
from cardlib.forms import STANDARD, FormMemory, Reading
from cardlib.key_requests import KeyRequest
from services.custody.development import DevelopmentCustodian
from simulator.people import ready_card
from simulator.quirks import Quirks

TODAY = dt.date(2026, 1, 15)
KEYS = DevelopmentCustodian(development_mode=True)


@dataclass
class Desk:
    """A card on a desk: reads it, and remembers which commands it took (GET RESPONSE not among them)."""

    card: Chip
    forms: FormMemory = field(default_factory=FormMemory)
    sent: list[CommandAPDU] = field(default_factory=list)

    def read(
        self, custodian: KeyCustodian = KEYS, check: AuthenticityCheck = AuthenticityCheck.WHEN_POSSIBLE
    ) -> IdentityReading:
        self.sent.clear()
        atr = self.card.power_on()
        flow = read_identity(atr, rng=lambda n: bytes(range(n)), today=TODAY, forms=self.forms, check=check)
        return run(flow, executor(get_response(self._transmit, strip_le=True)), custodian.answer)

    def _transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        self.sent += (CommandAPDU.from_bytes(raw) for raw in commands)
        return [self.card.process(raw) for raw in commands]

    @property
    def names(self) -> list[str]:
        return [command.name for command in self.sent if command.name != "GET RESPONSE"]


class Altered(Chip):
    """A card whose answers are altered on the way, by the beginning of the command."""

    def __init__(self, card: Chip, answers: dict[str, str]) -> None:
        self.card = card
        self.answers = {bytes.fromhex(command): bytes.fromhex(answer) for command, answer in answers.items()}

    def power_on(self) -> bytes:
        return self.card.power_on()

    def reset(self) -> bytes:
        return self.card.reset()

    def power_off(self) -> None:
        self.card.power_off()

    def process(self, command: bytes) -> bytes:
        true_answer = self.card.process(command)
        return next((answer for header, answer in self.answers.items() if command.startswith(header)), true_answer)


@pytest.mark.parametrize("t0", [True, False], ids=["T=0", "a reader that hides T=0"])
@pytest.mark.parametrize(
    ("version", "check", "commands", "authenticity"),
    [
        ("1.0", AuthenticityCheck.SKIP, 3, Authenticity.NOT_CHECKED),
        ("2.0", AuthenticityCheck.SKIP, 3, Authenticity.NOT_CHECKED),
        ("2.0", AuthenticityCheck.WHEN_POSSIBLE, 4, Authenticity.PROVEN),
        ("2.0", AuthenticityCheck.REQUIRED, 4, Authenticity.PROVEN),
        ("3.0", AuthenticityCheck.WHEN_POSSIBLE, 6, Authenticity.PROVEN),
        ("3.0", AuthenticityCheck.SKIP, 6, Authenticity.PROVEN),
    ],
)
def test_a_card_is_read_in_the_fewest_commands(
    version: str, check: AuthenticityCheck, commands: int, authenticity: Authenticity, t0: bool
) -> None:
    desk = Desk(ready_card(version, t0=t0))
    identity = desk.read(check=check)
    assert len(desk.names) == commands, desk.names
    assert identity.authenticity is authenticity
    assert identity.version == version
    assert identity.holder.values["social_security_number"].startswith("990000")
    assert not identity.warnings


def test_the_answer_to_select_is_not_fetched_where_nobody_needs_it() -> None:
    desk = Desk(ready_card("2.0"))
    desk.read()
    assert [c.name for c in desk.sent].count("GET RESPONSE") == 2  # the FCI, which names the cipher, and the proof


def test_the_algorithm_comes_from_the_card() -> None:
    assert Desk(ready_card("2.0")).read().algorithm is Algorithm.DES
    assert Desk(ready_card("3.0")).read().algorithm is Algorithm.SM4


QUIRKS = {
    "no SFI": (Quirks(sfi=False), STANDARD.reading.WHOLE_SELECTED_02, False),
    "no whole files": (Quirks(whole_file=False), Reading.BY_TAG_SELECTED_02, False),
    "record numbers only": (Quirks(sfi=False, whole_file=False, by_tag=False), Reading.BY_NUMBER_SELECTED_02, False),
    "MF first": (Quirks(select_mf_first=True), Reading.WHOLE_BY_SFI, True),
    "MF first and record numbers only": (
        Quirks(sfi=False, whole_file=False, by_tag=False, select_mf_first=True),
        Reading.BY_NUMBER_SELECTED_02,
        True,
    ),
}


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
@pytest.mark.parametrize(("quirks", "reading", "mf_first"), QUIRKS.values(), ids=QUIRKS)
def test_field_cards_are_read_in_the_form_they_need_and_it_is_remembered(
    version: str, quirks: Quirks, reading: Reading, mf_first: bool
) -> None:
    conforming = Desk(ready_card(version)).read()
    desk = Desk(ready_card(version, quirks=quirks))
    first = desk.read()
    searching = len(desk.names)
    assert first.holder.values == conforming.holder.values
    assert first.authenticity is Authenticity.PROVEN

    forms = desk.forms.recall(first.historical_bytes)
    assert (forms.reading, forms.select_mf_first) == (reading, mf_first)
    again = desk.read()
    assert again.holder.values == conforming.holder.values
    assert len(desk.names) < searching


def test_a_card_that_wants_the_key_version_gets_it_and_is_remembered() -> None:
    for version, commands in (("2.0", 4), ("3.0", 6)):
        desk = Desk(ready_card(version, quirks=Quirks(key_version_required=True)))
        assert desk.read().authenticity is Authenticity.PROVEN
        assert desk.read().authenticity is Authenticity.PROVEN
        assert len(desk.names) == commands


def test_a_remembered_form_that_fails_gives_way_to_another() -> None:
    forms = FormMemory()
    Desk(ready_card("2.0", quirks=Quirks(sfi=False)), forms).read()
    desk = Desk(ready_card("2.0", quirks=Quirks(whole_file=False)), forms)
    assert desk.read().authenticity is Authenticity.PROVEN
    assert len(desk.names) > 4


def test_a_conforming_card_leaves_nothing_to_remember() -> None:
    desk = Desk(ready_card("2.0"))
    assert desk.forms.recall(desk.read().historical_bytes) is STANDARD


def test_the_memory_forgets_the_type_not_seen_for_longest() -> None:
    memory = FormMemory(size=2)
    forms = [STANDARD.__class__(reading=way) for way in (Reading.WHOLE_SELECTED_02, Reading.BY_TAG_SELECTED_02)]
    memory.remember(b"a", forms[0])
    memory.remember(b"b", forms[1])
    memory.recall(b"a")
    memory.remember(b"c", forms[1])
    assert memory.recall(b"a") == forms[0]
    assert memory.recall(b"b") is STANDARD


def test_without_keys_a_2_0_card_is_read_and_said_to_be_unproven() -> None:
    desk = Desk(ready_card("2.0"))
    identity = desk.read(NoKeys())
    assert identity.authenticity is Authenticity.NOT_CHECKED
    assert "IRK" in identity.authenticity_note
    assert len(desk.names) == 3
    with pytest.raises(KeyUnavailableError):
        desk.read(NoKeys(), AuthenticityCheck.REQUIRED)


def test_without_keys_a_3_0_card_cannot_be_read() -> None:
    with pytest.raises(KeyUnavailableError):
        Desk(ready_card("3.0")).read(NoKeys())


FOREIGN_PROOF = {"00880000": "00112233445566779000"}


def test_a_2_0_card_that_is_not_genuine_is_read_and_marked() -> None:
    desk = Desk(Altered(ready_card("2.0", t0=False), FOREIGN_PROOF))
    identity = desk.read()
    assert identity.authenticity is Authenticity.FAILED
    assert identity.holder.values["name"]
    with pytest.raises(NotAuthenticError):
        desk.read(check=AuthenticityCheck.REQUIRED)


def test_a_3_0_card_that_is_not_genuine_costs_no_try_of_its_read_key() -> None:
    desk = Desk(Altered(ready_card("3.0", t0=False), FOREIGN_PROOF))
    with pytest.raises(NotAuthenticError):
        desk.read()
    assert "EXTERNAL AUTHENTICATE" not in desk.names


class WrongReadKey(DevelopmentCustodian):
    """Has the right IRK and a wrong RKSSSE."""

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        first, *rest = super().perform(request)
        return (first, *(bytes(8) for _ in rest))


def test_a_wrong_read_key_is_an_error_with_the_tries_left_and_is_not_tried_again() -> None:
    desk = Desk(ready_card("3.0"))
    with pytest.raises(WrongKeyError) as refusal:
        desk.read(WrongReadKey(development_mode=True))
    assert refusal.value.tries_left == 2
    assert desk.names.count("EXTERNAL AUTHENTICATE") == 1


# What the card answers, by the beginning of the command → what comes of it. Version item 03 is in the whole of EF05.
SELECT_SSSE, READ_EF05, READ_EF06 = "00A40400", "00B2012D", "00B20135"
REFUSED = {
    "no SSSE": ({SELECT_SSSE: "6A82"}, ForeignCardError),
    "card blocked": ({SELECT_SSSE: "6A81"}, FunctionUnsupportedError),
    "application blocked": ({SELECT_SSSE: "9303"}, StatusWordError),
    "read refused": ({READ_EF06: "6982"}, StatusWordError),
    "memory failure": ({READ_EF05: "6581"}, StatusWordError),
    "EF05 is no TLV": ({READ_EF05: "01109900" + "9000"}, TlvError),
    "EF06 cut off": ({READ_EF06: "0812313131" + "9000"}, TlvError),
    "version 9.0": ({READ_EF05: "0304392E3000" + "9000"}, VersionUnsupportedError),
    "FCI is no TLV": ({SELECT_SSSE: "6F7F8400" + "9000"}, CardDataError),
    "unknown cipher": (
        {SELECT_SSSE: "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C0386017F" + "9000"},
        AlgorithmUnsupportedError,
    ),
    "understands nothing": ({READ_EF05: "6D00", "00A40200": "6D00", "00A40000": "6D00"}, StatusWordError),
}


@pytest.mark.parametrize(("answers", "error"), REFUSED.values(), ids=REFUSED)
def test_each_refusal_has_its_own_type(answers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        Desk(Altered(ready_card("2.0", t0=False), answers)).read()


def test_a_2_0_card_with_ssf33_is_read_but_cannot_prove_itself() -> None:
    fci = "6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C03860102" + "9000"
    identity = Desk(Altered(ready_card("2.0", t0=False), {SELECT_SSSE: fci})).read()
    assert identity.algorithm is Algorithm.SSF33
    assert identity.authenticity is Authenticity.NOT_CHECKED
    assert "SSF33" in identity.authenticity_note
    with pytest.raises(AlgorithmUnsupportedError, match="SSF33"):
        Desk(Altered(ready_card("3.0", t0=False), {SELECT_SSSE: fci})).read()


def test_an_atr_too_short_for_the_card_factor_leaves_a_2_0_card_unproven() -> None:
    class ShortAtr(Altered):
        def power_on(self) -> bytes:
            super().power_on()
            return bytes.fromhex("3B640000" + "01020304")

    identity = Desk(ShortAtr(ready_card("2.0", t0=False), {})).read()
    assert identity.authenticity is Authenticity.NOT_CHECKED
    assert "historical" in identity.authenticity_note
    with pytest.raises(CardDataError):
        Desk(ShortAtr(ready_card("3.0", t0=False), {})).read()


PULLS = [(version, command) for version, commands in (("2.0", 4), ("3.0", 6)) for command in range(commands)]


@pytest.mark.parametrize(("version", "command"), PULLS)
def test_a_card_pulled_at_any_command_is_an_error_and_reads_when_it_is_back(version: str, command: int) -> None:
    card = ready_card(version, t0=False)

    class Pulled(Altered):
        left = command

        def process(self, command: bytes) -> bytes:
            if self.left == 0:
                raise CardRemovedError("pulled")
            self.left -= 1
            return super().process(command)

    with pytest.raises(CardRemovedError):
        Desk(Pulled(card, {})).read()
    assert Desk(card).read().authenticity is Authenticity.PROVEN
