"""Files that records name: read from the record's folder, and from nowhere else."""

import os
from pathlib import Path

import pytest

from cardlib.errors import ItemError
from cardlib.issuance.attachments import MAX_SIZE, attachments_in

ROOM = 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "records"
    (inside / "photos").mkdir(parents=True)
    (inside / "photos" / "a.jpg").write_bytes(b"photo")
    (inside / "large.jpg").write_bytes(bytes(MAX_SIZE))
    (inside / "huge.jpg").write_bytes(bytes(MAX_SIZE + 1))
    (tmp_path / "secret.jpg").write_bytes(b"outside")
    (inside / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (inside / "up").symlink_to(tmp_path)
    os.mkfifo(inside / "pipe")
    return inside


@pytest.mark.parametrize("name", ["photos/a.jpg", "./photos/a.jpg", "photos//a.jpg"])
def test_files_of_the_folder_and_below_are_read(folder, name):
    assert attachments_in(folder)(name, ROOM) == b"photo"


def test_a_file_of_the_largest_size_is_read(folder):
    assert len(attachments_in(folder)("large.jpg", ROOM)) == MAX_SIZE


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../secret.jpg", "takes the name of a file"),
        ("photos/../../secret.jpg", "takes the name of a file"),
        ("/etc/passwd", "takes the name of a file"),
        ("C:\\a.jpg", "takes the name of a file"),
        ("\ud800.jpg", "takes the name of a file"),
        ("a\x00.jpg", "takes the name of a file"),
        ("", "takes the name of a file"),
        (".", "takes the name of a file"),
        ("photos", "is no plain file"),
        ("pipe", "is no plain file"),
        ("huge.jpg", "has more than 1048576 bytes"),
    ],
)
def test_what_is_no_file_of_the_folder(folder, name, reason):
    with pytest.raises(ItemError) as refused:
        attachments_in(folder)(name, ROOM)
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize("name", ["link.jpg", "up/secret.jpg", "missing.jpg", "a" * 300, "photos/a.jpg/b"])
def test_links_are_not_followed_and_what_is_missing_is_missing(folder, name):
    with pytest.raises(OSError, match="Errno"):
        attachments_in(folder)(name, ROOM)


def test_no_file_stays_open(folder):
    open_files = Path("/proc/self/fd")
    attachment, before = attachments_in(folder), len(list(open_files.iterdir()))
    attachment("photos/a.jpg", ROOM)
    for name in ("photos", "huge.jpg", "pipe"):
        with pytest.raises(ItemError):
            attachment(name, ROOM)
    assert len(list(open_files.iterdir())) == before
