"""`sscard readers --watch`: it goes on after the connection has broken."""

from collections.abc import Iterator

import grpc
import pytest
from typer.testing import CliRunner

from services.catalogue import failure_of
from services.cli import app, readers
from services.errors import EventsLostError, ShuttingDownError
from sscard.v1.reader_pb2 import ReaderEvent, WatchReadersRequest, WatchReadersResponse

COMPLETE, INSERTED = ReaderEvent.KIND_INITIAL_COMPLETE, ReaderEvent.KIND_CARD_INSERTED


def event(sequence: int, kind: ReaderEvent.Kind.ValueType, *, initial: bool = False) -> WatchReadersResponse:
    return WatchReadersResponse(
        instance="run-1", event=ReaderEvent(sequence=sequence, kind=kind, initial=initial or kind == COMPLETE)
    )


class Broken(grpc.RpcError, grpc.Call):
    """A stream that ended; ``error``: what the service said of it, None for nothing."""

    def __init__(self, error: Exception | None, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self._status = None if error is None else failure_of(error).to_status()
        self._code = (
            code
            if self._status is None
            else next(each for each in grpc.StatusCode if each.value[0] == self._status.code)
        )

    def trailing_metadata(self):
        return () if self._status is None else (("grpc-status-details-bin", self._status.SerializeToString()),)

    def code(self):
        return self._code

    def details(self):
        return "Socket closed" if self._status is None else self._status.message

    def initial_metadata(self):
        return ()

    is_active = time_remaining = cancel = add_callback = None


class Streams:
    """A service whose streams are these, one after the other; ``asked``: from where each was to begin."""

    def __init__(self, *streams: tuple[object, ...]) -> None:
        self._streams = iter(streams)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, _channel: object) -> "Streams":
        return self

    def WatchReaders(self, request: WatchReadersRequest) -> Iterator[object]:  # noqa: N802
        self.asked.append((request.instance, request.after_sequence))
        return self._stream(next(self._streams))

    @staticmethod
    def _stream(events: tuple[object, ...]) -> Iterator[object]:
        for each in events:
            if isinstance(each, BaseException):
                raise each
            yield each


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readers, "PAUSE", 0)

    def watching(*streams: tuple[object, ...]):
        service = Streams(*streams)
        monkeypatch.setattr(readers, "ReaderServiceStub", service)
        result = CliRunner().invoke(app, ["readers", "--watch", "--json", "--server", "127.0.0.1:1"])
        return service, result

    return watching


def test_it_goes_on_behind_the_last_event(watch) -> None:
    service, result = watch(
        (event(3, COMPLETE), event(4, INSERTED), Broken(None)),
        (Broken(ShuttingDownError()),),
        (event(5, INSERTED),),
    )
    assert result.exit_code == 0, result.output
    assert service.asked == [("", 0), ("run-1", 4), ("run-1", 4)]
    assert result.stdout.count('"sequence"') == 3
    assert result.stderr.count("waiting for it") == 2


def test_what_was_cut_off_before_the_state_was_whole_begins_again(watch) -> None:
    service, result = watch((event(3, INSERTED, initial=True), Broken(None)), (event(3, COMPLETE),))
    assert (result.exit_code, service.asked) == (0, [("", 0), ("", 0)])


def test_where_events_are_lost_the_present_state_follows(watch) -> None:
    service, result = watch((event(3, COMPLETE), Broken(None)), (Broken(EventsLostError()),), (event(1, COMPLETE),))
    assert (result.exit_code, service.asked) == (0, [("", 0), ("run-1", 3), ("", 0)])
    assert "the present state follows" in result.stderr


@pytest.mark.parametrize(
    "streams",
    [((Broken(None),),), ((event(3, COMPLETE), Broken(None, grpc.StatusCode.CANCELLED)),)],
    ids=["never there", "ended otherwise"],
)
def test_nobody_waits_for_a_service_that_never_was_there(watch, streams) -> None:
    service, result = watch(*streams)
    assert (result.exit_code, len(service.asked)) == (1, 1)
