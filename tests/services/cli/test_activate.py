"""Activation from a terminal: what a teller sees, and what a job of the night does."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.activate import app, records
from services.registry.lifecycle import CardState
from services.store.engine import open_engine
from tests.services.activation.desk import CHOSEN, HOLDER, Desk, memory_card


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    engine = open_engine(str(tmp_path / "s.db"))
    yield Desk(engine)
    engine.dispose()


@pytest.fixture
def run() -> Callable[..., Any]:
    async def invoke(port: int, which: Any, *words: str, typed: str = "") -> Result:
        command = [*words, "--server", f"127.0.0.1:{port}"]
        return await asyncio.to_thread(
            CliRunner().invoke, which, command, input=typed, env={"SSCARD_MODE": "development"}
        )

    return invoke


async def test_a_teller_activates_a_card_and_sees_how_it_stands(
    desk: Desk, run: Callable[..., Any], tmp_path: Path
) -> None:
    card = desk.card()
    desk.readers.insert("left", card.chip, t0=True)
    papers, others = tmp_path / "papers.json", tmp_path / "others.json"
    papers.write_text(json.dumps({"number": HOLDER["social_security_number"], "name": HOLDER["name"]}))
    others.write_text(json.dumps({"number": "1", "name": "x"}))
    async with desk.served() as port:
        wrong = await run(port, app, "bank", str(papers), "--pin-stdin", typed=f"{CHOSEN}\n999999\n")
        assert wrong.exit_code == 1
        assert "tries left 剩余次数 5" in wrong.output
        refused = await run(port, app, "bank", str(others), "--pin-stdin", typed=f"{CHOSEN}\n")
        assert refused.exit_code == 1
        assert "DOCUMENT_MISMATCH" in refused.output
        done = await run(port, app, "bank", str(papers), "--pin-stdin", typed=f"{CHOSEN}\n")
        assert done.exit_code == 0, done.output
        assert "activated now 已激活" in done.output
        shown = await run(port, records, "show")
        assert "card 卡片: activated 已激活" in shown.output
        assert "activated 激活: 2026-03-02 10:00:00, bank 银行网点, local" in shown.output, "Beijing's time"
    assert card.has_pin(CHOSEN)
    assert CHOSEN not in wrong.output + refused.output + done.output


async def test_a_teller_without_a_new_pin_is_told_before_anything_is_done(run: Callable[..., Any]) -> None:
    result = await run(1, app, "bank", typed="1\nx\n")
    assert result.exit_code == 2
    assert "--pin-stdin or --pin-pad" in result.output


async def test_who_gives_no_file_is_asked_for_the_document(desk: Desk, run: Callable[..., Any]) -> None:
    desk.readers.insert("left", desk.card().chip, t0=True)
    typed = f"{HOLDER['social_security_number']}\n{HOLDER['name']}\n{CHOSEN}\n"
    async with desk.served() as port:
        done = await run(port, app, "bank", "--pin-stdin", typed=typed)
    assert "activated now 已激活" in done.output


async def test_a_hospital_and_a_pharmacy_need_no_pin(desk: Desk, run: Callable[..., Any]) -> None:
    first, second = desk.card(), desk.card()
    desk.medical_card()
    desk.readers.insert("left", first.chip, t0=True)
    async with desk.served() as port:
        assert "activated now" in (await run(port, app, "hospital", "--inpatient")).output
        assert "activated before 此前已激活" in (await run(port, app, "hospital")).output
        desk.readers.remove("left")
        desk.readers.insert("left", memory_card())
        desk.readers.insert("right", second.chip, t0=True)
        words = ["pharmacy", "--medical-card-reader", "left", "--reader", "right", "--json"]
        done = await run(port, app, *words)
    assert '"activated": true' in done.output
    assert second.state is CardState.ACTIVATED


async def test_the_job_of_the_night_says_what_it_did(desk: Desk, run: Callable[..., Any]) -> None:
    desk.card()
    desk.medical_card()
    desk.now = desk.now.replace(month=12)
    async with desk.served() as port:
        done = await run(port, records, "apply-deadlines", "--request-id", "night-1")
        again = await run(port, records, "apply-deadlines", "--request-id", "night-1")
        listed = await run(port, records, "reminders", "--days", "0")
        shown = await run(port, records, "reminders", "--json")
    assert done.output == again.output
    assert "overdue 逾期: 1, newly restricted 新增限制: 1" in done.output
    assert HOLDER["name"] in listed.output
    assert "restricted 已限制" in listed.output
    assert "1 cards 张" in listed.output
    assert '"medicalCardRestricted": true' in shown.output or '"medical_card_restricted": true' in shown.output
