"""One call of PersonaliseCard: a bar meanwhile, and what is told when it does not end well."""

import sys
from typing import Final

import grpc
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cardlib.issuance.questions import Stage
from services.cli.errors import fail
from services.statuses import call_of, told_by
from sscard.v1 import issuance_pb2
from sscard.v1.issuance_pb2_grpc import IssuanceServiceStub

LONGEST: Final = 7200.0
"""Seconds that the making of a card is waited for; the service has its own, shorter, limit."""
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""


def issued(
    channel: grpc.Channel, request: issuance_pb2.PersonaliseCardRequest, again: str = ""
) -> issuance_pb2.IssuedCard:
    """The result of the call; meanwhile a bar is shown, where there is a terminal.

    ``again``: the option that goes on with this request, "": the one with its id. Raises :class:`grpc.RpcError`.
    """
    again = again or f"--request-id {request.request_id}"
    console = Console(stderr=True)
    console.print(f"request {request.request_id} 请求编号", highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    call = IssuanceServiceStub(channel).PersonaliseCard(request, timeout=LONGEST)
    announced = False
    made: issuance_pb2.IssuedCard | None = None
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(Stage.EXAMINED.value, total=None)
            # To the stream's end, also behind the result: a call that is left before it counts as cancelled.
            for event in call:
                if event.HasField("issued"):
                    made = event.issued
                    continue
                step = event.progress
                announced = announced or step.stage >= issuance_pb2.ISSUANCE_STAGE_BUILDING
                bar.update(task, description=_words(step), completed=step.done, total=step.total or None)
    except grpc.RpcError as error:
        if made is None:
            _tell_how_to_go_on(_written(error), again, announced=announced)
            raise
    except KeyboardInterrupt:
        if made is None:
            call.cancel()
            _tell_how_to_go_on("", again, announced=announced)
            fail("stopped 已中断", code=INTERRUPTED)
    if made is None:
        fail("the service ended without a result 服务未返回结果")
    return made


def open_request(error: grpc.RpcError) -> str:
    """The request that has begun with the chip, where that is what is wrong, else ""."""
    return _request_in(error, "ISSUANCE_OPEN")


def repeated_request(error: grpc.RpcError) -> str:
    """The request that makes, or has made, the same card, where that is what is wrong, else ""."""
    return _request_in(error, "ORDER_REPEATED")


def _request_in(error: grpc.RpcError, reason: str) -> str:
    told = told_by(call_of(error))
    return told.metadata.get("request_id", "") if told is not None and told.reason == reason else ""


def _written(error: grpc.RpcError) -> str:
    """What the service says of whether the chip was changed: "true" or "false"; "" where it says nothing."""
    told = told_by(call_of(error))
    return told.metadata.get("written", "") if told is not None else ""


def _words(step: issuance_pb2.IssuanceProgress) -> str:
    name = issuance_pb2.IssuanceStage.Name(step.stage).removeprefix("ISSUANCE_STAGE_")
    return f"{Stage[name].value} {name.lower()} {step.detail}".rstrip()


def _tell_how_to_go_on(written: str, again: str, *, announced: bool) -> None:
    """``written``: as the service says; where it says nothing, ``announced``: whether writing was about to begin."""
    if written == "true":
        sys.stderr.write(
            f"sscard: the chip is half-built; put it in again and repeat with {again} "
            "芯片尚未制作完成，请重新放入并加上此选项续作\n"
        )
    elif not written and announced:
        sys.stderr.write(
            f"sscard: the chip may be half-built; put it in again and repeat with {again}, which finds out "
            "芯片可能尚未制作完成，请重新放入并加上此选项续作\n"
        )
