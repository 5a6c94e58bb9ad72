"""PINs, keys, names and numbers of people are nowhere but on cards, in answers, and sealed in the database."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from apdu.transport.inprocess import InProcessReaders
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from services.config import LogLevel, Mode
from services.counter import COUNTER_SERVICES
from services.issuance.opening import SHIPPED
from services.server import SERVICES
from simulator.pinpad import ObligingHolder, SimulatedPad
from sscard.v1 import pin_pb2
from tests.counter.canaries import Canaries
from tests.counter.holders import (
    EVERYBODY,
    INITIAL,
    OF_BANK,
    REGION,
    Card,
    Custodian,
    card_of,
)
from tests.counter.story import LEFT, PAD, RIGHT, STRANGER, WRONG, PlantedError, Story
from tests.counter.world import Said, counter, everything_said
from tests.postgres import Cluster


def canaries(custodian: Custodian, *cards: Card, folder: Path | None = None) -> Canaries:
    """All that is secret or somebody's here."""
    texts = {"initial PIN": INITIAL, "stranger": STRANGER}
    texts |= {f"wrong PIN {number}": pin for number, pin in enumerate(WRONG)}
    for number, holder in enumerate(EVERYBODY):
        of = f" of holder {number}"
        texts |= {f"name{of}": holder.name, f"number{of}": holder.number, f"phone{of}": holder.phone}
        texts |= {f"document{of}": holder.document, f"medical card{of}": holder.medical_card}
        texts |= {f"PIN {which}{of}": pin for which, pin in enumerate(holder.pins)}
    for card in cards:
        texts[f"identifier {card.marks.identifier}"] = card.marks.identifier
        texts[f"card number {card.marks.number}"] = card.marks.number
    keys = dict(custodian.touched)
    if folder is not None:
        keys |= {path.name: path.read_bytes() for path in folder.glob("sscard.*-key") if path.stat().st_size <= 64}
    return Canaries(texts, keys)


def kept_in(folder: Path) -> list[bytes]:
    """The bytes of every file that a service has written, but keys."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    written = [path for path in files if path.name.startswith("sscard.") and not path.name.endswith("-key")]
    assert {"sscard.audit-checkpoints"} <= {path.name for path in written}
    return [path.read_bytes() for path in written]


def methods_in(said: Said) -> set[str]:
    """Every method that was called, as the access log has it."""
    lines = [json.loads(line) for line in said.log.getvalue().splitlines()]
    return {line["method"] for line in lines if line.get("event") == "call"}


@dataclass
class Played:
    """The story as it was played: who was there, and all that was said."""

    story: Story
    said: Said
    refused: list[str]
    found: Canaries


async def played(folder: Path, database: str, level: LogLevel, **settings: Any) -> Played:
    """The whole story on a service of these settings."""
    readers, custodian = InProcessReaders([LEFT, RIGHT]), Custodian()
    readers.add_reader(PAD, pad=SimulatedPad(ObligingHolder(*OF_BANK.pins)))
    files = {name: folder / f"sscard.{name.replace('_', '-')}" for name in ("digest_key", "data_key", "audit_key")}
    settings |= files | {"audit_checkpoints": folder / "sscard.audit-checkpoints", "database": database}
    with everything_said(level) as said:
        async with counter(folder, readers, custodian, log_level=level, **settings) as running:
            story = Story(running, readers, database)
            await story.run()
            assert canaries(custodian, *story.cards, folder=folder).seen_in(*kept_in(folder)) == []
    served = {f"{service.name}/{method.name}" for service in COUNTER_SERVICES for method in service.methods}
    served |= {f"CardService/{method.name}" for method in SERVICES[1].methods}
    assert served <= methods_in(said)
    assert len(said.exceptions) > 50
    assert len(custodian.touched) > 100
    refused = [refused.told for refused in running.refused]
    return Played(story, said, refused, canaries(custodian, *story.cards, folder=folder))


def check(play: Played, capfd: pytest.CaptureFixture[str], *kept: bytes) -> None:
    """Nothing of it is anywhere."""
    assert play.found.seen_in(play.said.log.getvalue()) == []
    assert play.found.seen_in(*play.refused) == []
    assert play.found.seen_in(*play.said.texts(but=(PlantedError,))) == []
    assert play.found.seen_in(*capfd.readouterr()) == []
    assert play.found.seen_in(*kept) == []


async def test_nothing_that_is_secret_or_anybodys_is_anywhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In development, at the level that says most; the database is SQLite's files."""
    play = await played(tmp_path, str(tmp_path / "sscard.db"), LogLevel.TRAFFIC)
    kept = kept_in(tmp_path)
    assert play.story.ids[OF_BANK].encode() in b"".join(kept)
    check(play, capfd, *kept)


@pytest.mark.xdist_group("postgresql")
async def test_nor_in_production_with_postgresql(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], postgresql: Cluster
) -> None:
    """Nor in a dump, nor in the log of the database, which quotes what it refuses."""
    template = tmp_path / "template-2.0.toml"
    template.write_bytes(SHIPPED[0].read_bytes())
    with postgresql.database() as database:
        play = await played(tmp_path, database, LogLevel.DEBUG, mode=Mode.PRODUCTION, templates=(template,))
        dump = postgresql.dump(database)
    assert play.story.ids[OF_BANK].encode() in dump
    log = (postgresql.home / "log").read_bytes()
    assert b"disk I/O error" in log
    check(play, capfd, dump, log, *kept_in(tmp_path))


async def test_what_is_no_request_id_is_not_put_on_record_as_one(tmp_path: Path) -> None:
    """It may be anything, such as a name in the wrong field."""
    settings = {"database": str(tmp_path / "sscard.db"), "log_level": LogLevel.INFO}
    with everything_said(LogLevel.INFO) as said:
        async with counter(tmp_path, InProcessReaders([LEFT]), Custodian(), **settings) as running:
            request = pin_pb2.UnblockPinRequest(reader=LEFT, request_id=OF_BANK.name)
            await running.refusing(running.supervisor.UnblockPin(request), "INVALID_REQUEST")
    assert "INVALID_REQUEST" in said.log.getvalue()
    assert canaries(Custodian()).seen_in(said.log.getvalue(), *kept_in(tmp_path)) == []


@pytest.mark.parametrize("what", ["name", "number", "PIN", "key", "data key"])
def test_what_is_planted_is_found(what: str, tmp_path: Path) -> None:
    custodian, card = Custodian(), card_of(OF_BANK, 101)
    custodian.card_key(
        CardFactors(card.marks.algorithm, REGION, card.marks.historical_bytes[5:]), KeyReference("STKSSSE")
    )
    (tmp_path / "sscard.data-key").write_bytes(bytes(range(7, 39)))
    found = canaries(custodian, card, folder=tmp_path)
    hidden = {
        "name": OF_BANK.name.encode("gb18030"),
        "number": OF_BANK.number.encode(),
        "PIN": bytes.fromhex(OF_BANK.pins[0]),
        "key": next(iter(custodian.touched.values())),
        "data key": bytes(range(7, 39)),
    }[what]
    database = sqlite3.connect(tmp_path / "planted.db")
    database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a BLOB, b TEXT)")
    database.execute("INSERT INTO t VALUES (?, 'x')", (b"\x01\x02" + hidden,))
    database.commit()
    assert len(found.seen_in((tmp_path / "planted.db-wal").read_bytes())) == 1
    database.close()
    for shown in (hidden, hidden.hex(), hidden.hex(" ").upper(), repr(hidden), f"data {list(hidden)}"):
        assert len(found.seen_in("before", shown)) == 1, shown
    with pytest.raises(sa.exc.SQLAlchemyError) as quoted, sa.create_engine("sqlite://").begin() as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:value)"), {"value": hidden})
    said = Said(exceptions=[quoted.value])
    assert len(found.seen_in(*said.texts())) == 1
