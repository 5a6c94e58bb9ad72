"""``sscard demo``: the whole way from a card to a client, without any hardware."""

from rich.console import Console
from rich.rule import Rule

from services.cli.client import channel_to
from services.cli.errors import reported
from services.cli.options import configuration, quiet
from services.cli.table import identity_table, readers_table
from sscard.v1.card_pb2 import ReadIdentityRequest
from sscard.v1.card_pb2_grpc import CardServiceStub
from sscard.v1.reader_pb2 import ListReadersRequest
from sscard.v1.reader_pb2_grpc import ReaderServiceStub

PATIENCE = 10.0


def demo() -> None:
    """Start the service with software cards, read them over gRPC and show them. 演示。"""
    settings = configuration(simulated=True)
    quiet(settings)
    console = Console()
    console.print("Starting the service with software cards of invented people (region 990000) …")
    with reported(), channel_to("", settings) as channel:
        readers = ReaderServiceStub(channel).ListReaders(ListReadersRequest(), timeout=PATIENCE).readers
        console.print(readers_table(list(readers)))
        for reader in readers:
            console.print(Rule(f"CardService.ReadIdentity(reader={reader.name!r})", align="left"))
            reply = CardServiceStub(channel).ReadIdentity(ReadIdentityRequest(reader=reader.name), timeout=PATIENCE)
            console.print(identity_table(reply))
    console.print("Next: `sscard serve --simulated`, and a client as in README.md; `sscard --help` for the rest.")
