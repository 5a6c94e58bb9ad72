import pytest

from cardlib.crypto import Algorithm
from cardlib.values import CardIdentifier
from simulator.people import READY, ready_card, ready_image

NAME = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CARD_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

each_card = pytest.mark.parametrize("name", READY)


def file(name: str, fid: int, copy: int = 0) -> dict[int, bytes]:
    (ssse,) = ready_image(name, copy).root.directories
    return {record[0]: record[2:] for record in ssse.by_fid[fid].records}


@each_card
def test_holders_live_where_nobody_does_and_their_numbers_add_up(name):
    number = file(name, 0xEF06)[0x08].decode("ascii")
    assert number.startswith("990000")
    assert sum(int(d) * w for d, w in zip(number, ID_WEIGHTS, strict=False)) % 11 == "10X98765432".index(number[17])
    assert file(name, 0xEF06)[0x0D].hex() == number[6:14]
    assert ("2", "1")[int(number[16]) % 2] == file(name, 0xEF06)[0x0A].decode("ascii")


@each_card
def test_card_numbers_have_their_check_character(name):
    number = file(name, 0xEF05)[0x07].decode("ascii")
    rest = 11 - sum(int(c, 36) * w for c, w in zip(number, CARD_WEIGHTS, strict=False)) % 11
    assert number[8] == {10: "X", 11: "0"}.get(rest, str(rest))


@each_card
def test_the_version_on_the_card_is_that_of_its_layout(name):
    assert file(name, 0xEF05)[0x03].decode("ascii")[:3] == name == READY[name].profile.version


@each_card
def test_the_serial_number_stands_in_identifier_and_atr(name):
    assert file(name, 0xEF05)[0x01][8:12] == ready_image(name).atr[-4:]


def test_copies_are_cards_of_their_own_and_of_the_same_holder():
    assert ready_image("2.0", 1).atr != ready_image("2.0").atr
    assert file("2.0", 0xEF05, 1)[0x07] != file("2.0", 0xEF05)[0x07]
    assert file("2.0", 0xEF06, 1) == file("2.0", 0xEF06)


def test_one_name_straddles_both_name_records_within_a_character():
    assert READY["2.0"].algorithm is Algorithm.DES
    first, extension = file("2.0", 0xEF06)[0x09], file("2.0", 0xEF06)[0x4E]
    with pytest.raises(UnicodeDecodeError):
        first.decode("gb18030")
    assert (first + extension).rstrip(b"\0").decode("gb18030") == "示例古丽 阿卜杜热合曼江·买买提样本"


def test_one_name_holds_a_character_outside_gbk():
    assert READY["3.0"].algorithm is Algorithm.SM4
    name = file("3.0", 0xEF06)[0x09].rstrip(b"\0")
    # U+20BB7 as glibc's iconv writes it
    assert name.endswith(bytes.fromhex("9534B235"))
    with pytest.raises(UnicodeEncodeError):
        name.decode("gb18030").encode("gbk")


def test_a_ready_card_answers():
    card = ready_card("2.0", t0=True)
    assert card.power_on()[:4] == bytes.fromhex("3B6D0000")
    assert card.process(b"\x00\xa4\x04\x00\x0f" + NAME) == b"\x61\x18"
    assert card.process(bytes.fromhex("0020000003123456")) == b"\x90\x00"


def test_an_unknown_card_is_a_key_error():
    with pytest.raises(KeyError):
        ready_card("4.0")


def test_the_table_shows_no_data():
    assert "990000" not in repr(dict(READY))


def test_identifiers_name_the_region():
    identifier = READY["3.0"].contents(3000)["issuer"]["card_identifier"]
    assert isinstance(identifier, CardIdentifier)
    assert identifier.region == "990000"
