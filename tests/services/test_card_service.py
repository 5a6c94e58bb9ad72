import asyncio
import json
import threading
import time
from dataclasses import replace

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from apdu.errors import CardRemovedError, NoServiceError, ReaderError
from apdu.readers import ReaderState
from apdu.transport.inprocess import InProcessReaders
from cardlib import development_keys
from cardlib.custody import NoKeys
from cardlib.values import CardDate
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import INITIAL_PIN, READY, ready_card
from sscard.v1 import card_pb2

REQUEST = card_pb2.ReadIdentityRequest


@pytest.mark.parametrize(("reader", "version"), [("two", "2.0"), ("three", "3.0")])
async def test_reads_the_identity_and_says_that_the_card_is_genuine(service, reader, version) -> None:
    answer = await service.cards.ReadIdentity(REQUEST(reader=reader))
    assert answer.card_version == version
    assert answer.authenticity == card_pb2.AUTHENTICITY_PROVEN
    assert answer.authenticity_note == ""
    assert list(answer.warnings) == []
    assert answer.identity.holder.name == READY[version].holder["name"]
    assert answer.identity.holder.sex.chinese in {"男性", "女性"}
    assert answer.atr == ready_card(version).atr
    assert answer.historical_bytes == answer.atr[4:]


async def test_a_card_of_version_1_is_read_as_well(service) -> None:
    service.readers.insert("none", ready_card("1.0"))
    answer = await service.cards.ReadIdentity(REQUEST(reader="none"))
    assert answer.card_version == "1.0"
    assert not answer.identity.issuer.HasField("expiry_date")


async def test_the_algorithm_is_the_one_the_card_names(service) -> None:
    two = await service.cards.ReadIdentity(REQUEST(reader="two"))
    three = await service.cards.ReadIdentity(REQUEST(reader="three"))
    assert (two.algorithm, three.algorithm) == (card_pb2.ALGORITHM_DES, card_pb2.ALGORITHM_SM4)


async def test_without_keys_a_free_card_is_read_and_the_answer_says_that_nothing_was_checked(service_over) -> None:
    readers = InProcessReaders(["two"])
    readers.insert("two", ready_card("2.0"))
    service = await service_over(readers, NoKeys())
    answer = await service.cards.ReadIdentity(REQUEST(reader="two"))
    assert answer.authenticity == card_pb2.AUTHENTICITY_NOT_CHECKED
    assert "IRK" in answer.authenticity_note
    assert answer.identity.holder.HasField("name")


async def test_without_keys_proof_cannot_be_required(service_over, refusal) -> None:
    readers = InProcessReaders(["two"])
    readers.insert("two", ready_card("2.0"))
    service = await service_over(readers, NoKeys())
    code, info = await refusal(
        service.cards.ReadIdentity(REQUEST(reader="two", authenticity_check=card_pb2.AUTHENTICITY_CHECK_REQUIRED))
    )
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KEY_UNAVAILABLE")
    assert info.metadata["key"] == "IRK"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(REQUEST(reader="none"), ("FAILED_PRECONDITION", "NO_CARD", "-2"), id="no card"),
        pytest.param(REQUEST(reader="nowhere"), ("NOT_FOUND", "NO_READER", "-12"), id="no reader"),
        pytest.param(REQUEST(), ("INVALID_ARGUMENT", "INVALID_REQUEST", "-14"), id="no name"),
        pytest.param(
            REQUEST(reader="two", authenticity_check=99), ("INVALID_ARGUMENT", "INVALID_REQUEST", "-14"), id="bad enum"
        ),
    ],
)
async def test_what_cannot_be_read_has_its_own_reason(service, refusal, request_, expected) -> None:
    code, info = await refusal(service.cards.ReadIdentity(request_))
    assert (code.name, info.reason, info.metadata["national_code"]) == expected
    assert info.domain == "sscard.v1"


class Answering:
    """A chip that gives one answer to everything."""

    def __init__(self, atr: bytes, answer: bytes) -> None:
        self._atr, self._answer = atr, answer

    def power_on(self) -> bytes:
        return self._atr

    reset = power_on

    def power_off(self) -> None: ...

    def process(self, command: bytes) -> bytes:
        return self._answer


ATR = ready_card("2.0").atr


@pytest.mark.parametrize(
    ("chip", "code", "reason"),
    [
        pytest.param(Answering(ATR, bytes.fromhex("6A82")), "FAILED_PRECONDITION", "FOREIGN_CARD", id="foreign"),
        pytest.param(Answering(b"", b""), "FAILED_PRECONDITION", "CARD_MUTE", id="mute at once"),
        pytest.param(Answering(ATR, b""), "FAILED_PRECONDITION", "CARD_MUTE", id="mute later"),
        pytest.param(Answering(ATR, b"\x90"), "INTERNAL", "PROTOCOL", id="no status word"),
        pytest.param(Answering(b"\x3b", bytes.fromhex("9000")), "DATA_LOSS", "ATR_MALFORMED", id="bad ATR"),
        pytest.param(Answering(ATR, bytes.fromhex("6F00")), "INTERNAL", "CARD_ERROR", id="unexpected status word"),
        pytest.param(Answering(ATR, bytes.fromhex("9303")), "FAILED_PRECONDITION", "APPLICATION_BLOCKED", id="blocked"),
        pytest.param(Answering(ATR, bytes.fromhex("01FF009000")), "DATA_LOSS", "TLV_MALFORMED", id="cut-off TLV"),
    ],
)
async def test_a_card_that_is_not_as_it_should_be_has_its_own_reason(service, refusal, chip, code, reason) -> None:
    service.readers.insert("none", chip)
    found, info = await refusal(service.cards.ReadIdentity(REQUEST(reader="none")))
    assert (found.name, info.reason) == (code, reason)
    assert (await service.cards.ReadIdentity(REQUEST(reader="two"))).card_version == "2.0", "the service goes on"


async def test_a_card_taken_out_half_way_is_said_to_be(service, refusal, hanging) -> None:
    chip = hanging(answers=1)
    service.readers.insert("none", chip)
    call = asyncio.ensure_future(service.cards.ReadIdentity(REQUEST(reader="none")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    service.readers.remove("none")
    chip.free()
    code, info = await refusal(call)
    assert (code, info.reason, info.metadata["reader"]) == (grpc.StatusCode.ABORTED, "CARD_REMOVED", "none")


async def test_the_deadline_of_the_service_reaches_the_card(service_over, refusal, hanging) -> None:
    readers = InProcessReaders(["stuck"])
    chip = hanging(answers=1)
    readers.insert("stuck", chip)
    service = await service_over(readers, call_deadline=0.3)
    began = time.monotonic()
    code, info = await refusal(service.cards.ReadIdentity(REQUEST(reader="stuck")))
    assert (code, info.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE")
    assert time.monotonic() - began < 5
    sent = len(chip.commands)
    chip.free()
    await _until(lambda: not readers.states()[0].in_use)
    assert len(chip.commands) == sent, "nothing was sent after the deadline"


async def test_the_deadline_of_the_caller_reaches_the_card(service, hanging) -> None:
    chip = hanging(answers=1)
    service.readers.insert("none", chip)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.cards.ReadIdentity(REQUEST(reader="none"), timeout=0.3)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    sent = len(chip.commands)
    chip.free()
    await _until(lambda: not service.readers.states()[2].in_use)
    assert len(chip.commands) == sent


async def test_a_cancelled_call_stops_before_the_next_command_and_the_card_forgets_it(service, hanging, log) -> None:
    chip = hanging(answers=1)
    service.readers.insert("none", chip)
    call = service.cards.ReadIdentity(REQUEST(reader="none"))
    waiting = asyncio.ensure_future(call.code())
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    call.cancel()
    assert await waiting is grpc.StatusCode.CANCELLED
    await _until(lambda: '"CANCELLED"' in log.getvalue())
    sent, resets = len(chip.commands), chip.resets
    chip.free()
    await _until(lambda: not service.readers.states()[2].in_use)
    assert len(chip.commands) == sent
    answer = await service.cards.ReadIdentity(REQUEST(reader="none"))
    assert answer.card_version == "2.0"
    assert chip.resets == resets + 1, "the next caller gets a card that was powered anew"


async def test_a_card_that_hangs_holds_up_its_own_reader_only(service, refusal, hanging) -> None:
    chip = hanging()
    service.readers.insert("none", chip)
    stuck = asyncio.ensure_future(service.cards.ReadIdentity(REQUEST(reader="none")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    async with asyncio.timeout(10):
        others = await asyncio.gather(
            *(service.cards.ReadIdentity(REQUEST(reader=reader)) for reader in ("two", "three") for _ in range(5))
        )
    assert len(others) == 10
    assert not stuck.done()
    chip.free()
    assert (await stuck).card_version == "2.0"


async def test_calls_for_one_reader_take_turns(service) -> None:
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(service.cards.ReadIdentity(REQUEST(reader="three")) for _ in range(20)))
    assert {answer.authenticity for answer in answers} == {card_pb2.AUTHENTICITY_PROVEN}


async def test_a_caller_does_not_wait_for_ever_for_a_card_that_another_one_holds(
    service_over, refusal, hanging
) -> None:
    readers = InProcessReaders(["stuck"])
    chip = hanging()
    readers.insert("stuck", chip)
    service = await service_over(readers, card_wait=0.2)
    first = asyncio.ensure_future(service.cards.ReadIdentity(REQUEST(reader="stuck")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    code, info = await refusal(service.cards.ReadIdentity(REQUEST(reader="stuck")))
    assert (code, info.reason) == (grpc.StatusCode.UNAVAILABLE, "CARD_IN_USE")
    chip.free()
    await first


async def test_a_reader_unplugged_while_its_card_hangs_works_again_when_it_is_back(service, refusal, hanging) -> None:
    chip = hanging()
    service.readers.insert("none", chip)
    stuck = asyncio.ensure_future(service.cards.ReadIdentity(REQUEST(reader="none")))
    assert await asyncio.to_thread(chip.hangs.wait, 10)
    service.readers.remove_reader("none")
    await _until_reason(service, refusal, "none", "NO_READER")
    service.readers.add_reader("none")
    service.readers.insert("none", ready_card("3.0"))
    await _until_reason(service, refusal, "none", None)
    assert not stuck.done()
    chip.free()
    assert (await refusal(stuck))[1].reason == "CARD_REMOVED"


class Scripted:
    """Readers that do what a test says."""

    def __init__(self, **outcomes) -> None:
        self.outcomes = outcomes
        self._closed = threading.Event()

    def states(self):
        return self._outcome("states")

    def wait(self, known, timeout):
        self._closed.wait(0.01)
        return self._outcome("states")

    def connect(self, reader, *, timeout=5.0):
        return self._outcome("connect")

    def close(self) -> None:
        self._closed.set()

    def _outcome(self, name):
        outcome = self.outcomes[name]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


ONE = (ReaderState("r", present=True, atr=ATR, insertions=1),)


@pytest.mark.parametrize(
    ("outcomes", "code", "reason"),
    [
        pytest.param({"states": NoServiceError("away")}, "UNAVAILABLE", "NO_SERVICE", id="no daemon"),
        pytest.param({"states": ONE, "connect": NoServiceError("x")}, "UNAVAILABLE", "NO_SERVICE", id="daemon dies"),
        pytest.param({"states": ONE, "connect": ReaderError("x")}, "UNAVAILABLE", "READER_FAULT", id="reader fails"),
        pytest.param({"states": ONE, "connect": CardRemovedError("x")}, "ABORTED", "CARD_REMOVED", id="quick hand"),
    ],
)
async def test_what_goes_wrong_below_has_its_own_reason(service_over, refusal, outcomes, code, reason) -> None:
    service = await service_over(Scripted(**outcomes))
    found, info = await refusal(service.cards.ReadIdentity(REQUEST(reader="r")))
    assert (found.name, info.reason) == (code, reason)


async def test_an_unknown_exception_tells_the_caller_nothing_and_the_log_its_type(service_over, refusal, log) -> None:
    secret = "张三 990000199001010017"
    service = await service_over(Scripted(states=ONE, connect=ZeroDivisionError(secret)))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.cards.ReadIdentity(REQUEST(reader="r"))
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert secret not in str(raised.value)
    assert "ZeroDivisionError" not in str(raised.value)
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if '"failure"' in line]
    assert line["error"] == "ZeroDivisionError"
    assert secret not in log.getvalue()


async def test_doubtful_data_are_returned_with_a_warning_each(service) -> None:
    ready = READY["2.0"]
    doubtful = replace(
        ready,
        holder={**ready.holder, "social_security_number": "990000198503120028"},
        issuer={**ready.issuer, "expiry_date": CardDate("20200101")},
    )
    issue = Issue(algorithm=ready.algorithm, historical_bytes=ready.historical_bytes(7), pin=INITIAL_PIN)
    image = image_for(ready.profile, doubtful.contents(7), issue, development_keys.load())
    service.readers.insert("none", SoftwareCard(image), t0=True)
    answer = await service.cards.ReadIdentity(REQUEST(reader="none"))
    assert {(warning.file, warning.item, warning.code) for warning in answer.warnings} == {
        ("issuer", "expiry_date", "EXPIRED"),
        ("holder", "social_security_number", "ID_CHECK_DIGIT"),
    }
    assert all(warning.message and warning.chinese_message for warning in answer.warnings)
    assert answer.identity.holder.social_security_number == "990000198503120028"


async def _until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for happens in a thread
            await asyncio.sleep(0.01)


async def _until_reason(service, refusal, reader, reason) -> None:
    """Ask until the watching thread has noticed."""
    async with asyncio.timeout(10):
        while True:
            try:
                await service.cards.ReadIdentity(REQUEST(reader=reader), timeout=1)
                found = None
            except grpc.aio.AioRpcError as error:
                found = _reason(error)
            if found == reason:
                return
            await asyncio.sleep(0.01)


def _reason(error) -> str:
    info, status = ErrorInfo(), rpc_status.from_call(error)
    return info.reason if status is not None and status.details[0].Unpack(info) else error.code().name
