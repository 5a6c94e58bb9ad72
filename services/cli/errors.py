"""How a command of the command line fails: what happened and what to do, in English and Chinese, and an exit code."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

import grpc
import typer

from apdu.errors import CardError
from services.catalogue import failure_of
from services.cli.unreachable import unreachable
from services.config import ConfigError, NotNowError
from services.errors import InvalidRequestError
from services.statuses import Told, call_of, told, told_by

FAILED, UNUSABLE, NOT_NOW = 1, 2, os.EX_TEMPFAIL
"""Exit codes: it did not work; it could not be meant; the same may work in a moment, which systemd is told."""

OPTIONS: Final[Mapping[str, str]] = {
    "order.template": "--template",
    "order.template_text": "--template",
    "order.photo": "--photo",
    "order.person_json": "PERSON",
    "request_id": "--request-id",
    "operator": "--operator",
    "reader": "--reader",
}
"""What people give for a field of a request."""


@contextmanager
def reported() -> Iterator[None]:
    """Print an error of card, reader, service or configuration to standard error, and leave with its exit code."""
    try:
        yield
    except grpc.RpcError as error:
        call = call_of(error)
        answer = told_by(call)
        fail(_words(answer) if answer is not None else _of_the_call(call))
    except NotNowError as error:
        fail(str(error), code=NOT_NOW)
    except ConfigError as error:
        fail(str(error), code=UNUSABLE)
    except (CardError, InvalidRequestError) as error:
        fail(_words(told(failure_of(error).to_status())))


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    """Print ``message`` to standard error and leave with ``code``."""
    sys.stderr.write(f"sscard: {message}\n")
    raise typer.Exit(code)


def checked(option: str, check: Callable[[str], str], value: str) -> str:
    """The value of an option as one of the functions of :mod:`services.requests` takes it; else the command ends."""
    try:
        return check(value)
    except InvalidRequestError as error:
        fail(f"{option}: {str(error).removeprefix(f'{error.field}: ')}", code=UNUSABLE)


def _words(answer: Told) -> str:
    reason = f" [{answer.reason}]" if answer.reason else ""
    message, field = answer.message, answer.metadata.get("field", "")
    if field in OPTIONS and message.startswith(f"{field}: "):
        message = OPTIONS[field] + message.removeprefix(field)
    # The list below says the same as a message that is made of it; a text that begins as the message says more.
    is_list = bool(answer.mistakes) and answer.mistakes[0] in message
    texts = list(dict.fromkeys(text for text in answer.texts if text != message))
    longer = [text for text in texts if is_list or text.startswith(message)][-1:]
    message = longer[0] if longer else message
    return "\n        ".join([message + reason, *answer.mistakes, *(text for text in texts if text not in longer)])


def _of_the_call(call: grpc.Call) -> str:
    if call.code() is grpc.StatusCode.UNAVAILABLE:
        return unreachable(call.details() or "")
    return f"{call.details()} [{call.code().name}]"
