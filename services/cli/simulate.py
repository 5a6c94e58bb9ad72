"""``sscard simulate``: software cards behind a real PC/SC daemon of their own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from apdu.errors import NoServiceError
from services import logs
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.running import run_command
from services.config import CONTROL_VARIABLE, LogLevel
from services.simulator_service import ControlAddressError, check_address, control
from simulator.cards import KINDS, Cards
from simulator.fault_scripts import FaultScriptError, load
from simulator.pcscd import MAX_SLOTS, VirtualReaders
from simulator.rack import CardSourceError, Rack


def environment(readers: VirtualReaders, address: str = "") -> dict[str, str]:
    """What a program needs to know: where this pcscd is, that its cards hold the development keys, their control."""
    known = {"PCSCLITE_CSOCK_NAME": str(readers.socket_path), "SSCARD_MODE": "development"}
    return known | ({CONTROL_VARIABLE: address} if address else {})


def simulate(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND…]", help="Run this with the readers there, then end; its exit code is ours."
        ),
    ] = None,
    card: Annotated[
        list[str] | None,
        typer.Option("--card", help=f"{', '.join(KINDS)}, a description FILE.toml or a card FILE.card; repeatable."),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=0, max=MAX_SLOTS, help="How many cards; 0: one of each --card.")
    ] = 0,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="A TOML file that says how and when cards fail.")
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            "--control",
            metavar="ADDRESS",
            help="Let `sscard slot` move the cards: listen here, such as 127.0.0.1:0; this machine only.",
        ),
    ] = "",
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Cards live in files here, from one run to the next.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="TEXT", help="What the cards' random bytes follow from.")
    ] = None,
    slots: Annotated[
        int, typer.Option("--slots", min=0, max=MAX_SLOTS, help="How many slots at least; 0: one for each card.")
    ] = 0,
) -> None:
    """Put software cards of invented people into virtual readers of a pcscd of its own. 模拟卡片。

    Programs find these readers through the environment variable PCSCLITE_CSOCK_NAME; nothing else changes on the
    machine.
    """
    kinds = card or ["2.0", "3.0"]
    try:
        made = Cards(keep, seed)
        cards = [made(kind) for kind in islice(cycle(kinds), number or len(kinds))]
        script = load(faults, cards=len(cards)) if faults else ()
        if address:
            check_address(address)
            logs.configure(LogLevel.WARNING, json=False)
    except (CardSourceError, ControlAddressError, FaultScriptError) as error:
        fail(str(error), code=UNUSABLE)
    with made, reported(), _without_advice(), VirtualReaders(max(len(cards), slots)) as readers:
        rack = Rack(readers)
        for slot, new in enumerate(cards, 1):
            rack.insert(slot, rack.add(new, script), wait=0)
        readers.wait_noticed()
        try:
            with _controlled(rack, made, address) as listening:
                variables = environment(readers, listening)
                code = run_command(command, variables) if command else _wait(rack, variables)
        except ControlAddressError as error:
            fail(str(error), code=UNUSABLE)
    raise typer.Exit(code)


def _controlled(rack: Rack, made: Cards, address: str) -> AbstractContextManager[str]:
    """Let others move the cards, if they are to; the address they find us at."""
    sources = {"kind": made.kind, "description": made.description, "file": made.file}
    return control(rack, sources, address) if address else nullcontext("")


@contextmanager
def _without_advice() -> Iterator[None]:
    """Why there is no pcscd of our own; what the catalogue of errors adds is about the machine's."""
    try:
        yield
    except NoServiceError as error:
        fail(str(error))


def _wait(rack: Rack, known: dict[str, str]) -> int:
    console, stop = Console(highlight=False, soft_wrap=True), threading.Event()
    for slot in rack.slots():
        if slot.card is not None:
            console.print(f"{slot.reader}: {slot.card.label}")
    if address := known.get(CONTROL_VARIABLE):
        console.print(f"Control: sscard slot … --control {address}")
    variables = " ".join(f"{name}={value}" for name, value in known.items())
    console.print(f"export {variables}", style="bold")
    console.print("Ready. Set this where a program is to find the readers. Ctrl-C ends them. 虚拟读卡器已就绪。")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    return 0
