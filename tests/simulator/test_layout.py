import pytest

from cardlib.crypto import Algorithm
from cardlib.model import CyclicFile, Directory, InternalFile, LinearFile, Structure, TransparentFile
from cardlib.profiles.declare import personal, untagged
from cardlib.rules import COS, FREE, NEVER, NONE, PIN, Key
from cardlib.schema import an, binary
from simulator import files
from simulator.layout import directory_file, elementary_files, internal_files, named_fci, ssse_fci

WORD = personal(0x20, "word", "词", an(2), ("4142", "AB"))
PAIR = untagged("pair", "对", binary(2), ("0102", b"\x01\x02"))
COMMON = {"chinese": "文件", "read": PIN, "update": Key("UK1DF0A"), "secure_messaging": "STKDF0A"}


def held(*declared, **records):
    directory = Directory(name="DF0A", chinese="甲", df_name=b"DF0A!", fid=0xDF0A, files=declared)
    return elementary_files(directory, records), internal_files(directory, records)


@pytest.mark.parametrize("structure", [Structure.LINEAR_VARIABLE, Structure.LINEAR_FIXED])
def test_a_linear_file_has_room_for_what_is_declared(structure):
    declared = LinearFile(fid=0xEF0C, name="words", structure=structure, items=(WORD,), **COMMON)
    ((file,), internal) = held(declared, words=[b"\x20\x01\x41"])
    assert isinstance(file, files.LinearFile)
    assert (file.fid, file.read, file.update) == (0xEF0C, PIN, Key("UK1DF0A"))
    assert (file.secure_messaging, file.records) == ("STKDF0A", (b"\x20\x01\x41",))
    assert (file.space, file.fixed) == (4, structure is Structure.LINEAR_FIXED)
    assert internal == ()


def test_more_than_is_declared_has_room_too():
    declared = LinearFile(fid=0xEF0C, name="words", items=(WORD,), **COMMON)
    ((file,), _) = held(declared, words=[b"\x20\x03ABC"])
    assert file.space == 5


@pytest.mark.parametrize(("count", "capacity"), [(0, 2), (3, 3)])
def test_a_cyclic_file_holds_as_many_records_as_declared_or_given(count, capacity):
    declared = CyclicFile(fid=0xEF0C, name="log", items=(PAIR, PAIR_2), records=2, **COMMON)
    ((file,), _) = held(declared, log=[bytes(4)] * count)
    assert isinstance(file, files.CyclicFile)
    assert (file.size, file.capacity, len(file.records)) == (4, capacity, count)
    assert file.secure_messaging == "STKDF0A"


PAIR_2 = untagged("other", "又", binary(2), ("0304", b"\x03\x04"))


@pytest.mark.parametrize("content", [[], [b""], [b"\x01"], [b"\x01\x00"]])
def test_a_transparent_file_is_filled_up_with_zeros(content):
    declared = TransparentFile(fid=0xEF0C, name="bytes", items=(PAIR,), **COMMON)
    ((file,), _) = held(declared, bytes=content)
    assert isinstance(file, files.TransparentFile)
    assert file.content == (b"\x01\x00" if content and content[0] else b"\x00\x00")
    assert (file.update, file.secure_messaging) == (Key("UK1DF0A"), "STKDF0A")


def test_an_internal_file_is_out_of_reach():
    declared = InternalFile(name="amounts", chinese="金额", read=NONE, update=COS, items=(PAIR,))
    (reachable, (file,)) = held(declared)
    assert reachable == ()
    assert (file.name, file.content) == ("amounts", b"\x00\x00")


def test_the_dir_file_names_each_application():
    applications = [
        Directory(name="DF01", chinese="公共", df_name=bytes.fromhex("D15600000500"), fid=0xDF01, files=()),
        Directory(name="DF05", chinese="生命", df_name="生命与健康".encode("gbk"), fid=0xDF05, files=()),
    ]
    file = directory_file(applications)
    assert (file.fid, file.read, file.update) == (0xEF1E, FREE, NEVER)
    # 公共, 生命, 与健康 in GBK, written down with glibc's iconv
    assert [record.hex().upper() for record in file.records] == [
        "610E4F06D156000005005004B9ABB9B2",
        "61124F0AC9FAC3FCD3EBBDA1BFB55004C9FAC3FC",
    ]


def test_a_label_too_long_for_the_dir_ends_with_a_whole_character():
    name = "A" + "一" * 8
    (record,) = directory_file([Directory(name="DF0A", chinese=name, df_name=b"DF0A!", fid=0xDF0A, files=())]).records
    assert record[9:] == b"\x50\x0f" + ("A" + "一" * 7).encode("gbk")


def test_an_application_answers_its_name():
    assert named_fci(bytes.fromhex("D15600000500")) == bytes.fromhex("6F088406D15600000500")


def test_only_des_is_not_named_in_the_fci():
    assert ssse_fci(b"SSSE!", Algorithm.DES) == bytes.fromhex("6F0C8405") + b"SSSE!" + bytes.fromhex("A50388011E")
    assert ssse_fci(b"SSSE!", Algorithm.SM4)[-6:] == bytes.fromhex("9F0C03860103")
