"""Power is cut all over the building of a whole card; whatever is there then can be deleted and built again."""

from collections.abc import Iterator, Sequence

import pytest

from apdu.errors import MuteCardError
from apdu.secret import Secret
from cardlib.cos import t514
from cardlib.cos.plan import Plan
from cardlib.cos.t514 import T514Delete, delete
from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.files import Directory, Kind
from simulator.making.maker import TEMPORARY_KEY, make
from simulator.memory.eeprom import Cut, CutMoment, Eeprom
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle
from simulator.quirks import Quirks

MOMENTS = (CutMoment.BEFORE, CutMoment.DURING, CutMoment.AFTER)
EVERY = 3
"""One write in so many is cut."""


@pytest.fixture(scope="module")
def build(odd_building):
    """Build the card of odd files on a chip."""
    plan, values, transport_key = odd_building

    def run(card: SoftwareCard) -> None:
        make(card, plan, {}, values, Secret(bytes.fromhex("123456")), transport_key, t514.T514())

    return run


def held(memory: bytes) -> object:
    """Everything on a chip as plain values, without addresses."""
    store = Store(Eeprom(memory), T514)
    store.recover()

    def shown(directory: Directory) -> object:
        files = []
        for file in (*directory.files, *directory.internal):
            if file.has_records or file.kind is Kind.CONTROL:
                contents: object = store.records(file)
            elif file.kind is Kind.TRANSPARENT:
                contents = store.content(file)
            else:
                contents = [(key, key.value.reveal(), store.tries_left(key)) for key in store.keys(file)]
            files.append((file.fid, file.kind, file.size, file.count, file.parameters, contents))
        return directory.fid, directory.name, directory.ended, files, [shown(one) for one in directory.directories]

    return store.system.life_cycle, store.root and shown(store.root)


def master_key(memory: bytes, known: Sequence[Secret]) -> Secret:
    """That of these which the MF has now; the temporary one where it has none yet."""
    store = Store(Eeprom(memory), T514)
    store.recover()
    keys = store.keys(store.root) if store.root else ()
    return next((value for value in known if keys and keys[0].value == value), TEMPORARY_KEY)


def cut_builds(build, blank, every: int, *, sloppy: bool = False) -> Iterator[SoftwareCard]:
    """Cards after power-on whose building was cut off, each at another write; the moments by turns."""
    quirks = Quirks(sloppy=sloppy)
    whole = SoftwareCard(Eeprom(blank.content), quirks=quirks)
    build(whole)
    for point, write in enumerate(range(1, whole.eeprom.writes + 1, every)):
        card = SoftwareCard(Eeprom(blank.content), t0=False, quirks=quirks)
        card.eeprom.arm(Cut(write, MOMENTS[point % len(MOMENTS)]))
        with pytest.raises(MuteCardError):
            build(card)
        assert card.power_on() == blank.system.atr
        yield card
    print(f"every {every}. of {whole.eeprom.writes} writes cut")  # noqa: T201


def test_a_build_that_was_cut_off_can_be_begun_again(odd_building, blank, build, cryptogram):
    plan, values, _ = odd_building
    whole = SoftwareCard(Eeprom(blank.content))
    build(whole)
    finished = held(whole.eeprom.content)
    real = values[plan.mf.master_key.reference]
    points = ended = 0
    for card in cut_builds(build, blank, EVERY):
        points += 1
        life_cycle = card.image.system.life_cycle
        if life_cycle is LifeCycle.ISSUED:
            ended += 1
        else:
            if life_cycle is LifeCycle.BUILDING:
                remove(card, master_key(card.eeprom.content, (real, TEMPORARY_KEY)), plan, cryptogram)
            build(card)
        assert held(card.eeprom.content) == finished
    print(f"{points} cut points, {points - ended} cards built again")  # noqa: T201
    assert points > 100
    assert ended <= 1


def test_a_sloppy_chip_that_was_cut_off_while_it_was_built_still_answers(blank, build):
    points = 0
    for card in cut_builds(build, blank, 2 * EVERY, sloppy=True):
        points += 1
        assert held(card.eeprom.content)
        for command in ("00A4000000", "00A4000002DDF1", "0020000000", "00B2012C00", "00A4000002DF01", "0084000008"):
            assert len(card.process(bytes.fromhex(command))) >= 2
    assert points > 50


def remove(card: SoftwareCard, master: Secret, plan: Plan, cryptogram) -> None:
    """Delete the MF, by the right of its MK, or of the transport key as long as it has none."""
    key, algorithm = master.reveal(), plan.algorithm
    card.process(bytes.fromhex("00A4000000"))
    challenge = card.process(bytes.fromhex("0084000008"))[:-2]
    proof = cryptogram(algorithm, key, challenge, challenge)
    if card.process(bytes.fromhex("0082000010") + proof + challenge) != b"\x90\x00":
        (transport,) = t514.T514().transport(plan.historical_bytes, Secret(b"\x54" * 16))
        assert card.process(transport.to_bytes()) == b"\x90\x00"
    assert card.process(delete(T514Delete.MF, 0x3F00).to_bytes()) == b"\x90\x00"


def test_every_write_of_the_beginning_leaves_the_transport_key_or_the_mk(new_chip, blank, commands):
    """From the MF to its MK, at every write and moment: one of the two keys opens the chip."""
    points, by_master = 0, set()
    for moment in MOMENTS:
        for write in range(1, 200):
            eeprom = Eeprom(blank.content)
            chip = new_chip(eeprom)
            eeprom.arm(Cut(write, moment))
            done = chip.transport() and chip(commands.MF) and chip(commands.KEYS) and chip.load(commands.master(), p1=1)
            if done:
                break
            chip.again()
            points += 1
            if chip.transport() == "9000":
                if chip("00A4000000") == "6A82":
                    chip.script(commands.MF)
                    assert chip(commands.file("EF05")) == "9000"
            else:
                by_master.add((moment, write))
                assert chip.authenticate() == "9000"
                assert chip(commands.file("EF05")) == "9000"
        else:
            pytest.fail("no end")
    print(f"{points} cut points")  # noqa: T201
    assert points > 3 * 15
    assert {moment for moment, _ in by_master} == {CutMoment.AFTER}, "the last write of WRITE KEY confirms it"
