"""Checkpoints: what is signed, how files of them are kept, and what is believed."""

import json
import resource
import signal
import stat
import subprocess
from datetime import UTC, datetime

import pytest

from services.audit.checkpoint import CheckpointError, add_to, checkpoint_of, read_checkpoints
from services.audit.entry import chained
from services.custody.signing import open_signing_key
from tests.services.audit.entries import some_texts

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


@pytest.fixture
def key(tmp_path):
    return open_signing_key(tmp_path / "audit-key")


@pytest.fixture
def file(tmp_path, key):
    """Two checkpoints of one chain."""
    path = tmp_path / "elsewhere" / "checkpoints"
    for end in chained(None, some_texts(2)):
        add_to(path, checkpoint_of(end, key, station="支行 7", now=NOW))
    return path


def test_checkpoints_come_back_as_they_were_signed(file, key) -> None:
    links = chained(None, some_texts(2))
    found = read_checkpoints(file, [key.public])
    assert [(each.sequence, each.hash) for each in found] == [(link.sequence, link.hash) for link in links]
    assert {(each.moment, each.station, each.key) for each in found} == {
        ("2026-11-22T12:30:00Z", "支行 7", key.public.key_id)
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_openssl_verifies_a_signature_of_what_the_manual_describes(file, key, tmp_path) -> None:
    told = json.loads(file.read_text().splitlines()[1])
    lines = ("sscard audit checkpoint 1", "2", told["hash"], told["moment"], told["station"], told["key"])
    (tmp_path / "signed").write_bytes("".join(f"{line}\n" for line in lines).encode())
    (tmp_path / "signature").write_bytes(bytes.fromhex(told["signature"]))
    (tmp_path / "public.pem").write_text(key.public.pem())
    arguments = ["-pubin", "-inkey", "public.pem", "-rawin", "-in", "signed", "-sigfile", "signature"]
    command = ["openssl", "pkeyutl", "-verify", *arguments]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert ran.stdout == b"Signature Verified Successfully\n"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sequence", 3),
        ("hash", "00" * 32),
        ("moment", "2027-01-01T00:00:00Z"),
        ("station", "other"),
        ("signature", "00" * 64),
    ],
)
def test_a_checkpoint_that_was_altered_is_not_believed(file, key, field, value) -> None:
    first, second = map(json.loads, file.read_text().splitlines())
    file.write_text(f"{json.dumps(first)}\n{json.dumps(second | {field: value})}\n")
    with pytest.raises(CheckpointError, match="line 2 has a signature that is not right"):
        read_checkpoints(file, [key.public])


def test_one_signed_with_another_key_is_not_believed(file, tmp_path) -> None:
    other = open_signing_key(tmp_path / "other-key")
    with pytest.raises(CheckpointError, match=r"line 1 was signed with the key [0-9a-f]{16}: give that as well"):
        read_checkpoints(file, [other.public])


def test_a_key_under_the_name_of_another_does_not_help(file, key, tmp_path) -> None:
    other = open_signing_key(tmp_path / "other-key")
    lines = [json.loads(line) | {"key": other.public.key_id} for line in file.read_text().splitlines()]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(CheckpointError, match="is not right"):
        read_checkpoints(file, [other.public, key.public])


def test_a_line_that_a_killed_process_left_is_passed_over_and_the_next_begins_anew(file, key) -> None:
    lines = file.read_text()
    file.write_text(lines[:-40])
    assert len(read_checkpoints(file, [key.public])) == 1
    end = chained(None, some_texts(3))[-1]
    add_to(file, checkpoint_of(end, key, station="", now=NOW))
    assert [each.sequence for each in read_checkpoints(file, [key.public])] == [1, 3]


@pytest.mark.parametrize("line", ["{}", '{"sequence": 1}', "[" * 5000 + "}", "null}", '{"hash": "zz"}'])
def test_what_is_no_checkpoint_is_refused_with_its_line(tmp_path, key, line) -> None:
    (tmp_path / "file").write_text(f"\n{line}\n")
    with pytest.raises(CheckpointError, match="line 2 is no checkpoint"):
        read_checkpoints(tmp_path / "file", [key.public])


@pytest.mark.parametrize("change", [{"sequence": 0}, {"sequence": True}, {"sequence": "1"}, {"hash": "00"}, {"key": 5}])
def test_odd_values_are_refused(file, key, change) -> None:
    file.write_text(json.dumps(json.loads(file.read_text().splitlines()[0]) | change))
    with pytest.raises(CheckpointError, match="line 1 is no checkpoint"):
        read_checkpoints(file, [key.public])


def test_files_that_cannot_be_used_are_told(tmp_path, key) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_checkpoints(tmp_path / "none", [key.public])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe}")
    with pytest.raises(CheckpointError, match="it is no text"):
        read_checkpoints(tmp_path / "bytes", [key.public])
    with pytest.raises(CheckpointError, match="is not written to"):
        add_to(tmp_path, checkpoint_of(chained(None, some_texts(1))[0], key, station="", now=NOW))


def test_a_station_cannot_say_what_stands_in_another_line(key) -> None:
    end = chained(None, some_texts(1))[0]
    assert checkpoint_of(end, key, station="a\nb", now=NOW).station == "a?b"


def test_a_checkpoint_for_which_the_disk_has_no_room_is_not_taken_for_written(tmp_path, key) -> None:
    """A disk that fills up takes the beginning of a line, and says so by its length alone."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(CheckpointError, match="no room for all of it"):
            add_to(tmp_path / "file", checkpoint_of(chained(None, some_texts(1))[0], key, station="", now=NOW))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert (tmp_path / "file").stat().st_size == 100
    assert read_checkpoints(tmp_path / "file", [key.public]) == []
