"""Where cards come from: kinds, descriptions, card files, and a directory that keeps them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from apdu import Secret
from cardlib.crypto import Algorithm
from cardlib.psam import SM4_KEY, SSF33_KEY
from simulator import cards
from simulator.card import SoftwareCard
from simulator.cards import KINDS, MEMORY_CARD, Cards, image_named
from simulator.credentials import SLOT, Key, KeyUse
from simulator.descriptions import load
from simulator.dialects.t514 import T514
from simulator.files import Kind
from simulator.making import cache
from simulator.memory.cardfile import create_card_file, open_card_file
from simulator.memory.eeprom import Eeprom
from simulator.memory.image import CardImage
from simulator.memory.store import Store
from simulator.memory.system import LifeCycle
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
    assert atr(made.description(TEXT))[-8:] == "00000043"


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
    odd = f"odd-{load(described).digest[:8]}-1.card"
    assert sorted(path.name for path in keep.iterdir()) == ["2.0-1.card", "2.0-2.card", odd]
    with Cards(keep) as made:
        again = [made(name) for name in names]
        assert [atr(new) for new in again] == atrs
        assert [tries(new) for new in again] == ["63c6", "63c5", "63c5"]
        again[2].chip.power_on()
        assert again[2].chip.process(SELECT)[-2:] == b"\x6a\x82"
        assert again[1].label == "2.0 card of DES, 2.0-2.card"


def test_a_kept_card_is_that_of_its_description_whichever_comes_first(tmp_path: Path) -> None:
    texts = [TEXT, TEXT.replace("41", "73")]
    atrs = []
    for text in texts:  # as over the control service, each the first of its run
        with Cards(tmp_path / "cards") as made:
            atrs.append(atr(made.description(text)))
    assert [shown[-8:] for shown in atrs] == ["00000041", "00000073"]
    with Cards(tmp_path / "cards") as made:
        assert [atr(made.description(text)) for text in reversed(texts)] == atrs[::-1]


def test_kept_cards_of_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "a.toml" for folder in ("d1", "d2", "d3")]
    for path, text in zip(paths, (TEXT, TEXT.replace("41", "73"), TEXT), strict=True):
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    for _ in range(2):
        with Cards(tmp_path / "cards") as made:
            assert [atr(made(str(path)))[-8:] for path in paths] == ["00000041", "00000073", "00000042"]


def test_another_description_under_the_same_name_is_another_card(tmp_path: Path) -> None:
    described = tmp_path / "odd.toml"
    described.write_text(TEXT, encoding="utf-8")
    with Cards(tmp_path / "cards") as made:
        assert tries(made(str(described)), WRONG_PIN) == "63c5"
    described.write_text(TEXT.replace("select_mf_first = true", "select_mf_first = false"), encoding="utf-8")
    with Cards(tmp_path / "cards") as made:
        edited = made(str(described))
        assert tries(edited) == "63c6"
        edited.chip.power_on()
        assert edited.chip.process(SELECT)[-2:] != b"\x6a\x82"
    described.write_text(TEXT, encoding="utf-8")
    with Cards(tmp_path / "cards") as made:
        assert tries(made(str(described))) == "63c5"


def test_a_card_that_is_given_back_can_be_had_again(tmp_path: Path) -> None:
    path = tmp_path / "my.card"
    create_card_file(path, ready_image("2.0")).close()
    with Cards() as made:
        assert made("2.0").close is None
        for left in ("63c5", "63c4"):
            new = made(str(path))
            assert tries(new, WRONG_PIN) == left
            assert new.close is not None
            new.close()
            new.close()
        open_card_file(path).close()


def test_a_directory_that_others_can_open_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    for keep in ("open", "own", "open"):
        Cards(tmp_path / keep)
    assert [message.split(":")[0] for message in caplog.messages] == [str(tmp_path / "open")]


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


def test_damage_that_shows_in_use_is_told_and_the_file_given_back(
    made: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(_: object) -> NoReturn:
        raise ZeroDivisionError

    path = tmp_path / "bad.card"
    create_card_file(path, ready_image("2.0")).close()
    with monkeypatch.context() as patched:
        patched.setattr(cards, "survey", stumbling)
        (told,) = refused(made, str(path))
    assert told.startswith(f"{path}: is damaged: ")
    assert made(str(path)).label == "2.0 card of DES, bad.card"


def test_files_begin_with_what_the_first_card_of_a_kind_is(made: Cards, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(TEXT, encoding="utf-8")
    for named in (*(kind for kind in KINDS if kind != MEMORY_CARD), str(path)):
        chip = made(named).chip
        assert isinstance(chip, SoftwareCard)
        assert image_named(named) == chip.image
    with pytest.raises(CardSourceError, match="lives in no file"):
        image_named(MEMORY_CARD)


def test_a_key_of_an_unpublished_cipher_does_not_keep_a_card_from_being_had(made: Cards, tmp_path: Path) -> None:
    blank = T514.blank(historical_bytes=bytes(13), serial=bytes(8), transport_key=Secret(bytes(16)))
    store = Store(Eeprom(blank.content), T514)
    store.create(None, Kind.DIRECTORY, 0x3F00, parameters=bytes(16))
    assert store.root is not None
    store.create(store.root, Kind.KEYS, 0, size=SLOT, count=2, parameters=bytes(16))
    for algorithm in (SSF33_KEY, SM4_KEY):
        key = Key(KeyUse.INTERNAL, 0, algorithm, 1, Secret(bytes(16)), algorithm)
        store.store_key(store.root, key)
    store.set_life_cycle(LifeCycle.ISSUED)
    store.commit()
    path = tmp_path / "own.card"
    create_card_file(path, CardImage(store.eeprom.content)).close()
    assert made(str(path)).label == "card of SM4, own.card"
