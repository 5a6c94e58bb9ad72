"""How an attempt ended, put into the journal in the thread of the card, whoever still waits for it."""

from collections.abc import Callable
from typing import Final

import structlog

from services.errors import ServiceError

INTERRUPTED: Final = "INTERRUPTED"
"""Reason of an attempt that was stopped between two commands: by its caller, by its deadline, by the service's end."""

_log = structlog.get_logger("services.operations")


def put_down(end: Callable[[], None], **about: str) -> None:
    """Have ``end`` put down why an attempt failed.

    What went wrong with the card is told to the caller, not that the journal could not take that too: that is logged,
    with ``about``.
    """
    try:
        end()
    except ServiceError as error:
        _log.warning("failure_not_journalled", error=type(error).__name__, **about)
