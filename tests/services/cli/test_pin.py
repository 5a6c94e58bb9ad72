"""`sscard pin`: what somebody at a counter sees, and what reaches the card."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from apdu.transport.inprocess import InProcessReaders
from services.cli import app
from services.config import Config
from services.custody.development import DevelopmentCustodian
from services.server import build_server
from services.store.engine import open_engine
from simulator.pinpad import ENTER, ScriptedHolder, SimulatedPad
from tests.services.pin_desk import INITIAL, NEW, OWN, WRONG, RecordingCard

READER = "desk"
LONG = "1234567890123"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One for all: each command has a request id of its own."""
    path = str(tmp_path_factory.mktemp("pin") / "s.db")
    open_engine(path).dispose()
    return path


class Counter:
    """A service with one card in one reader, and the commands that call it."""

    def __init__(self, port: int) -> None:
        self._server = ["--server", f"127.0.0.1:{port}"]

    async def __call__(self, *words: str, typed: str = "") -> Result:
        command = ["pin", *words, *self._server]
        result = await asyncio.to_thread(
            CliRunner().invoke, app, command, input=typed, env={"SSCARD_MODE": "development"}
        )
        for pin in (INITIAL, OWN, NEW, WRONG, LONG):
            assert pin not in result.output
        return result


@pytest.fixture
def serving(database: str) -> Iterator[Callable[..., Any]]:
    @asynccontextmanager
    async def serve(card: RecordingCard, *at_pad: str) -> AsyncIterator[Counter]:
        readers = InProcessReaders()
        readers.add_reader(READER, pad=SimulatedPad(ScriptedHolder(*at_pad)) if at_pad else None)
        readers.insert(READER, card)
        config = Config(
            mode="development", listen="127.0.0.1:0", database=database, audit=False, pad_pin_digits=6, grace=0
        )
        server = build_server(config, readers, DevelopmentCustodian(development_mode=True))
        await server.start()
        try:
            yield Counter(server.port)
        finally:
            await server.stop()

    return serve


async def test_how_a_pin_stands(serving) -> None:
    async with serving(RecordingCard()) as pin:
        shown = await pin("status")
        told = json.loads((await pin("status", "--json")).stdout)
    assert "正常" in shown.output
    assert "tries left: 3" in shown.output
    assert "无 no" in shown.output
    assert (told["state"], told["tries_left"]) == ("PIN_STATE_SET", 3)
    async with serving(RecordingCard(pin="")) as pin:
        assert "the card has none" in (await pin("status")).output


async def test_a_wrong_pin_a_right_one_and_the_last_try(serving) -> None:
    card = RecordingCard()
    async with serving(card) as pin:
        wrong = await pin("verify", typed=f"{WRONG}\n")
        assert (wrong.exit_code, "tries left: 2" in wrong.output) == (1, True)
        repeated = await pin("verify", "--pin-stdin", typed=f"{WRONG}\n")
        assert (repeated.exit_code, "[PIN_REPEATED]" in repeated.output) == (1, True)
        right = await pin("verify", "--pin-stdin", typed=f"{OWN}\n")
        assert (right.exit_code, "tries left: 3" in right.output) == (0, True)
        for each in ("1111", "2222"):
            assert (await pin("verify", "--pin-stdin", typed=f"{each}\n")).exit_code == 1
        sent = len(card.sent)
        unasked = await pin("verify", "--pin-stdin", typed="3333\n")
        declined = await pin("verify", typed="3333\nn\n")
        assert (unasked.exit_code, declined.exit_code) == (1, 1)
        assert "[PIN_LAST_TRY]" in unasked.output
        assert "One try is left" in declined.output
        assert len(card.sent) == sent
        blocked = await pin("verify", typed="3333\ny\n")
        assert (blocked.exit_code, "that was the last try" in blocked.output) == (1, True)
        after = await pin("verify", "--allow-last-try", "--pin-stdin", typed=f"{OWN}\n")
        assert (after.exit_code, "nothing was sent" in after.output) == (1, True)
        assert len(card.sent) == sent + 1
        unblocked = await pin("unblock", "--request-id", f"unblock-{id(card)}")
        again = await pin("unblock", "--request-id", f"unblock-{id(card)}")
    assert (unblocked.exit_code, "tries left: 3" in unblocked.output) == (0, True)
    assert "the request was done before" in again.output


async def test_a_pin_is_changed_and_reset(serving) -> None:
    card = RecordingCard(pin=INITIAL)
    async with serving(card) as pin:
        not_new = await pin("change", typed=f"{INITIAL}\n{OWN}\n{OWN}\n")
        assert (not_new.exit_code, "nothing was sent" in not_new.output) == (1, True)
        assert not card.sent
        differ = await pin("change", "--new-card", typed=f"{INITIAL}\n{OWN}\n{NEW}\n")
        assert differ.exit_code == 1
        assert not card.sent
        changed = await pin("change", "--new-card", typed=f"{INITIAL}\n{OWN}\n{OWN}\n")
        assert (changed.exit_code, "密码已修改" in changed.output) == (0, True)
        refused = await pin("change", "--pin-stdin", typed=f"{WRONG}\n{NEW}\n")
        assert (refused.exit_code, "密码错误" in refused.output) == (1, True)
        chosen = await pin("reset", "--pin-stdin", typed=f"{INITIAL}\n")
        assert (chosen.exit_code, "[INITIAL_PIN_CHOSEN]" in chosen.output) == (1, True)
        reset = await pin("reset", "--json", typed=f"{LONG}\n{LONG}\n")
        told = json.loads(reset.stdout)
        assert (reset.exit_code, told["tries_left"], told["longer_than_pads"]) == (0, 3, True)
        assert (await pin("verify", "--pin-stdin", typed=f"{LONG}\n")).exit_code == 0


async def test_a_card_without_a_pin_gets_one(serving) -> None:
    async with serving(RecordingCard(pin="")) as pin:
        nothing = await pin("verify", "--pin-stdin", typed=f"{OWN}\n")
        assert (nothing.exit_code, "[PIN_NOT_SET]" in nothing.output) == (1, True)
        assert (await pin("change", typed=f"\n{OWN}\n{OWN}\n")).exit_code == 0
        assert (await pin("verify", "--pin-stdin", typed=f"{OWN}\n")).exit_code == 0


async def test_an_initial_pin_that_the_card_took_is_told(serving) -> None:
    async with serving(RecordingCard(pin=INITIAL)) as pin:
        taken = await pin("verify", "--new-card", "--pin-stdin", typed=f"{INITIAL}\n")
    assert (taken.exit_code, "the holder chooses another" in taken.output) == (0, True)


async def test_what_the_holder_types_at_the_pad_is_shown_as_stars(serving) -> None:
    card = RecordingCard()
    async with serving(card, *(each + ENTER for each in (WRONG, OWN, WRONG, OWN, NEW, NEW))) as pin:
        wrong = await pin("verify", "--pin-pad")
        assert (wrong.exit_code, "tries left: 2" in wrong.output) == (1, True)
        right = await pin("verify", "--pin-pad", "--json")
        told = json.loads(right.stdout)
        assert (told["verified"], told["tries_left"]) == (True, 3)
        assert "******" in right.stderr
        await pin("verify", "--pin-pad")
        changed = await pin("change", "--pin-pad")
        assert (changed.exit_code, "tries left: 3" in changed.output) == (0, True)
        for prompt in ("原密码", "新密码", "再次输入新密码"):
            assert prompt in changed.stderr
    assert card.sent[-1].command == "CHANGE PIN"


async def test_a_reader_without_a_pad_is_no_place_to_type(serving) -> None:
    async with serving(RecordingCard()) as pin:
        none = await pin("verify", "--pin-pad")
        both = await pin("verify", "--pin-pad", "--pin-stdin", typed=f"{OWN}\n")
    assert (none.exit_code, "[NO_PIN_PAD]" in none.output) == (1, True)
    assert both.exit_code == 2


async def test_a_request_id_that_cannot_be_one_ends_the_command_before_anything_is_asked() -> None:
    result = CliRunner().invoke(app, ["pin", "unblock", "--request-id", "a b", "--server", "127.0.0.1:1"])
    assert result.exit_code == 2
    assert "--request-id" in result.output
