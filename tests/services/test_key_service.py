"""KeyService: what it offers to whom, how long it takes, and what of it is seen."""

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
    Cryptogram,
    Disclosure,
    KeyRequest,
    PinBlock,
    Purchase,
    Verification,
    key_names,
)
from cardlib.keys import CHIP_KEYS, KEYS, KeyReference
from services.audit.subject import begin_subject
from services.callers.caller import Caller, Role
from services.callers.doors import PrivateDoor
from services.config import Config, ConfigError
from services.custody.development import DevelopmentCustodian
from services.key_service import AT_ONCE, PSAM_ISSUERS, STATIONS, TERMINALS, KeyService, Use, use_of
from services.redaction import redacted
from services.server import KEY_SERVICE, build_server, check_access, services_of
from sscard.v1 import keys_pb2, keys_pb2_grpc
from tests.services.key_tasks import (
    CARD,
    CARD_FACTOR,
    CRYPTOGRAM,
    DATA,
    EVERY,
    FACTOR,
    FOR_ACCOUNTS,
    FOR_BUILDING,
    FOR_CARDS,
    FOR_PSAMS,
    IRK,
    ORIGINAL,
    PIN,
    STK,
    TMK,
    message,
)

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


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        pytest.param({}, FOR_CARDS, id="terminals"),
        pytest.param({"serve_building_keys": True}, [*FOR_CARDS, *FOR_BUILDING], id="stations"),
    ],
)
async def test_what_is_offered_is_answered_and_the_rest_is_refused_by_name(serving, refusal, settings, offered) -> None:
    stub = await serving(**settings)
    for task in EVERY:
        if task in offered:
            assert len((await stub.PerformKeyTasks(message(task))).answers) == 1
        else:
            code, info = await refusal(stub.PerformKeyTasks(message(task)))
            assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_UNAVAILABLE")
            assert info.metadata["key"]


async def test_who_issues_psams_is_offered_their_keys_by_a_setting(serving, refusal) -> None:
    issuer = await serving(serve_building_keys=True, serve_psam_keys=True)
    for task in FOR_PSAMS[:4]:
        assert len((await issuer.PerformKeyTasks(message(task))).answers) == 1
    for task in FOR_PSAMS[4:]:  # these the custodian refuses to everybody
        _, info = await refusal(issuer.PerformKeyTasks(message(task)))
        assert (info.reason, info.metadata["key"].startswith("PSAM-")) == ("KEY_UNAVAILABLE", True)
    for task in FOR_ACCOUNTS:
        _, info = await refusal(issuer.PerformKeyTasks(message(task)))
        assert info.reason == "KEY_UNAVAILABLE"


async def test_which_keys_were_asked_for_is_on_record() -> None:
    subject = begin_subject()
    asked = message(FOR_CARDS[0])
    service = KeyService(DevelopmentCustodian(development_mode=True), call_deadline=20.0)
    await service.PerformKeyTasks(asked, NoDeadline())
    assert subject.detail == f"keys {' '.join(sorted(key_names(FOR_CARDS[0])))}"


class NoDeadline:
    """Stands in for gRPC's context of a call without a deadline of its own."""

    def time_remaining(self) -> None:
        return None


OF_ROLES = {
    Role.TERMINAL: FOR_CARDS,
    Role.ISSUER: [*FOR_CARDS, *FOR_BUILDING],
}


@pytest.mark.parametrize("role", OF_ROLES)
async def test_within_what_is_offered_a_role_has_its_own(refusal, role) -> None:
    private = PrivateDoor()
    config = Config(mode="development", listen="127.0.0.1:0", grace=0.1, serve_keys=True, serve_building_keys=True)
    custodian = DevelopmentCustodian(development_mode=True)
    server = build_server(config, InProcessReaders([]), custodian, door=private.door)
    await server.start()
    credentials = private.credentials(Caller("a", "990001", role))
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", credentials) as channel:
        stub = keys_pb2_grpc.KeyServiceStub(channel)
        for task in EVERY:
            if task in OF_ROLES[role]:
                assert len((await stub.PerformKeyTasks(message(task))).answers) == 1
            else:
                _, info = await refusal(stub.PerformKeyTasks(message(task)))
                assert info.reason == "KEY_UNAVAILABLE"
    await server.stop()


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
    assert KEY_SERVICE not in services_of(Config())
    assert set(services_of(Config(serve_keys=True))) == {*services_of(Config()), KEY_SERVICE}
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
        ({"serve_psam_keys": True}, "set serve_building_keys = true as well"),
        ({"serve_psam_keys": True, "serve_keys": True}, "set serve_building_keys = true as well"),
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
    assert not Config.load().serve_psam_keys


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


async def test_a_custodian_that_ends_its_thread_keeps_no_place(serving) -> None:
    class PanicException(BaseException):
        """As libraries in Rust raise it."""

    broken, behind = True, DevelopmentCustodian(development_mode=True)

    class Panicking(KeyCustodian):
        def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
            if broken:
                raise PanicException
            return behind.perform(request)

    stub = await serving(Panicking(), call_deadline=5)
    for _ in range(AT_ONCE + 1):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.PerformKeyTasks(message(CRYPTOGRAM))
        assert raised.value.code() is grpc.StatusCode.INTERNAL
    broken = False
    assert (await stub.PerformKeyTasks(message(CRYPTOGRAM))).answers[0]


async def test_a_thread_that_cannot_be_started_keeps_no_place_and_no_guess(serving, monkeypatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    stub = await serving(call_deadline=5)
    guess = message(CRYPTOGRAM, Verification(CRYPTOGRAM, ORIGINAL))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        for _ in range(AT_ONCE + 1):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.PerformKeyTasks(guess)
            assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert (await stub.PerformKeyTasks(guess)).answers[1] == b"\x00"


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
        "Terminal": 1,
        "Verification": 4,
        "Encipherment": 1,
        "LoadedKey": 4,
        "Disclosure": 1,
        "CheckValue": 1,
        "CodeOfCard": 1,
    }
    assert asked["keys"] == ["DLK", "DPK", "DTK", "IRK", "MKSSSE", "STKSSSE", "TMK", "TRANSPORT"]
    assert set(asked) == {"event", "key_region", "algorithm", "tasks", "keys", "level", "logger", "timestamp"}
    assert [line["keys"] for line in others] == [["DLK", "DPK", "DTK"]]
    text += "".join(str(value) for line in lines for value in line.values())  # JSON doubles backslashes
    assert [secret for secret in SECRETS if seen(text, secret)] == []
    # A check value of three bytes and answers of one may stand in any text by chance.
    assert [answer for answer in answer.answers if len(answer) > 3 and seen(text, answer)] == []
    assert [root for root in development_roots().values() if seen(text, CARD.card_key(IRK, root).reveal())] == []
