"""``sscard pin``: the holder's PIN, as whoever stands at a counter asks about it.

PINs are never arguments, which others on the machine can read: they are typed without being shown, or come as lines of
input, or the holder types them at the reader's own pad.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import grpc
import typer
from google.protobuf.message import Message

from cardlib.errors import LastPinTryError
from services.catalogue import REFUSALS
from services.cli.client import channel_to
from services.cli.errors import FAILED, UNUSABLE, fail, reported
from services.cli.options import (
    AsJson,
    ConfigFile,
    ReaderName,
    RequestId,
    ServerAddress,
    Simulated,
    configuration,
    quiet,
    shown_request_id,
)
from services.cli.read import PATIENCE, chosen
from services.cli.table import as_json as to_json
from services.statuses import call_of, told_by
from sscard.v1 import pin_pb2
from sscard.v1.pin_pb2_grpc import PinServiceStub

T = TypeVar("T")

AT_PAD: Final = 180.0
"""Seconds that a call waits for somebody who types; the service itself gives up before."""

MOST_DIGITS: Final = 16
"""Of a PIN."""

STATES: Final = {
    pin_pb2.PIN_STATE_SET: "正常 it has tries left",
    pin_pb2.PIN_STATE_BLOCKED: "已锁定 blocked",
    pin_pb2.PIN_STATE_NOT_SET: "未设密码 the card has none",
}
RESULTS: Final = {
    pin_pb2.PIN_RESULT_OK: "密码正确 the card took the PIN",
    pin_pb2.PIN_RESULT_REJECTED: "密码错误 the card refused the PIN",
    pin_pb2.PIN_RESULT_NOW_BLOCKED: "密码错误，现已锁定 the card refused the PIN; that was the last try",
    pin_pb2.PIN_RESULT_WAS_BLOCKED: "密码此前已锁定，未送卡 the PIN was blocked before; nothing was sent",
}
INITIAL: Final = {
    True: "初始密码，请持卡人修改 the card took the PIN, an initial one: the holder chooses another",
    False: "初始密码，未送卡 it is an initial PIN, and this card is not known to be new; nothing was sent",
}
DONE: Final = {
    pin_pb2.ChangePinResponse: "密码已修改 the new PIN is set",
    pin_pb2.ResetPinResponse: "密码已重置 the new PIN is set",
    pin_pb2.UnblockPinResponse: "密码已解锁 the PIN has its tries back",
}
BLOCKED: Final = "请到发卡机构办理解锁或重置 the office gives the tries back, or sets a new PIN"
LAST_TRY: Final = "仅剩最后一次，错误将锁定密码。 One try is left, and a wrong PIN blocks it. 继续 Go on?"

app = typer.Typer(help="The holder's PIN. 个人密码。", no_args_is_help=True)

PinStdin: TypeAlias = Annotated[
    bool, typer.Option("--pin-stdin", help="PINs are lines of input, in the order in which they are asked for.")
]
PinPad: TypeAlias = Annotated[bool, typer.Option("--pin-pad", help="The holder types at the reader's own pad.")]
AllowLastTry: TypeAlias = Annotated[
    bool, typer.Option("--allow-last-try", help="Use even the last try, without asking.")
]
NewCard: TypeAlias = Annotated[bool, typer.Option("--new-card", help="Never activated: it may have its initial PIN.")]


@app.command()
def status(
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Show how the PIN stands and how many tries it has; costs none. 查询密码状态。"""
    with _service(server, config, simulated=simulated) as (channel, stub):
        found = stub.GetPinStatus(pin_pb2.GetPinStatusRequest(reader=chosen(channel, reader)), timeout=PATIENCE)
    lines = [f"密码 PIN: {STATES[found.state]}"]
    if found.state == pin_pb2.PIN_STATE_SET:
        lines.append(_tries(found.tries_left))
    lines.append("读卡器密码键盘 PIN pad of the reader: " + ("有 yes" if found.pin_pad else "无 no"))
    _tell(found, lines, as_json=as_json)


@app.command()
def verify(
    pin_stdin: PinStdin = False,
    pin_pad: PinPad = False,
    allow_last_try: AllowLastTry = False,
    new_card: NewCard = False,
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Find out whether a PIN is right; the card forgets that at once. 验证密码。"""
    _one_way(pin_stdin=pin_stdin, pin_pad=pin_pad)
    with _service(server, config, simulated=simulated) as (channel, stub):
        name = chosen(channel, reader)
        pin = "" if pin_pad else _typed("密码 PIN", from_input=pin_stdin)

        def attempt(allow: bool) -> pin_pb2.VerifyPinResponse:
            if pin_pad:
                at_pad = pin_pb2.VerifyPinAtPadRequest(reader=name, allow_last_try=allow)
                told: pin_pb2.VerifyPinResponse = _followed(stub.VerifyPinAtPad(at_pad, timeout=AT_PAD))
                return told
            typed = pin_pb2.VerifyPinRequest(reader=name, pin=pin, allow_last_try=allow, card_is_new=new_card)
            return stub.VerifyPin(typed, timeout=PATIENCE)

        answer = _with_the_last_try(attempt, allow=allow_last_try, ask=not pin_stdin)
    _tell(answer, _result(answer.result, answer.tries_left, verified=answer.verified), as_json=as_json)
    if not answer.verified:
        raise typer.Exit(FAILED)


@app.command()
def change(
    pin_stdin: PinStdin = False,
    pin_pad: PinPad = False,
    allow_last_try: AllowLastTry = False,
    new_card: NewCard = False,
    request_id: RequestId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Set a new PIN by the right of the old one. 修改密码。"""
    _one_way(pin_stdin=pin_stdin, pin_pad=pin_pad)
    request = shown_request_id(request_id)
    with _service(server, config, simulated=simulated) as (channel, stub):
        name = chosen(channel, reader)
        old = (
            ""
            if pin_pad
            else _typed("原密码，无则回车 old PIN, nothing if there is none", from_input=pin_stdin, empty=True)
        )
        new = "" if pin_pad else _chosen_pin(from_input=pin_stdin)

        def attempt(allow: bool) -> pin_pb2.ChangePinResponse:
            if pin_pad:
                at_pad = pin_pb2.ChangePinAtPadRequest(reader=name, request_id=request, allow_last_try=allow)
                told: pin_pb2.ChangePinResponse = _followed(stub.ChangePinAtPad(at_pad, timeout=AT_PAD))
                return told
            typed = pin_pb2.ChangePinRequest(
                reader=name,
                request_id=request,
                old_pin=old,
                new_pin=new,
                allow_last_try=allow,
                card_is_new=new_card,
            )
            return stub.ChangePin(typed, timeout=PATIENCE)

        answer = _with_the_last_try(attempt, allow=allow_last_try, ask=not pin_stdin)
    changed = answer.result == pin_pb2.PIN_RESULT_OK
    _tell(answer, _done(answer) if changed else _result(answer.result, answer.tries_left), as_json=as_json)
    if not changed:
        raise typer.Exit(FAILED)


@app.command()
def unblock(
    request_id: RequestId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Give the PIN all its tries back; it stays as it is. 密码解锁。"""
    request = shown_request_id(request_id)
    with _service(server, config, simulated=simulated) as (channel, stub):
        wanted = pin_pb2.UnblockPinRequest(reader=chosen(channel, reader), request_id=request)
        answer = stub.UnblockPin(wanted, timeout=PATIENCE)
    _tell(answer, _done(answer), as_json=as_json)


@app.command()
def reset(
    pin_stdin: PinStdin = False,
    request_id: RequestId = "",
    reader: ReaderName = "",
    server: ServerAddress = "",
    config: ConfigFile = None,
    simulated: Simulated = False,
    as_json: AsJson = False,
) -> None:
    """Set a new PIN without the old one. 密码重置。"""
    request = shown_request_id(request_id)
    with _service(server, config, simulated=simulated) as (channel, stub):
        name = chosen(channel, reader)
        wanted = pin_pb2.ResetPinRequest(reader=name, request_id=request, new_pin=_chosen_pin(from_input=pin_stdin))
        answer = stub.ResetPin(wanted, timeout=PATIENCE)
    _tell(answer, _done(answer), as_json=as_json)


@contextmanager
def _service(server: str, config: Path | None, *, simulated: bool) -> Iterator[tuple[grpc.Channel, PinServiceStub]]:
    settings = configuration(config, simulated=simulated)
    quiet(settings)
    with reported(), channel_to(server, settings) as channel:
        yield channel, PinServiceStub(channel)


def _one_way(*, pin_stdin: bool, pin_pad: bool) -> None:
    if pin_stdin and pin_pad:
        fail("--pin-stdin and --pin-pad: which one? 只能选用其一", code=UNUSABLE)


def _typed(what: str, *, from_input: bool, empty: bool = False) -> str:
    if from_input:
        return sys.stdin.readline().strip()
    answer: str = typer.prompt(what, hide_input=True, err=True, default="" if empty else None, show_default=False)
    return answer.strip()


def _chosen_pin(*, from_input: bool) -> str:
    """A new PIN, typed twice where nobody sees what is typed."""
    if from_input:
        return sys.stdin.readline().strip()
    answer: str = typer.prompt("新密码 new PIN", hide_input=True, err=True, confirmation_prompt="再次输入 once more")
    return answer.strip()


def _with_the_last_try(attempt: Callable[[bool], T], *, allow: bool, ask: bool) -> T:
    """What comes of an attempt, which is told whether it may use the last try; somebody is asked where they can be."""
    try:
        return attempt(allow)
    except grpc.RpcError as error:
        refused = told_by(call_of(error))
        if not ask or refused is None or refused.reason != REFUSALS[LastPinTryError].reason:
            raise
    if not typer.confirm(LAST_TRY, err=True):
        raise typer.Exit(FAILED)
    return attempt(True)


def _followed(events: Iterable[Any]) -> Any:
    """The result of a call at a pad; what is to be typed there is shown, and a star for each digit."""
    result, stars = None, False
    try:
        for event in events:
            if event.WhichOneof("event") == "result":
                result = event.result
            elif event.entry.prompt:
                sys.stderr.write("\n" * stars + f"{event.entry.prompt}\n")
                stars = False
            else:
                sys.stderr.write(f"\r{'*' * event.entry.digits:{MOST_DIGITS}}")
                stars = True
    finally:
        sys.stderr.write("\n" * stars)
    return result


def _result(result: pin_pb2.PinResult.ValueType, tries_left: int, *, verified: bool = False) -> list[str]:
    lines = [INITIAL[verified] if result == pin_pb2.PIN_RESULT_INITIAL_PIN else RESULTS[result]]
    if result in {pin_pb2.PIN_RESULT_NOW_BLOCKED, pin_pb2.PIN_RESULT_WAS_BLOCKED}:
        return [*lines, BLOCKED]
    return [*lines, _tries(tries_left)]


def _done(answer: Any) -> list[str]:
    lines = [DONE[type(answer)], _tries(answer.tries_left)]
    if answer.already_done:
        lines[0] = "该请求此前已完成，未对卡片作任何操作 the request was done before; the card was not touched"
    if getattr(answer, "longer_than_pads", False):
        lines.append("新密码超过12位，部分密码键盘无法输入 it has more than 12 digits, which many PIN pads do not take")
    return lines


def _tries(left: int) -> str:
    return f"剩余次数 tries left: {left}"


def _tell(answer: Message, lines: Iterable[str], *, as_json: bool) -> None:
    for line in [to_json(answer)] if as_json else lines:
        typer.echo(line)
