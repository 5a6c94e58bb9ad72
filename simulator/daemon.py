"""Runs a pcscd nobody else sees: a script for a process of its own, started by :mod:`simulator.pcscd`.

Debian's pcscd has one place for its socket, /run/pcscd, and vpcd listens on every address of the machine. So this
process first gives itself a /run and a network of its own, with nothing but a loopback; pcscd is its child. Only the
directory given on the command line, mounted on /run/pcscd inside, is seen from both sides: the socket appears in it.

Standard input is a SOCK_SEQPACKET socket: a request, ``start``, ``stop``, ``kill`` or ``dial PORT``, is answered ``ok``
(``dial`` with the connected socket along) or with a sentence. When it closes, pcscd ends, the directory is removed and
this process ends. pcscd dies with this process whatever ends it.

Imports nothing but the standard library, and no Python package of this project.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

RUN = Path("/run/pcscd")
DRIVERS = Path("/usr/lib/pcsc/drivers")
START_SECONDS = 10.0
STOP_SECONDS = 5.0

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x0002_0000, 0x1000_0000, 0x4000_0000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_LISTEN = "0A"

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: Path, kind: str | None, flags: int) -> None:
    _call("mount", source.encode(), str(target).encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None)


def isolate(directory: Path) -> None:
    """Move into namespaces of our own; raises OSError where that is not permitted, and nothing has changed then."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
    except PermissionError:
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    place = os.open(directory, os.O_PATH)  # stays good when /run is covered
    _mount("none", Path("/"), None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", Path("/run"), "tmpfs", 0)
    RUN.mkdir()
    _mount(f"/proc/self/fd/{place}", RUN, None, _MS_BIND)
    os.close(place)
    if DRIVERS.is_dir():
        _mount("tmpfs", DRIVERS, "tmpfs", 0)  # no driver, so that real readers stay with the machine's own daemon
    with socket.socket() as loopback:
        fcntl.ioctl(loopback, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


class Daemon:
    """One pcscd with the readers of a configuration, started and ended as told."""

    def __init__(self, program: str, configuration: Path, log: Path, ports: frozenset[int]) -> None:
        self._command = [program, "--foreground", "--info", "--config", str(configuration)]
        self._log = log
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start pcscd and wait until every reader listens; raises OSError with what its log says last."""
        if taken := self._ports & listening():
            raise OSError(f"ports are in use already: {sorted(taken)}")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the command is our own
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: _call("prctl", _PR_SET_PDEATHSIG, signal.SIGTERM),  # noqa: PLW1509  # one thread
            )
        deadline = time.monotonic() + START_SECONDS
        while not (self._ports <= listening() and answers()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                lines = self._log.read_text(errors="replace").replace("\0", "").splitlines()
                raise OSError("pcscd did not start: " + (" / ".join(lines[-3:]) or "it says nothing"))
            time.sleep(0.01)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End pcscd; nothing happens when it does not run."""
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def listening() -> set[int]:
    """TCP ports on which somebody listens in this network."""
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    return {int(line.split()[1].rpartition(":")[2], 16) for line in lines if line.split()[3] == _LISTEN}


def answers() -> bool:
    """Whether a pcscd answers at its usual place."""
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.connect(str(RUN / "pcscd.comm"))
        return True
    return False


def serve(requests: socket.socket, daemon: Daemon) -> None:
    """Do as asked until the other side is gone."""
    while words := requests.recv(64).decode().split():
        sockets: list[socket.socket] = []
        try:
            match words:
                case ["start"]:
                    daemon.start()
                case ["stop"]:
                    daemon.stop()
                case ["kill"]:
                    daemon.stop(signal.SIGKILL)
                case ["dial", port]:
                    sockets.append(socket.create_connection(("127.0.0.1", int(port)), timeout=STOP_SECONDS))
            socket.send_fds(requests, [b"ok"], [opened.fileno() for opened in sockets])
        except OSError as error:
            requests.send(str(error).encode()[:4000])
        finally:
            for opened in sockets:
                opened.close()


def main(program: str, directory: str, private: str, ports: str) -> None:
    """``private``: 1 for namespaces of our own, 0 for the machine's; ``ports``: comma-separated."""
    requests = socket.socket(fileno=os.dup(0))
    place = Path(directory)
    seen = place
    refusal = "ok"
    if private == "1":
        seen = RUN
        try:
            isolate(place)
        except OSError as error:
            refusal = str(error)
    elif answers():
        refusal = "a pcscd runs on this machine already"
    requests.send(refusal.encode())
    if refusal != "ok":
        return
    daemon = Daemon(program, seen / "readers", seen / "log", frozenset(map(int, ports.split(","))))
    try:
        serve(requests, daemon)
    finally:
        daemon.stop()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
