"""The private pcscd itself; what its clients see is in tests/apdu/transport."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apdu.errors import NoServiceError
from simulator import daemon, pcscd
from simulator.pcscd import VirtualReaders

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.timeout(60)]

ROOT = Path(__file__).parents[2]
Echo = Callable[..., Any]


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def gone(path: Path) -> bool:
    """Whether a path disappears within five seconds."""
    deadline = time.monotonic() + 5
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not path.exists()


@pytest.mark.usefixtures("no_pcscd")
def test_it_is_up_at_once_and_leaves_nothing_behind(
    echo_chip: Echo, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with VirtualReaders(3, name="Test") as readers:
        assert readers.readers == ("Test A 00 00", "Test A 00 01", "Test B 00 00", "Test B 00 01")
        assert answers(readers.socket_path)
        readers.insert(0, echo_chip())
    readers.close()
    assert not readers.socket_path.exists()
    assert not list(place.iterdir())


@pytest.mark.usefixtures("no_pcscd")
def test_nobody_else_reaches_a_private_daemons_readers() -> None:
    ports = {35_963, 35_964}
    with VirtualReaders(2) as readers:
        assert ports <= daemon.listening() or readers.private
        assert not ports & daemon.listening() or not readers.private


@pytest.mark.usefixtures("no_pcscd")
def test_the_daemon_can_be_ended_and_started_again() -> None:
    with VirtualReaders(2) as readers:
        readers.stop_daemon()
        assert not answers(readers.socket_path)
        readers.start_daemon()
        assert answers(readers.socket_path)
        readers.stop_daemon(kill=True)
        assert not answers(readers.socket_path)
        readers.start_daemon()
        assert answers(readers.socket_path)


@pytest.mark.usefixtures("no_pcscd")
def test_it_dies_with_the_process_that_started_it() -> None:
    script = """
        import time
        from simulator.pcscd import VirtualReaders
        readers = VirtualReaders(2)
        print(readers.socket_path, flush=True)
        time.sleep(60)
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().decode().strip())
        assert answers(path)
        owner.kill()
    assert gone(path)


@pytest.mark.parametrize("slots", [0, 17])
def test_more_slots_than_pcscd_has_are_refused(slots: int) -> None:
    with pytest.raises(ValueError, match="1 to 16 slots"):
        VirtualReaders(slots)


def test_a_slot_takes_one_card(pcscd: VirtualReaders, echo_chip: Echo) -> None:
    pcscd.insert(3, echo_chip())
    with pytest.raises(ValueError, match="a card in"):
        pcscd.insert(3, echo_chip())
    pcscd.remove(3)
    pcscd.remove(3)


def test_without_pcscd_the_packages_to_install_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(NoServiceError, match="apt-get install pcscd vsmartcard-vpcd"):
        VirtualReaders()


def test_without_vpcd_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcscd, "_DRIVER_PLACES", (Path("/nowhere"),))
    with pytest.raises(NoServiceError, match="apt-get install vsmartcard-vpcd"):
        VirtualReaders()


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Run another script than simulator.daemon."""
    path = tmp_path / "stand_in.py"
    path.write_text("import os, socket, sys\nowner = socket.socket(fileno=os.dup(0))\n" + textwrap.dedent(script))
    monkeypatch.setattr(daemon, "__file__", str(path))


def test_where_no_daemon_can_run_both_reasons_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "owner.send(b'not ' + sys.argv[3].encode())")
    with pytest.raises(NoServiceError, match=r"In namespaces: not 1\. Machine-wide: not 0\. Allow unprivileged user"):
        VirtualReaders()


def test_without_namespaces_the_daemon_is_machine_wide_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = """
        if sys.argv[3] == "1":
            sys.exit(owner.send(b"not permitted") and 0)
        owner.send(b"ok")
        while owner.recv(64):
            owner.send(b"ok")
    """
    stand_in(monkeypatch, tmp_path, script)
    with VirtualReaders() as readers:
        assert not readers.private
        assert readers.socket_path == Path("/run/pcscd/pcscd.comm")
    assert "no namespaces here (not permitted): pcscd runs machine-wide" in caplog.text


def test_a_daemon_whose_host_dies_is_a_service_that_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "owner.send(b'ok')")
    with pytest.raises(NoServiceError, match="the process that runs pcscd"):
        VirtualReaders()


def test_a_temporary_directory_too_deep_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/" + "d" * 80)
    with pytest.raises(NoServiceError, match="shorten TMPDIR"):
        VirtualReaders()


@pytest.mark.usefixtures("no_pcscd")
def test_a_daemon_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "pcscd"
    program.write_text("#!/bin/sh\necho cannot do it\nexit 1\n")
    program.chmod(0o755)
    driver = pcscd._installed()[1]
    monkeypatch.setattr(pcscd, "_installed", lambda: (str(program), driver))
    with pytest.raises(NoServiceError, match="pcscd did not start: cannot do it"):
        VirtualReaders()


@pytest.mark.parametrize("place", ["simulator.pcscd.subprocess.Popen", "simulator.pcscd.socket.socketpair"])
def test_where_no_helper_can_be_started_nothing_is_left_behind(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(place, refuse)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NoServiceError, match=r"cannot start the process that runs pcscd: .*Too many"):
        VirtualReaders(2)
    assert not list(tmp_path.iterdir())
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_a_driver_that_cannot_be_copied_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "owner.send(b'ok')")
    monkeypatch.setattr(pcscd, "_installed", lambda: ("/bin/true", tmp_path / "none.so"))
    with pytest.raises(NoServiceError, match=r"cannot prepare a pcscd of our own: .*none\.so"):
        VirtualReaders()


@pytest.mark.usefixtures("no_pcscd")
def test_a_helper_that_does_not_answer_is_an_error_that_leaves_nothing_behind(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 40\n")
    silent.chmod(0o755)
    place = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(pcscd, "_ANSWER_SECONDS", 0.2)
    with pytest.raises(NoServiceError, match="does not answer"):
        VirtualReaders(2)
    assert not list(place.iterdir())
