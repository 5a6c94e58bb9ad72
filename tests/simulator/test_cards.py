"""Where cards come from: kinds, descriptions, card files, and a directory that keeps them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from apdu import Secret
from cardlib.crypto import Algorithm
from simulator.cards import Cards
from simulator.dialects.t514 import T514
from simulator.making import cache
from simulator.memory.cardfile import create_card_file
from simulator.people import READY, ready_image
from simulator.rack import CardSourceError, NewCard

SELECT = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")
WRONG_PIN, TRIES_LEFT = bytes.fromhex("0020000003999999"), bytes.fromhex("00200000")
TEXT = 'version = "1.0"\nserial = 41\n[pin]\nvalue = "4711"\n[quirks]\nselect_mf_first = true\n'


@pytest.fixture(autouse=True)
def no_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSCARD_CARD_CACHE", "")
    cache.forget()


@pytest.fixture(name="made")
def some_cards() -> Iterator[Cards]:
    with Cards() as made:
        yield made


def atr(new: NewCard) -> str:
    return new.chip.power_on().hex()


def tries(new: NewCard, *commands: bytes) -> str:
    new.chip.power_on()
    new.chip.process(bytes.fromhex("00A4000000"))
    for command in (SELECT, *commands):
        new.chip.process(command)
    return new.chip.process(TRIES_LEFT).hex()


def refused(made: Cards, named: str) -> tuple[str, ...]:
    with pytest.raises(CardSourceError) as caught:
        made(named)
    return caught.value.mistakes


def test_cards_of_a_kind_differ(made: Cards) -> None:
    first, second, other = made("2.0"), made("2.0"), made("3.0")
    assert (first.label, other.label) == ("2.0 card of DES", "3.0 card of SM4")
    assert (first.algorithm, other.algorithm) == (Algorithm.DES, Algorithm.SM4)
    assert [atr(new)[-8:] for new in (first, second, other)] == ["00002000", "00002001", "00003000"]


def test_cards_of_a_description_differ_and_have_its_quirks(made: Cards, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(TEXT, encoding="utf-8")
    first, second = made(str(path)), made(str(path))
    assert [atr(new)[-8:] for new in (first, second)] == ["00000041", "00000042"]
    assert first.chip.process(SELECT)[-2:] == b"\x6a\x82"
    assert atr(made.description(TEXT))[-8:] == "00000041"


def test_a_card_file_is_the_card_itself(made: Cards, tmp_path: Path) -> None:
    path = tmp_path / "my.card"
    create_card_file(path, ready_image("3.0")).close()
    with Cards() as before:
        new = before(str(path))
        assert (new.label, new.algorithm) == ("3.0 card of SM4, my.card", Algorithm.SM4)
        assert tries(new, WRONG_PIN, WRONG_PIN) == "63c4"
        assert "is in use" in refused(before, str(path))[0]
    assert tries(made.file(str(path))) == "63c4"


def test_kept_cards_live_on_in_their_directory(tmp_path: Path) -> None:
    keep, described = tmp_path / "cards", tmp_path / "odd.toml"
    described.write_text(TEXT, encoding="utf-8")
    names = ("2.0", "2.0", str(described))
    with Cards(keep) as made:
        first = [made(name) for name in names]
        atrs = [atr(new) for new in first]
        assert tries(first[1], WRONG_PIN) == "63c5"
        assert tries(first[2], WRONG_PIN) == "63c5"
    assert sorted(path.name for path in keep.iterdir()) == ["2.0-1.card", "2.0-2.card", "odd-1.card"]
    with Cards(keep) as made:
        again = [made(name) for name in names]
        assert [atr(new) for new in again] == atrs
        assert [tries(new) for new in again] == ["63c6", "63c5", "63c5"]
        again[2].chip.power_on()
        assert again[2].chip.process(SELECT)[-2:] == b"\x6a\x82"
        assert again[1].label == "2.0 card of DES, 2.0-2.card"


def test_one_run_at_a_time_has_the_kept_cards(tmp_path: Path) -> None:
    with Cards(tmp_path) as one, Cards(tmp_path) as two:
        one("2.0")
        assert "2.0-1.card: is in use" in refused(two, "2.0")[0]


def test_a_psam_and_a_memory_card_are_kinds_too(made: Cards) -> None:
    psam, memory = made("psam"), made("memory-card")
    assert (psam.label, memory.label) == ("PSAM", "memory card")
    assert memory.chip.power_on().hex() == "3b04a2131091"
    number = READY["2.0"].holder["social_security_number"]
    assert memory.chip.process(bytes.fromhex("FFB0002012")) == str(number).encode() + b"\x90\x00"
    assert psam.chip.power_on().startswith(b"\x3b")
    assert psam.chip.process(bytes.fromhex("00B0960006"))[:3].hex() == "990000"


@pytest.mark.parametrize("cos", ["t514", "fmcos", "psam"])
def test_blank_chips_are_kinds_too_each_another_one(made: Cards, cos: str) -> None:
    first, second = made(f"blank-{cos}"), made(f"blank-{cos}")
    assert first.label == f"blank chip of {cos}"
    assert first.chip.power_on()[:1] == b"\x3b"
    no_mf = {bytes.fromhex("6A82"), bytes.fromhex("6A81")}  # FMCOS knows CREATE FILE only, before there is one
    assert first.chip.process(bytes.fromhex("00A40000023F00")) in no_mf
    serials = {card.chip.image.system.serial for card in (first, second)}
    assert len(serials) == 2


def test_what_is_built_on_a_blank_chip_is_kept(tmp_path: Path) -> None:
    create_mf = "80E0010010" + "0000FFFF013F00010000000000020000"
    with Cards(tmp_path) as made:
        chip = made("blank-t514").chip
        chip.power_on()
        block = bytes.fromhex("0000") + chip.image.system.historical_bytes[-6:]
        shown = TripleDES(bytes([255] * 24))
        cryptogram = Cipher(shown, ECB()).encryptor().update(block)
        assert chip.process(bytes.fromhex("80E0030008") + cryptogram) == b"\x90\x00"
        assert chip.process(bytes.fromhex(create_mf)) == b"\x90\x00"
    with Cards(tmp_path) as made:
        again = made("blank-t514")
        again.chip.power_on()
        assert again.chip.process(bytes.fromhex("00A40000023F00")) == b"\x90\x00"
        assert again.label == "card of DES, blank-t514-1.card"


def test_random_bytes_follow_from_the_seed_and_the_number_of_the_card() -> None:
    def challenges(seed: str | None) -> list[bytes]:
        with Cards(seed=seed) as made:
            chips = [made("2.0").chip for _ in range(2)]
        for chip in chips:
            chip.power_on()
        return [chip.process(bytes.fromhex("0084000008")) for chip in chips]

    first, second = challenges("nightly")
    assert first != second
    assert challenges("nightly") == [first, second]
    assert challenges("daily") != [first, second]
    assert challenges(None) != challenges(None)


def test_what_no_card_can_be_made_of_is_told(made: Cards, tmp_path: Path) -> None:
    known = "1.0, 2.0, 3.0, psam, memory-card, blank-t514, blank-fmcos, blank-psam"
    assert refused(made, "4.0") == (
        f"there is no software card '4.0'; there are {known}, descriptions *.toml and card files *.card",
    )
    with pytest.raises(CardSourceError, match=rf"'4\.0'; there are {known}$"):
        made.kind("4.0")
    (missing,) = refused(made, str(tmp_path / "none.toml"))
    assert missing.endswith("none.toml: cannot be read: No such file or directory")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('version = "2.0"\nserial = -1\ncolour = 3\n')
    assert len(refused(made, str(wrong))) == 2
    assert "sscard card make" in refused(made, str(tmp_path / "none.card"))[0]
    (tmp_path / "bad.card").write_bytes(bytes(65536))
    assert "is not a card file" in refused(made, str(tmp_path / "bad.card"))[0]
    (tmp_path / "folder.card").mkdir()
    assert refused(made, str(tmp_path / "folder.card"))[0].endswith("folder.card: Is a directory")
    with pytest.raises(CardSourceError, match="description: version: Field required"):
        made.description("")


def test_a_chip_of_an_unknown_operating_system_is_refused_and_given_back(made: Cards, tmp_path: Path) -> None:
    path = tmp_path / "odd.card"
    image = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(bytes(16)))
    create_card_file(path, image).close()
    content = bytearray(path.read_bytes())
    content[4] = 0xEE
    path.write_bytes(content)
    for _ in range(2):
        assert refused(made, str(path)) == (f"{path}: these bytes are not the memory of a software card",)


def test_the_last_serial_number_has_no_successor(made: Cards) -> None:
    text = 'version = "1.0"\nserial = 9999999\n'
    made.description(text)
    with pytest.raises(CardSourceError, match="serial numbers"):
        made.description(text)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CardSourceError, match="Not a directory"):
        Cards(tmp_path / "file" / "cards")
