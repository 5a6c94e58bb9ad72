"""The PSAM first, and the centre after exactly those failures that the national terminal interface names [S3 §10.5]."""

import threading
from collections import OrderedDict
from typing import Final, TypeAlias

import structlog

from cardlib.crypto import purchase_factor
from cardlib.custody import KeyCustodian
from cardlib.key_requests import CardFactors, KeyRequest, KeyTask, Mac, Purchase, Verification
from cardlib.keys import KeyReference
from cardlib.psam_flows.errors import FALLBACK_CODES, PsamError

_log = structlog.get_logger("services.custody.fallback")

PURCHASES_REMEMBERED: Final = 1024
_TERMINAL: Final = 6
_NUMBER: Final = 4

_Name: TypeAlias = tuple[CardFactors, KeyReference, bytes]
"""A purchase: card, key, and the factor of its session key."""


class FallbackCustodian(KeyCustodian):
    """Asks ``first``, a PSAM's custodian; when it fails with one of the five codes, ``second`` gets the whole request.

    The codes are :data:`~cardlib.psam_flows.errors.FALLBACK_CODES`: no PSAM, no such algorithm, no RKSSSE, no such key,
    a key that does not reach the card. Any other failure is the answer.

    A purchase is never half with one and half with the other: MAC2 is verified by who made MAC1, or by nobody. Which
    of the two that was is remembered for the last purchases of this process; of others the first is asked first. May be
    used from several threads if both may.
    """

    def __init__(self, first: KeyCustodian, second: KeyCustodian) -> None:
        self._first = first
        self._second = second
        self._purchases: OrderedDict[_Name, KeyCustodian] = OrderedDict()
        self._lock = threading.Lock()

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.perform`; raises what whoever was asked last raises."""
        maker = self._maker_of(request)
        if maker is not None:
            return maker.perform(request)
        asked = self._first
        try:
            answers = asked.perform(request)
        except PsamError as error:
            if error.national_code not in FALLBACK_CODES:
                raise
            _log.info("psam_passed_over", national_code=error.national_code, key=error.key)
            asked = self._second
            answers = asked.perform(request)
        self._remember(request, answers, asked)
        return answers

    def close(self) -> None:
        """Close both."""
        self._first.close()
        self._second.close()

    def _maker_of(self, request: KeyRequest) -> KeyCustodian | None:
        """Who made the purchase that the request verifies; None where it verifies none that is remembered."""
        with self._lock:
            for task in request.tasks:
                name = _verified(request.card, task)
                if name is not None and name in self._purchases:
                    return self._purchases[name]
        return None

    def _remember(self, request: KeyRequest, answers: tuple[bytes, ...], maker: KeyCustodian) -> None:
        with self._lock:
            for task, answer in zip(request.tasks, answers, strict=True):
                if isinstance(task, Purchase):
                    number = int.from_bytes(answer[_TERMINAL : _TERMINAL + _NUMBER], "big")
                    factor = purchase_factor(task.random, task.sequence, number)
                    self._purchases[request.card, task.key, factor] = maker
            while len(self._purchases) > PURCHASES_REMEMBERED:
                self._purchases.popitem(last=False)


def _verified(card: CardFactors, task: KeyTask) -> _Name | None:
    match task:
        case Verification(task=Mac(key=key, factor=factor)):
            return card, key, factor
        case _:
            return None
