"""How a command of the command line fails: what happened and what to do, in English and Chinese, and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import grpc
import typer
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from apdu.errors import CardError
from services.catalogue import failure_of
from services.config import ConfigError

FAILED, UNUSABLE = 1, 2
"""Exit codes: it did not work; it could not be meant."""

NO_SERVICE = "Start one with `sscard serve`. 服务未启动，请先运行 sscard serve。"


@contextmanager
def reported() -> Iterator[None]:
    """Print an error of card, reader, service or configuration to standard error, and leave with its exit code."""
    try:
        yield
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call), "errors of calls are calls themselves"  # noqa: PT017  no test
        status = rpc_status.from_call(error)
        fail(_words(status) if status is not None else _of_the_call(error))
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)
    except CardError as error:
        fail(_words(failure_of(error).to_status()))


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    """Print ``message`` to standard error and leave with ``code``."""
    sys.stderr.write(f"sscard: {message}\n")
    raise typer.Exit(code)


def _words(status: Status) -> str:
    reason, lines, mistakes = "", [status.message], []
    for detail in status.details:
        info, localised, wrong = ErrorInfo(), LocalizedMessage(), BadRequest()
        if detail.Unpack(info):
            reason = f" [{info.reason}]"
        elif detail.Unpack(localised) and localised.message not in lines:
            lines.append(localised.message)
        elif detail.Unpack(wrong):
            mistakes = [violation.description for violation in wrong.field_violations]
    return "\n        ".join([lines[0] + reason, *mistakes, *lines[1:]])


def _of_the_call(call: grpc.Call) -> str:
    if call.code() is grpc.StatusCode.UNAVAILABLE:
        return f"no service answers: {call.details()}\n        {NO_SERVICE}"
    return f"{call.details()} [{call.code().name}]"
