import pytest

from apdu.tlv import find, parse_simple
from cardlib.crypto import Algorithm, suite_for
from cardlib.development_keys import load
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, KeyReference
from cardlib.model import AddressableFile, Directory, FileClass, LinearFile, TransparentFile
from cardlib.values import CardIdentifier
from simulator.people import READY, ready_card

NAME = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CARD_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

each_card = pytest.mark.parametrize("name", READY)


def file(name: str, fid: int, copy: int = 0) -> dict[int, bytes]:
    """What a record file of the SSSE holds, by tag."""
    holder = Holder(name, copy)
    (ssse, *_) = holder.ready.profile.directories
    holder.open(ssse)
    (found,) = (declared for declared in ssse.files if declared.fid == fid)
    return dict(parse_simple(holder.read(found)))


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
    assert file(name, 0xEF05)[0x01][8:12] == ready_card(name).atr[-4:]


def test_copies_are_cards_of_their_own_and_of_the_same_holder():
    assert ready_card("2.0", copy=1).atr != ready_card("2.0").atr
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


class Holder:
    """Talks to a ready card behind a reader that hides 61 and 6C, with its development keys."""

    def __init__(self, name: str, copy: int = 0) -> None:
        self.card = ready_card(name, copy=copy, t0=False)
        self.ready = READY[name]
        atr = self.card.power_on()
        self.factors = CardFactors(self.ready.algorithm, "990000", atr[-8:])

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def authenticate(self, key: str) -> str:
        reference = KeyReference(key)
        card_key = self.factors.card_key(reference, load()[reference])
        suite = suite_for(self.ready.algorithm)
        challenge = bytes.fromhex(self("0084000008")[:-4])
        proof = suite.cryptogram(suite.session_key(card_key, challenge), bytes(8))
        return self(f"008200{KEYS[key].card_id:02X}10{proof.hex()}{bytes(8).hex()}")

    def open(self, directory: Directory) -> set[str]:
        """Select a directory with its PIN verified, and win all of its read keys; their names."""
        self("00A404000F" + NAME.hex())
        self("0020000003123456")
        assert self(f"00A40400{len(directory.df_name):02X}{directory.df_name.hex()}").endswith("9000")
        named = {key for file in directory.files for key in file.read.keys if KEYS[key].card_id is not None}
        won = {key for key in named if self.authenticate(key) == "9000"}
        assert won == named
        return won

    def read(self, file: AddressableFile) -> bytes:
        """The whole file, by SFI, in as many commands as it takes."""
        found = b""
        if isinstance(file, TransparentFile):
            self(f"00A4020002{file.fid:04X}")
            while len(found) < file.size:
                found += self.answer(f"00B0{len(found):04X}00")
            return found
        for number in range(1, 255):
            answer = self(f"00B2{number:02X}{file.sfi << 3 | 4:02X}00")
            if answer == "6A83":
                return found
            found += bytes.fromhex(answer.removesuffix("9000"))
        raise AssertionError(file.name)

    def answer(self, command: str) -> bytes:
        answer = self(command)
        assert answer.endswith("9000"), answer
        return bytes.fromhex(answer[:-4])


DIRECTORIES = [
    pytest.param(name, directory, id=f"{name}-{directory.name}")
    for name, ready in READY.items()
    for directory in ready.profile.directories
]


@pytest.mark.parametrize(("name", "directory"), DIRECTORIES)
def test_every_file_of_the_profile_holds_its_data_behind_its_rule(name, directory):
    holder = Holder(name)
    won = holder.open(directory)
    contents = READY[name].contents(READY[name].serial)
    reachable = [file for file in directory.files if isinstance(file, AddressableFile)]
    for file in reachable:
        if not file.items:  # of 1.0, never published: there is no such file
            assert holder(f"00B201{file.sfi << 3 | 4:02X}00") == "6A82"
            continue
        if not file.read.satisfied(pin=True, keys=won):
            # The card ids of these keys are not public.
            assert None in {KEYS[key].card_id for key in file.read.keys}
            continue
        found = holder.read(file)
        assert found == b"".join(file.encode(contents.get(file.name, {}))), file.name
        assert file.parse(found).warnings == (), file.name
    assert reachable


@each_card
def test_no_file_is_blank_but_the_reserved_ones(name):
    contents = READY[name].contents(READY[name].serial)
    # Of some files of 1.0 the items were never published.
    files = [file for directory in READY[name].profile.directories for file in directory.files if file.items]
    blank = {file for file in files if file.encode(contents.get(file.name, {})) == file.encode({})}
    assert blank == {file for file in files if file.file_class is FileClass.RESERVED}
    for file in blank:
        assert set(b"".join(file.encode({}))) == {0}


@each_card
def test_the_last_unemployment_registration_stands_in_one_place(name):
    holder = Holder(name)
    records = []
    for directory in holder.ready.profile.directories[2:4]:
        won = holder.open(directory)
        for file in directory.files:
            if isinstance(file, LinearFile) and file.items and file.read.satisfied(pin=True, keys=won):
                records += parse_simple(holder.read(file))
    assert sum(tag == 0x60 and len(value) == 4 for tag, value in records) == 1


@each_card
def test_every_directory_is_found_by_identifier_from_the_ssse(name):
    holder = Holder(name)
    for directory in READY[name].profile.directories[1:]:
        holder("00A404000F" + NAME.hex())
        for p1 in ("00", "02"):
            fci = holder(f"00A4{p1}0002{directory.fid:04X}")
            assert (
                bytes.fromhex(fci)
                == b"\x6f"
                + bytes((len(directory.df_name) + 2,))
                + b"\x84"
                + bytes((len(directory.df_name),))
                + directory.df_name
                + b"\x90\x00"
            )


@each_card
def test_the_dir_file_lists_what_can_be_selected(name):
    holder = Holder(name)
    for number, directory in enumerate(READY[name].profile.directories[1:], 1):
        holder("00A404000F" + NAME.hex())
        entry = holder.answer(f"00B2{number:02X}F400")
        identifier = find(entry, 0x61, 0x4F)
        assert identifier == directory.df_name
        assert find(entry, 0x61, 0x50).decode("gbk") == directory.chinese
        assert holder(f"00A40400{len(identifier):02X}{identifier.hex()}").endswith("9000")


def test_an_unknown_card_is_a_key_error():
    with pytest.raises(KeyError):
        ready_card("4.0")


def test_the_table_shows_no_data():
    assert "990000" not in repr(dict(READY))


def test_identifiers_name_the_region():
    identifier = READY["3.0"].contents(3000)["issuer"]["card_identifier"]
    assert isinstance(identifier, CardIdentifier)
    assert identifier.region == "990000"
