"""Images that are made once: in the process, in the user's directory, and anew when they are not what they were."""

import os
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cardlib.rules import FREE
from simulator.card import SoftwareCard
from simulator.descriptions import CardDescription, parse
from simulator.image import image_for
from simulator.making import cache
from simulator.making.cache import cache_directory, card_of, image_of
from simulator.memory.image import CardImage

TEXT = 'version = "1.0"\nserial = 4711\n[person]\nname = "示例一"\n'


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", str(tmp_path / "cards"))
    cache.forget()


@pytest.fixture(name="made")
def count_made(monkeypatch: pytest.MonkeyPatch) -> list[CardImage]:
    """The images that were made, each time one was."""
    made: list[CardImage] = []

    def counted(*arguments: object) -> CardImage:
        made.append(image_for(*arguments))
        return made[-1]

    monkeypatch.setattr(cache, "image_for", counted)
    return made


def described(text: str = TEXT) -> CardDescription:
    return parse(text, where="test")


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cards").iterdir())


def test_a_card_is_made_once_in_a_process_and_once_for_a_user(made: list[CardImage], tmp_path: Path) -> None:
    first = image_of(described())
    assert image_of(described()) is first
    cache.forget()
    again = image_of(described())
    assert again is not first
    assert again == first
    assert len(made) == 1
    (entry,) = entries(tmp_path)
    assert entry.suffix == ".img"
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.parent.stat().st_mode) == 0o700


def test_another_process_finds_it(made: list[CardImage], tmp_path: Path) -> None:
    program = f"""
from simulator.descriptions import parse
from simulator.making import cache
cache.image_of(parse({TEXT!r}, where="another"))
"""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": str(root)}, timeout=30)
    assert len(entries(tmp_path)) == 1
    image_of(described())
    assert made == []
    assert len(entries(tmp_path)) == 1


def test_what_is_described_otherwise_is_another_card(made: list[CardImage], tmp_path: Path) -> None:
    image_of(described())
    image_of(described().with_serial(4712))
    image_of(described(TEXT.replace("示例一", "示例二")))
    assert len({image.content for image in made}) == 3
    assert len(entries(tmp_path)) == 3


def test_another_access_rule_or_version_of_the_software_is_another_entry(
    made: list[CardImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = described(TEXT.replace("1.0", "3.0"))
    image_of(card)
    first, *others = card.profile.directories
    files = tuple(replace(file, read=FREE) if file.name == "holder" else file for file in first.files)
    freed = replace(card, profile=replace(card.profile, directories=(replace(first, files=files), *others)))
    assert freed.digest == card.digest
    cache.forget()
    image_of(freed)
    cache.forget()
    monkeypatch.setattr(cache, "_software", lambda: "another version")
    image_of(card)
    assert len(made) == len(entries(tmp_path)) == 3


def test_images_depend_on_all_that_makes_cards() -> None:
    names = {text.partition(b"\0")[0].decode() for text in cache._sources()}
    root = Path(__file__).parents[3]
    for package in ("apdu", "cardlib", "simulator"):
        modules = {path.relative_to(root).as_posix() for path in (root / package).rglob("*.py")}
        assert modules <= names
    assert "cardlib/data/development-keys.toml" in names
    assert "simulator/descriptions/data/ready-2.0.toml" in names
    assert not any("__pycache__" in name for name in names)


def test_what_other_versions_left_goes_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(cache, "_software", lambda: "an earlier version")
        image_of(described())
    (left,) = entries(tmp_path)
    older = left.with_name(f"{'0' * 64}.img")  # as earlier versions called them
    other = left.with_name("disk.img")  # somebody else's
    for path in (older, other):
        path.write_bytes(b"")
    long_ago = time.time() - cache.OUTDATED - 60
    for path in (older, other):
        os.utime(path, (long_ago, long_ago))
    image_of(described().with_serial(1))
    kept = set(entries(tmp_path))
    assert {left, other} <= kept
    assert older not in kept
    assert len(kept) == 3
    for path in kept:
        os.utime(path, (long_ago, long_ago))
    image_of(described().with_serial(2))
    assert set(entries(tmp_path)) > kept - {left}
    assert not left.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda held: b"",
        lambda held: held[:-1],
        lambda held: held[:200] + bytes((held[200] ^ 1,)) + held[201:],
        lambda held: bytes(len(held)),
    ],
)
def test_a_damaged_entry_is_made_anew(made: list[CardImage], tmp_path: Path, damage) -> None:
    first = image_of(described())
    (entry,) = entries(tmp_path)
    sound = entry.read_bytes()
    entry.write_bytes(damage(sound))
    cache.forget()
    assert image_of(described()) == first
    assert len(made) == 2
    assert entry.read_bytes() == sound


def test_the_empty_variable_switches_the_directory_off(
    made: list[CardImage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    image_of(described())
    cache.forget()
    image_of(described())
    assert len(made) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_used_is_done_without(made: list[CardImage], tmp_path: Path) -> None:
    (tmp_path / "cards").write_text("no directory")
    assert image_of(described()) is image_of(described())
    assert len(made) == 1


def test_the_directory_is_where_the_user_has_his_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSCARD_CARD_CACHE")
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "sscard" / "cards"
    for value in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_directory() == Path("/home/somebody/.cache/sscard/cards")


def test_a_process_keeps_the_latest_only(monkeypatch: pytest.MonkeyPatch, made: list[CardImage]) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", "")
    monkeypatch.setattr(cache, "KEPT", 2)
    for serial in (1, 2, 1, 3, 1, 2):
        image_of(described().with_serial(serial))
    assert len(made) == 4


def test_threads_get_the_same_card(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(image_of(described()).content)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(entries(tmp_path)) == 1


def test_a_card_has_the_quirks_of_its_description_and_is_there_at_once() -> None:
    card = described(TEXT + "[quirks]\nselect_mf_first = true\n")
    selecting = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
    chip = card_of(card, t0=False)
    assert chip.power_on() == card_of(card).atr
    assert chip.process(selecting)[-2:] == b"\x6a\x82"
    image = image_of(card)
    begun = time.process_time()
    for _ in range(20):
        SoftwareCard(image)
    assert (time.process_time() - begun) / 20 < 0.001
