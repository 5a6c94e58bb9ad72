"""``sscard readers``: which readers there are, and what happens in them."""

from typing import Annotated

import typer
from rich.console import Console

from services.cli.client import channel_to
from services.cli.errors import reported
from services.cli.options import AsJson, ConfigFile, ServerAddress, Simulated, configuration, quiet
from services.cli.table import as_json as to_json
from services.cli.table import event_line, readers_table
from sscard.v1.reader_pb2 import ListReadersRequest, WatchReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PATIENCE = 10.0


def readers(
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on with what happens, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the readers and the cards in them. 列出读卡器。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    console = Console(soft_wrap=watch)
    with reported(), channel_to(server, settings) as channel:
        stub = ReaderServiceStub(channel)
        if watch:
            for event in stub.WatchReaders(WatchReadersRequest()):
                console.print(to_json(event, indent=None) if as_json else event_line(event.event))
        else:
            reply = stub.ListReaders(ListReadersRequest(), timeout=PATIENCE)
            console.print(to_json(reply) if as_json else readers_table(list(reply.readers)))
