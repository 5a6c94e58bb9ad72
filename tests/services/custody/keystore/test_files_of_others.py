"""Whose files are: they keep their owner, secrets are nobody else's, and what is no file is not waited for."""

import os
import signal
import stat
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.custody.keystore import changing, files
from services.custody.keystore.errors import KeystoreFileError

NOBODY = 65534
SERVICE = (NOBODY, NOBODY - 1)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


def owner(path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


@pytest.fixture
def place(tmp_path):
    """The directory of a service that runs as another user."""
    made = tmp_path / "service"
    made.mkdir()
    os.chown(made, *SERVICE)
    return made


@as_root
def test_what_root_changes_stays_the_services(place):
    file = place / "file"
    file.write_bytes(b"old")
    os.chown(file, 4321, 1234)
    with files.exclusive(file):
        files.write(file, b"new")
    assert owner(file) == owner(place / "file.lock") == (4321, 1234)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@as_root
def test_what_root_makes_is_the_services_in_its_directory(place):
    with files.exclusive(place / "file"):
        files.write(place / "file", b"new", new=True)
    with files.reserved(place / "record") as fill:
        fill(b"text")
    assert {owner(path) for path in place.iterdir()} == {SERVICE}


@as_root
def test_a_keystore_that_root_changed_is_still_opened_by_its_service(filled, opener):
    os.chown(filled, *SERVICE)
    with changing(filled, opener) as keystore:
        keystore.retire(keystore.records[0])
    assert owner(filled) == owner(filled.with_name(filled.name + ".lock")) == SERVICE


@as_root
def test_a_lock_that_is_another_file_is_not_given_away(place):
    mine = place.parent / "mine"
    mine.write_bytes(b"")
    os.link(mine, place / "file.lock")
    with pytest.raises(KeystoreFileError, match="another name"), files.exclusive(place / "file"):
        pytest.fail("locked")
    assert owner(mine) == (0, 0)


@pytest.mark.parametrize("new", [False, True])
def test_who_cannot_give_it_back_does_not_take_it(tmp_path, monkeypatch, new):
    file = tmp_path / "file"
    if not new:
        file.write_bytes(b"old")

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refused)
    with pytest.raises(KeystoreFileError, match="sudo -u sscard sscard keys"):
        files.write(file, b"new", new=new)
    assert (file.read_bytes() == b"old") if not new else not file.exists()


def test_a_user_makes_files_in_anybodys_directory(tmp_path, monkeypatch):
    if os.geteuid():
        pytest.skip("the directory cannot be given to another user")
    os.chown(tmp_path, *SERVICE)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    files.write(tmp_path / "file", b"new", new=True)
    assert owner(tmp_path / "file") == (0, 0), "of who made it"


# --- who can read it ---


def listed(*entries: tuple[int, int, int]) -> bytes:
    """An access control list, as the kernel's header posix_acl_xattr.h has it."""
    nobody = 0xFFFFFFFF
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, allowed, nobody if who < 0 else who) for tag, allowed, who in entries
    )


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o666])
def test_a_secret_that_others_can_reach_is_refused_in_production(tmp_path, mode):
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(mode)
    with pytest.raises(KeystoreFileError, match="open to other users"):
        files.read_secret(file)
    assert files.read_secret(file, development_mode=True) == b"secret"
    assert files.read_with_access(file) == (b"secret", True)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o611])
def test_one_that_they_cannot_is_read(tmp_path, mode):
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(mode)
    assert files.read_secret(file) == b"secret"


OWNER, USER, GROUP_OF_FILE, GROUP, MASK, OTHERS = 1, 2, 4, 8, 16, 32
PLAIN = ((OWNER, 4, -1), (GROUP_OF_FILE, 0, -1), (MASK, 4, -1), (OTHERS, 0, -1))


@pytest.mark.parametrize(
    ("entry", "open_to_others"),
    [
        ((USER, 4, os.geteuid()), False),  # as systemd hands a credential to a service
        ((USER, 4, 4321), True),
        ((USER, 1, 4321), False),
        ((GROUP, 4, 4321), True),
    ],
)
def test_a_list_of_who_may_read_is_understood(tmp_path, entry, open_to_others):
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    try:
        os.setxattr(file, "system.posix_acl_access", listed(*sorted((*PLAIN, entry))))
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o440, "what the mode says is the mask"
    assert files.read_with_access(file) == (b"secret", open_to_others)


# --- what is no file ---


@contextmanager
def within(seconds: int):
    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path, opener):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for use in (files.read, files.read_secret, lambda path: changing(path, opener).__enter__()):
        with within(5), pytest.raises(KeystoreFileError, match="not a regular file"):
            use(pipe)
    os.mkfifo(tmp_path / "file.lock")
    with within(5), pytest.raises(KeystoreFileError, match="not a regular file"), files.exclusive(tmp_path / "file"):
        pytest.fail("locked")


def test_a_device_or_directory_is_no_file_either(tmp_path):
    for path in ("/dev/zero", "/dev/null"):
        with pytest.raises(KeystoreFileError, match="not a regular file"):
            files.read(path)
    with pytest.raises(KeystoreFileError, match="directory"):
        files.read(tmp_path)


# --- descriptors ---


def pipe_of(content: bytes) -> int:
    read, write = os.pipe()
    os.write(write, content)
    os.close(write)
    return read


def test_a_descriptor_gives_its_secret_once_and_to_no_child():
    number = pipe_of(b"secret")
    os.set_inheritable(number, True)
    assert files.read_descriptor(number) == b"secret"
    try:
        assert os.path.samestat(os.fstat(number), Path(os.devnull).stat())
        assert not os.get_inheritable(number)
        assert files.read_descriptor(number) == b""
    finally:
        os.close(number)


def test_one_that_gives_too_much_is_let_go_of_too():
    number = os.open("/dev/zero", os.O_RDONLY)
    try:
        with pytest.raises(KeystoreFileError, match="too much"):
            files.read_descriptor(number)
        assert os.path.samestat(os.fstat(number), Path(os.devnull).stat())
    finally:
        os.close(number)


@pytest.mark.parametrize("number", [-1, 987, 99999999999, -99999999999])
def test_a_number_that_is_no_descriptor_is_named(number):
    with pytest.raises(KeystoreFileError, match=f"file descriptor {number} cannot be read"):
        files.read_descriptor(number)


# --- files that are made before there is something to write ---


def test_a_reserved_file_is_there_before_it_is_written_and_for_its_owner_only(tmp_path):
    file = tmp_path / "record"
    with files.reserved(file) as fill:
        assert file.read_bytes() == b""
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        fill(b"text")
    assert file.read_bytes() == b"text"


def test_what_was_reserved_for_nothing_is_taken_away(tmp_path):
    with pytest.raises(ZeroDivisionError), files.reserved(tmp_path / "record"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_reserved_over_another_or_where_nothing_can_be(tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "link"):
        with pytest.raises(KeystoreFileError, match="there already"), files.reserved(tmp_path / name):
            pytest.fail("reserved")
    assert (tmp_path / "mine").read_bytes() == b"mine"
    with pytest.raises(KeystoreFileError, match="cannot be made"), files.reserved(tmp_path / "no" / "directory"):
        pytest.fail("reserved")


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with files.reserved(tmp_path / "record") as fill, pytest.raises(KeystoreFileError, match="written: No space left"):
        fill(b"text")
    assert list(tmp_path.iterdir()) == []
