"""Formats of recorded conversations."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.trace.formats import Exchange, TraceError, TraceFormat, read_trace

ROOT = Path(__file__).parents[2]
TRACES = ROOT / "vectors" / "traces"
SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


def pairs(trace) -> list[tuple[str, str]]:
    return [(one.command.hex().upper(), one.answer.hex().upper()) for one in trace.exchanges]


def file(path: Path, trace_format: TraceFormat | None = None):
    return read_trace(path.read_text("utf-8").split("\n"), trace_format)


def test_our_own_transcripts_are_read() -> None:
    trace = file(ROOT / "transcripts" / "t0-select-and-read.jsonl")
    assert trace.format is TraceFormat.JSONL
    assert pairs(trace)[:2] == [(SSSE, "6118"), ("00C0000018", pairs(trace)[1][1])]
    assert trace.exchanges[0].atr.hex().upper() == "3B6D000000813147318650430200000013"
    assert trace.exchanges[1].atr == b""


def test_a_log_of_pcscd_is_read() -> None:
    trace = file(TRACES / "pcscd-3.0.log")
    assert trace.format is TraceFormat.PCSCD
    assert [command[:8] for command, _ in pairs(trace)] == [
        "00A40400",
        "00C00000",
        "00B2012D",
        "00880000",
        "00C00000",
        "00840000",
        "0082000A",
        "00B20135",
        "00200000",
    ]
    assert pairs(trace)[0] == (SSSE, "611E")
    assert pairs(trace)[-1] == ("0020000003123456", "9000")
    first = trace.exchanges[0]
    assert (first.line, first.atr.hex().upper()) == (20, "3B6D000000814A44308660990000003000")


def test_the_output_of_opensc_tool_is_read() -> None:
    trace = file(TRACES / "opensc-tool-2.0.txt")
    assert trace.format is TraceFormat.OPENSC
    found = pairs(trace)
    assert found[0] == (SSSE + "00", "6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E9000")
    assert found[1] == ("00B2032806", "0304322E30009000")
    assert found[2] == ("00A4020002EF06", "9000")
    assert (len(found[3][1]), found[3][1][-8:]) == (2 * (91 + 2), "03129000")
    assert found[6] == ("0020000003654321", "63C5")


ALIKE = {
    "colours and threads": "\x1b[36m00000005\x1b[0m [140017007589056] \x1b[34mAPDU: 00 84 00 00 08 \x1b[0m\n"
    "\x1b[36m00171781\x1b[0m [140017007589056] SW: 01 02 90 00 \n",
    "syslog": "Jan  1 12:00:00 host pcscd[12]: APDU: 00 84 00 00 08\nJan  1 12:00:00 host pcscd[12]: SW: 01 02 90 00\n",
    "one line after the other": "0084000008\n01029000\n",
    "arrows": "→ 00 84 00 00 08\n← 01 02 90 00\n",
    "signs": "> 00:84:00:00:08\n< 01:02:90:00\n",
    "comments": "# challenge\n\n>> 0084 0000 08\n// answer\n<< 0102 9000\n",
    "transcript": '{"transcript": 1, "atr": ""}\n{"tx": "0084000008", "rx": "01029000"}\n',
    "opensc-tool": "Using reader with a card: X\nSending: 00 84 00 00 08 \nReceived (SW1=0x90, SW2=0x00):\n01 02 ..\n",
    "opensc-tool in a terminal": "$ opensc-tool -s 0084000008\r\nSending: 00 84 00 00 08\r\n"
    "Received (SW1=0x90, SW2=0x00):\r\n01 02 ..\r\n$ \r\n",
}


@pytest.mark.parametrize("text", ALIKE.values(), ids=ALIKE)
def test_the_format_is_recognised(text: str) -> None:
    assert pairs(read_trace(text.split("\n"))) == [("0084000008", "01029000")]


def test_the_status_word_alone_may_be_the_answer_and_may_be_missing() -> None:
    text = (
        "APDU: 00 84 00 00 08 \nAPDU: 00 84 00 00 04 \nSW: 67 00 \nAPDU: 00 84 00 00 10 \nSW: \nAPDU: 00 84 00 00 08 "
    )
    assert [answer for _, answer in pairs(read_trace(text.split("\n")))] == ["", "6700", "", ""]


def test_the_next_command_of_a_pair_is_told_by_its_sign() -> None:
    trace = read_trace(["> 0084000008", "> 0084000004", "< 9000"])
    assert pairs(trace) == [("0084000008", ""), ("0084000004", "9000")]


REFUSED = {
    "empty": ("", 0, "empty"),
    "prose": ("hello\nworld", 1, "neither this line"),
    "daemon that was not asked for commands": ("00000001 APDUX: 00\nfoo", 1, "neither this line"),
    "half a byte": ("00000001 APDU: 00 8", 1, "half a byte"),
    "answer first": ("APDU: 00 84 00 00\nSW: 90 00\nSW: 90 00", 3, "no command"),
    "no command": ("0084", 1, "fewer than four bytes"),
    "answer too short": ("0084000008\n90", 2, "without a status word"),
    "not a transcript": ('{"tx": "00840000"}', 1, "not a line of a transcript"),
    "prose in a transcript": ('{"tx": "00840000", "rx": "9000"}\nfoo', 2, "not a line of a transcript"),
    "list in a transcript": ('{"tx": "00840000", "rx": "9000"}\n[1]', 2, "not a line of a transcript"),
    "another transcript": ('{"transcript": 2, "atr": ""}', 1, "format 1"),
    "header alone": ('{"transcript": 1, "atr": ""}', 0, "no exchange"),
    "prose in hexadecimal": ("0084000008\n9000\nnot hexadecimal", 3, "neither hexadecimal"),
    "dump that does not fit": (
        "Sending: 00 84 00 00\nReceived (SW1=0x90, SW2=0x00):\n01 02 ab",
        3,
        "dump",
    ),
}


@pytest.mark.parametrize(("text", "line", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_trace_is_refused_with_the_line(text: str, line: int, sentence: str) -> None:
    with pytest.raises(TraceError) as caught:
        read_trace(text.split("\n") if text else [])
    assert caught.value.line == line
    assert sentence in str(caught.value)


def test_a_format_that_is_named_is_not_guessed() -> None:
    with pytest.raises(TraceError, match="no exchange"):
        read_trace(["0084000008", "9000"], TraceFormat.PCSCD)


def test_neither_errors_nor_exchanges_show_what_was_said() -> None:
    assert repr(Exchange(3, b"\x00\x20\x00\x00\x03\x12\x34\x56", b"\x90\x00")) == "<line 3: 8 bytes, answered with 2>"
    with pytest.raises(TraceError) as caught:
        read_trace(['{"tx": "0020000003123456"', "foo"])
    assert "123456" not in str(caught.value)
    assert caught.value.__cause__ is None


EXCHANGES = st.lists(st.tuples(st.binary(min_size=4, max_size=40), st.binary(min_size=2, max_size=60)), min_size=1)


def dump(data: bytes) -> list[str]:
    """As OpenSC prints bytes: the characters stand in their column on every line but a first one that is short."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        digits = "".join(f"{byte:02X} " for byte in row)
        characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append((digits.ljust(48) if at else digits) + characters)
    return lines


@given(EXCHANGES)
def test_what_was_written_is_read_back_in_every_format(exchanges: list[tuple[bytes, bytes]]) -> None:
    written: dict[TraceFormat, list[str]] = {one: [] for one in TraceFormat}
    for command, answer in exchanges:
        written[TraceFormat.JSONL].append(json.dumps({"tx": command.hex(), "rx": answer.hex()}))
        written[TraceFormat.PCSCD] += [f"0 APDU: {command.hex(' ').upper()} ", f"0 SW: {answer.hex(' ').upper()} "]
        written[TraceFormat.HEX] += [command.hex(), answer.hex()]
        more = ":" if len(answer) > 2 else ""
        written[TraceFormat.OPENSC] += [
            f"Sending: {command.hex(' ').upper()} ",
            f"Received (SW1=0x{answer[-2]:02X}, SW2=0x{answer[-1]:02X}){more}",
            *dump(answer[:-2]),
        ]
    for trace_format, lines in written.items():
        trace = read_trace(lines)
        assert trace.format is trace_format
        assert [(one.command, one.answer) for one in trace.exchanges] == exchanges


@given(st.text(max_size=200), st.sampled_from([None, *TraceFormat]))
def test_any_text_is_a_trace_or_is_refused(text: str, trace_format: TraceFormat | None) -> None:
    lines = text.split("\n")
    try:
        line = read_trace(lines, trace_format).exchanges[0].line
    except TraceError as error:
        line = error.line
    assert 0 <= line <= len(lines)
