import subprocess
import sys
from pathlib import Path

import pytest

from services.store.engine import StoreError
from services.store.store import open_store

ROOT = Path(__file__).parents[3]


def test_the_digest_key_is_made_once_and_stays(opened, place) -> None:
    first = opened().digests
    key = place.with_suffix(".digest-key")
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert opened().digests.key_id == first.key_id
    assert [path.name for path in place.parent.glob(".*")] == [], "no draft is left behind"


def test_the_key_is_not_in_the_database(opened, place) -> None:
    opened().close()
    key = place.with_suffix(".digest-key").read_bytes()
    assert all(
        key not in path.read_bytes() and key.hex().encode() not in path.read_bytes()
        for path in place.parent.glob("sscard.db*")
    )


def test_a_database_without_its_key_is_refused_and_no_key_is_made(opened, place) -> None:
    opened().close()
    key = place.with_suffix(".digest-key")
    key.unlink()
    with pytest.raises(StoreError, match="restore that file"):
        opened()
    assert not key.exists()


def test_another_databases_key_is_refused(opened, place) -> None:
    opened().close()
    place.with_suffix(".digest-key").write_bytes(b"\x55" * 32)
    with pytest.raises(StoreError, match="is not the one that the database was made with"):
        opened()


def test_a_key_of_another_length_is_refused(tmp_path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="a digest key has 32 bytes, not 5"):
        open_store(str(tmp_path / "s.db"), tmp_path / "key")


def test_several_processes_may_make_a_store_at_once(place) -> None:
    program = (
        "import sys; from pathlib import Path; from services.store.store import open_store; "
        "print(open_store(sys.argv[1], Path(sys.argv[2])).digests.key_id)"
    )
    command = [sys.executable, "-c", program, str(place), str(place.with_suffix(".digest-key"))]
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    told = [process.communicate(timeout=60) for process in processes]
    assert {err for _, err in told} == {b""}
    assert len({out for out, _ in told}) == 1
