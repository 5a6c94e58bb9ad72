"""KeyService: what it takes, what it offers to whom, and what of it is seen."""

import asyncio
import json
import threading

import grpc
import pytest
from google.protobuf.text_encoding import CEscape
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian
from cardlib.development_keys import load as development_roots
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    CodeOfCard,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    LoadedKey,
    Mac,
    PinBlock,
    PsamKeyLoad,
    Purchase,
    Tac,
    Verification,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyReference
from services.config import Config, ConfigError
from services.custody.development import DevelopmentCustodian
from services.key_service import AT_ONCE, PSAM_ISSUERS, STATIONS, TERMINALS, Use, use_of
from services.mapping.keys import MAX_TASKS, request_message
from services.redaction import redacted
from services.server import KEY_SERVICE, SERVICES, check_access, services_of
from sscard.v1 import card_pb2, keys_pb2, keys_pb2_grpc

CARD_FACTOR = bytes.fromhex("99fa017e00c0ffee")
CARD = CardFactors(Algorithm.SM4, "990100", CARD_FACTOR)
FACTOR, ORIGINAL, PIN = bytes.fromhex("fac7fac7fac7fac7"), bytes.fromhex("0419041904190419"), bytes.fromhex("739518")
DATA = bytes.fromhex("da7ada7ada7ada7ada7ada7a")
IRK, STK, DTK, DPK, TMK = (KeyReference(name) for name in ("IRK", "STKSSSE", "DTK", "DPK", "TMK"))

CRYPTOGRAM = Cryptogram(IRK, FACTOR, ORIGINAL)
FOR_CARDS = [
    CRYPTOGRAM,
    Mac(STK, FACTOR, DATA),
    PinBlock(STK, FACTOR, Secret(PIN)),
    Purchase(DPK, FACTOR[:4], 7, (0x00C0FFEE, 250, 4750), 0x32, bytes.fromhex("20240102030405")),
    Verification(Tac(DTK, DATA), ORIGINAL[:4]),
    Verification(Mac(DPK, FACTOR, DATA), ORIGINAL[:4]),
    Verification(CRYPTOGRAM, ORIGINAL),
]
FOR_BUILDING = [
    Cryptogram(KeyReference("MKSSSE"), FACTOR, ORIGINAL),
    Cryptogram(TMK, FACTOR, ORIGINAL),
    Encipherment(KeyReference("TRANSPORT"), FACTOR),
    LoadedKey(IRK, TMK, b"\x39", 0, bytes(4), FACTOR),
    LoadedKey(Secret(PIN), TMK, b"\x3a", 8, bytes(4), b""),
    Disclosure(TMK),
    CheckValue(IRK),
    CodeOfCard(IRK, DATA),
]
FOR_PSAMS = [
    PsamKeyLoad(IRK, 3, KeyReference("PSAM-MKADF"), bytes.fromhex("6708000000000000"), bytes(4), FACTOR),
    Cryptogram(KeyReference("PSAM-KID01"), FACTOR, ORIGINAL),
]
FOR_ACCOUNTS = [
    Mac(DPK, FACTOR, DATA),
    Mac(KeyReference("DLK"), FACTOR, DATA),
    Tac(DTK, DATA),
]
KINDS = keys_pb2.KeyTask.DESCRIPTOR.fields_by_name
EVERY = [*FOR_CARDS, *FOR_BUILDING, *FOR_PSAMS, *FOR_ACCOUNTS]


@pytest.fixture
def serving(service_over):
    """The stub of a KeyService; keyword arguments are settings."""

    async def start(custodian: KeyCustodian | None = None, **settings):
        service = await service_over(InProcessReaders([]), custodian, **{"serve_keys": True} | settings)
        return keys_pb2_grpc.KeyServiceStub(service.channel)

    return start


def message(*tasks, card: CardFactors = CARD) -> keys_pb2.PerformKeyTasksRequest:
    return request_message(KeyRequest(card, tasks))


# --- what is offered ---


@pytest.mark.parametrize(
    ("tasks", "use"),
    [
        (FOR_CARDS, Use.CARDS),
        (FOR_BUILDING, Use.BUILDING),
        (FOR_PSAMS, Use.PSAMS),
        (FOR_ACCOUNTS, Use.ACCOUNTS),
    ],
)
def test_every_task_is_for_something(tasks, use) -> None:
    assert [use_of(task, {**KEYS, **CHIP_KEYS}) for task in tasks] == [use] * len(tasks)


def test_nobody_is_offered_to_sign_for_accounts() -> None:
    assert frozenset({Use.CARDS}) == TERMINALS
    assert frozenset({Use.CARDS, Use.BUILDING}) == STATIONS
    assert frozenset({Use.CARDS, Use.BUILDING, Use.PSAMS}) == PSAM_ISSUERS


@pytest.mark.parametrize("building", [False, True])
async def test_what_is_offered_is_answered_and_the_rest_is_refused_by_name(serving, refusal, building) -> None:
    stub = await serving(serve_building_keys=building)
    offered = [*FOR_CARDS, *FOR_BUILDING] if building else FOR_CARDS
    for task in EVERY:
        if task in offered:
            assert len((await stub.PerformKeyTasks(message(task))).answers) == 1
        else:
            code, info = await refusal(stub.PerformKeyTasks(message(task)))
            assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_UNAVAILABLE")
            assert info.metadata["key"]


async def test_one_task_that_is_not_offered_refuses_them_all_before_anything_is_computed(serving, refusal) -> None:
    class Counting(DevelopmentCustodian):
        asked = 0

        def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
            self.asked += 1
            return super().perform(request)

    custodian = Counting(development_mode=True)
    stub = await serving(custodian)
    await refusal(stub.PerformKeyTasks(message(CRYPTOGRAM, FOR_CARDS[3], Disclosure(TMK))))
    assert custodian.asked == 0


async def test_the_answers_are_the_custodians(serving) -> None:
    stub = await serving()
    tasks = [task for task in FOR_CARDS if not isinstance(task, Purchase)]
    answer = await stub.PerformKeyTasks(message(*tasks))
    assert tuple(answer.answers) == DevelopmentCustodian(development_mode=True).perform(KeyRequest(CARD, tuple(tasks)))


async def test_keys_are_served_only_where_the_configuration_says_so(service, refusal) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await keys_pb2_grpc.KeyServiceStub(service.channel).PerformKeyTasks(message(CRYPTOGRAM))
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert services_of(Config()) == SERVICES
    assert services_of(Config(serve_keys=True)) == (*SERVICES, KEY_SERVICE)
    check_access([KEY_SERVICE])


async def test_a_key_service_that_is_served_is_healthy_and_reflected(service_over) -> None:
    service = await service_over(InProcessReaders([]), serve_keys=True)
    health = health_pb2_grpc.HealthStub(service.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=KEY_SERVICE.full_name))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    listing = reflection_pb2_grpc.ServerReflectionStub(service.channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    names = {each.name for each in (await listing.read()).list_services_response.service}
    assert KEY_SERVICE.full_name in names


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"serve_keys": True, "centre": "127.0.0.1:1"}, "serve_keys and centre"),
        ({"serve_building_keys": True}, "set serve_keys = true as well"),
        ({"centre": "192.0.2.1:1"}, "centre: .*needs certificates"),
        ({"centre": "127.0.0.1"}, "centre: .*is not an address such as"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, sentence) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Config.load(**settings)


def test_a_centre_on_this_machine_may_be_asked() -> None:
    assert Config.load(centre="[::1]:50552").centre == "[::1]:50552"
    assert Config.load().centre == ""
    assert not Config.load().serve_keys
    assert not Config.load().serve_building_keys


# --- what is taken ---


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


def named(name: str):
    task = message(CRYPTOGRAM)
    task.tasks[0].cryptogram.key.name = name
    return pytest.param(task, "tasks[0].cryptogram.key.name", id=repr(name)[:20])


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
    named("K" * 41),
    named("IRK\n"),
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
    wrong("verification.answer", bytes(17)),
]


@pytest.mark.parametrize(("request_", "field"), REFUSED)
async def test_a_request_that_breaks_a_rule_is_refused_by_the_fields_name(serving, refusal, request_, field) -> None:
    stub = await serving(serve_building_keys=True)
    code, info = await refusal(stub.PerformKeyTasks(request_))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert info.metadata["field"] == field


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


# --- time ---


async def test_a_custodian_that_hangs_ends_the_call_and_nothing_else(serving, refusal) -> None:
    let, behind = threading.Event(), DevelopmentCustodian(development_mode=True)

    class Hanging(KeyCustodian):
        def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
            if request.card.region == "990200":
                assert let.wait(60)
            return behind.perform(request)

    stub = await serving(Hanging(), call_deadline=0.3)
    try:
        stuck = CardFactors(Algorithm.DES, "990200", bytes(8))
        code, info = await refusal(stub.PerformKeyTasks(message(CRYPTOGRAM, card=stuck)))
        assert (code, info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE")
        assert (await stub.PerformKeyTasks(message(CRYPTOGRAM))).answers[0]
    finally:
        let.set()


async def test_more_requests_than_the_custodian_works_on_wait_for_their_turn(serving) -> None:
    let, lock, under_way, most = threading.Event(), threading.Lock(), 0, 0

    class Counting(KeyCustodian):
        def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            assert let.wait(60)
            with lock:
                under_way -= 1
            return (b"\x00",)

    stub = await serving(Counting(), call_deadline=20)
    calls = [stub.PerformKeyTasks(message(CRYPTOGRAM)) for _ in range(AT_ONCE + 3)]
    try:
        async with asyncio.timeout(20):
            while under_way < AT_ONCE:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.PerformKeyTasks(message(CRYPTOGRAM), timeout=0.3)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    finally:
        let.set()
    assert [list((await call).answers) for call in calls] == [[b"\x00"]] * len(calls)
    assert most == AT_ONCE


# --- what is seen ---

SECRETS = [CARD_FACTOR, FACTOR, FACTOR[:4], ORIGINAL, ORIGINAL[:4], PIN, DATA, b"\x00\xc0\xff\xee"]


def seen(text: str, secret: bytes) -> bool:
    """Whether bytes stand in a text: as hex, as Python or protobuf write bytes, or as a number."""
    forms = {secret.hex(), repr(secret)[2:-1], CEscape(secret, as_utf8=False), str(int.from_bytes(secret, "big"))}
    return any(form.lower() in text.lower() for form in forms)


def test_only_public_fields_are_left_for_a_log() -> None:
    for task in EVERY:
        whole, left = str(message(task)), str(redacted(message(task)))
        assert seen(whole, CARD_FACTOR), "the test sees what is there"
        assert not [secret for secret in SECRETS if seen(left, secret)], left
        assert "990100" in left
    answer = keys_pb2.PerformKeyTasksResponse(answers=[FACTOR])
    assert str(redacted(answer)) == ""


async def test_the_log_has_counts_keys_and_region_and_nothing_else(serving, log, refusal) -> None:
    stub = await serving(serve_building_keys=True)
    tasks = [*FOR_CARDS, *FOR_BUILDING]
    answer = await stub.PerformKeyTasks(message(*tasks))
    for bad in (
        message(*FOR_ACCOUNTS),
        message(Cryptogram(KeyReference("UKEF0D"), FACTOR, ORIGINAL)),
        message(Cryptogram(IRK, FACTOR[:7], ORIGINAL)),
        message(PinBlock(STK, FACTOR, Secret(PIN * 3))),
    ):
        await refusal(stub.PerformKeyTasks(bad))
    text = log.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    asked, *others = [line for line in lines if line["event"] == "keys_asked"]
    assert asked["key_region"] == "990100"
    assert asked["algorithm"] == "SM4"
    assert asked["tasks"] == {
        "Cryptogram": 3,
        "Mac": 1,
        "PinBlock": 1,
        "Purchase": 1,
        "Verification": 3,
        "Encipherment": 1,
        "LoadedKey": 2,
        "Disclosure": 1,
        "CheckValue": 1,
        "CodeOfCard": 1,
    }
    assert asked["keys"] == ["DPK", "DTK", "IRK", "MKSSSE", "STKSSSE", "TMK", "TRANSPORT"]
    assert set(asked) == {"event", "key_region", "algorithm", "tasks", "keys", "level", "logger", "timestamp"}
    assert [line["keys"] for line in others] == [["DLK", "DPK", "DTK"], ["?"]]
    text += "".join(str(value) for line in lines for value in line.values())  # JSON doubles backslashes
    assert [secret for secret in SECRETS if seen(text, secret)] == []
    # A check value of three bytes and answers of one may stand in any text by chance.
    assert [answer for answer in answer.answers if len(answer) > 3 and seen(text, answer)] == []
    assert [root for root in development_roots().values() if seen(text, CARD.card_key(IRK, root).reveal())] == []
