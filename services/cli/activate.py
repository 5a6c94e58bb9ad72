"""``sscard activate`` and ``sscard activation``: cards are activated at a counter, and what became of them."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from google.protobuf.message import Message

from services.cli.client import channel_to
from services.cli.errors import FAILED, UNUSABLE, fail, reported
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
from services.cli.read import chosen
from services.cli.table import MEDICAL_STATES, when
from services.cli.table import as_json as to_json
from services.registry.lifecycle import STATES, CardState
from sscard.v1 import activation_pb2, pin_pb2, registry_pb2
from sscard.v1.activation_pb2_grpc import ActivationServiceStub

PATIENCE: Final = 60.0
_NUMBER, _NAME = "Number of the document 证件号码", "Name on the document 证件姓名"
SWAPS: Final = 2
"""Cards that somebody may have to insert during one call."""

_WAYS: Final = {
    activation_pb2.ACTIVATION_WAY_BANK: "bank 银行网点",
    activation_pb2.ACTIVATION_WAY_HOSPITAL: "hospital 医院",
    activation_pb2.ACTIVATION_WAY_PHARMACY: "pharmacy 药店",
}

app = typer.Typer(help="Activate a card. 激活社会保障卡。", no_args_is_help=True)
records = typer.Typer(
    help="What became of cards, and which have to be activated. 激活记录与期限。", no_args_is_help=True
)

NewPin: TypeAlias = Annotated[
    bool,
    typer.Option("--pin-stdin", help="Lines of input: the new PIN, and the old one if it is not the initial."),
]


@app.command()
def bank(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="JSON with number and name of the document; none: both are asked for."),
    ] = None,
    document: DocumentKind = Document.RESIDENT_CARD,
    pin_stdin: NewPin = False,
    at_pad: Annotated[bool, typer.Option("--pin-pad", help="The holder types both PINs at the reader's pad.")] = False,
    teller: Annotated[str, typer.Option("--teller", help="Who is at the counter.")] = "",
    request_id: RequestId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Activate at a bank outlet: card, identity document, and a PIN that the holder chooses. 银行网点激活。

    PINs and what stands on the document are no arguments, which others on the machine can read.
    """
    fields = fields_of(file, DOCUMENT) if file is not None else {"number": asked(_NUMBER), "name": asked(_NAME)}
    new, old = _pins(pin_stdin)
    if bool(new) is at_pad:
        fail("the holder chooses a PIN: give --pin-stdin or --pin-pad 请由持卡人设置新密码", code=UNUSABLE)
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    request = activation_pb2.ActivateAtBankRequest(
        request_id=shown_request_id(request_id),
        document=document_of(fields, document),
        old_pin=old,
        new_pin=new,
        pin_at_pad=at_pad,
        teller=teller,
    )
    with reported(), channel_to(server, settings) as channel:
        request.reader = chosen(channel, reader)
        _follow(ActivationServiceStub(channel).ActivateAtBank(request, timeout=3 * PATIENCE), as_json=as_json)


@app.command()
def hospital(
    inpatient: Annotated[bool, typer.Option("--inpatient", help="Inpatient rather than outpatient.")] = False,
    pin_stdin: NewPin = False,
    request_id: RequestId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Register a patient: the first registration activates the card, later ones read it. 医院登记。"""
    new, old = _pins(pin_stdin)
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    kind = activation_pb2.REGISTRATION_INPATIENT if inpatient else activation_pb2.REGISTRATION_OUTPATIENT
    request = activation_pb2.ActivateAtHospitalRequest(
        request_id=shown_request_id(request_id), registration=kind, old_pin=old, new_pin=new
    )
    with reported(), channel_to(server, settings) as channel:
        request.reader = chosen(channel, reader)
        _follow(ActivationServiceStub(channel).ActivateAtHospital(request, timeout=PATIENCE), as_json=as_json)


@app.command()
def pharmacy(
    medical_card_reader: Annotated[str, typer.Option("--medical-card-reader", help="Reader of the original card.")],
    reader: Annotated[str, typer.Option("--reader", "-r", help="Reader of the new card; none: the same one.")] = "",
    seconds: Annotated[int, typer.Option("--wait", min=1, max=300, help="Seconds to wait for each card.")] = 60,
    pin_stdin: NewPin = False,
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Activate in a pharmacy: the original medical card first, then the new card. 药店激活。"""
    new, old = _pins(pin_stdin)
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    request = activation_pb2.ActivateAtPharmacyRequest(
        request_id=shown_request_id(request_id),
        medical_card_reader=medical_card_reader,
        reader=reader,
        swap_seconds=seconds,
        old_pin=old,
        new_pin=new,
    )
    with reported(), channel_to(server, settings) as channel:
        call = ActivationServiceStub(channel).ActivateAtPharmacy(request, timeout=SWAPS * seconds + PATIENCE)
        _follow(call, as_json=as_json)


@records.command()
def show(
    card_id: CardId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Show whether a card is activated, and until when it has to be. 查询激活状态。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    with reported(), channel_to(server, settings) as channel:
        reference = registry_pb2.CardReference
        which = reference(id=card_id) if card_id else reference(reader=chosen(channel, reader))
        request = activation_pb2.GetActivationRequest(card=which)
        found = ActivationServiceStub(channel).GetActivation(request, timeout=PATIENCE)
    _tell(found, _standing(found), as_json=as_json)


@records.command()
def reminders(
    days: Annotated[int, typer.Option("--days", min=0, max=366, help="Whose last day is so many days away.")] = 30,
    outlet: Annotated[str, typer.Option("--outlet", help="Code of the outlet that handed them out.")] = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """List cards that have to be activated soon, and overdue ones. 激活提醒名单。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    request = activation_pb2.ListActivationRemindersRequest(days=days, outlet=outlet)
    count = 0
    with reported(), channel_to(server, settings) as channel:
        for each in ActivationServiceStub(channel).ListActivationReminders(request, timeout=PATIENCE):
            count += 1
            _tell(each, [_reminder(each)], as_json=as_json)
    if not as_json:
        typer.echo(f"{count} cards 张")


@records.command("apply-deadlines")
def apply_deadlines(
    request_id: RequestId = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Restrict the original medical cards of holders whose new card is overdue. 执行激活期限。"""
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    request = activation_pb2.ApplyActivationDeadlinesRequest(request_id=shown_request_id(request_id))
    with reported(), channel_to(server, settings) as channel:
        done = ActivationServiceStub(channel).ApplyActivationDeadlines(request, timeout=PATIENCE)
    _tell(done, [f"overdue 逾期: {done.overdue}, newly restricted 新增限制: {done.restricted}"], as_json=as_json)


def _pins(from_input: bool) -> tuple[str, str]:
    """The new PIN and the old one, "" where they are not given."""
    if not from_input:
        return "", ""
    return sys.stdin.readline().strip(), sys.stdin.readline().strip()


def _follow(events: Iterable[Any], *, as_json: bool) -> None:
    """Show what is to be done, and what came of it; leaves with an exit code where nothing did."""
    for event in events:
        match event.WhichOneof("event"):
            case "prompt":
                sys.stderr.write(f"{event.prompt.text} [{event.prompt.reader}, {event.prompt.seconds} s]\n")
            case "entry" if event.entry.prompt:
                sys.stderr.write(f"{event.entry.prompt}\n")
            case "outcome":
                _tell(event.outcome, _outcome(event.outcome), as_json=as_json)
                if not event.outcome.HasField("activation"):
                    raise typer.Exit(FAILED)


def _outcome(outcome: activation_pb2.ActivationOutcome) -> list[str]:
    lines = [f"{outcome.name} {outcome.social_security_number}"]
    if not outcome.HasField("activation"):
        result = pin_pb2.PinResult.Name(outcome.pin_result).removeprefix("PIN_RESULT_").lower().replace("_", " ")
        lines.append(f"not activated 未激活: PIN 密码 {result}, tries left 剩余次数 {outcome.tries_left}")
    elif outcome.activated:
        lines.append("activated now 已激活")
    else:
        lines.append(f"activated before 此前已激活: {when(outcome.activation.time)}")
    return [*lines, *outcome.warnings]


def _standing(found: activation_pb2.GetActivationResponse) -> list[str]:
    state = STATES[CardState[registry_pb2.CardState.Name(found.card.state).removeprefix("CARD_STATE_")]]
    lines = [f"card 卡片: {state.english} {state.chinese}"]
    if found.card.activation_deadline:
        late = " overdue 逾期" if found.overdue else ""
        lines.append(f"to be activated until 激活期限: {found.card.activation_deadline}{late}")
    if found.HasField("activation"):
        done = found.activation
        lines.append(f"activated 激活: {when(done.time)}, {_WAYS.get(done.way, '')}, {done.institution}")
    lines += (
        f"original medical card 原医疗卡: {MEDICAL_STATES.get(card.state, '')}, since 自 {card.state_since}"
        for card in found.medical_cards
    )
    if found.HasField("bank_activation"):
        lines.append(f"bank's own application 金融账户: {when(found.bank_activation.time)}")
    return lines


def _reminder(each: activation_pb2.ListActivationRemindersResponse) -> str:
    restricted = " restricted 已限制" if each.medical_card_restricted else ""
    return f"{each.days_left:>5} {each.card.activation_deadline} {each.person.name} {each.person.phone}{restricted}"


def _tell(message: Message, lines: Iterable[str], *, as_json: bool) -> None:
    for line in [to_json(message)] if as_json else lines:
        typer.echo(line)
