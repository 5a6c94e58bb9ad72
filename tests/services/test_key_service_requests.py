"""What KeyService takes: the rules of each field, and the name of the one that breaks them."""

import json

import grpc
import pytest

from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, Cryptogram
from services.mapping.keys import MAX_TASKS
from sscard.v1 import card_pb2, keys_pb2
from tests.services.key_tasks import CARD_FACTOR, CRYPTOGRAM, EVERY, FOR_CARDS, IRK, ORIGINAL, message

KINDS = keys_pb2.KeyTask.DESCRIPTOR.fields_by_name


def wrong(field: str, value: bytes | int | None):
    """A request whose only task has this value in ``kind.name``, or nothing there: None."""
    kind, _, name = field.partition(".")
    request = next(each for each in map(message, EVERY) if each.tasks[0].WhichOneof("task") == kind)
    task = getattr(request.tasks[0], kind)
    if value is None:
        task.ClearField(name)
    else:
        setattr(task, name, value)
    return pytest.param(request, f"tasks[0].{field}", id=f"{field} {len(value) if isinstance(value, bytes) else value}")


def of_card(field: str, **changes):
    request = message(CRYPTOGRAM)
    for name, value in changes.items():
        setattr(request.card, name, value)
    return pytest.param(request, field, id=f"{field} {changes}")


REFUSED = [
    pytest.param(keys_pb2.PerformKeyTasksRequest(card=message(CRYPTOGRAM).card), "tasks", id="no task"),
    pytest.param(message(*[CRYPTOGRAM] * (MAX_TASKS + 1)), "tasks", id="too many tasks"),
    pytest.param(keys_pb2.PerformKeyTasksRequest(tasks=message(CRYPTOGRAM).tasks), "card.algorithm", id="no card"),
    of_card("card.algorithm", algorithm=card_pb2.ALGORITHM_UNSPECIFIED),
    of_card("card.algorithm", algorithm=9),
    of_card("card", region="99010"),
    of_card("card", region="99010x"),
    of_card("card", region="９９０１００"),
    of_card("card", card_factor=bytes(7)),
    pytest.param(
        keys_pb2.PerformKeyTasksRequest(card=message(CRYPTOGRAM).card, tasks=[keys_pb2.KeyTask()]),
        "tasks[0]",
        id="kind",
    ),
    *(wrong(f"{kind}.key", None) for kind in KINDS if kind not in {"loaded_key", "verification"}),
    wrong("loaded_key.under", None),
    wrong("cryptogram.factor", b""),
    wrong("cryptogram.factor", bytes(7)),
    wrong("cryptogram.original", bytes(9)),
    wrong("mac.factor", bytes(5)),
    wrong("mac.data", bytes(1025)),
    wrong("tac.data", bytes(1025)),
    wrong("pin_block.factor", bytes(12)),
    wrong("pin_block.pin", b""),
    wrong("pin_block.pin", bytes(9)),
    wrong("encipherment.block", bytes(16)),
    wrong("loaded_key.header", bytes(33)),
    wrong("loaded_key.head", bytes(5)),
    wrong("loaded_key.challenge", bytes(6)),
    wrong("loaded_key.pin", bytes(33)),
    wrong("loaded_key.pin", b""),
    wrong("loaded_key.width", 65),
    wrong("psam_key_load.levels", 4),
    wrong("psam_key_load.under", None),
    wrong("psam_key_load.header", bytes(4)),
    wrong("psam_key_load.head", bytes(5)),
    wrong("psam_key_load.challenge", b""),
    wrong("code_of_card.data", bytes(11)),
    wrong("purchase.random", bytes(3)),
    wrong("purchase.time", bytes(8)),
    wrong("purchase.sequence", 0x10000),
    wrong("purchase.kind", 0x100),
    wrong("purchase.terminal", bytes(5)),
    wrong("verification.answer", bytes(17)),
]


@pytest.mark.parametrize(("request_", "field"), REFUSED)
async def test_a_request_that_breaks_a_rule_is_refused_by_the_fields_name(serving, refusal, request_, field) -> None:
    stub = await serving(serve_building_keys=True)
    code, info = await refusal(stub.PerformKeyTasks(request_))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert info.metadata["field"] == field


@pytest.mark.parametrize("name", ["", "IRK\n", "K" * 1000, "张三 990000199001010017"])
async def test_a_name_that_is_no_keys_is_told_by_its_place_and_seen_nowhere(serving, refusal, log, name) -> None:
    request = message(FOR_CARDS[0], FOR_CARDS[4])
    request.tasks[1].verification.tac.key.name = name
    call = (await serving()).PerformKeyTasks(request)
    code, info = await refusal(call)
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_UNKNOWN")
    field = "tasks[1].verification.tac.key.name"
    assert info.metadata == {"field": field, "national_code": "-2201"}
    assert await call.details() == f"key at {field} is not available: no key of this name is known here"
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert any(line["event"] == "request" for line in lines), "the most talkative level"
    shown = "\n".join(str(value) for line in lines for value in line.values())
    assert not name or name not in shown


@pytest.mark.parametrize("kind", ["loaded_key", "verification"])
async def test_a_task_with_nothing_to_load_or_to_verify_is_refused(serving, refusal, kind) -> None:
    task = keys_pb2.KeyTask()
    getattr(task, kind).SetInParent()
    stub = await serving(serve_building_keys=True)
    _, info = await refusal(
        stub.PerformKeyTasks(keys_pb2.PerformKeyTasksRequest(card=message(CRYPTOGRAM).card, tasks=[task]))
    )
    assert (info.reason, info.metadata["field"]) == ("INVALID_REQUEST", f"tasks[0].{kind}")


async def test_what_a_verification_compares_is_checked_by_its_own_name(serving, refusal) -> None:
    request = message(FOR_CARDS[0], FOR_CARDS[5])
    request.tasks[1].verification.mac.factor = bytes(7)
    _, info = await refusal((await serving()).PerformKeyTasks(request))
    assert info.metadata["field"] == "tasks[1].verification.mac.factor"


async def test_what_only_the_cipher_can_refuse_is_the_callers_fault_too(serving, refusal) -> None:
    des = CardFactors(Algorithm.DES, "990100", CARD_FACTOR)
    code, info = await refusal(
        (await serving()).PerformKeyTasks(message(Cryptogram(IRK, bytes(16), ORIGINAL), card=des))
    )
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_as_many_tasks_as_may_be_are_answered(serving) -> None:
    answer = await (await serving()).PerformKeyTasks(message(*[CRYPTOGRAM] * MAX_TASKS))
    assert len(answer.answers) == MAX_TASKS
