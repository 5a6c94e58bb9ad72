"""A file is the old one or the new one, whatever happens while it is written."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from services.custody.keystore import files
from services.custody.keystore.errors import KeystoreBusyError, KeystoreFileError

OLD, NEW = b"old" * 1000, b"new" * 2000

KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from services.custody.keystore import files

    path, last, when = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    count = 0

    def watched(owner, name):
        real = getattr(owner, name)
        def call(*arguments, **named):
            global count
            count += 1
            if count == last and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "write":  # byte by byte would take long: in halves
                result = real(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
            else:
                result = real(*arguments, **named)
            if count == last and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        setattr(owner, name, call)

    for name in ("open", "fchmod", "fchown", "write", "fsync", "close"):
        watched(os, name)
    watched(Path, "replace")
    files.write(path, b"new" * 2000)
    print(count)
    """
)


def killed(path: Path, last: int, when: str = "before") -> subprocess.CompletedProcess:
    root = Path(__file__).parents[4]
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(last), when],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    return path


def test_what_is_written_is_there_for_its_owner_only(file):
    files.write(file, NEW)
    assert files.read(file) == NEW
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_killed_at_any_step_the_file_is_old_or_new(file):
    whole = killed(file, 0)
    steps = int(whole.stdout)
    assert whole.returncode == 0
    assert steps > 20
    # the last writes differ by nothing but their number; each other step is tried, before and after it is done
    tried = [*range(1, 7), *range(steps - 6, steps + 1)]
    seen = []
    for last in tried:
        file.write_bytes(OLD)
        assert killed(file, last, "before" if last % 2 else "after").returncode == -signal.SIGKILL
        seen.append(files.read(file))
        assert seen[-1] in {OLD, NEW}
    assert {OLD, NEW} == set(seen), "some steps are before the change, and some after it"
    files.write(file, NEW)
    assert files.read(file) == NEW, "what the killed ones left is in nobody's way"
    assert list(file.parent.iterdir()) == [file]


def failing(monkeypatch, name: str, at: int) -> list[int]:
    """Let the call of this name fail at this time; counts the calls."""
    owner, calls = (Path, []) if name in {"replace", "unlink"} else (os, [])
    real = getattr(owner, name)

    def call(*arguments, **named):
        calls.append(1)
        if len(calls) == at:
            if name == "close":
                real(*arguments)
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


@pytest.mark.parametrize(
    ("name", "at", "left"),
    [
        ("open", 1, OLD),
        ("fchmod", 1, OLD),
        ("write", 1, OLD),
        ("fsync", 1, OLD),
        ("close", 1, OLD),
        ("unlink", 1, OLD),
        ("replace", 1, OLD),
        ("open", 2, NEW),
        ("fsync", 2, NEW),
        ("close", 2, NEW),
    ],
)
def test_a_failure_at_any_step_is_told_and_the_file_is_whole(file, monkeypatch, name, at, left):
    with monkeypatch.context() as patched:
        calls = failing(patched, name, at)
        with pytest.raises(KeystoreFileError, match="cannot be written: No space left on device"):
            files.write(file, NEW)
        assert len(calls) >= at
    assert files.read(file) == left


def test_everything_is_durable_before_the_file_takes_its_name(file, monkeypatch):
    order = []
    for owner, name in ((os, "write"), (os, "fsync"), (Path, "replace")):
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, real=real, name=name: (order.append(name), real(*a))[1])
    files.write(file, NEW)
    assert order == ["write", "fsync", "replace", "fsync"]


def test_a_link_to_the_file_stays_a_link(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    files.write(link, NEW)
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def test_nothing_is_written_through_a_link_that_somebody_laid_beside(file, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "file.new").symlink_to(victim)
    files.write(file, NEW)
    assert victim.read_bytes() == b"mine"
    assert file.read_bytes() == NEW
    assert not file.is_symlink()


@pytest.mark.parametrize("lay", [os.link, lambda _, beside: os.mkfifo(beside)], ids=["hard link", "pipe"])
def test_nor_through_anything_else(file, tmp_path, lay):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    lay(victim, tmp_path / "file.new")
    files.write(file, NEW)
    assert victim.read_bytes() == b"mine"
    assert file.read_bytes() == NEW


def test_a_new_file_takes_nobodys_place(file, tmp_path):
    with pytest.raises(KeystoreFileError, match="there already"):
        files.write(file, NEW, new=True)
    assert file.read_bytes() == OLD
    files.write(tmp_path / "fresh", NEW, new=True)
    assert (tmp_path / "fresh").read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o600
    assert not (tmp_path / "fresh.new").exists()


def test_a_second_writer_is_told_and_one_that_waits_gets_its_turn(file):
    order = []

    def second():
        with files.exclusive(file, wait=10.0):
            order.append("second")

    with files.exclusive(file):
        with pytest.raises(KeystoreBusyError), files.exclusive(file):
            order.append("never")
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_a_dead_writers_lock_is_nobodys(file):
    script = (
        "import os, signal, sys; from pathlib import Path; from services.custody.keystore import files\n"
        "with files.exclusive(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(file)], cwd=Path(__file__).parents[4], check=False)
    assert done.returncode == -signal.SIGKILL
    with files.exclusive(file):
        files.write(file, NEW)
    assert file.read_bytes() == NEW


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path, monkeypatch):
    with pytest.raises(KeystoreFileError, match="nothing cannot be read: No such file"):
        files.read(tmp_path / "nothing")
    (tmp_path / "large").write_bytes(bytes(11))
    monkeypatch.setattr(files, "MOST", 10)
    with pytest.raises(KeystoreFileError, match="too large"):
        files.read(tmp_path / "large")
    with pytest.raises(KeystoreFileError, match="cannot be made"), files.exclusive(tmp_path / "no" / "directory"):
        pass


def test_what_is_laid_beside_at_the_last_moment_is_not_written_either(file, tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    monkeypatch.setattr(Path, "unlink", lambda beside: os.link(victim, beside))
    with pytest.raises(KeystoreFileError):
        files.write(file, NEW)
    assert victim.read_bytes() == b"mine"
    assert file.read_bytes() == OLD


def test_a_child_that_was_forked_meanwhile_keeps_nobody_out(file):
    with files.exclusive(file):
        child = os.fork()
        if not child:
            signal.pause()
    try:
        with files.exclusive(file):
            files.write(file, NEW)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert file.read_bytes() == NEW
