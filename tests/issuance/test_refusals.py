"""Chips and cards that are refused: with a typed error, before anything on them is tried, used up or changed."""

from dataclasses import replace
from typing import Any

import pytest

from apdu.errors import WrongPinError
from apdu.secret import Secret
from cardlib.cos.plan import MASTER_TRIES
from cardlib.errors import (
    BlankChipError,
    ChipError,
    KeyProofError,
    LastPinTryError,
    LostChipError,
    PinRepeatedError,
    PremadeCardError,
    TransportKeyError,
    UsedChipError,
    WrongChipError,
)
from cardlib.flows.pin import MaySendPin, PinAnswered, PinQuestion
from cardlib.flows.read_number import NumberLayout
from cardlib.issuance.questions import Stage
from simulator.memory_card import MemoryCard
from tests.issuance.chips import contents, lasting
from tests.issuance.workbench import (
    CHIPS,
    DES,
    SM4,
    Bench,
    OtherKeys,
    at_scripts,
    blank,
    chip_with,
    issued,
    memory,
    stopped_at,
)

EACH_CHIP = pytest.mark.parametrize("chip", CHIPS)
OTHER = {"t514": "fmcos", "fmcos": "t514"}
SELECT_MF = "00A40000023F00"
CHALLENGE = "0084000008"
ADF = {name: f"00A4000002DF{number:02X}" for number, name in enumerate(("DF01", "DF02", "DF03"), 1)}
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


# The transport key


@EACH_CHIP
def test_a_wrong_transport_key_costs_a_try_and_the_third_one_the_chip(chip: str) -> None:
    kind = SM4[chip]
    bench = Bench(blank(kind), OtherKeys("TRANSPORT"))
    for left in (2, 1):
        with pytest.raises(TransportKeyError) as told:
            bench.issue(kind.order(), begun=False)
        assert told.value.tries_left == left
    for _ in range(2):
        with pytest.raises(LostChipError):
            bench.issue(kind.order(), begun=False)
    with pytest.raises(LostChipError):
        Bench(bench.chip).issue(kind.order(), begun=False)


@EACH_CHIP
def test_the_right_transport_key_gives_all_tries_back(chip: str) -> None:
    kind = SM4[chip]
    bench = Bench(blank(kind), OtherKeys("TRANSPORT"))
    for _ in range(2):
        with pytest.raises(TransportKeyError):
            bench.issue(kind.order(), begun=False)
    Bench(bench.chip).issue(kind.order(), begun=False)
    assert memory(bench.chip) == memory(issued(kind))


# Chips that are no blank ones


class Foreign:
    """A card with an answer to reset, and the same answer to everything else."""

    def __init__(self, atr: str, answer: str) -> None:
        self.atr, self.answer = bytes.fromhex(atr), bytes.fromhex(answer)

    def power_on(self) -> bytes:
        return self.atr

    reset = power_on

    def power_off(self) -> None:
        pass

    def process(self, _command: bytes) -> bytes:
        return self.answer


ATR_13 = "3B6D000000814A44008660990000000007"


@EACH_CHIP
@pytest.mark.parametrize(
    ("card", "error"),
    [
        (MemoryCard("990000199001010017", NumberLayout(offset=0x20, length=18)), WrongChipError),
        (Foreign("3B6700004331302D313435", "9000"), WrongChipError),  # a bank card: seven historical bytes
        (Foreign("3B00", "9000"), WrongChipError),
        (Foreign(ATR_13, "9000"), UsedChipError),
        *((Foreign(ATR_13, sw), WrongChipError) for sw in ("6E00", "6D00", "6F00", "6700", "6985", "6283")),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_foreign_card_is_refused_before_any_key_is_tried(chip: str, card: Any, error: type[ChipError]) -> None:
    bench = Bench(card)
    with pytest.raises(error):
        bench.issue(SM4[chip].order(), begun=False)
    assert bench.used_keys == []
    assert bench.requests == []


@EACH_CHIP
def test_a_chip_of_the_other_system_is_refused_and_stays_as_it_was(chip: str) -> None:
    kind, other = SM4[chip], SM4[OTHER[chip]]
    bench = Bench(blank(other))
    before = bench.chip.eeprom.content
    with pytest.raises(WrongChipError) as told:
        bench.issue(kind.order(), begun=False)
    assert told.value.chip == chip
    assert bench.chip.eeprom.content == before  # with all tries of its transport key
    Bench(bench.chip).issue(other.order(), begun=False)


@EACH_CHIP
@pytest.mark.parametrize("other", CHIPS)
def test_somebody_elses_card_is_refused_and_stays_as_it_was(chip: str, other: str) -> None:
    bench = Bench(issued(DES[other]))
    before = bench.chip.eeprom.content
    with pytest.raises(UsedChipError, match="social security application"):
        bench.issue(SM4[chip].order(), begun=False)
    assert bench.used_keys == []
    assert bench.requests == []
    assert bench.chip.eeprom.content == before


@EACH_CHIP
def test_a_half_built_chip_is_gone_on_with_only_by_the_order_that_began_it(chip: str) -> None:
    kind = SM4[chip]
    for content, what in ((at_scripts(kind)[2], "master file"), (at_scripts(kind)[200], "social security application")):
        bench = Bench(chip_with(content))
        bench.speak(SELECT_MF)
        before = bench.chip.eeprom.content
        with pytest.raises(UsedChipError, match=what):
            bench.issue(kind.order(), begun=False)
        assert bench.used_keys == []
        assert bench.chip.eeprom.content == before
        bench.issue(kind.order(), begun=True)
        assert memory(bench.chip) == memory(issued(kind))


@EACH_CHIP
def test_nothing_is_verified_on_a_blank_chip(chip: str) -> None:
    bench = Bench(blank(SM4[chip]))
    with pytest.raises(BlankChipError):
        bench.verify(SM4[chip].order())
    assert bench.used_keys == []


@EACH_CHIP
def test_a_card_with_other_keys_is_found_out_before_it_is_told_a_pin(chip: str) -> None:
    bench = Bench(issued(SM4[chip]), OtherKeys("IRK"))
    with pytest.raises(KeyProofError) as told:
        bench.verify(SM4[chip].order())
    assert (told.value.key, told.value.sw) == ("IRK", 0x9000)
    assert {one[1] for one in bench.used_keys} == {0x88}


# Keys without tries


def use_up(bench: Bench, *way: str, tries: int, key_id: str = "00", version: str = "") -> None:
    """Wrong authentications with a key that has so many tries, after this way to its directory."""
    size = 16 + len(version) // 2
    for left in reversed(range(tries)):
        *_, answer = bench.speak(*way, CHALLENGE, f"008200{key_id}{size:02X}{'00' * 16}{version}")
        assert answer == f"63C{left}"


@EACH_CHIP
def test_a_directory_whose_temporary_master_key_has_no_try_left_is_lost(chip: str) -> None:
    kind = SM4[chip]
    bench = Bench(stopped_at(kind, Stage.SEALING, "DF01"))
    use_up(bench, SSSE, ADF["DF02"], tries=MASTER_TRIES)
    for _ in range(2):
        with pytest.raises(LostChipError, match="DF02"):
            bench.issue(kind.order(), begun=True)


@EACH_CHIP
@pytest.mark.parametrize(
    ("way", "key_id", "name"),
    [((SSSE,), "0A", "RKSSSE"), ((SSSE,), "04", "UKSSSE"), ((SSSE, ADF["DF01"]), "88", "RK1DF01")],
)
def test_a_key_without_tries_on_a_finished_card_is_named(
    chip: str, way: tuple[str, ...], key_id: str, name: str
) -> None:
    kind = SM4[chip]
    bench = Bench(issued(kind))
    use_up(bench, *way, tries=kind.order().key_tries, key_id=key_id, version="02")
    for call in (bench.verify, lambda order: bench.issue(order, begun=True)):
        with pytest.raises(KeyProofError) as told:
            call(kind.order())
        assert (told.value.key, told.value.key_version, told.value.sw) == (name, 2, 0x6983)


# The PIN


@EACH_CHIP
def test_the_last_try_of_a_pin_is_never_used(chip: str) -> None:
    kind = SM4[chip]
    bench = Bench(issued(kind))
    bench.speak(SSSE, *["0020000003999999"] * 5)
    before = bench.chip.eeprom.content
    for call in (bench.verify, lambda order: bench.issue(order, begun=True)):
        with pytest.raises(LastPinTryError):
            call(kind.order())
    assert bench.speak(SSSE, "0020000000")[-1] == "63C1"
    assert all(len(one) <= 5 for one in bench.sent if one[1] == 0x20)
    assert memory(bench.chip) == lasting(before)


PREMADE_DATA = {"household": {"household_region": "990000"}, "holder": contents("3.0")["holder"]}
"""For a card that has its holder already: the request that gave it was begun before."""


class GuardTold:
    """Refuses a PIN that the card has refused, as a guard does, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[PinQuestion] = []

    def __call__(self, question: PinQuestion) -> None:
        refused = [one.pin for one in self.told if isinstance(one, PinAnswered) and not one.accepted]
        if isinstance(question, MaySendPin) and question.pin in refused:
            raise PinRepeatedError(question.tries_left)
        self.told.append(question)


@EACH_CHIP
@pytest.mark.parametrize("premade", [False, True], ids=["verified", "given a holder"])
def test_a_pin_that_a_finished_card_refuses_is_not_sent_to_it_again(chip: str, premade: bool) -> None:
    kind = SM4[chip]
    bench, wrong = Bench(issued(kind)), Secret(bytes.fromhex("999999"))
    bench.guard = guard = GuardTold()
    order = kind.order(pin=wrong)
    call = bench.verify
    if premade:
        order = replace(order, premade=True, chip="", contents=PREMADE_DATA)

        def call(order):
            return bench.issue(order, begun=True)

    with pytest.raises(WrongPinError) as refused:
        call(order)
    with pytest.raises(PinRepeatedError) as repeated:
        call(order)
    assert repeated.value.tries_left == refused.value.tries_left == 5
    assert bench.speak(SSSE, "0020000000")[-1] == "63C5"
    assert [type(one) for one in guard.told] == [MaySendPin, PinAnswered]
    assert bench.chip.power_on().endswith(guard.told[0].card.historical_bytes)
    assert guard.told[0].card.card_number == contents(kind.version)["issuer"]["card_number"]
    assert len(guard.told[0].card.card_identifier) == 32


@EACH_CHIP
def test_a_wrong_pin_for_a_pre_made_card_costs_one_try_and_never_the_last(chip: str) -> None:
    kind = SM4[chip]
    order = kind.order(premade=True, contents=PREMADE_DATA, pin=Secret(bytes.fromhex("999999")))
    bench = Bench(issued(kind))
    for left in (5, 4, 3, 2, 1):
        with pytest.raises(WrongPinError) as told:
            bench.issue(order, begun=True)
        assert told.value.tries_left == left
    with pytest.raises(LastPinTryError):
        bench.issue(order, begun=True)
    bench.speak(SSSE, "0020000003" + kind.order().pin.reveal().hex())
    bench.issue(replace(order, pin=kind.order().pin), begun=True)


@EACH_CHIP
@pytest.mark.parametrize("foreign", ["SM4 for DES", "2.0 for 3.0"])
def test_a_pre_made_card_of_another_kind_is_refused(chip: str, foreign: str) -> None:
    card = SM4[chip]
    order = replace(card, algorithm=DES[chip].algorithm) if foreign == "SM4 for DES" else DES[chip]
    bench = Bench(issued(card))
    with pytest.raises(PremadeCardError):
        bench.issue(order.order(premade=True, contents=PREMADE_DATA), begun=False)
    assert {one[1] for one in bench.used_keys} <= {0x88}
