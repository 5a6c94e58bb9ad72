"""SimulatorService over a real pcscd, and the server that offers it on this machine alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from apdu.errors import CardMemoryError
from apdu.status import error_for
from apdu.transport.pcsc import PcscReaders
from cardlib.crypto import Algorithm
from services.redaction import redacted
from services.server import SERVICES
from services.simulator_service import SERVICE, ControlAddressError, check_address, control
from simulator.cards import Cards
from simulator.memory.cardfile import create_card_file
from simulator.pcscd import VirtualReaders
from simulator.people import ready_image
from simulator.rack import CardSourceError, NewCard, Rack
from simulator.seeds import seeded_rng
from sscard.v1 import simulator_pb2 as messages
from sscard.v1.simulator_pb2_grpc import SimulatorServiceStub

PATIENCE = 20
COMMAND = bytes.fromhex("00A4000002CAFE")


@pytest.fixture
def rack(pcscd: VirtualReaders) -> Iterator[Rack]:
    made = Rack(pcscd)
    yield made
    for slot in made.slots():
        if slot.card:
            made.remove(slot.number)
    readers = PcscReaders()
    states = readers.states()
    while any(state.present for state in states):
        states = readers.wait(states, timeout=1)
    readers.close()


@pytest.fixture
def stub(rack: Rack, echo_chip: Any) -> Iterator[Any]:
    def kind(name: str) -> NewCard:
        if name != "echo":
            raise CardSourceError([f"there is no {name}", "there is echo"])
        return NewCard(chip=echo_chip(), label="echo", algorithm=Algorithm.SM4)

    with control(rack, {"kind": kind}, "127.0.0.1:0") as address, grpc.insecure_channel(address) as channel:
        yield SimulatorServiceStub(channel)


@pytest.fixture
def seeded(rack: Rack) -> Iterator[Any]:
    """A simulator that makes its cards as `sscard simulate --seed x` does."""
    with (
        Cards(seed="x") as made,
        control(rack, {"kind": made.kind, "file": made.file}, "127.0.0.1:0") as address,
        grpc.insecure_channel(address) as channel,
    ):
        yield SimulatorServiceStub(channel)


def challenge(reader: str) -> bytes:
    connection = PcscReaders().connect(reader)
    (answer,) = connection.transmit([bytes.fromhex("0084000008")])
    connection.close()
    return bytes(answer[:8])


def echo(name: str = "") -> messages.NewCard:
    return messages.NewCard(name=name, kind="echo")


def refusal(call: Any, request: Any) -> tuple[grpc.StatusCode, str, list[str]]:
    """Code, reason and mistakes of a call that must fail."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=PATIENCE)
    status = rpc_status.from_call(raised.value)
    assert status is not None
    info, wrong = ErrorInfo(), BadRequest()
    assert status.details[0].Unpack(info)
    mistakes = [each.description for each in wrong.field_violations] if status.details[-1].Unpack(wrong) else []
    return raised.value.code(), info.reason, mistakes


pcsc = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd"), pytest.mark.timeout(60)]


class TestCalls:
    pytestmark = pcsc

    def test_cards_are_put_in_taken_out_and_exchanged(self, stub: Any, pcscd: VirtualReaders) -> None:
        put = stub.InsertCard(messages.InsertCardRequest(slot=1, new_card=echo("first")), timeout=PATIENCE)
        assert (put.slot.number, put.slot.reader, put.slot.card.label) == (1, pcscd.readers[0], "echo")
        swapped = stub.SwapCard(messages.SwapCardRequest(slot=1, new_card=echo()), timeout=PATIENCE)
        assert (swapped.removed.name, swapped.slot.card.name) == ("first", "card-2")
        assert stub.RemoveCard(messages.RemoveCardRequest(slot=1), timeout=PATIENCE).card.name == "card-2"
        again = stub.InsertCard(messages.InsertCardRequest(slot=2, name="first"), timeout=PATIENCE)
        assert again.slot.card == messages.SimulatedCard(name="first", number=1, label="echo")
        listed = stub.ListSlots(messages.ListSlotsRequest(), timeout=PATIENCE)
        assert [(slot.number, slot.card.name) for slot in listed.slots] == [(1, ""), (2, "first"), (3, ""), (4, "")]
        assert [card.name for card in listed.drawer] == ["card-2"]

    def test_faults_that_are_loaded_happen_until_they_are_cleared(self, stub: Any, pcscd: VirtualReaders) -> None:
        stub.InsertCard(messages.InsertCardRequest(slot=1, new_card=echo()), timeout=PATIENCE)
        script = '[[faults]]\nkind = "status"\nstatus = "6581"\ntimes = "always"\ncard = 1\n'
        loaded = stub.LoadFaults(messages.LoadFaultsRequest(script=script), timeout=PATIENCE)
        assert [(card.name, card.faults) for card in loaded.cards] == [("card-1", 1)]
        connection = PcscReaders().connect(pcscd.readers[0])
        (answer,) = connection.transmit([COMMAND])
        assert isinstance(error_for(int.from_bytes(answer, "big"), COMMAND[1]), CardMemoryError)
        assert [card.faults for card in stub.ClearFaults(messages.ClearFaultsRequest(), timeout=PATIENCE).cards] == [0]
        assert connection.transmit([COMMAND]) == [bytes.fromhex("CAFE9000")]
        connection.close()

    def test_all_mistakes_of_a_script_are_told_at_once_and_nothing_is_loaded(self, stub: Any) -> None:
        stub.InsertCard(messages.InsertCardRequest(slot=1, new_card=echo()), timeout=PATIENCE)
        script = '[[faults]]\nkind = "mute"\nat = 0\ncard = 9\n[[faults]]\nkind = "delay"\n[[faults]]\nkind = "mute"\n'
        code, reason, mistakes = refusal(stub.LoadFaults, messages.LoadFaultsRequest(script=script))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FAULT_SCRIPT")
        assert mistakes == [
            "faults[2].seconds: Field required",
            "faults[1]: at is counted from 1",
            "faults[1]: card: card 9 is in no slot",
        ]
        assert stub.ListSlots(messages.ListSlotsRequest(), timeout=PATIENCE).slots[0].card.faults == 0

    def test_of_a_thousand_mistakes_as_many_are_told_as_an_answer_holds(self, stub: Any) -> None:
        script = '[[faults]]\nkind = "mute"\nat = 0\n' * 1000
        code, _, mistakes = refusal(stub.LoadFaults, messages.LoadFaultsRequest(script=script))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert mistakes[-1] == f"and {1000 - len(mistakes) + 1} more"

    def test_what_a_card_did_is_reported(self, stub: Any) -> None:
        stub.InsertCard(messages.InsertCardRequest(slot=1, new_card=echo("one")), timeout=PATIENCE)
        report = stub.GetReport(messages.GetReportRequest(name="one"), timeout=PATIENCE)
        assert report.card.name == "one"
        assert report.resets >= 2, "one to see which card it is, one by pcscd"
        assert report.seconds >= report.reset_seconds > 0
        assert report.apdus == report.bytes_sent == 0

    def test_what_cannot_be_done_has_a_reason(self, stub: Any) -> None:
        insert, swap, insertion = stub.InsertCard, stub.SwapCard, messages.InsertCardRequest
        insert(insertion(slot=1, new_card=echo("one")), timeout=PATIENCE)
        code = grpc.StatusCode
        for call, request, expected in (
            (insert, insertion(slot=1, new_card=echo()), (code.FAILED_PRECONDITION, "SLOT_TAKEN", [])),
            (insert, insertion(slot=2, new_card=echo("one")), (code.ALREADY_EXISTS, "CARD_NAME_TAKEN", [])),
            (insert, insertion(slot=2, name="one"), (code.FAILED_PRECONDITION, "CARD_IN_SLOT", [])),
            (insert, insertion(slot=2, name="two"), (code.NOT_FOUND, "CARD_UNKNOWN", [])),
            (insert, insertion(slot=0, new_card=echo()), (code.NOT_FOUND, "SLOT_UNKNOWN", [])),
            (insert, insertion(slot=2), (code.INVALID_ARGUMENT, "INVALID_REQUEST", [])),
            (insert, insertion(slot=2, new_card=echo("a b")), (code.INVALID_ARGUMENT, "INVALID_REQUEST", [])),
            (
                insert,
                insertion(slot=2, new_card=messages.NewCard(file="/x")),
                (code.INVALID_ARGUMENT, "INVALID_REQUEST", []),
            ),
            (
                insert,
                insertion(slot=2, new_card=messages.NewCard(kind="9")),
                (code.INVALID_ARGUMENT, "CARD_NOT_MADE", ["there is no 9", "there is echo"]),
            ),
            (swap, messages.SwapCardRequest(slot=2, name="one"), (code.FAILED_PRECONDITION, "NO_CARD", [])),
            (stub.RemoveCard, messages.RemoveCardRequest(slot=4), (code.FAILED_PRECONDITION, "NO_CARD", [])),
            (stub.GetReport, messages.GetReportRequest(name="two"), (code.NOT_FOUND, "CARD_UNKNOWN", [])),
            (
                stub.LoadFaults,
                messages.LoadFaultsRequest(slot=1, script='[[faults]]\nkind = "mute"\ncard = 1\n'),
                (
                    code.INVALID_ARGUMENT,
                    "FAULT_SCRIPT",
                    ["faults[1]: card: the script is for the card in slot 1 alone"],
                ),
            ),
            (
                stub.LoadFaults,
                messages.LoadFaultsRequest(script="x" * 100_000),
                (code.INVALID_ARGUMENT, "INVALID_REQUEST", []),
            ),
        ):
            assert refusal(call, request) == expected
        assert len(stub.ListSlots(messages.ListSlotsRequest(), timeout=PATIENCE).drawer) == 0

    def test_a_card_that_has_no_place_is_not_made(self, seeded: Any, pcscd: VirtualReaders, tmp_path: Path) -> None:
        path = tmp_path / "one.card"
        create_card_file(path, ready_image("2.0")).close()
        insert, swap, insertion = seeded.InsertCard, seeded.SwapCard, messages.InsertCardRequest
        filed, named = messages.NewCard(file=str(path)), messages.NewCard(file=str(path), name="one")
        assert refusal(insert, insertion(slot=99, new_card=filed))[1] == "SLOT_UNKNOWN"
        assert refusal(swap, messages.SwapCardRequest(slot=1, new_card=filed))[1] == "NO_CARD"
        assert insert(insertion(slot=1, new_card=named), timeout=PATIENCE).slot.card.name == "one"
        for request, reason in (
            (insertion(slot=1, new_card=messages.NewCard(kind="3.0")), "SLOT_TAKEN"),
            (insertion(slot=2, new_card=messages.NewCard(kind="3.0", name="one")), "CARD_NAME_TAKEN"),
        ):
            assert refusal(insert, request)[1] == reason
        third = insert(insertion(slot=2, new_card=messages.NewCard(kind="3.0")), timeout=PATIENCE)
        assert third.slot.card.name == "card-2"
        assert [challenge(name) for name in pcscd.readers[:2]] == [seeded_rng("x", slot=made)(8) for made in range(2)]

    def test_a_card_that_is_discarded_gives_its_file_back(self, seeded: Any, tmp_path: Path) -> None:
        path = tmp_path / "one.card"
        create_card_file(path, ready_image("2.0")).close()
        request = messages.InsertCardRequest(slot=1, new_card=messages.NewCard(file=str(path), name="one"))
        discard, discarded = seeded.DiscardCard, messages.DiscardCardRequest(name="one")
        for _ in range(2):
            seeded.InsertCard(request, timeout=PATIENCE)
            assert refusal(discard, discarded)[1] == "CARD_IN_SLOT"
            seeded.RemoveCard(messages.RemoveCardRequest(slot=1), timeout=PATIENCE)
            assert refusal(seeded.InsertCard, request)[1] == "CARD_NAME_TAKEN"
            assert discard(discarded, timeout=PATIENCE).card.name == "one"
        assert refusal(discard, discarded)[:2] == (grpc.StatusCode.NOT_FOUND, "CARD_UNKNOWN")

    def test_reflection_lists_it_and_the_port_is_not_shared(self, rack: Rack) -> None:
        with control(rack, {}, "127.0.0.1:0") as address:
            with pytest.raises(ControlAddressError, match="is it in use"), control(rack, {}, address):
                raise AssertionError("two at one port")
            with grpc.insecure_channel(address) as channel:
                wanted = reflection_pb2.ServerReflectionRequest(list_services="")
                stub = reflection_pb2_grpc.ServerReflectionStub(channel)
                answer = next(stub.ServerReflectionInfo(iter([wanted]), timeout=PATIENCE))
        names = {each.name for each in answer.list_services_response.service}
        assert SERVICE.full_name in names
        assert "sscard.v1.CardService" not in names


@pytest.mark.parametrize("address", ["0.0.0.0:50552", "192.0.2.1:50552", "[::]:50552", ":50552", "example.org:50552"])
def test_an_address_that_others_reach_is_refused(address: str) -> None:
    with pytest.raises(ControlAddressError, match="can be reached from other machines"):
        check_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost:http", "127.0.0.1:70000"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ControlAddressError, match="is not an address such as"):
        check_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:50552", "localhost:50552"])
def test_addresses_of_this_machine_alone_are_taken(address: str) -> None:
    check_address(address)


def test_the_service_proper_never_offers_it() -> None:
    assert SERVICE not in SERVICES


def test_the_description_of_a_card_is_not_logged() -> None:
    request = messages.InsertCardRequest(slot=1, new_card=messages.NewCard(name="a", description="name = '样本'"))
    assert redacted(request).new_card == messages.NewCard(name="a")
