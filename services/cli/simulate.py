"""``sscard simulate``: software cards behind a real PC/SC daemon of their own."""

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from apdu.transport.inprocess import Chip
from services.cli.errors import UNUSABLE, fail, reported
from simulator.fault_scripts import FaultScriptError, load
from simulator.faults import Fault, FaultyChip, Moment, Mute, hang_up
from simulator.pcscd import MAX_SLOTS, VirtualReaders
from simulator.people import READY, ready_card

NEVER_ANSWERED = "behind pcscd a card is mute at resets only: vsmartcard's driver waits for an answer without end"


def environment(readers: VirtualReaders) -> dict[str, str]:
    """What a program needs to know: where this pcscd is, and that its cards hold the development keys."""
    return {"PCSCLITE_CSOCK_NAME": str(readers.socket_path), "SSCARD_MODE": "development"}


def simulate(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND…]", help="Run this with the readers there, then end; its exit code is ours."
        ),
    ] = None,
    card: Annotated[
        list[str] | None, typer.Option("--card", help=f"Kind of card, may be repeated: {', '.join(READY)}.")
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=0, max=MAX_SLOTS, help="How many cards; 0: one of each --card.")
    ] = 0,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="A TOML file that says how and when cards fail.")
    ] = None,
) -> None:
    """Put software cards of invented people into virtual readers of a pcscd of its own. 模拟卡片。

    Programs find these readers through the environment variable PCSCLITE_CSOCK_NAME; nothing else changes on the
    machine.
    """
    kinds = card or ["2.0", "3.0"]
    for kind in kinds:
        if kind not in READY:
            fail(f"there is no software card {kind!r}; there are {', '.join(READY)}", code=UNUSABLE)
    wanted = list(islice(cycle(kinds), number or len(kinds)))
    try:
        script = load(faults, cards=len(wanted)) if faults else ()
    except FaultScriptError as error:
        fail(str(error), code=UNUSABLE)
    if any(isinstance(fault.effect, Mute) and fault.on is Moment.COMMAND for fault in script):
        fail(f"{faults}: {NEVER_ANSWERED}", code=UNUSABLE)
    with reported(), VirtualReaders(len(wanted)) as readers:
        copies: Counter[str] = Counter()
        for slot, kind in enumerate(wanted):
            readers.insert(slot, _with_faults(ready_card(kind, copy=copies[kind]), script, slot + 1))
            copies[kind] += 1
        readers.wait_noticed()
        code = _run(command, readers) if command else _wait(wanted, readers)
    raise typer.Exit(code)


def _with_faults(chip: Chip, script: Sequence[Fault], number: int) -> Chip:
    """The card of this number, counted from 1, with the faults that are about it."""
    own = [fault for fault in script if fault.card in {None, number}]
    return FaultyChip(chip, own, remove=hang_up) if own else chip


def _run(command: list[str], readers: VirtualReaders) -> int:
    """Have the command run to its end, also if we are told to stop; its exit code as a shell has it."""
    running: list[subprocess.Popen[bytes]] = []
    told = threading.Event()

    def stop(*_: object) -> None:
        told.set()
        for child in running:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    try:
        running.append(subprocess.Popen(command, env=os.environ | environment(readers)))  # noqa: S603  the caller's
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}", code=UNUSABLE)
    with running[0] as child:
        if told.is_set():  # before there was a command to tell it to
            child.terminate()
        code = child.wait()
    return code if code >= 0 else 128 - code


def _wait(kinds: list[str], readers: VirtualReaders) -> int:
    console, stop = Console(highlight=False, soft_wrap=True), threading.Event()
    for kind, reader in zip(kinds, readers.readers, strict=False):
        console.print(f"{reader}: {kind} card of {READY[kind].algorithm.name}")
    variables = " ".join(f"{name}={value}" for name, value in environment(readers).items())
    console.print(f"export {variables}", style="bold")
    console.print("Ready. Set this where a program is to find the readers. Ctrl-C ends them. 虚拟读卡器已就绪。")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    return 0
