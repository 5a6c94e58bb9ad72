"""``sscard readers``: which readers there are, and what happens in them."""

import sys
import time
from collections.abc import Iterator
from typing import Annotated, Final

import grpc
import typer
from rich.console import Console

from services.catalogue import REFUSALS
from services.cli.client import channel_to
from services.cli.errors import reported
from services.cli.options import AsJson, ConfigFile, ServerAddress, Simulated, configuration, quiet
from services.cli.table import as_json as to_json
from services.cli.table import event_line, readers_table
from services.errors import EventsLostError
from services.statuses import call_of, told_by
from sscard.v1.reader_pb2 import ListReadersRequest, ReaderEvent, WatchReadersRequest, WatchReadersResponse
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PATIENCE = 10.0
PAUSE: Final = 1.0
"""Seconds from a connection that broke to the next one."""


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
            for event in _watched(stub):
                console.print(to_json(event, indent=None) if as_json else event_line(event.event))
        else:
            reply = stub.ListReaders(ListReadersRequest(), timeout=PATIENCE)
            console.print(to_json(reply) if as_json else readers_table(list(reply.readers)))


def _watched(stub: ReaderServiceStub) -> Iterator[WatchReadersResponse]:
    """What happens, without an end: where the connection breaks, it goes on behind the last event that was seen."""
    behind, seen = WatchReadersRequest(), False
    while True:
        try:
            for event in stub.WatchReaders(behind):
                seen = True
                if not event.event.initial or event.event.kind == ReaderEvent.KIND_INITIAL_COMPLETE:
                    behind = WatchReadersRequest(instance=event.instance, after_sequence=event.event.sequence)
                yield event
        except grpc.RpcError as error:
            call = call_of(error)
            told = told_by(call)
            if told is not None and told.reason == REFUSALS[EventsLostError].reason:
                sys.stderr.write("events were lost; the present state follows 事件有遗漏，以下为当前状态\n")
                behind = WatchReadersRequest()
            elif seen and call.code() is grpc.StatusCode.UNAVAILABLE:
                sys.stderr.write("the service is away; waiting for it 服务中断，正在重新连接\n")
                time.sleep(PAUSE)
            else:
                raise
        else:
            return
