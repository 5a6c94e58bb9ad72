"""The card pulled at every command, the service killed at every entry of its journal: the same request converges."""

import itertools
import os

import pytest

from apdu.errors import CardError
from services.errors import JournalError
from services.operations.journal import OperationState
from services.store.engine import open_engine
from services.store.operations import SqlOperations
from sscard.v1 import pin_pb2
from tests.services.pin_desk import NEW, OWN, PinDesk, RecordingCard

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    found = open_engine(str(tmp_path_factory.mktemp("pins") / "s.db"))
    yield found
    found.dispose()


def requests():
    """Each changing call, and the PIN that the card has in the end."""
    name = f"cut-{next(NUMBERS)}"
    return {
        "ChangePin": (pin_pb2.ChangePinRequest(reader="desk", request_id=name, old_pin=OWN, new_pin=NEW), NEW),
        "ResetPin": (pin_pb2.ResetPinRequest(reader="desk", request_id=name, new_pin=NEW), NEW),
        "UnblockPin": (pin_pb2.UnblockPinRequest(reader="desk", request_id=name), OWN),
    }


METHODS = tuple(requests())


class DyingJournal(SqlOperations):
    """A journal whose process is killed at one of its entries, before or after it is on the disk."""

    def __init__(self, engine, place: int, *, written: bool) -> None:
        super().__init__(engine)
        self.place, self.written = place, written
        self.died = False

    def _entry(self, entry, *arguments):
        if self.died:
            raise JournalError("the process is dead")
        if self.place == 0:
            self.died = True
            if self.written:
                entry(*arguments)
            raise JournalError("the process is dead")
        self.place -= 1
        return entry(*arguments)

    def find(self, *arguments):
        return self._entry(super().find, *arguments)

    def begin(self, *arguments):
        return self._entry(super().begin, *arguments)

    def note(self, *arguments):
        return self._entry(super().note, *arguments)

    def finish(self, *arguments):
        return self._entry(super().finish, *arguments)

    def refuse(self, *arguments):
        return self._entry(super().refuse, *arguments)

    def interrupt(self, *arguments):
        return self._entry(super().interrupt, *arguments)


def told(capsys, points: int) -> None:
    with capsys.disabled():
        name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].removesuffix(" (call)")
        print(f"\n{name}: {points} points")  # noqa: T201  the number is asked for


async def converges(desk, engine, method, request, pin, *, wasted) -> None:
    """The same request again: done, and proven on the card itself. ``wasted``: PINs refused on the way at most."""
    card = desk.cards["desk"]
    answer = await desk.call(method, request)
    if method == "ChangePin":
        assert answer.result == pin_pb2.PIN_RESULT_OK
    assert SqlOperations(engine).find("local", request.request_id).state is OperationState.DONE
    assert sum(one.sw != 0x9000 for one in card.sent) <= wasted
    status = await desk.call("GetPinStatus", pin_pb2.GetPinStatusRequest(reader="desk"))
    assert status.tries_left == 3
    right = await desk.call("VerifyPin", pin_pb2.VerifyPinRequest(reader="desk", pin=pin))
    assert right.result == pin_pb2.PIN_RESULT_OK
    assert (await desk.call(method, request)).already_done


@pytest.mark.parametrize("restarted", [False, True], ids=["the same service", "a service that was restarted"])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before the card has it", "before its answer is there"])
@pytest.mark.parametrize("method", METHODS)
async def test_the_card_is_pulled_at_every_command(engine, method, carried_out, restarted, capsys):
    for points in itertools.count():
        card = RecordingCard()
        desk = await PinDesk({"desk": card}, journal=lambda: SqlOperations(engine)).start()
        request, pin = requests()[method]
        card.cut, card.carried_out = points, carried_out
        try:
            await desk.call(method, request)
        except CardError:
            if restarted:
                await desk.restart()
            await converges(desk, engine, method, request, pin, wasted=1)
        else:
            break
        finally:
            await desk.close()
    told(capsys, points)
    assert points == card.commands > 6


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the card has it", "before its answer is there"])
@pytest.mark.parametrize("method", METHODS)
async def test_the_card_is_pulled_twice_in_a_row(engine, method, carried_out, capsys):
    """The second time within the repetition, at each of its commands."""
    points = 0
    for first in (4, 5, 6, 7) if method == "ChangePin" else (7,):
        for second in itertools.count():
            card = RecordingCard()
            desk = await PinDesk({"desk": card}, journal=lambda: SqlOperations(engine)).start()
            request, pin = requests()[method]
            interrupted = 0
            for cut in (first, second):
                card.cut, card.carried_out = cut, carried_out
                try:
                    await desk.call(method, request)
                except CardError:
                    interrupted += 1
            card.cut = -1
            await converges(desk, engine, method, request, pin, wasted=2)
            await desk.close()
            points += 1
            if interrupted < 2:
                break
    told(capsys, points)
    assert points > 8


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "once it is written"])
@pytest.mark.parametrize("pulled", [False, True], ids=["the card stays", "the card is pulled first"])
@pytest.mark.parametrize("method", METHODS)
async def test_the_service_is_killed_at_every_entry(engine, method, written, pulled, capsys):
    points = 0
    for cut in range(4, 8) if pulled else (-1,):
        for place in itertools.count():
            card = RecordingCard()
            journal = DyingJournal(engine, place, written=written)
            desk = await PinDesk({"desk": card}, journal=lambda journal=journal: journal).start()
            request, pin = requests()[method]
            card.cut = cut
            try:
                await desk.call(method, request)
            except (JournalError, CardError):
                card.cut = -1
            if not journal.died:
                await desk.close()
                break
            desk.journal = lambda: SqlOperations(engine)
            await desk.restart()
            await converges(desk, engine, method, request, pin, wasted=1)
            await desk.close()
            points += 1
    told(capsys, points)
    assert points >= 4
