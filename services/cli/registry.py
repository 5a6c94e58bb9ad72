"""``sscard registry``: people, cards and what happens to them, at the centre's service.

What identifies a person is never an argument, which others on the machine can read: it comes in a file or as input.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import grpc
import typer
from google.protobuf.message import Message
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from services.cli.client import channel_to
from services.cli.errors import UNUSABLE, fail, reported
from services.cli.options import (
    AsJson,
    CardId,
    ConfigFile,
    ReaderName,
    RequestId,
    ServerAddress,
    Simulated,
    configuration,
    quiet,
    shown_request_id,
)
from services.cli.papers import DOCUMENT, Document, DocumentKind, asked, document_of, fields_of
from services.cli.read import PATIENCE, chosen
from services.cli.table import MEDICAL_STATES, when
from services.cli.table import as_json as to_json
from services.registry.lifecycle import STATES, CardState
from services.registry.messages import EVENTS
from sscard.v1 import registry_pb2
from sscard.v1.registry_pb2_grpc import RegistryServiceStub

KINDS: Final = ("bank", "hospital", "pharmacy", "issuer", "office")
CHANGES: Final = {event.replace("_", "-"): value for value, event in EVENTS.items()}

app = typer.Typer(help="People, cards and what happens to them. 持卡库。", no_args_is_help=True)

DataFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="JSON with the fields of the .proto; -: standard input.")
]
AskNumber: TypeAlias = Annotated[
    bool, typer.Option("--ask-number", help="Ask for the card number instead; it is the first line of input.")
]
PERSON: Final = ("social_security_number", "name", "birth_date", "sex", "phone", "document_number")


@app.command()
def institution(
    code: Annotated[str, typer.Argument(help="Its code, as in its callers' certificates.", show_default=False)],
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    kind: Annotated[str, typer.Option("--kind", help=", ".join(KINDS))],
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
) -> None:
    """Enter an institution, or its new name. 登记机构。"""
    meant = registry_pb2.InstitutionKind.Value(f"INSTITUTION_KIND_{_one_of('--kind', kind, KINDS).upper()}")
    request = registry_pb2.RegisterInstitutionRequest(
        request_id=shown_request_id(request_id), code=code, name=name, kind=meant
    )
    with _service(server, config, simulated=simulated) as (_, stub):
        stub.RegisterInstitution(request, timeout=PATIENCE)
    typer.echo(f"{code}: entered 已登记")


@app.command()
def person(
    file: DataFile,
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Enter a person, or what is new about one. 登记人员。

    The file has social_security_number and name; birth_date, sex, phone, document_number where they are known.
    """
    told = registry_pb2.Person(**fields_of(file, PERSON))
    request = registry_pb2.RegisterPersonRequest(request_id=shown_request_id(request_id), person=told)
    with _service(server, config, simulated=simulated) as (_, stub):
        answer = stub.RegisterPerson(request, timeout=PATIENCE)
    _show(answer, [_person(answer.person)], as_json=as_json)


@app.command()
def card(
    file: DataFile,
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Enter a card that was made elsewhere. 登记卡片。

    The file has card_identifier, card_number and the holder's social_security_number.
    """
    fields = fields_of(file, ("card_identifier", "card_number", "social_security_number"))
    request = registry_pb2.RegisterCardRequest(request_id=shown_request_id(request_id), **fields)
    with _service(server, config, simulated=simulated) as (_, stub):
        answer = stub.RegisterCard(request, timeout=PATIENCE)
    _show(answer, [_card(answer.card)], as_json=as_json)


@app.command()
def medical_card(
    file: DataFile,
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Enter a person's original medical card. 登记原医疗卡。

    The file has number and the holder's social_security_number.
    """
    fields = fields_of(file, ("social_security_number", "number"))
    request = registry_pb2.RegisterMedicalCardRequest(request_id=shown_request_id(request_id), **fields)
    with _service(server, config, simulated=simulated) as (_, stub):
        answer = stub.RegisterMedicalCard(request, timeout=PATIENCE)
    _show(answer, [_medical_card(answer.medical_card)], as_json=as_json)


@app.command()
def deliver(
    file: DataFile,
    document: DocumentKind = Document.RESIDENT_CARD,
    reader: ReaderName = "",
    card_id: CardId = "",
    received: Annotated[str, typer.Option("--received", help="Day, YYYY-MM-DD; none: today.")] = "",
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Hand a card out to its holder. 发放卡片。

    The file has number and name of the holder's identity document.
    """
    shown = document_of(fields_of(file, DOCUMENT), document)
    request = registry_pb2.DeliverCardRequest(
        request_id=shown_request_id(request_id), document=shown, received_date=received
    )
    with _service(server, config, simulated=simulated) as (channel, stub):
        request.card.CopyFrom(_reference(channel, reader, card_id))
        answer = stub.DeliverCard(request, timeout=PATIENCE)
    _show(answer, [_card(answer.card)], as_json=as_json)


@app.command()
def state(
    event: Annotated[str, typer.Argument(help=f"What happened: {', '.join(CHANGES)}.", show_default=False)],
    reader: ReaderName = "",
    card_id: CardId = "",
    ask_number: AskNumber = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; nobody's data.")] = "",
    replacement: Annotated[str, typer.Option("--replacement", help="Id of the card that takes its place.")] = "",
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Change where a card stands in its life. 变更卡片状态。"""
    request = registry_pb2.ChangeCardStateRequest(
        request_id=shown_request_id(request_id),
        event=CHANGES[_one_of("EVENT", event, tuple(CHANGES))],
        reason=reason,
        replacement_id=replacement,
    )
    with _service(server, config, simulated=simulated) as (channel, stub):
        request.card.CopyFrom(_reference(channel, reader, card_id, ask_number=ask_number))
        answer = stub.ChangeCardState(request, timeout=PATIENCE)
    _show(answer, [_card(answer.card)], as_json=as_json)


@app.command()
def show(
    reader: ReaderName = "",
    card_id: CardId = "",
    ask_number: AskNumber = False,
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Show what the registry knows of a card. 查询卡片。"""
    with _service(server, config, simulated=simulated) as (channel, stub):
        reference = _reference(channel, reader, card_id, ask_number=ask_number)
        answer = stub.GetCard(registry_pb2.GetCardRequest(card=reference), timeout=PATIENCE)
    _show(answer, [_card(answer.card)], as_json=as_json)


@app.command()
def holder(
    person_id: Annotated[
        str, typer.Option("--id", help="The registry's name; none: the social security number is asked for.")
    ] = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Show what the registry knows of a person, with all cards. 查询人员。"""
    request = registry_pb2.GetPersonRequest(id=person_id)
    if not person_id:
        request = registry_pb2.GetPersonRequest(social_security_number=asked("Social security number 社会保障号码"))
    with _service(server, config, simulated=simulated) as (_, stub):
        answer = stub.GetPerson(request, timeout=PATIENCE)
    tables = [_person(answer.person), *map(_card, answer.cards), *map(_medical_card, answer.medical_cards)]
    _show(answer, tables, as_json=as_json)


@contextmanager
def _service(
    server: str, config: Path | None, *, simulated: bool
) -> Iterator[tuple[grpc.Channel, RegistryServiceStub]]:
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    with reported(), channel_to(server, settings) as channel:
        yield channel, RegistryServiceStub(channel)


def _reference(
    channel: grpc.Channel, reader: str, card_id: str, *, ask_number: bool = False
) -> registry_pb2.CardReference:
    if (bool(reader), bool(card_id), ask_number).count(True) > 1:
        fail("--reader, --id and --ask-number: which one? 只能选用其一", code=UNUSABLE)
    if card_id:
        return registry_pb2.CardReference(id=card_id)
    if ask_number:
        return registry_pb2.CardReference(card_number=asked("Card number 卡号"))
    return registry_pb2.CardReference(reader=chosen(channel, reader))


def _one_of(option: str, value: str, values: Sequence[str]) -> str:
    if value not in values:
        fail(f"{option}: one of {', '.join(values)}", code=UNUSABLE)
    return value


def _show(answer: Message, tables: Sequence[Table], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(to_json(answer) + "\n")
    else:
        Console().print(Group(*tables))


def _person(told: registry_pb2.Person) -> Table:
    return _table(
        "人员 · Person",
        ("编号", "id", told.id),
        ("社会保障号码", "social security number", told.social_security_number),
        ("姓名", "name", told.name),
        ("出生日期", "birth date", told.birth_date),
        ("性别", "sex", told.sex),
        ("联系电话", "phone", told.phone),
        ("证件号码", "document number", told.document_number),
    )


def _card(told: registry_pb2.RegisteredCard) -> Table:
    name = registry_pb2.CardState.Name(told.state).removeprefix("CARD_STATE_")
    label = STATES[CardState[name]]
    activated = when(told.activated_time) if told.HasField("activated_time") else ""
    return _table(
        "卡片 · Card",
        ("编号", "id", told.id),
        ("卡的识别码", "card identifier", told.card_identifier),
        ("卡号", "card number", told.card_number),
        ("持卡人编号", "person id", told.person_id),
        ("卡片状态", "state", f"{label.chinese} {label.english}"),
        ("网点", "outlet", told.outlet),
        ("制卡时间", "issued", when(told.issued_time)),
        ("领卡日期", "received", told.received_date),
        ("激活期限", "activation deadline", told.activation_deadline),
        ("激活时间", "activated", activated),
    )


def _medical_card(told: registry_pb2.MedicalCard) -> Table:
    return _table(
        "原医疗卡 · Original medical card",
        ("编号", "id", told.id),
        ("卡号", "number", told.number),
        ("持卡人编号", "person id", told.person_id),
        ("状态", "state", MEDICAL_STATES[told.state]),
        ("自", "since", told.state_since),
    )


def _table(title: str, *rows: tuple[str, str, str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("数据项", no_wrap=True)
    table.add_column("Item", no_wrap=True)
    table.add_column("内容 Content", overflow="fold")
    for chinese, english, value in rows:
        table.add_row(chinese, english, Text(value) if value else Text("—", style="dim"))
    return table
