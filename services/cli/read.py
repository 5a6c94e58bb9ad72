"""``sscard read``: whose card it is, and what its files hold."""

import sys
from collections.abc import Sequence
from typing import Annotated

import grpc
import typer
from google.protobuf.message import Message
from rich.console import Console, Group

from services.cli.client import channel_to
from services.cli.errors import fail, reported
from services.cli.files import file_tables
from services.cli.options import AsJson, ConfigFile, ReaderName, ServerAddress, Simulated, configuration, quiet
from services.cli.table import as_json as to_json
from services.cli.table import identity_table
from sscard.v1.card_pb2 import AuthenticityCheck, ReadFilesRequest, ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest, Reader, SlotState
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PATIENCE = 30.0


def read(
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    proof: Annotated[bool, typer.Option("--proof", help="Refuse a card that does not prove to be genuine.")] = False,
    files: Annotated[
        str, typer.Option("--files", "-f", help="Files and items instead: employment,education.degrees or '*' for all.")
    ] = "",
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="The holder's PIN is the first line of input.")
    ] = False,
    allow_last_try: Annotated[bool, typer.Option("--allow-last-try", help="Use even the PIN's last try.")] = False,
    new_card: Annotated[bool, typer.Option("--new-card", help="Never activated: it may have its initial PIN.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read whose card it is, and whether it is genuine; or any of its files. 读取基本信息，或指定的数据文件。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    if files:
        names = [name.strip() for name in files.split(",") if name.strip()]
        pin = sys.stdin.readline().strip() if pin_stdin else ""
        with reported(), channel_to(server, settings) as channel:
            wish = ReadFilesRequest(
                reader=chosen(channel, reader),
                files=names,
                pin=pin,
                allow_last_try=allow_last_try,
                card_is_new=new_card,
            )
            found = CardServiceStub(channel).ReadFiles(wish, timeout=PATIENCE)
        _show(found, file_tables(found), as_json=as_json)
        return
    check = AuthenticityCheck.AUTHENTICITY_CHECK_REQUIRED if proof else AuthenticityCheck.AUTHENTICITY_CHECK_UNSPECIFIED
    with reported(), channel_to(server, settings) as channel:
        request = ReadIdentityRequest(reader=chosen(channel, reader), authenticity_check=check)
        reply = CardServiceStub(channel).ReadIdentity(request, timeout=PATIENCE)
    _show(reply, identity_table(reply), as_json=as_json)


def _show(reply: Message, table: Group, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(to_json(reply) + "\n")
    else:
        Console().print(table)


def chosen(channel: grpc.Channel, name: str) -> str:
    """The reader of the service that is meant, as :func:`pick` finds it."""
    readers = ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=PATIENCE).readers
    return pick(readers, name)


def pick(readers: Sequence[Reader], name: str) -> str:  # noqa: RET503  fail() does not return
    """The reader meant by ``name``, which may be a beginning; without a name, the only one with a card in it."""
    if any(reader.name == name for reader in readers):
        return name
    found = [r.name for r in readers if r.name.startswith(name) and (name or r.slot != SlotState.SLOT_STATE_EMPTY)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(reader.name) for reader in readers) or "no reader is connected 未连接读卡器"
    if found:
        fail(f"several readers are meant; choose one with --reader: {', '.join(map(repr, found))}")
    fail(
        f"no reader {name!r}; there are: {names}"
        if name
        else f"no reader has a card in it 读卡器中无卡; there are: {names}"
    )
