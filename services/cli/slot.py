"""``sscard slot``: cards of a running simulator, put in, taken out, exchanged and made to fail."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import grpc
import typer
from rich.console import Console
from rich.table import Table

from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import AsJson
from services.cli.table import as_json as to_json
from services.config import CONTROL_VARIABLE
from simulator.descriptions.root_keys import DEVELOPMENT
from sscard.v1.simulator_pb2 import (
    ClearFaultsRequest,
    DiscardCardRequest,
    GetReportRequest,
    GetReportResponse,
    InsertCardRequest,
    ListSlotsRequest,
    ListSlotsResponse,
    LoadFaultsRequest,
    NewCard,
    RemoveCardRequest,
    SimulatedCard,
    SimulatedSlot,
    SwapCardRequest,
)
from sscard.v1.simulator_pb2_grpc import SimulatorServiceStub

PATIENCE = 20.0
ALL = "all"

app = typer.Typer(
    help="Control the cards of a running `sscard simulate --control`. 控制模拟卡槽。", no_args_is_help=True
)

Control: TypeAlias = Annotated[
    str, typer.Option("--control", envvar=CONTROL_VARIABLE, help="Where the simulator is, such as 127.0.0.1:50552.")
]
Slot: TypeAlias = Annotated[int, typer.Argument(min=1, help="Number of the slot, counted from 1.", show_default=False)]
Which: TypeAlias = Annotated[str, typer.Argument(help="Number of the slot, or `all`.", show_default=False)]
CardName: TypeAlias = Annotated[str, typer.Option("--card", help="Name of a card that is in no slot.")]
Kind: TypeAlias = Annotated[str, typer.Option("--kind", help="A new ready-made card of this kind, such as 3.0.")]
Description: TypeAlias = Annotated[
    Path | None, typer.Option("--description", help="A new card as this TOML file describes it.")
]
File: TypeAlias = Annotated[Path | None, typer.Option("--file", help="A new card of this card file.")]
NewName: TypeAlias = Annotated[str, typer.Option("--name", help="What to call the new card.")]


@app.command("list")
def list_slots(control: Control = "", as_json: AsJson = False) -> None:
    """List the slots, and the cards that are in none. 列出卡槽。"""
    with _simulator(control) as stub:
        reply = stub.ListSlots(ListSlotsRequest(), timeout=PATIENCE)
    Console(soft_wrap=True).print(to_json(reply) if as_json else _table(reply))


@app.command()
def insert(
    slot: Slot,
    card: CardName = "",
    kind: Kind = "",
    description: Description = None,
    file: File = None,
    name: NewName = "",
    control: Control = "",
) -> None:
    """Insert a card into an empty slot. 插卡。"""
    new = _new_card(card, kind, description, file, name)
    request = InsertCardRequest(slot=slot, new_card=new) if new else InsertCardRequest(slot=slot, name=card)
    with _simulator(control) as stub:
        typer.echo(_inserted(stub.InsertCard(request, timeout=PATIENCE).slot))


@app.command()
def remove(slot: Slot, control: Control = "") -> None:
    """Pull the card out of a slot; it keeps what it remembers. 拔卡。"""
    with _simulator(control) as stub:
        reply = stub.RemoveCard(RemoveCardRequest(slot=slot), timeout=PATIENCE)
    typer.echo(f"slot {slot}: {reply.card.name} removed 已拔出")


@app.command()
def swap(
    slot: Slot,
    card: CardName = "",
    kind: Kind = "",
    description: Description = None,
    file: File = None,
    name: NewName = "",
    control: Control = "",
) -> None:
    """Exchange the card in a slot for another. 换卡。"""
    new = _new_card(card, kind, description, file, name)
    request = SwapCardRequest(slot=slot, new_card=new) if new else SwapCardRequest(slot=slot, name=card)
    with _simulator(control) as stub:
        reply = stub.SwapCard(request, timeout=PATIENCE)
    typer.echo(f"slot {slot}: {reply.removed.name} removed 已拔出")
    typer.echo(_inserted(reply.slot))


@app.command()
def discard(
    card: Annotated[str, typer.Argument(help="Name of a card that is in no slot.", show_default=False)],
    control: Control = "",
) -> None:
    """Take a card out of the simulator for good; its card file is free again. 弃卡。"""
    with _simulator(control) as stub:
        reply = stub.DiscardCard(DiscardCardRequest(name=card), timeout=PATIENCE)
    typer.echo(f"{reply.card.name} discarded 已弃卡")


@app.command()
def faults(
    slot: Which,
    script: Annotated[Path | None, typer.Argument(help="A TOML file that says how and when cards fail.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the faults loaded before.")] = False,
    control: Control = "",
) -> None:
    """Have cards fail as a script says, or no more. 加载或清除故障。"""
    if (script is None) != clear:
        fail("give the file of a fault script, or --clear", code=UNUSABLE)
    number = 0 if slot == ALL else _number(slot)
    with _simulator(control) as stub:
        if script is None:
            cards = stub.ClearFaults(ClearFaultsRequest(slot=number), timeout=PATIENCE).cards
        else:
            text = _read(script)
            cards = stub.LoadFaults(LoadFaultsRequest(slot=number, script=text), timeout=PATIENCE).cards
    for card in cards:
        typer.echo(f"{card.name}: faults 故障: {card.faults}")


@app.command()
def report(
    card: Annotated[str, typer.Argument(help="Name of the card.", show_default=False)],
    control: Control = "",
    as_json: AsJson = False,
) -> None:
    """What a card has done, and how long a real one would have taken. 卡片耗时报告。"""
    with _simulator(control) as stub:
        reply = stub.GetReport(GetReportRequest(name=card), timeout=PATIENCE)
    Console(soft_wrap=True).print(to_json(reply) if as_json else _report_table(reply))


@contextmanager
def _simulator(control: str) -> Iterator[SimulatorServiceStub]:
    if not control:
        fail(f"which simulator? give --control, or set {CONTROL_VARIABLE}", code=UNUSABLE)
    with reported(), grpc.insecure_channel(control) as channel:
        try:
            yield SimulatorServiceStub(channel)
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE and _nobody(error):
                fail(f"no simulator answers at {control}. 模拟器未启动，请先运行 sscard simulate --control。")
            raise


def _nobody(error: grpc.Call) -> bool:
    """Whether the call reached no simulator: an answer of one has details."""
    return not any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata() or ())


def _new_card(card: str, kind: str, description: Path | None, file: Path | None, name: str) -> NewCard | None:
    """The new card that the options mean; None where they name one that there is."""
    if sum(map(bool, (card, kind, description, file))) != 1:
        fail("which card? give one of --card, --kind, --description and --file", code=UNUSABLE)
    if card:
        if name:
            fail("--name is for a new card", code=UNUSABLE)
        return None
    if kind:
        return NewCard(name=name, kind=kind)
    if description is not None:
        return NewCard(name=name, description=_described(description))
    assert file is not None, "one of them is given"
    return NewCard(name=name, file=str(file.absolute()))


def _described(path: Path) -> str:
    """The text of a description, which is all that travels: files beside it are out of the simulator's sight."""
    text = _read(path)
    try:
        keys = tomllib.loads(text).get("keys")
    except (ValueError, RecursionError):  # the simulator says what is wrong
        return text
    source = keys.get("source") if isinstance(keys, dict) else None
    if isinstance(source, str) and source != DEVELOPMENT and not Path(source).is_absolute():
        fail(
            f"{path}: keys.source: a running simulator does not know the folder of the description: "
            f"give the absolute path, {path.absolute().parent / source}",
            code=UNUSABLE,
        )
    return text


def _number(slot: str) -> int:
    if not (slot.isascii() and slot.isdecimal() and 0 < int(slot) < 1000):
        fail(f"{slot!r} is neither the number of a slot nor `{ALL}`", code=UNUSABLE)
    return int(slot)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror}", code=UNUSABLE)
    except ValueError:
        fail(f"{path}: is no text in UTF-8", code=UNUSABLE)


def _inserted(slot: SimulatedSlot) -> str:
    if not slot.HasField("card"):
        return f"slot {slot.number}: the card is out again, by a fault 卡片已因故障弹出"
    return f"slot {slot.number}: {slot.card.name} inserted 已插入 ({slot.card.label}; {slot.reader})"


def _table(reply: ListSlotsResponse) -> Table:
    table = Table(title="卡槽 · Slots", title_justify="left", header_style="bold")
    for heading in ("Slot", "Reader", "Card", "No.", "Kind", "Faults"):
        table.add_column(heading, no_wrap=heading == "Reader", overflow="fold")
    for slot in reply.slots:
        card = _cells(slot.card) if slot.HasField("card") else ("无卡 no card",)
        table.add_row(str(slot.number), slot.reader, *card)
    if reply.drawer:
        table.add_section()
    for lying in reply.drawer:
        table.add_row("—", "卡盒 drawer", *_cells(lying))
    return table


def _cells(card: SimulatedCard) -> tuple[str, ...]:
    return card.name, str(card.number), card.label, str(card.faults or "")


def _report_table(reply: GetReportResponse) -> Table:
    table = Table(title=f"{reply.card.name} ({reply.card.label})", title_justify="left", show_header=False)
    for text, value in (
        ("总时间 virtual time", f"{reply.seconds:.3f} s"),
        ("复位 resets", f"{reply.reset_seconds:.3f} s"),
        ("线路 wire", f"{reply.wire_seconds:.3f} s"),
        ("EEPROM", f"{reply.eeprom_seconds:.3f} s"),
        ("密码运算 ciphers", f"{reply.crypto_seconds:.3f} s"),
        ("等待 waiting", f"{reply.waiting_seconds:.3f} s"),
        ("复位次数 resets", str(reply.resets)),
        ("命令 commands (APDU)", str(reply.apdus)),
        ("TPDU", str(reply.tpdus)),
        ("发送 bytes to the card", str(reply.bytes_sent)),
        ("接收 bytes from the card", str(reply.bytes_received)),
    ):
        table.add_row(text, value)
    return table
