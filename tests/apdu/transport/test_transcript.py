"""Recording and replay. The example is public: see tests/transcripts/README.md."""

import io
from pathlib import Path

import pytest

from apdu.errors import MalformedError, TranscriptMismatchError
from apdu.transport.transcript import Recorder, Replay, Transcript, replayed
from apdu.transport.wrappers import get_response, recorded

EXAMPLE = Path(__file__).parents[2] / "transcripts" / "t0-select-and-read.jsonl"
SELECT = bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")


def test_a_recording_replays_to_the_byte() -> None:
    tape = io.StringIO()
    card = recorded(lambda commands: [command[::-1] + b"\x90\x00" for command in commands], Recorder(tape, b"\x3b\x00"))
    commands = [b"\x00\xa4\x00\x00", b"\x00\x84\x00\x00\x08"]
    answers = card(commands)
    replay = Replay(Transcript.from_lines(io.StringIO(tape.getvalue())))
    assert replay(commands) == answers
    assert replay.atr == b"\x3b\x00"
    assert replay.remaining == 0


def test_a_recording_is_one_json_object_per_line() -> None:
    tape = io.StringIO()
    recorder = Recorder(tape, bytes.fromhex("3B6D00"), card="张三")
    recorder(bytes.fromhex("00a40000"), bytes.fromhex("6a82"))
    assert tape.getvalue() == ('{"transcript": 1, "atr": "3B6D00", "card": "张三"}\n{"tx": "00A40000", "rx": "6A82"}\n')


@pytest.mark.parametrize("t0", [True, False, None])
def test_the_header_says_whether_the_recorder_had_61xx_to_handle(t0: bool | None) -> None:
    tape = io.StringIO()
    Recorder(tape, b"\x3b\x00", t0=t0, card="ready")
    transcript = Transcript.from_lines(tape.getvalue().splitlines())
    assert (transcript.t0, transcript.meta) == (t0, {"card": "ready"})


def test_a_header_whose_t0_is_no_truth_value_is_refused() -> None:
    with pytest.raises(MalformedError, match="line 1"):
        Transcript.from_lines(['{"transcript": 1, "atr": "3B00", "t0": "yes"}'])


def test_the_header_says_more_than_the_atr() -> None:
    transcript = Transcript.load(EXAMPLE)
    assert transcript.meta == {"origin": "public trace of a 2.0 card"}
    assert transcript.atr.hex().startswith("3b6d")
    assert len(transcript.exchanges) == 5


def test_a_t0_card_of_a_public_trace_is_read_without_noticing_t0() -> None:
    replay = replayed(EXAMPLE)
    transmit = get_response(replay, strip_le=True)
    fci, selected, file = transmit([SELECT + b"\x00", bytes.fromhex("00A4000002EF05"), bytes.fromhex("00B20105FF")])
    assert fci.hex().upper() == "6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E9000"
    assert selected == b"\x90\x00"
    assert len(file) == 64 + 2
    assert replay.remaining == 0


def test_another_command_than_the_recorded_one_is_refused_by_its_header_alone() -> None:
    replay = replayed(EXAMPLE)
    with pytest.raises(TranscriptMismatchError) as caught:
        replay([bytes.fromhex("0020000003CAFE99")])
    assert (
        str(caught.value) == "exchange 1 is SELECT 00 A4 04 00 of 20 bytes, but VERIFY 00 20 00 00 of 8 bytes was sent"
    )
    assert replay.remaining == 5


def test_bytes_that_are_no_command_are_refused_without_showing_them() -> None:
    with pytest.raises(TranscriptMismatchError, match="but no command 00 A4 of 2 bytes was sent"):
        replayed(EXAMPLE)([b"\x00\xa4"])


def test_the_conversation_may_not_go_on_after_the_transcript_ends() -> None:
    replay = Replay(Transcript(b"\x3b\x00", ()))
    with pytest.raises(TranscriptMismatchError, match="has ended, yet GET CHALLENGE 00 84 00 00 of 5 bytes was sent"):
        replay([bytes.fromhex("0084000008")])


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "an empty file"),
        (["{}"], "line 1"),
        (["[1, 2]"], "line 1"),
        (['{"transcript": 1, "atr": "3B0"}'], "line 1"),
        (['{"transcript": 2, "atr": "3B00"}'], "format 1, this one says 2"),
        (['{"transcript": 1, "atr": "3B00"}', "not JSON"], "line 2"),
        (['{"transcript": 1, "atr": "3B00"}', '{"tx": "00A4"}'], "line 2"),
        (['{"transcript": 1, "atr": "3B00"}', '{"tx": 4, "rx": "9000"}'], "line 2"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused(lines: list[str], complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint):
        Transcript.from_lines(lines)
