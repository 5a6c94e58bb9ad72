"""Key requests as messages of KeyService, and back: both ends of the way to the centre."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.cos.encoder import LOADING_HEADERS, require_loading
from cardlib.crypto import Algorithm
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    KeyTask,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Terminal,
    Verification,
)
from cardlib.keys import KeyReference
from cardlib.psam import MAX_LEVELS
from services.custody.errors import KeyUnknownError
from services.errors import InvalidRequestError
from sscard.v1 import card_pb2, keys_pb2

MAX_TASKS: Final = 512
"""Tasks of one request; building a card takes about a hundred."""
MAX_DATA: Final = 1024
"""Bytes that one MAC is computed over; a command has at most 260."""

_ALGORITHMS: Final = {card_pb2.Algorithm.Value(f"ALGORITHM_{one.name}"): one for one in Algorithm}
_FACTOR: Final = frozenset({4, 8, 16})
_PLACE: Final = re.compile(r"tasks\[(\d+)\]\.(?:\w+\.){1,2}(key|under)\.name")
_Message: TypeAlias = keys_pb2.KeyTask


def request_message(request: KeyRequest) -> keys_pb2.PerformKeyTasksRequest:
    """A key request as it travels; raises :class:`~apdu.errors.MalformedError` for a number that has no place there."""
    card = request.card
    try:
        return keys_pb2.PerformKeyTasksRequest(
            card=keys_pb2.CardFactors(
                algorithm=card_pb2.Algorithm.Value(f"ALGORITHM_{card.algorithm.name}"),
                region=card.region,
                card_factor=card.card_factor,
            ),
            tasks=map(_task_message, request.tasks),
        )
    except ValueError:
        # The library's own text holds the number, which may be an amount.
        raise MalformedError("a number of a key request is negative or has more than 32 bits") from None


def request_of(message: keys_pb2.PerformKeyTasksRequest, known: Collection[str]) -> KeyRequest:
    """The key request in a message; ``known``: names of all keys.

    Raises :class:`~services.errors.InvalidRequestError` that names the field, and for the name of a key that is not
    known :class:`~services.custody.errors.KeyUnknownError`.
    """
    if not 1 <= len(message.tasks) <= MAX_TASKS:
        raise InvalidRequestError("tasks", f"takes 1 to {MAX_TASKS} tasks, not {len(message.tasks)}")
    card = _card(message.card)
    tasks = tuple(_task(task, f"tasks[{index}]") for index, task in enumerate(message.tasks))
    for index, task in enumerate(message.tasks):
        for field in _unknown(task, f"tasks[{index}]", known):
            raise KeyUnknownError(field)
    _require_single_verifications(tasks)
    return KeyRequest(card, tasks)


def key_place(field: str) -> tuple[int, bool] | None:
    """Of which task, and whether in ``under``, is the name of a key that a :class:`KeyUnknownError` is about."""
    found = _PLACE.fullmatch(field)
    return (int(found[1]), found[2] == "under") if found else None


def _unknown(message: Any, path: str, known: Collection[str]) -> Iterator[str]:
    """The fields in which a message names a key that is not known."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is keys_pb2.KeyReference.DESCRIPTOR:
            if value.name not in known:
                yield f"{path}.{descriptor.name}.name"
        elif descriptor.message_type is not None:
            yield from _unknown(value, f"{path}.{descriptor.name}", known)


def _require_single_verifications(tasks: tuple[KeyTask, ...]) -> None:
    """Refuse two guesses at one answer of the card."""
    seen = set()
    for index, task in enumerate(tasks):
        if not isinstance(task, Verification):
            continue
        mark = (task.task.key, None if isinstance(task.task, Tac) else task.task.factor)
        if mark in seen:
            raise InvalidRequestError(f"tasks[{index}].verification", "another task verifies with this key and factor")
        seen.add(mark)


def _task_message(task: KeyTask) -> keys_pb2.KeyTask:  # noqa: C901, PLR0911, PLR0912 - a case for each
    match task:
        case Cryptogram():
            return _Message(cryptogram=_cryptogram_message(task))
        case Mac():
            return _Message(mac=_mac_message(task))
        case Tac():
            return _Message(tac=_tac_message(task))
        case PinBlock():
            pin = _Message.PinBlock(key=_key_message(task.key), factor=task.factor, pin=task.pin.reveal())
            return _Message(pin_block=pin)
        case Encipherment():
            return _Message(encipherment=_Message.Encipherment(key=_key_message(task.key), block=task.block))
        case LoadedKey():
            return _Message(loaded_key=_loaded_key_message(task))
        case PsamKeyLoad():
            return _Message(psam_key_load=_psam_key_load_message(task))
        case Disclosure():
            return _Message(disclosure=_Message.Disclosure(key=_key_message(task.key)))
        case CheckValue():
            return _Message(check_value=_Message.CheckValue(key=_key_message(task.key)))
        case CodeOfCard():
            return _Message(code_of_card=_Message.CodeOfCard(key=_key_message(task.key), data=task.data))
        case Terminal():
            return _Message(terminal=_Message.Terminal(key=_key_message(task.key)))
        case Purchase():
            return _Message(purchase=_purchase_message(task))
        case Verification():
            return _Message(verification=_verification_message(task))


def _key_message(key: KeyReference) -> keys_pb2.KeyReference:
    return keys_pb2.KeyReference(name=key.name, version=key.version)


def _cryptogram_message(task: Cryptogram) -> keys_pb2.KeyTask.Cryptogram:
    return _Message.Cryptogram(key=_key_message(task.key), factor=task.factor, original=task.original)


def _mac_message(task: Mac) -> keys_pb2.KeyTask.Mac:
    return _Message.Mac(key=_key_message(task.key), factor=task.factor, data=task.data)


def _tac_message(task: Tac) -> keys_pb2.KeyTask.Tac:
    return _Message.Tac(key=_key_message(task.key), data=task.data)


def _loaded_key_message(task: LoadedKey) -> keys_pb2.KeyTask.LoadedKey:
    message = _Message.LoadedKey(
        under=_key_message(task.under),
        header=task.header,
        width=task.width,
        head=task.head,
        challenge=task.challenge,
    )
    if isinstance(task.value, KeyReference):
        message.key.CopyFrom(_key_message(task.value))
    else:
        message.pin = task.value.reveal()
    return message


def _psam_key_load_message(task: PsamKeyLoad) -> keys_pb2.KeyTask.PsamKeyLoad:
    return _Message.PsamKeyLoad(
        key=_key_message(task.key),
        levels=task.levels,
        under=_key_message(task.under),
        header=task.header,
        head=task.head,
        challenge=task.challenge,
    )


def _purchase_message(task: Purchase) -> keys_pb2.KeyTask.Purchase:
    account, self_paid, pooled_fund = task.amounts
    return _Message.Purchase(
        key=_key_message(task.key),
        random=task.random,
        sequence=task.sequence,
        account_amount=account,
        self_paid_amount=self_paid,
        pooled_fund_amount=pooled_fund,
        kind=task.kind,
        time=task.time,
        terminal=task.terminal,
    )


def _verification_message(task: Verification) -> keys_pb2.KeyTask.Verification:
    message = _Message.Verification(answer=task.answer)
    match task.task:
        case Cryptogram():
            message.cryptogram.CopyFrom(_cryptogram_message(task.task))
        case Mac():
            message.mac.CopyFrom(_mac_message(task.task))
        case Tac():
            message.tac.CopyFrom(_tac_message(task.task))
    return message


def _card(message: keys_pb2.CardFactors) -> CardFactors:
    algorithm = _ALGORITHMS.get(message.algorithm)
    if algorithm is None:
        raise InvalidRequestError("card.algorithm", "is required, and a value of Algorithm")
    try:
        return CardFactors(algorithm, message.region, message.card_factor)
    except MalformedError as error:
        raise InvalidRequestError("card", str(error)) from None


def _task(message: keys_pb2.KeyTask, path: str) -> KeyTask:
    kind = message.WhichOneof("task")
    if kind is None:
        raise InvalidRequestError(path, "is required: one of the tasks that KeyTask has")
    task: KeyTask = _READERS[kind](getattr(message, kind), f"{path}.{kind}")
    return task


def _key(message: Any, path: str, field: str = "key") -> KeyReference:
    if not message.HasField(field):
        raise InvalidRequestError(f"{path}.{field}", "is required")
    key = getattr(message, field)
    return KeyReference(key.name, key.version)


def _sized(message: Any, path: str, field: str, sizes: Collection[int]) -> bytes:
    """The bytes of a field that has one of these sizes, or lies in a range of them."""
    value: bytes = getattr(message, field)
    if len(value) not in sizes:
        allowed = f"{min(sizes)} to {max(sizes)}" if isinstance(sizes, range) else " or ".join(map(str, sorted(sizes)))
        raise InvalidRequestError(f"{path}.{field}", f"takes {allowed} bytes, not {len(value)}")
    return value


def _cryptogram(message: keys_pb2.KeyTask.Cryptogram, path: str) -> Cryptogram:
    factor, original = _sized(message, path, "factor", _FACTOR), _sized(message, path, "original", {8})
    return Cryptogram(_key(message, path), factor, original)


def _mac(message: keys_pb2.KeyTask.Mac, path: str) -> Mac:
    factor, data = _sized(message, path, "factor", _FACTOR), _sized(message, path, "data", range(MAX_DATA + 1))
    return Mac(_key(message, path), factor, data)


def _tac(message: keys_pb2.KeyTask.Tac, path: str) -> Tac:
    return Tac(_key(message, path), _sized(message, path, "data", range(MAX_DATA + 1)))


def _pin_block(message: keys_pb2.KeyTask.PinBlock, path: str) -> PinBlock:
    factor, pin = _sized(message, path, "factor", _FACTOR), _sized(message, path, "pin", range(2, 9))
    return PinBlock(_key(message, path), factor, Secret(pin))


def _encipherment(message: keys_pb2.KeyTask.Encipherment, path: str) -> Encipherment:
    return Encipherment(_key(message, path), _sized(message, path, "block", {4, 8}))


def _loaded_key(message: keys_pb2.KeyTask.LoadedKey, path: str) -> LoadedKey:
    kind = message.WhichOneof("value")
    if kind is None:
        raise InvalidRequestError(path, "takes `key` or `pin`")
    try:
        require_loading(message.header, message.width)
    except MalformedError as error:
        wrong = "header" if message.width in LOADING_HEADERS else "width"
        raise InvalidRequestError(f"{path}.{wrong}", str(error)) from None
    return LoadedKey(
        _key(message, path) if kind == "key" else Secret(_sized(message, path, "pin", range(1, 33))),
        _key(message, path, "under"),
        message.header,
        message.width,
        _sized(message, path, "head", {4}),
        _sized(message, path, "challenge", _FACTOR | {0}),
    )


def _psam_key_load(message: keys_pb2.KeyTask.PsamKeyLoad, path: str) -> PsamKeyLoad:
    if message.levels > MAX_LEVELS:
        raise InvalidRequestError(f"{path}.levels", f"takes 0 to {MAX_LEVELS}")
    return PsamKeyLoad(
        _key(message, path),
        message.levels,
        _key(message, path, "under"),
        _sized(message, path, "header", {3, 8}),
        _sized(message, path, "head", {4}),
        _sized(message, path, "challenge", _FACTOR),
    )


def _disclosure(message: keys_pb2.KeyTask.Disclosure, path: str) -> Disclosure:
    return Disclosure(_key(message, path))


def _check_value(message: keys_pb2.KeyTask.CheckValue, path: str) -> CheckValue:
    return CheckValue(_key(message, path))


def _code_of_card(message: keys_pb2.KeyTask.CodeOfCard, path: str) -> CodeOfCard:
    return CodeOfCard(_key(message, path), _sized(message, path, "data", {12}))


def _terminal(message: keys_pb2.KeyTask.Terminal, path: str) -> Terminal:
    return Terminal(_key(message, path))


def _purchase(message: keys_pb2.KeyTask.Purchase, path: str) -> Purchase:
    for field, most in (("sequence", 0xFFFF), ("kind", 0xFF)):
        if getattr(message, field) > most:
            raise InvalidRequestError(f"{path}.{field}", f"takes 0 to {most}")
    return Purchase(
        _key(message, path),
        _sized(message, path, "random", {4}),
        message.sequence,
        (message.account_amount, message.self_paid_amount, message.pooled_fund_amount),
        message.kind,
        _sized(message, path, "time", {7}),
        _sized(message, path, "terminal", {6}),
    )


def _verification(message: keys_pb2.KeyTask.Verification, path: str) -> Verification:
    answer = _sized(message, path, "answer", range(17))
    match message.WhichOneof("task"):
        case "cryptogram":
            return Verification(_cryptogram(message.cryptogram, f"{path}.cryptogram"), answer)
        case "mac":
            return Verification(_mac(message.mac, f"{path}.mac"), answer)
        case "tac":
            return Verification(_tac(message.tac, f"{path}.tac"), answer)
    raise InvalidRequestError(path, "takes `cryptogram`, `mac` or `tac`")


_READERS: Final[Mapping[str, Callable[[Any, str], KeyTask]]] = MappingProxyType(
    {
        "cryptogram": _cryptogram,
        "mac": _mac,
        "tac": _tac,
        "pin_block": _pin_block,
        "encipherment": _encipherment,
        "loaded_key": _loaded_key,
        "psam_key_load": _psam_key_load,
        "disclosure": _disclosure,
        "check_value": _check_value,
        "code_of_card": _code_of_card,
        "terminal": _terminal,
        "purchase": _purchase,
        "verification": _verification,
    }
)
