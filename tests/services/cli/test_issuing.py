"""What is told when a call does not end well: as the service says, and no more."""

from collections.abc import Iterator

import grpc
import pytest
import typer

from services.catalogue import failure_of, tell_written
from services.cli import issuing
from services.errors import JournalError
from sscard.v1 import issuance_pb2

BUILDING = issuance_pb2.PersonaliseCardResponse(
    progress=issuance_pb2.IssuanceProgress(stage=issuance_pb2.ISSUANCE_STAGE_BUILDING)
)
MADE = issuance_pb2.PersonaliseCardResponse(issued=issuance_pb2.IssuedCard(request_id="one"))
REQUEST = issuance_pb2.PersonaliseCardRequest(request_id="one")


class Failed(grpc.RpcError, grpc.Call):
    """A call that failed with a status of the service, None: on the way."""

    def __init__(self, written: bool | None) -> None:
        error = JournalError("full")
        if written is not None:
            tell_written(error, written=written)
        self.status = failure_of(error).to_status()

    def trailing_metadata(self):
        return (("grpc-status-details-bin", self.status.SerializeToString()),)

    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        return self.status.message

    def initial_metadata(self):
        return ()

    is_active = time_remaining = cancel = add_callback = None


class Stream:
    """A stream of events, the last of which may be an error; ``ended``: whether it was read to its end."""

    def __init__(self, *events: object) -> None:
        self.events, self.ended = events, False

    def PersonaliseCard(self, request, timeout):  # noqa: N802
        return self

    def __call__(self, _channel):
        return self

    def cancel(self) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        for event in self.events:
            if isinstance(event, BaseException):
                raise event
            yield event
        self.ended = True


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((BUILDING, Failed(True)), "the chip is half-built; put it in again and repeat with --request-id one"),
        ((Failed(True),), "the chip is half-built"),
        ((BUILDING, Failed(None)), "the chip may be half-built"),
        ((BUILDING, Failed(False)), ""),
        ((Failed(None),), ""),
    ],
)
def test_a_half_built_chip_is_told_as_the_service_says(monkeypatch, capsys, events, told) -> None:
    monkeypatch.setattr(issuing, "IssuanceServiceStub", Stream(*events))
    with pytest.raises(grpc.RpcError):
        issuing.issued(None, REQUEST)
    printed = capsys.readouterr().err
    assert told in printed
    assert ("half-built" in printed) is bool(told)


def test_the_stream_is_read_to_its_end_so_that_the_call_is_not_cancelled(monkeypatch) -> None:
    stream = Stream(BUILDING, MADE)
    monkeypatch.setattr(issuing, "IssuanceServiceStub", stream)
    assert issuing.issued(None, REQUEST) == MADE.issued
    assert stream.ended


@pytest.mark.parametrize("broken", [Failed(None), KeyboardInterrupt()])
def test_what_happens_behind_the_result_does_not_unmake_the_card(monkeypatch, broken) -> None:
    monkeypatch.setattr(issuing, "IssuanceServiceStub", Stream(MADE, broken))
    assert issuing.issued(None, REQUEST) == MADE.issued


def test_ctrl_c_while_a_chip_is_built_says_how_to_go_on(monkeypatch, capsys) -> None:
    monkeypatch.setattr(issuing, "IssuanceServiceStub", Stream(BUILDING, KeyboardInterrupt()))
    with pytest.raises(typer.Exit) as left:
        issuing.issued(None, REQUEST, "--run monday")
    assert left.value.exit_code == 130
    assert "may be half-built; put it in again and repeat with --run monday" in capsys.readouterr().err
