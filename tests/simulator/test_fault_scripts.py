"""Fault scripts in TOML."""

from pathlib import Path

import pytest

from simulator.fault_scripts import FaultScriptError, load
from simulator.faults import (
    ALWAYS,
    BitFlip,
    Delay,
    Fault,
    Moment,
    Mute,
    OtherReset,
    PowerCut,
    Removal,
    Status,
    WrongLength,
)
from simulator.memory.eeprom import CutMoment


def written(place: Path, text: str) -> Path:
    path = place / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(place: Path, text: str, cards: int | None = None) -> list[str]:
    path = written(place, text)
    with pytest.raises(FaultScriptError) as refused:
        load(path, cards=cards)
    return [mistake.removeprefix(f"{path}: ") for mistake in refused.value.mistakes]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ('kind = "mute"', Fault(effect=Mute())),
        ('kind = "mute"\non = "reset"\nat = 2', Fault(effect=Mute(), on=Moment.RESET, at=2)),
        ('kind = "removal"\ncarried_out = true', Fault(effect=Removal(carried_out=True))),
        ('kind = "reset"\ncard = 2', Fault(effect=OtherReset(), card=2)),
        ('kind = "length"\nby = -3', Fault(effect=WrongLength(-3))),
        ('kind = "flip"\nbyte = 4\nbit = 8', Fault(effect=BitFlip(4, 8))),
        ('kind = "delay"\nseconds = 2\ntimes = "always"', Fault(effect=Delay(2), times=ALWAYS)),
        ('kind = "status"\nstatus = "63C2"\ninstruction = "82"', Fault(effect=Status(0x63C2), instruction=0x82)),
        ('kind = "power_cut"', Fault(effect=PowerCut(1, CutMoment.DURING, None, stays=False))),
        (
            'kind = "power_cut"\nwrite = 3\nmoment = "after"\nstays = true\non = "reset"',
            Fault(effect=PowerCut(3, CutMoment.AFTER, stays=True), on=Moment.RESET),
        ),
        ('kind = "power_cut"\nwritten = 4', Fault(effect=PowerCut(written=4))),
    ],
)
def test_every_kind_of_fault_is_loaded(tmp_path: Path, words: str, fault: Fault) -> None:
    assert load(written(tmp_path, f"[[faults]]\n{words}\n")) == (fault,)


def test_all_that_is_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = """
[[faults]]
kind = "status"
status = 6581
at = "2"

[[faults]]
kind = "status"
status = "1234"
card = 3

[[faults]]
kind = "fire"

[[faults]]
kind = "delay"
seconds = 0.5
minutes = 1

[[faults]]
kind = "mute"
times = "often"
"""
    found = mistakes(tmp_path, text, cards=2)
    assert sorted(mistake.split(":")[0] for mistake in found) == [
        "faults[1].at",
        "faults[1].status",
        "faults[2]",
        "faults[2]",
        "faults[3]",
        "faults[4].minutes",
        "faults[5].times",
    ]
    assert "faults[1].status: takes hexadecimal digits in quotation marks" in found
    assert "faults[2]: there is no card 3, the last is 2" in found


@pytest.mark.parametrize(
    ("text", "beginning"),
    [("", "faults"), ("faults = 3", "faults"), ("[[other]]\nx = 1", "faults"), ("[[faults", "is no TOML file")],
)
def test_what_is_no_script_is_refused(tmp_path: Path, text: str, beginning: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith(beginning)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaultScriptError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")
