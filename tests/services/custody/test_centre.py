"""The centre as custodian, over a real server on the loopback interface."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_status import rpc_status

from apdu.errors import MalformedError, UnansweredError
from apdu.flow import Question
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import CardFactors, CheckValue, Cryptogram, KeyRequest, LoadedKey, Purchase, Verification
from cardlib.keys import KEYS, KeyReference
from services.catalogue import failure_of
from services.custody.centre import CentreCustodian
from services.custody.development import TERMINAL, DevelopmentCustodian
from services.custody.errors import CentreAwayError, KeyUnknownError
from services.key_service import TERMINALS
from services.statuses import told
from simulator.people import ready_card
from sscard.v1 import card_pb2, keys_pb2, keys_pb2_grpc
from tests.services.custody.contract import EVERY_KIND, TASKS, CustodianContract
from tests.services.key_centre import Centre, centre

CARD = CardFactors(Algorithm.SM4, "990100", bytes.fromhex("9901000100000001"))
CRYPTOGRAM = Cryptogram(KeyReference("IRK"), bytes(8), bytes(8))
TIME = bytes.fromhex("20240102030405")
PURCHASE = Purchase(KeyReference("DPK"), bytes(4), 1, (1000, 250, 4750), 0x32, TIME, TERMINAL)
REQUEST = KeyRequest(CARD, (CRYPTOGRAM,))


@pytest.fixture(scope="module")
def running() -> Iterator[Centre]:
    with centre(DevelopmentCustodian(development_mode=True)) as started:
        yield started


class TestCentre(CustodianContract):
    @pytest.fixture
    def custodian(self, running) -> Iterator[CentreCustodian]:
        with CentreCustodian(running.address) as custodian:
            yield custodian


class Scripted(KeyCustodian):
    """Does what it is told, in another thread, and counts."""

    def __init__(self, work: Callable[[KeyRequest], tuple[bytes, ...]]) -> None:
        self._work = work
        self.requests: list[KeyRequest] = []

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        self.requests.append(request)
        return self._work(request)


def raising(error: Exception) -> Scripted:
    def work(_: KeyRequest) -> tuple[bytes, ...]:
        raise error

    return Scripted(work)


class Slow(Scripted):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(self._wait)
        self.asked, self.let = threading.Event(), threading.Event()

    def _wait(self, request: KeyRequest) -> tuple[bytes, ...]:
        self.asked.set()
        assert self.let.wait(60), "a test forgot to let it answer"
        return tuple(bytes(8) for _ in request.tasks)


@pytest.fixture
def slow() -> Iterator[Slow]:
    custodian = Slow()
    yield custodian
    custodian.let.set()


def test_two_hundred_keys_to_load_are_one_trip() -> None:
    behind = DevelopmentCustodian(development_mode=True)
    counting = Scripted(behind.perform)
    names = [name for name, key in KEYS.items() if key.directory in {"DF01", "DF03"}]
    tasks = tuple(
        LoadedKey(KeyReference(names[at % len(names)], 1 + at % 3), KeyReference("TMK"), bytes(5), 0, bytes(4), at8)
        for at, at8 in ((at, at.to_bytes(8, "big")) for at in range(200))
    )
    with centre(counting) as started, CentreCustodian(started.address) as custodian:
        answers = custodian.perform(KeyRequest(CARD, tasks))
    assert counting.requests == [KeyRequest(CARD, tasks)]
    assert answers == behind.perform(KeyRequest(CARD, tasks))
    assert len(set(answers)) == 200


def test_every_field_of_every_task_arrives() -> None:
    echo = Scripted(lambda request: tuple(b"\x00" for _ in request.tasks))
    tasks = (*TASKS.values(), *EVERY_KIND, PURCHASE, Verification(CRYPTOGRAM, b"\x01" * 8))
    with centre(echo) as started, CentreCustodian(started.address) as custodian:
        custodian.perform(KeyRequest(CARD, tasks))
    assert echo.requests == [KeyRequest(CARD, tasks)]


# --- errors ---


@pytest.mark.parametrize("reason", ["there is no such key", ""])
def test_a_key_that_the_centre_has_not_got_is_not_available(reason) -> None:
    error = KeyUnavailableError("IRK", reason)
    with (
        centre(raising(error)) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(KeyUnavailableError) as caught,
    ):
        custodian.perform(REQUEST)
    assert (type(caught.value), caught.value.key) == (KeyUnavailableError, "IRK")
    assert str(caught.value) == str(error)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("tasks[1].loaded_key.key.name", "BK"),
        ("tasks[1].loaded_key.under.name", "TMK"),
        ("tasks[2].verification.cryptogram.key.name", "IRK"),
        ("tasks[3].mac.key.name", "IRK, BK, TMK"),
        ("tasks", "IRK, BK, TMK"),
    ],
)
def test_a_key_that_the_centre_does_not_know_is_named_by_whom_it_was_asked(field, key) -> None:
    load = LoadedKey(KeyReference("BK"), KeyReference("TMK"), bytes(5), 0, bytes(4), b"")
    with (
        centre(raising(KeyUnknownError(field))) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(
            KeyUnavailableError, match=r"is not available: the key centre knows no key of this name"
        ) as caught,
    ):
        custodian.perform(KeyRequest(CARD, (CRYPTOGRAM, load, Verification(CRYPTOGRAM, bytes(8)))))
    assert (type(caught.value), caught.value.key) == (KeyUnavailableError, key)


def test_a_centre_without_keys_says_so() -> None:
    with (
        centre(NoKeys()) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(KeyUnavailableError, match=r"^key IRK is not available: no key custodian is configured$"),
    ):
        custodian.perform(REQUEST)


def test_a_cipher_that_the_centre_cannot_compute_is_named() -> None:
    with (
        centre(raising(AlgorithmUnsupportedError("SM4"))) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(AlgorithmUnsupportedError) as caught,
    ):
        custodian.perform(REQUEST)
    assert caught.value.algorithm == "SM4"


@pytest.mark.parametrize("task", [PURCHASE, CRYPTOGRAM])
def test_a_centre_that_fails_is_said_to_and_is_not_asked_twice(task) -> None:
    behind = raising(RuntimeError("secret of the centre"))
    with (
        centre(behind) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(KeyUnavailableError, match=r"the centre at 127.* failed: .*\[INTERNAL\]") as caught,
    ):
        custodian.perform(KeyRequest(CARD, (task,)))
    assert type(caught.value) is KeyUnavailableError
    assert "secret of the centre" not in str(caught.value)
    assert len(behind.requests) == 1


@pytest.mark.parametrize("number", [-1, 1 << 32])
def test_a_number_that_has_no_place_in_the_message_is_malformed(running, number) -> None:
    request = KeyRequest(CARD, (CheckValue(KeyReference("IRK", number)),))
    with CentreCustodian(running.address) as custodian, pytest.raises(MalformedError, match="32 bits") as caught:
        custodian.perform(request)
    assert str(number) not in str(caught.value)


def test_a_centre_that_answers_too_little_is_not_believed() -> None:
    behind = Scripted(lambda _: (bytes(8),))
    with (
        centre(behind) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(MalformedError, match="answered 1 of 2 tasks"),
    ):
        custodian.perform(KeyRequest(CARD, (CRYPTOGRAM, CRYPTOGRAM)))


async def test_a_service_that_serves_no_keys_says_what_to_set(service) -> None:
    with (
        CentreCustodian(f"127.0.0.1:{service.server.port}") as custodian,
        pytest.raises(KeyUnavailableError, match="serves no keys: set serve_keys"),
    ):
        await asyncio.to_thread(custodian.perform, REQUEST)


def test_other_questions_are_not_the_centres() -> None:
    with CentreCustodian("127.0.0.1:1") as custodian, pytest.raises(UnansweredError, match="does not answer Question"):
        custodian.answer(Question())


# --- away ---


def test_a_centre_that_is_away_can_be_asked_again_later() -> None:
    with centre(DevelopmentCustodian(development_mode=True)) as first:
        port = int(first.address.rpartition(":")[2])
        custodian = CentreCustodian(first.address)
        right = custodian.perform(REQUEST)
    with custodian:
        with pytest.raises(CentreAwayError, match="the same call can be repeated") as caught:
            custodian.perform(REQUEST)
        assert caught.value.key == "IRK"
        assert failure_of(caught.value).refusal.code is grpc.StatusCode.UNAVAILABLE
        with centre(DevelopmentCustodian(development_mode=True), port=port):
            assert custodian.perform(REQUEST) == right


def test_a_centre_killed_half_way_leaves_the_call_repeatable(slow) -> None:
    with centre(slow) as started, CentreCustodian(started.address) as custodian, ThreadPoolExecutor(1) as thread:
        asked = thread.submit(custodian.perform, REQUEST)
        assert slow.asked.wait(10)
        started.kill()
        with pytest.raises(CentreAwayError):
            asked.result(20)


class Flaky(keys_pb2_grpc.KeyServiceServicer):
    """Is away at first, in the words of the transport, and counts."""

    def __init__(self) -> None:
        self.calls, self.away = 0, 1

    def PerformKeyTasks(self, request, context):  # noqa: N802
        self.calls += 1
        if self.calls <= self.away:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return keys_pb2.PerformKeyTasksResponse(answers=[b"\x01" for _ in request.tasks])


@pytest.fixture
def flaky() -> Iterator[tuple[Flaky, str]]:
    with ThreadPoolExecutor(2) as threads:
        server, servicer = grpc.server(threads), Flaky()
        keys_pb2_grpc.add_KeyServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, f"127.0.0.1:{port}"
        server.stop(0).wait(10)


def test_what_changes_nothing_is_sent_once_more(flaky) -> None:
    servicer, address = flaky
    with CentreCustodian(address) as custodian:
        assert custodian.perform(KeyRequest(CARD, (CRYPTOGRAM, Verification(CRYPTOGRAM, bytes(8))))) == (b"\x01",) * 2
    assert servicer.calls == 2


def test_it_is_not_sent_a_third_time(flaky) -> None:
    servicer, address = flaky
    servicer.away = 3
    with CentreCustodian(address) as custodian, pytest.raises(CentreAwayError):
        custodian.perform(REQUEST)
    assert servicer.calls == 2


def test_a_purchase_is_never_sent_twice(flaky) -> None:
    servicer, address = flaky
    with CentreCustodian(address) as custodian:
        with pytest.raises(CentreAwayError, match="UNAVAILABLE"):
            custodian.perform(KeyRequest(CARD, (CRYPTOGRAM, PURCHASE)))
        assert servicer.calls == 1
        assert custodian.perform(KeyRequest(CARD, (PURCHASE,))) == (b"\x01",)


def test_a_centre_that_is_too_slow_is_not_waited_for_and_not_asked_twice(slow) -> None:
    with centre(slow) as started, CentreCustodian(started.address, timeout=0.3) as custodian:
        with pytest.raises(CentreAwayError, match="DEADLINE_EXCEEDED"):
            custodian.perform(REQUEST)
        assert len(slow.requests) == 1


def test_the_centres_own_deadline_counts_as_no_answer(slow) -> None:
    with (
        centre(slow, deadline=0.2) as started,
        CentreCustodian(started.address) as custodian,
        pytest.raises(CentreAwayError, match="DEADLINE_EXCEEDED"),
    ):
        custodian.perform(REQUEST)


def test_a_slow_request_does_not_stall_the_others(slow) -> None:
    slow_card = CardFactors(Algorithm.DES, "990200", bytes(8))
    quick = DevelopmentCustodian(development_mode=True)
    behind = Scripted(lambda request: (slow if request.card == slow_card else quick).perform(request))
    with centre(behind) as started, CentreCustodian(started.address) as custodian, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(custodian.perform, KeyRequest(slow_card, (CRYPTOGRAM,)))
        assert slow.asked.wait(10)
        assert custodian.perform(REQUEST) == quick.perform(REQUEST)
        slow.let.set()
        assert waiting.result(10) == (bytes(8),)


# --- at a terminal ---


async def test_a_terminal_without_keys_proves_and_reads_a_card_with_the_centres(service_over) -> None:
    counting = Scripted(DevelopmentCustodian(development_mode=True).perform)
    readers = InProcessReaders(["three"])
    readers.insert("three", ready_card("3.0"), t0=True)
    request = card_pb2.ReadIdentityRequest(reader="three")
    with centre(counting, allowed=TERMINALS) as started, CentreCustodian(started.address) as custodian:
        terminal = await service_over(readers, custodian)
        answer = await terminal.cards.ReadIdentity(request)
        assert answer.authenticity == card_pb2.AUTHENTICITY_PROVEN
        assert answer.identity.holder.name
        assert len(counting.requests) == 1, "one trip"
        await asyncio.to_thread(started.kill)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await terminal.cards.ReadIdentity(request)
    status = rpc_status.from_call(raised.value)
    assert status is not None
    assert told(status).reason == "KEY_CENTRE_AWAY"
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


def test_secrets_travel_and_do_not_show() -> None:
    request = KeyRequest(CARD, (LoadedKey(Secret(b"\x12\x34"), KeyReference("TMK"), bytes(5), 0, bytes(4), b""),))
    with CentreCustodian("127.0.0.1:1", timeout=0.2) as custodian, pytest.raises(CentreAwayError) as caught:
        custodian.perform(request)
    assert caught.value.key == "TMK"
    assert "1234" not in f"{caught.value!r} {caught.value.__context__!r}"
