"""The centre as custodian (密钥中心): a terminal without keys has its key requests answered over gRPC."""

import time
from collections.abc import Mapping
from typing import Final, Self

import grpc

from apdu.errors import CardError, MalformedError
from cardlib.custody import KeyCustodian
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import KeyRequest, Purchase, key_names
from services.catalogue import REFUSALS
from services.config import ConfigError, address_of, loopback_centre
from services.custody.errors import CentreAwayError, KeyUnknownError, VerificationsBlockedError
from services.errors import InvalidRequestError
from services.mapping.keys import key_place, request_message
from services.statuses import call_of, told_by
from sscard.v1 import keys_pb2, keys_pb2_grpc

TIMEOUT: Final = 10.0
"""Seconds for one request, by default."""
RECONNECT: Final = 1.0
"""Seconds that a lost connection has to come back, before a request is given up."""

_Code = grpc.StatusCode
_AWAY: Final = frozenset({_Code.UNAVAILABLE, _Code.DEADLINE_EXCEEDED, _Code.CANCELLED})
_REFUSED: Final = frozenset({_Code.UNAUTHENTICATED, _Code.PERMISSION_DENIED})
_OF_A_KEY: Final = frozenset(
    REFUSALS[kind].reason for kind in (KeyUnavailableError, KeyUnknownError, VerificationsBlockedError)
)
_UNKNOWN: Final = "the key centre knows no key of this name: give it the same regional profiles"
_OPTIONS: Final = (
    # The library would repeat calls by itself, also those that use something up.
    ("grpc.enable_retries", 0),
    # What the environment says of proxies is about web pages.
    ("grpc.enable_http_proxy", 0),
    # A centre that was away for hours is found again within seconds.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class CentreCustodian(KeyCustodian):
    """Asks KeyService at ``target``, host:port; blocking, for use from any thread but that of an event loop.

    ``timeout``: seconds for one request, reconnecting included. ``credentials``: how centre and terminal know each
    other; without them the centre must be on this machine, else ConfigError. A request that found no centre is sent
    once more as soon as there is a connection again, unless it has a purchase in it.
    """

    def __init__(
        self, target: str, *, timeout: float = TIMEOUT, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        try:
            address_of(target)
            if credentials is None:
                loopback_centre(target)
        except ValueError as error:
            raise ConfigError(f"centre: {error}") from None
        self._target = target
        self._timeout = timeout
        self._channel = (
            grpc.secure_channel(target, credentials, options=_OPTIONS)
            if credentials is not None
            else grpc.insecure_channel(target, options=_OPTIONS)
        )
        self._stub = keys_pb2_grpc.KeyServiceStub(self._channel)

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """As :meth:`cardlib.custody.KeyCustodian.perform`, in one trip; MalformedError for what the centre cannot read.

        Raises :class:`~services.custody.errors.CentreAwayError` when there is no answer: the same call can be repeated.
        """
        if not request.tasks:
            return ()
        message = request_message(request)
        answers = tuple(self._asked(request, message).answers)
        if len(answers) != len(request.tasks):
            raise MalformedError(f"the key centre answered {len(answers)} of {len(request.tasks)} tasks")
        return answers

    def close(self) -> None:
        """Give the connection up; nothing can be asked afterwards. Idempotent."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<CentreCustodian at {self._target}>"

    def _asked(self, request: KeyRequest, message: keys_pb2.PerformKeyTasksRequest) -> keys_pb2.PerformKeyTasksResponse:
        end = time.monotonic() + self._timeout
        repeatable = not any(isinstance(task, Purchase) for task in request.tasks)
        try:
            return self._stub.PerformKeyTasks(message, timeout=self._timeout)
        except grpc.RpcError as error:
            call = call_of(error)
        if repeatable and call.code() is _Code.UNAVAILABLE and self._is_back(end):
            try:
                return self._stub.PerformKeyTasks(message, timeout=max(end - time.monotonic(), 0))
            except grpc.RpcError as error:
                call = call_of(error)
        raise self._error(request, call)

    def _is_back(self, end: float) -> bool:
        """Whether there is a connection again, before long."""
        connected = grpc.channel_ready_future(self._channel)
        try:
            connected.result(timeout=min(RECONNECT, max(end - time.monotonic(), 0)))
        except grpc.FutureTimeoutError:
            connected.cancel()
            return False
        return True

    def _error(self, request: KeyRequest, call: grpc.Call) -> CardError:
        """The exception of the centre's custodian once more, as far as flows tell it from others."""
        names = ", ".join(dict.fromkeys(name for task in request.tasks for name in key_names(task)))
        code, told = call.code(), told_by(call)
        reason, metadata = (told.reason, told.metadata) if told is not None else ("", {})
        message = told.message if told is not None else call.details()
        if reason in _OF_A_KEY:
            return _key_error(request, reason, metadata, message)
        if reason == REFUSALS[AlgorithmUnsupportedError].reason:
            return AlgorithmUnsupportedError(metadata.get("algorithm", request.card.algorithm.name))
        if reason in {REFUSALS[InvalidRequestError].reason, REFUSALS[MalformedError].reason}:
            return MalformedError(f"the key centre refuses the request: {message}")
        if code in _AWAY:
            return CentreAwayError(
                names, f"the centre at {self._target} does not answer ({code.name}); the same call can be repeated"
            )
        if code is _Code.UNIMPLEMENTED:
            return KeyUnavailableError(names, f"the service at {self._target} serves no keys: set serve_keys there")
        how = "refuses this service" if code in _REFUSED else "failed"
        return KeyUnavailableError(names, f"the centre at {self._target} {how}: {message} [{reason or code.name}]")


def _key_error(request: KeyRequest, reason: str, metadata: Mapping[str, str], message: str) -> KeyUnavailableError:
    key = metadata.get("key", "")
    if reason == REFUSALS[VerificationsBlockedError].reason:
        return VerificationsBlockedError(key)
    if reason == REFUSALS[KeyUnknownError].reason:
        return KeyUnavailableError(_name_at(request, metadata.get("field", "")), _UNKNOWN)
    return KeyUnavailableError(key, message.removeprefix(str(KeyUnavailableError(key))).removeprefix(": "))


def _name_at(request: KeyRequest, field: str) -> str:
    """The name that stands at this place of the request; all names, where the place is none."""
    place = key_place(field)
    if place is None or place[0] >= len(request.tasks):
        return ", ".join(dict.fromkeys(name for task in request.tasks for name in key_names(task)))
    number, under = place
    return key_names(request.tasks[number])[-1 if under else 0]
