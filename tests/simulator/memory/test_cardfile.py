"""Cards in files: what a killed process leaves, who may open one, and files that are none."""

import fcntl
import logging
import os
import random
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from apdu import Secret
from simulator.card import SoftwareCard
from simulator.dialects.t514 import T514
from simulator.files import Kind
from simulator.memory import cardfile, layout
from simulator.memory.cardfile import (
    SIZE,
    CardFile,
    CardFileBusyError,
    CardFileDamagedError,
    CardFileError,
    CardFileExistsError,
    CardFileMissingError,
    create_card_file,
    open_card_file,
    read_card_file,
    telling_damage,
)
from simulator.memory.eeprom import Eeprom
from simulator.memory.heap import HEAP
from simulator.memory.image import CardImage, NoChipError
from simulator.memory.store import Store
from simulator.people import ready_image
from simulator.survey import survey

FILE = HEAP + 64  # the block behind that of the MF
SLOTS = bytes.fromhex("0005 0001")  # one, too short for a key
FREE = bytes.fromhex("FFFF00003DEF05C600053D44") + bytes(4)  # reading and updating: AND of two levels 0
OLD, NEW = (b"\x01\x3a" + bytes((byte,)) * 58 for byte in (0xAA, 0x55))
UPDATE, READ = bytes.fromhex("00DC012C3C"), bytes.fromhex("00B2012C3C")

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
LOOP = """
import itertools, os, signal, sys
from pathlib import Path
from simulator.card import SoftwareCard
from simulator.memory.cardfile import open_card_file

path, pwrite = Path(sys.argv[1]), os.pwrite

def update_for_ever(last, before):
    '''Updates the record again and again; the process kills itself at page number ``last``, before it or after.'''
    written = itertools.count(1)

    def counted(*arguments):
        number = next(written)
        if number == last and before:
            os.kill(os.getpid(), signal.SIGKILL)
        size = pwrite(*arguments)
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return size

    with open_card_file(path) as held:
        card = SoftwareCard(held.eeprom)
        card.power_on()
        os.pwrite = counted
        print("ready", flush=True)
        for byte in itertools.cycle((0x55, 0xAA)):
            assert card.process(bytes.fromhex("00DC012C3C013A") + bytes((byte,)) * 58) == b"\\x90\\x00"

if len(sys.argv) == 2:
    update_for_ever(0, False)
first = path.read_bytes()
for last, before in itertools.product(range(1, int(sys.argv[2])), (True, False)):
    path.write_bytes(first)
    child = os.fork()
    if not child:
        update_for_ever(last, before)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    left = path.read_bytes()
    with open_card_file(path) as held:
        card = SoftwareCard(held.eeprom)
        card.power_on()
        print("left", last, before, card.process(bytes.fromhex("00B2012C3C")).hex(), path.read_bytes() != left)
"""


def free_image() -> CardImage:
    """A chip with one file of records that everybody may read and update; it holds OLD."""
    blank = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(b"\xff" * 16))
    store = Store(Eeprom(blank.content), T514)
    store.create(None, Kind.DIRECTORY, 0x3F00, parameters=bytes(16))
    assert store.root is not None
    store.create(store.root, Kind.LINEAR, 0xEF05, sfi=5, size=120, parameters=FREE)
    store.write_record(store.root.files[0], 0, OLD)
    store.end(store.root)
    store.commit()
    return CardImage(store.eeprom.content)


@pytest.fixture(name="path")
def card_path(tmp_path: Path) -> Path:
    path = tmp_path / "a.card"
    create_card_file(path, free_image()).close()
    return path


def started(held: CardFile) -> SoftwareCard:
    card = SoftwareCard(held.eeprom)
    assert card.power_on()
    return card


def record(path: Path) -> bytes:
    with open_card_file(path) as held:
        answer = started(held).process(READ)
    assert answer[-2:] == b"\x90\x00"
    return answer[:-2]


def loop(path: Path) -> subprocess.Popen[str]:
    """A process that updates the record without end."""
    command = [sys.executable, "-c", LOOP, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.stdout.close()
    return child


def test_a_card_goes_on_where_it_was(path: Path) -> None:
    with open_card_file(path) as held:
        assert started(held).process(UPDATE + NEW) == b"\x90\x00"
    assert record(path) == NEW


def test_the_file_holds_exactly_the_bytes_of_the_memory(path: Path) -> None:
    assert path.stat().st_size == SIZE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_card_file(path) as held:
        card = started(held)
        for content in (NEW, OLD, NEW):
            card.process(UPDATE + content)
            assert path.read_bytes() == card.image.content.ljust(SIZE, b"\xff")


def test_a_process_killed_at_any_page_leaves_the_state_before_or_after(path: Path) -> None:
    with open_card_file(path) as held:
        started(held).process(UPDATE + NEW)
        writes = held.eeprom.writes
    with open_card_file(path) as held:
        started(held).process(UPDATE + OLD)
    command = [sys.executable, "-c", LOOP, str(path), str(3 * writes)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr
    left = {
        (int(last), before == "True"): (bytes.fromhex(answer), recovered == "True")
        for _, last, before, answer, recovered in map(str.split, result.stdout.replace("ready\n", "").splitlines())
    }
    assert len(left) == 2 * (3 * writes - 1)
    assert {answer for answer, _ in left.values()} == {OLD + b"\x90\x00", NEW + b"\x90\x00"}
    assert any(recovered for _, recovered in left.values())
    # The last page of a command is the one that confirms it.
    assert left[writes, True] == (OLD + b"\x90\x00", True)
    assert left[writes, False] == (NEW + b"\x90\x00", False)
    assert left[1, True] == (OLD + b"\x90\x00", False)


def test_a_process_killed_at_any_moment_leaves_the_state_before_or_after(path: Path) -> None:
    rng = random.Random(20)
    for _ in range(6):
        child = loop(path)
        time.sleep(rng.uniform(0, 0.05))
        child.kill()
        child.wait(10)
        assert record(path) in {OLD, NEW}


def test_a_card_file_has_one_user_at_a_time(path: Path) -> None:
    with open_card_file(path), pytest.raises(CardFileBusyError, match=r"a\.card: is in use"):
        open_card_file(path)
    child = loop(path)
    with pytest.raises(CardFileBusyError):
        open_card_file(path)
    child.kill()
    child.wait(10)
    open_card_file(path).close()


def test_a_new_file_is_its_makers(tmp_path: Path) -> None:
    path = tmp_path / "new.card"
    with create_card_file(path, free_image()), pytest.raises(CardFileBusyError):
        open_card_file(path)


def test_no_card_is_made_over_another(path: Path) -> None:
    with pytest.raises(CardFileExistsError):
        create_card_file(path, free_image())
    assert record(path) == OLD
    assert [found.name for found in path.parent.iterdir()] == ["a.card"]


def test_a_card_that_is_not_there_is_made_only_if_wanted(tmp_path: Path) -> None:
    path = tmp_path / "b.card"
    with pytest.raises(CardFileMissingError, match="sscard card make"):
        open_card_file(path)
    open_card_file(path, create=free_image).close()
    with open_card_file(path) as held:
        started(held).process(UPDATE + NEW)
    open_card_file(path, create=free_image).close()
    assert record(path) == NEW


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cardfile.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        create_card_file(tmp_path / "c.card", free_image())
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_made_is_told_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(**_: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".c.card.x1y2"))

    monkeypatch.setattr(cardfile.tempfile, "mkstemp", forbidden)
    with pytest.raises(PermissionError) as caught:
        create_card_file(tmp_path / "c.card", free_image())
    assert caught.value.filename == str(tmp_path / "c.card")


def test_many_may_look_at_a_card_that_nobody_has(path: Path) -> None:
    whole = path.read_bytes()
    path.chmod(0o400)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert read_card_file(path).content.ljust(SIZE, b"\xff") == whole
    path.chmod(0o600)
    with open_card_file(path), pytest.raises(CardFileBusyError, match=r"sscard slot discard"):
        read_card_file(path)
    assert path.read_bytes() == whole


def test_a_file_that_others_can_open_is_told_of_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        open_card_file(path).close()
        assert caplog.messages == []
        path.chmod(0o640)
        open_card_file(path).close()
        read_card_file(path)
    assert caplog.messages == [f"{path}: others have access, and cards hold keys in clear; chmod 600 {path}"]


def with_byte(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + bytes((value,)) + content[at + 1 :]


@pytest.mark.parametrize(
    ("damaged", "text"),
    [
        (lambda _: b"", "is not a card file"),
        (lambda _: b"PK\x03\x04" * 0x4000, "is not a card file"),
        (lambda whole: with_byte(whole, 3, 99), "another version"),
        (lambda whole: whole[:-1], "65535 bytes"),
        (lambda whole: whole + b"\xff", "65537 bytes"),
        (lambda whole: with_byte(whole, 5, 9), "hang together"),  # no life cycle
        (lambda whole: with_byte(whole, 8, 16), "hang together"),  # more historical bytes than there can be
        (lambda whole: with_byte(whole, HEAP, 0x77), "hang together"),  # no header
        (lambda whole: with_byte(whole, HEAP + 1, 0x77), "hang together"),  # no kind of file
        (lambda whole: with_byte(whole, HEAP + 4, 0x77), "hang together"),  # beyond the end
        (lambda whole: with_byte(whole, HEAP, layout.DELETED), "hang together"),  # a file in a deleted directory
        (lambda whole: with_byte(whole, HEAP + 11, 0x40), "hang together"),  # a directory in a file
        (lambda whole: with_byte(whole, FILE + 1, Kind.DIRECTORY)[: FILE + 8] + bytes(4) + whole[FILE + 12 :], "hang"),
        (lambda whole: with_byte(whole, FILE + 10, 0x77), "hang together"),  # in no directory
        (lambda whole: with_byte(whole, FILE + 14, 0x77), "hang together"),  # larger than its block
        (lambda whole: with_byte(whole, FILE + 1, Kind.FIXED), "hang together"),  # no records
        (lambda whole: with_byte(whole, FILE + 1, Kind.CYCLIC), "hang together"),
        (lambda whole: with_byte(whole, FILE + 1, Kind.KEYS), "hang together"),  # no slots
        (lambda whole: whole[: FILE + 1] + b"\x05" + whole[FILE + 2 : FILE + 14] + SLOTS + whole[FILE + 18 :], "hang"),
    ],
)
def test_what_is_no_card_any_more_is_told_by_name_and_remedy(path: Path, damaged, text: str) -> None:
    path.write_bytes(damaged(path.read_bytes()))
    with pytest.raises(CardFileDamagedError, match=text) as caught:
        open_card_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "sscard card make" in str(caught.value)


def test_a_file_may_lie_before_its_directory(tmp_path: Path) -> None:
    """It takes the place of a deleted one of the same size."""
    store = Store(Eeprom(free_image().content), T514)
    assert store.root is not None
    store.create(store.root, Kind.DIRECTORY, 0xDF01, parameters=bytes(16))
    store.delete(store.root.files[0])
    (below,) = store.root.directories
    at = store.create(below, Kind.LINEAR, 0xEF05, sfi=5, size=120, parameters=FREE)
    assert at < below.at
    store.commit()
    path = tmp_path / "moved.card"
    create_card_file(path, CardImage(store.eeprom.content)).close()
    open_card_file(path).close()


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, IndexError, KeyError, RecursionError, NoChipError])
def test_damage_that_shows_later_is_told_the_same_way(path: Path, error: type[Exception]) -> None:
    with pytest.raises(CardFileDamagedError) as caught, telling_damage(path):
        raise error("what it was")
    told = "what it was" if error is NoChipError else f"{cardfile._UNSOUND}; make it anew with `sscard card make`"
    assert str(caught.value) == f"{path}: {told}"


def test_whatever_bytes_are_wrong_the_card_works_or_the_file_is_told(tmp_path: Path) -> None:
    path, rng = tmp_path / "damaged.card", random.Random(65536)
    content = ready_image("3.0").content
    blocks, at = [], HEAP
    while (block := layout.unpacked(at, content[at : at + layout.HEADER])) is not None:
        blocks.append(block)
        at += block.length
        if at + layout.HEADER > len(content):
            break
    assert len(blocks) > 50
    found: Counter[str] = Counter()
    for turn in range(400):
        damaged = bytearray(content.ljust(SIZE, b"\xff"))
        for _ in range(rng.randint(1, 3)):
            block = rng.choice(blocks)
            places = (rng.randrange(64), block.at + rng.randrange(64), rng.randrange(block.at, block.at + block.length))
            damaged[places[(turn + 1) % 3]] = rng.randrange(256)
        path.unlink(missing_ok=True)
        path.write_bytes(damaged)
        path.chmod(0o600)
        try:
            image = read_card_file(path)
            with telling_damage(path):
                survey(image)
                SoftwareCard(image).power_on()
        except CardFileError:
            found["told"] += 1
        else:
            found["works"] += 1
    assert min(found["told"], found["works"]) > 50


def test_a_card_whose_file_cannot_be_written_is_cut_off_and_keeps_what_it_had(path: Path) -> None:
    held = open_card_file(path)
    card = started(held)
    held.close()
    assert card.process(UPDATE + NEW) == b""
    assert card.power_on() == b"" or card.process(UPDATE + NEW) == b""
    assert record(path) == OLD


def test_all_errors_are_of_one_family() -> None:
    for kind in (CardFileBusyError, CardFileDamagedError, CardFileExistsError, CardFileMissingError):
        assert issubclass(kind, CardFileError)
