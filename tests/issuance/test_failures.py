"""What can go wrong while a card is made: a typed error each time, and a chip that the same call can go on with."""

import pytest

from apdu.errors import CardRemovedError, StatusWordError
from cardlib.cos.plan import MASTER_TRIES
from cardlib.errors import (
    BuildingError,
    ChipError,
    ChipFullError,
    KeyProofError,
    KeyUnavailableError,
    ReadBackError,
)
from cardlib.issuance.questions import Stage
from simulator.faults import Fault, Removal, Status
from tests.issuance.workbench import (
    CHIPS,
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
    assert told.value.sw == 0x63C0 | MASTER_TRIES - 1
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
