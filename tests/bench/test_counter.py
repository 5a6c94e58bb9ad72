"""The counter's benchmark runs, on few cards: every call has the same commands as its bare repetition."""

import re

import pytest

from bench import recorder
from bench.counter import Sizes, main
from bench.recorder import RESET, RecordedChip
from simulator.card import SoftwareCard

FEW = Sizes(rounds=1, cards=2, pairs=2, seconds=0.1, clients=(1, 2), compared=False)
VERBS = ("issue", "activate", "read", "PIN-verify", "PIN-verify in a lease")


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.usefixtures("no_pcscd")
def test_every_verb_and_every_rate_has_a_figure(capfd: pytest.CaptureFixture[str]) -> None:
    main(FEW)
    told = capfd.readouterr().out
    verb = r"^  (\S.*?) +(\d+) commands: gRPC +([\d.]+) ms, bare +([\d.]+) ms, ratio .*; (\d+) pairs\)$"
    found = re.findall(verb, told, re.MULTILINE)
    assert [name for name, *_ in found] == [*VERBS]
    for name, commands, ours, bare, pairs in found:
        assert int(commands) > (1000 if name == "issue" else 3), name
        assert float(ours) > 0 < float(bare), name
        assert int(pairs) == 2
    rate = r"^ReadIdentity of 3\.0 cards, (.+?), with audit, readers at once 1: (\d+)/s, 2: (\d+)/s$"
    rates = re.findall(rate, told, re.MULTILINE)
    assert [where for where, *_ in rates] == ["through pcscd", "readers in process"]
    assert all(int(one) > 0 < int(two) for _, one, two in rates)


def test_twins_answer_the_same_and_others_do_not() -> None:
    challenge = bytes.fromhex("0084000008")
    one, twin, other = (RecordedChip(recorder._card("blank-t514", number)) for number in (1, 1, 2))
    for chip in (one, twin, other):
        chip.power_on()
        for _ in range(2):
            assert chip.process(challenge)[-2:] == b"\x90\x00"
    assert one.said == twin.said != other.said
    assert one.said[0] == RESET
    assert one.said[1] != one.said[2]


def test_a_card_ready_made_has_a_twin_too() -> None:
    one, twin = (recorder._card("3.0", 4) for _ in range(2))
    assert isinstance(one, SoftwareCard)
    assert one.image == twin.image
