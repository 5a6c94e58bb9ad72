"""How a command of the command line fails: what happened and what to do, in English and Chinese, and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import grpc
import typer

from apdu.errors import CardError
from services.catalogue import failure_of
from services.config import ConfigError
from services.statuses import Told, call_of, told, told_by

FAILED, UNUSABLE = 1, 2
"""Exit codes: it did not work; it could not be meant."""

NO_SERVICE = "Start one with `sscard serve`. 服务未启动，请先运行 sscard serve。"


@contextmanager
def reported() -> Iterator[None]:
    """Print an error of card, reader, service or configuration to standard error, and leave with its exit code."""
    try:
        yield
    except grpc.RpcError as error:
        call = call_of(error)
        answer = told_by(call)
        fail(_words(answer) if answer is not None else _of_the_call(call))
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)
    except CardError as error:
        fail(_words(told(failure_of(error).to_status())))


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    """Print ``message`` to standard error and leave with ``code``."""
    sys.stderr.write(f"sscard: {message}\n")
    raise typer.Exit(code)


def _words(answer: Told) -> str:
    reason = f" [{answer.reason}]" if answer.reason else ""
    texts = dict.fromkeys(text for text in answer.texts if text != answer.message)
    return "\n        ".join([answer.message + reason, *answer.mistakes, *texts])


def _of_the_call(call: grpc.Call) -> str:
    if call.code() is grpc.StatusCode.UNAVAILABLE:
        return f"no service answers: {call.details()}\n        {NO_SERVICE}"
    return f"{call.details()} [{call.code().name}]"
