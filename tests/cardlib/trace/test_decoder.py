"""Recorded conversations in words: to file, item and meaning, and nothing that is not to be seen."""

import datetime as dt
import json
from pathlib import Path

import pytest

from apdu import executor, run
from apdu.transport.wrappers import get_response, recorded
from cardlib.commands import RecordMode, read_binary, read_record, select_name, update_record
from cardlib.describe import describe_value
from cardlib.flows.read_identity import read_identity
from cardlib.forms import FormMemory
from cardlib.model import CyclicFile, LinearFile, TransparentFile
from cardlib.profiles import ALL
from cardlib.profiles.v1 import V1
from cardlib.trace import Decoded, Exchange, decode
from services.custody.development import DevelopmentCustodian
from simulator.people import READY, ready_card

STEPS = json.loads((Path(__file__).parents[2] / "vectors" / "traces" / "public-traces.json").read_text("utf-8"))
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
OK = "9000"


def decoded(*pairs: tuple[str, str], profile=None) -> list[Decoded]:
    exchanges = [Exchange(line, bytes.fromhex(tx), bytes.fromhex(rx)) for line, (tx, rx) in enumerate(pairs, 1)]
    return list(decode(exchanges, profile=profile))


def words(one: Decoded, *, show_data: bool = False) -> list[str]:
    items = [item.shown(show_data=show_data) for item in (*one.sent_items, *one.items)]
    return [one.what, one.outcome, *items]


def public_trace(name: str) -> list[Decoded]:
    steps = [step for step in STEPS if step["trace"] == name and step["kind"] == "apdu"]
    return decoded(*((step["apdu"], step["response"]) for step in steps))


def test_a_public_trace_of_a_third_generation_card_is_explained() -> None:
    trace = public_trace("A")
    assert words(trace[0]) == [
        "SELECT by name sx1.sh.社会保障",
        "30 bytes, 9000 success (成功), SSSE 社会保障系统环境, SM4",
    ]
    assert words(trace[3]) == [
        "READ RECORD first record with tag 03 of SSSE/EF05 issuer 发卡机构数据文件 Ne 6",
        "6 bytes, 9000 success (成功)",
        "spec_version 规范版本 3.00",
    ]
    numbers = [one for one in trace if "tag 08" in one.what]
    assert words(numbers[0])[2:] == ["social_security_number 社会保障号码 <18 bytes masked>"]
    assert words(numbers[0], show_data=True)[2:] == ["social_security_number 社会保障号码 111111198101011110"]
    names = [one for one in trace if "tag 09" in one.what]
    assert names[0].what.endswith("of SSSE/EF06 holder 持卡人的基本信息文件 Ne 32")
    assert words(names[0], show_data=True)[2:] == ["name 姓名 张三"]
    unanswered = [one for one in trace if one.answer is None]
    assert [one.outcome for one in unanswered] == ["no answer", "no answer"]


def test_a_public_trace_of_a_second_generation_card_is_explained_as_t0_has_it() -> None:
    select, _, read, verify, challenge = public_trace("D")
    assert (select.sent, read.sent) == (2, 2)
    assert words(read)[1:5] == [
        "64 bytes, 9000 success (成功)",
        "card_identifier 卡的识别码 <16 bytes masked>",
        "card_category 卡的类别 3 成年人卡 " + describe_value(READY["2.0"].issuer["card_category"]).split(" ", 2)[2],
        "spec_version 规范版本 2.0",
    ]
    assert "issue_date 发卡日期 2012 [the date is not written as packed digits]" in words(read)
    assert words(verify) == ["VERIFY (3 bytes of data)", "9000 success (成功)", "PIN 密码 <3 bytes masked>"]
    assert words(verify, show_data=True)[2] == "PIN 密码 66 66 66"
    assert challenge.outcome == "no answer"


LINEAR = [
    pytest.param(profile, directory, file, item, id=f"{profile.version}-{file.name}-{item.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    if isinstance(file, LinearFile)
    for item in file.items
]


@pytest.mark.parametrize(("profile", "directory", "file", "item"), LINEAR)
def test_every_item_is_named_and_shown_exactly_when_it_is_not_sensitive(profile, directory, file, item) -> None:
    stored = bytes.fromhex(item.vector[0])
    select, read = (
        select_name(directory.df_name),
        read_record(item.tag, RecordMode.FIRST_WITH_IDENTIFIER, sfi=file.sfi, ne=256),
    )
    answer = (item.record(stored) + b"\x90\x00").hex()
    _, one = decoded((select.to_bytes().hex(), OK), (read.to_bytes().hex(), answer), profile=profile)
    (seen,) = one.items
    assert (seen.name, seen.chinese, seen.raw) == (item.name, item.chinese, stored)
    assert seen.shown(show_data=True).endswith(describe_value(item.decode(stored)) or "(blank)")
    assert seen.shown().endswith(f"<{len(stored)} bytes masked>") == item.sensitive
    assert f"{directory.name}/EF{file.fid & 0xFF:02X} {file.name}" in one.what


UNTAGGED = [
    pytest.param(profile, directory, file, id=f"{profile.version}-{file.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    if isinstance(file, CyclicFile | TransparentFile)
]


@pytest.mark.parametrize(("profile", "directory", "file"), UNTAGGED)
def test_every_file_without_tags_is_taken_apart(profile, directory, file) -> None:
    stored = b"".join(bytes.fromhex(item.vector[0]) for item in file.items)
    if isinstance(file, CyclicFile):
        read, answer = read_record(2, RecordMode.FROM_NUMBER_TO_LAST, sfi=file.sfi, ne=256), stored * 2
        expected = [f"record {number} {item.name}" for number in (2, 3) for item in file.items]
    else:
        read, answer = read_binary(0, sfi=file.sfi, ne=256), stored[:100]
        expected = [file.items[0].name]
    _, one = decoded(
        (select_name(directory.df_name).to_bytes().hex(), OK),
        (read.to_bytes().hex(), answer.hex() + OK),
        profile=profile,
    )
    assert [f"{item.where} {item.name}".strip() for item in one.items] == expected
    assert b"".join(item.raw for item in one.items) == answer
    assert [item.public for item in one.items][: len(file.items)] == [not item.sensitive for item in file.items]


def test_repeated_records_are_numbered_as_far_as_the_command_tells() -> None:
    record = "4034" + "00" * 0x34
    df01 = ("00A4040006D15600000500", OK)
    numbered, first, run_of = (
        decoded(df01, ("00B203AC36", record + OK))[1],
        decoded(df01, ("00B240A836", record + OK))[1],
        decoded(df01, ("00B202AD00", record * 2 + OK))[1],
    )
    assert [item.where for item in numbered.items] == ["2 of 3"]
    assert [item.where for item in first.items] == ["1 of 3"]
    assert [item.where for item in run_of.items] == ["1 of 3", "2 of 3"]


def test_a_name_over_two_records_is_one_where_both_are_there() -> None:
    run_of = "091E" + "CFB6" * 14 + "81" + "30" + "4E14" + "00" * 20
    _, whole = decoded((SSSE, OK), ("00B2023500", run_of + OK))
    assert [item.name for item in whole.items] == ["name"]
    _, half = decoded((SSSE, OK), ("00B24E3016", "4E14" + "00" * 20 + OK))
    assert words(half, show_data=True)[2:] == ["name_extension 姓名扩展 (blank)"]


def test_a_record_that_was_rewritten_has_its_later_meaning() -> None:
    """Item 37 of a 1.0 card: contribution base, cn 4, or rewritten as nationality, an 3, filled up with EE."""
    df01 = ("00A4040006D15600000500", OK)
    _, base = decoded(df01, ("00B2375006", "370400012345" + OK), profile=V1)
    _, nationality = decoded(df01, ("00B2375006", "370443484EEE" + OK), profile=V1)
    assert [item.chinese for item in base.items] == ["缴费基数"]
    assert [item.chinese for item in nationality.items] == ["国籍"]


def test_an_update_is_explained_like_a_reading_and_its_mac_is_masked() -> None:
    item = ALL[-1].file_named("issuer").item_named("issue_date")
    plain = update_record(5, RecordMode.FIRST_WITH_IDENTIFIER, item.encode(item.example), sfi=5)
    under_mac = b"\x04" + plain.to_bytes()[1:4] + b"\x0a" + plain.to_bytes()[5:] + bytes.fromhex("C0FFEE00")
    _, one, two = decoded((SSSE, OK), (plain.to_bytes().hex(), OK), (under_mac.hex(), OK))
    date = f"issue_date 发卡日期 {describe_value(item.example)}"
    assert words(one)[2:] == [date]
    assert words(two)[2:] == [date, "MAC 报文鉴别码 <4 bytes masked>"]


def test_what_nobody_declares_is_masked() -> None:
    _, item, file, cut, bank = decoded(
        (SSSE, OK),
        ("00B2EE2806", "EE0201029000"),
        ("00B2016C06", "EA0201029000"),
        ("00B2012D06", "0110019000"),
        ("80CA9F7900", "9F7901059000"),
    )
    assert words(item)[2:] == ["item EE 未知数据 <2 bytes masked> [not in the profile]"]
    assert words(file)[2:] == ["data 未知数据 <4 bytes masked>"]
    assert words(cut)[2:] == ["data 未知数据 <3 bytes masked> [no records of the form tag, length, value]"]
    assert words(bank)[2:] == ["data 数据 <4 bytes masked>"]
    assert words(bank, show_data=True)[2:] == ["data 数据 9F 79 01 05"]


def test_the_version_that_the_card_says_decides_what_its_items_mean() -> None:
    read_sex, say_version = ("00B20A3003", "0A01319000"), ("00B2032806", "0304312E30309000")
    number = ("00B2083014", "0812" + "39" * 18 + OK)
    _, before, _ = decoded((SSSE, OK), number, say_version)
    assert before.items[0].chinese == V1.file_named("holder").item_named("social_security_number").chinese
    _, silent, _ = decoded((SSSE, OK), number, read_sex)
    assert silent.items[0].chinese == "社会保障号码"
    _, told, _ = decoded((SSSE, OK), number, say_version, profile=ALL[-1])
    assert told.items[0].chinese == "社会保障号码", "a version that is named is not overruled"


def test_a_version_that_nobody_knows_changes_nothing() -> None:
    _, version, number = decoded((SSSE, OK), ("00B2032806", "0304392E30309000"), ("00B207280B", "0709" + "41" * 9 + OK))
    assert words(version)[2:] == ["spec_version 规范版本 9.00"]
    assert number.items[0].name == "card_number"


def test_what_was_refused_selects_nothing() -> None:
    _, _, read = decoded((SSSE, OK), ("00A4000002DF01", "6A82"), ("00B2032806", "0304332E30309000"))
    assert read.items[0].name == "spec_version"


def test_after_a_reset_nothing_is_selected() -> None:
    exchanges = [
        Exchange(1, bytes.fromhex(SSSE), b"\x90\x00"),
        Exchange(2, bytes.fromhex("00B2032806"), bytes.fromhex("0304332E30309000"), atr=b"\x3b\x00"),
    ]
    assert [item.name for item in list(decode(exchanges))[1].items] == ["data"]


def test_bytes_that_are_no_command_are_masked() -> None:
    (one,) = decoded(("00200000041234", "6700"))
    assert (one.what, one.command) == ("no command APDU", None)
    assert words(one)[2:] == ["bytes that are no command 非命令数据 <7 bytes masked>"]


@pytest.mark.parametrize("version", list(READY))
def test_a_canary_no_data_of_the_holder_are_in_what_is_shown_of_a_whole_conversation(version: str) -> None:
    card, exchanges = ready_card(version), []
    atr = card.power_on()

    def transmit(commands):
        return [card.process(command) for command in commands]

    wire = recorded(transmit, lambda tx, rx: exchanges.append(Exchange(len(exchanges) + 1, tx, rx)))
    flow = read_identity(atr, rng=bytes, today=dt.date(2024, 1, 1), forms=FormMemory())
    reading = run(flow, executor(get_response(wire, strip_le=True)), DevelopmentCustodian(development_mode=True).answer)
    masked = "\n".join(line for one in decode(exchanges) for line in words(one))
    shown = "\n".join(line for one in decode(exchanges) for line in words(one, show_data=True))
    for contents in (reading.issuer, reading.holder):
        for declared in contents.file.declarations:
            canary = describe_value(contents.values[declared.name])
            assert canary in shown
            # A region also stands in the number of the initialising body, which is public.
            if declared.sensitive and len(canary) > 6:
                assert canary not in masked
    for one in exchanges:
        if one.command[1] in {0x82, 0x88}:
            assert one.command[5:13].hex(" ").upper() not in masked
            assert one.command[5:13].hex(" ").upper() in shown
