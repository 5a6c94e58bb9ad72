"""What can go wrong while a card is made: a typed error each time, and a chip that the same call can go on with."""

from dataclasses import replace
from typing import Any

import pytest

from apdu.errors import CardRemovedError, StatusWordError, WrongPinError
from apdu.secret import Secret
from cardlib.errors import (
    BuildingError,
    ChipError,
    ChipFullError,
    KeyProofError,
    KeyUnavailableError,
    LastPinTryError,
    LostChipError,
    PremadeCardError,
    ReadBackError,
    TransportKeyError,
    UsedChipError,
    WrongChipError,
)
from cardlib.flows.read_number import NumberLayout
from cardlib.issuance.questions import Stage
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.faults import Fault, Removal, Status
from simulator.memory.eeprom import Eeprom
from simulator.memory_card import MemoryCard
from tests.issuance.chips import Kind, constant, lasting
from tests.issuance.workbench import DES, SM4, Bench, blank, issued

CHIPS = ("t514", "fmcos")
EACH_CHIP = pytest.mark.parametrize("chip", CHIPS)
OTHER = {"t514": "fmcos", "fmcos": "t514"}
SELECT_MF = "00A40000023F00"
CHALLENGE = "0084000008"
ADF = {name: f"00A4000002DF{number:02X}" for number, name in enumerate(("DF01", "DF02", "DF03"), 1)}
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


class OtherKeys(DevelopmentCustodian):
    """The development keys, but for those of these names."""

    def __init__(self, *names: str) -> None:
        super().__init__(development_mode=True)
        self._names = names

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        found = super().card_key(card, key)
        return Secret(bytes(byte ^ 0x5A for byte in found.reveal())) if key.name in self._names else found


def memory(chip: SoftwareCard) -> bytes:
    return lasting(chip.eeprom.content)


def at_scripts(kind: Kind) -> list[bytes]:
    """What the chip remembers before each script of a whole issue that begins with something new."""
    chip, seen = blank(kind), dict[bytes, bytes]()
    bench = Bench(chip)

    def wrap(transmit: Any) -> Any:
        def watched(commands: Any) -> list[bytes]:
            seen.setdefault(memory(chip), chip.eeprom.content)
            answers: list[bytes] = transmit(commands)
            return answers

        return watched

    bench.wrap = wrap
    bench.issue(kind.order(), begun=False)
    return list(seen.values())


def chip_with(content: bytes) -> SoftwareCard:
    return SoftwareCard(Eeprom(content), rng=constant)


def stopped_at(kind: Kind, stage: Stage, detail: str) -> SoftwareCard:
    """A chip as it is when this step was noted."""
    chip = blank(kind)
    bench = Bench(chip)

    def away(_number: int) -> None:
        if bench.notes[-1].stage is stage and bench.notes[-1].detail == detail:
            raise KeyUnavailableError("IRK", "the line is down")

    def wrap(transmit: Any) -> Any:
        def watched(commands: Any) -> list[bytes]:
            away(0)
            answers: list[bytes] = transmit(commands)
            return answers

        return watched

    bench.wrap = wrap
    with pytest.raises(KeyUnavailableError):
        bench.issue(kind.order(), begun=False)
    return chip


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
    with pytest.raises(UsedChipError, match="nothing"):
        bench.verify(SM4[chip].order())
    assert bench.used_keys == []


@EACH_CHIP
def test_a_card_with_other_keys_is_found_out_before_it_is_told_a_pin(chip: str) -> None:
    bench = Bench(issued(SM4[chip]), OtherKeys("IRK"))
    with pytest.raises(KeyProofError) as told:
        bench.verify(SM4[chip].order())
    assert (told.value.key, told.value.sw) == ("IRK", 0x9000)
    assert {one[1] for one in bench.used_keys} == {0x88}


# Memory


@EACH_CHIP
def test_a_chip_that_is_too_small_says_so_wherever_it_ends(chip: str) -> None:
    kind = SM4[chip]
    needed = len(issued(kind).eeprom.content)
    steps = set()
    for size in range(0x3000, needed, 1259):
        bench = Bench(blank(kind, size=size))
        with pytest.raises(ChipFullError) as told:
            bench.issue(kind.order(), begun=False)
        steps.add(told.value.step)
        states = []
        for _ in range(2):
            with pytest.raises(ChipFullError) as again:
                bench.issue(kind.order(), begun=True)
            assert again.value.step == told.value.step
            states.append(memory(bench.chip))
        assert states[0] == states[1]
    assert len(steps) > 15


# Keys without tries


def use_up(bench: Bench, *way: str, key_id: str = "00", version: str = "") -> None:
    """Three wrong authentications with a key, after this way to its directory."""
    size = 16 + len(version) // 2
    for left in (2, 1, 0):
        *_, answer = bench.speak(*way, CHALLENGE, f"008200{key_id}{size:02X}{'00' * 16}{version}")
        assert answer == f"63C{left}"


@EACH_CHIP
def test_a_directory_whose_temporary_master_key_has_no_try_left_is_lost(chip: str) -> None:
    kind = SM4[chip]
    bench = Bench(stopped_at(kind, Stage.SEALING, "DF01"))
    use_up(bench, SSSE, ADF["DF02"])
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
    use_up(bench, *way, key_id=key_id, version="02")
    for call in (bench.verify, lambda order: bench.issue(order, begun=True)):
        with pytest.raises(KeyProofError) as told:
            call(kind.order())
        assert (told.value.key, told.value.key_version, told.value.sw) == (name, 2, 0x6983)


# The custodian


@EACH_CHIP
def test_the_custodian_may_be_away_at_any_request(chip: str) -> None:
    kind = SM4[chip]
    whole = blank(kind)
    bench, states = Bench(whole), list[bytes]()
    bench.before_request = lambda _number: states.append(memory(whole))
    bench.issue(kind.order(), begun=False)
    # Requests between which nothing was written find the same chip.
    different = [number for number, state in enumerate(states, 1) if state not in states[: number - 1]]
    assert len(different) > 30
    for number in different:
        bench = Bench(blank(kind))

        def away(now: int, number: int = number) -> None:
            if now == number:
                raise KeyUnavailableError("IRK", "the line is down")

        bench.before_request = away
        with pytest.raises(KeyUnavailableError, match="the line is down"):
            bench.issue(kind.order(), begun=False)
        assert memory(bench.chip) == states[number - 1]
        Bench(bench.chip).issue(kind.order(), begun=True)
        assert memory(bench.chip) == memory(whole)


@EACH_CHIP
def test_other_temporary_keys_half_way_stop_and_the_old_ones_go_on(chip: str) -> None:
    kind = SM4[chip]
    half = stopped_at(kind, Stage.BUILDING, "DF03")
    with pytest.raises(BuildingError, match="master key") as told:
        Bench(half, OtherKeys("TMK")).issue(kind.order(), begun=True)
    assert told.value.sw == 0x63C2
    Bench(half).issue(kind.order(), begun=True)
    assert memory(half) == memory(issued(kind))


@EACH_CHIP
@pytest.mark.parametrize(
    ("stage", "place", "name"),
    [
        (Stage.BUILDING, "DF02", "UK1DF01"),  # loaded with the old one
        (Stage.BUILDING, "DF02", "UK1DF03"),  # loaded with the new one
        (Stage.SEALING, "DF07", "IRK"),
    ],
)
def test_a_root_key_that_changed_half_way_is_named_by_who_has_the_other(
    chip: str, stage: Stage, place: str, name: str
) -> None:
    kind = SM4[chip]
    half = stopped_at(kind, stage, place)
    came_late = name == "UK1DF03"
    first, second = Bench(half, OtherKeys(name)), Bench(half)
    if came_late:
        first.issue(kind.order(), begun=True)
        first, second = second, first
    with pytest.raises(KeyProofError) as told:
        first.issue(kind.order(), begun=True)
    assert told.value.key == name
    second.issue(kind.order(), begun=True)  # the keys that are on the card prove it


@EACH_CHIP
def test_a_master_key_that_changed_between_two_seals_is_no_way_to_lose_tries_unseen(chip: str) -> None:
    kind = SM4[chip]
    half = stopped_at(kind, Stage.SEALING, "DF03")  # DF01 and DF02 are sealed
    if chip == "t514":
        # They are ended: nobody can ask which master key they have, and nobody needs it any more.
        Bench(half, OtherKeys("MKDF01")).issue(kind.order(), begun=True)
        return
    with pytest.raises(BuildingError, match="master key of DF01") as told:
        Bench(half, OtherKeys("MKDF01")).issue(kind.order(), begun=True)
    assert told.value.sw & 0xFFF0 == 0x63C0
    Bench(half).issue(kind.order(), begun=True)
    assert memory(half) == memory(issued(kind))


# The chip itself


@EACH_CHIP
@pytest.mark.parametrize("sw", [0x6F00, 0x6581])
@pytest.mark.parametrize("carried_out", [False, True])
def test_a_command_that_fails_once_is_done_again(chip: str, sw: int, carried_out: bool) -> None:
    kind = SM4[chip]
    for at in range(1 + 31 * carried_out, 1200, 131):
        bench = Bench(blank(kind))
        with pytest.raises((ChipError, StatusWordError, ReadBackError)) as told:
            bench.issue(kind.order(), begun=False, faults=[Fault(effect=Status(sw, carried_out=carried_out), at=at)])
        assert f"{sw:04X}" in str(told.value)
        bench.issue(kind.order(), begun=True)
        assert memory(bench.chip) == memory(issued(kind))


@EACH_CHIP
def test_a_question_that_a_half_built_chip_does_not_answer_is_not_taken_for_an_answer(chip: str) -> None:
    kind = SM4[chip]
    contents = at_scripts(kind)
    found = set()
    for content in contents[4 : len(contents) * 3 // 4 : len(contents) // 6]:
        bench = Bench(chip_with(content))
        bench.issue(kind.order(), begun=True)
        # Without its answer that goes on: keys, the PIN, files and records that are looked for.
        looked = [at for at, one in enumerate(bench.sent, 1) if one[1] in {0x82, 0x88} and one[5:13] == bytes(8)]
        looked += [at for at, one in enumerate(bench.sent, 1) if one[:4].hex() == "00200000" and len(one) <= 5][:1]
        for at in looked:
            bench = Bench(chip_with(content))
            with pytest.raises((BuildingError, StatusWordError)) as told:
                bench.issue(kind.order(), begun=True, faults=[Fault(effect=Status(0x6F00), at=at)])
            found.add(type(told.value))
            bench.issue(kind.order(), begun=True)
            assert memory(bench.chip) == memory(issued(kind))
    assert BuildingError in found


@EACH_CHIP
@pytest.mark.parametrize("carried_out", [False, True])
def test_a_card_that_is_pulled_out_goes_on_when_it_is_back(chip: str, carried_out: bool) -> None:
    kind = SM4[chip]
    for at in range(2 + 41 * carried_out, 1200, 197):
        bench = Bench(blank(kind))
        with pytest.raises(CardRemovedError):
            bench.issue(kind.order(), begun=False, faults=[Fault(effect=Removal(carried_out=carried_out), at=at)])
        bench.issue(kind.order(), begun=True)
        assert memory(bench.chip) == memory(issued(kind))


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


PREMADE_DATA = {"household": {"household_region": "990000"}}


@EACH_CHIP
def test_a_wrong_pin_for_a_pre_made_card_costs_one_try_and_never_the_last(chip: str) -> None:
    kind = SM4[chip]
    order = kind.order(premade=True, contents=PREMADE_DATA, pin=Secret(bytes.fromhex("999999")))
    bench = Bench(issued(kind))
    for left in (5, 4, 3, 2, 1):
        with pytest.raises(WrongPinError) as told:
            bench.issue(order, begun=False)
        assert told.value.tries_left == left
    with pytest.raises(LastPinTryError):
        bench.issue(order, begun=False)
    bench.speak(SSSE, "0020000003" + kind.order().pin.reveal().hex())
    bench.issue(replace(order, pin=kind.order().pin), begun=False)


@EACH_CHIP
@pytest.mark.parametrize("foreign", ["SM4 for DES", "2.0 for 3.0"])
def test_a_pre_made_card_of_another_kind_is_refused(chip: str, foreign: str) -> None:
    card = SM4[chip]
    order = replace(card, algorithm=DES[chip].algorithm) if foreign == "SM4 for DES" else DES[chip]
    bench = Bench(issued(card))
    with pytest.raises(PremadeCardError):
        bench.issue(order.order(premade=True, contents=PREMADE_DATA), begun=False)
    assert {one[1] for one in bench.used_keys} <= {0x88}
