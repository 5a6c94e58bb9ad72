import subprocess
import sys
from pathlib import Path

import pytest

from services.config import Config, ConfigError
from services.custody.data_keys import WrapperError
from services.errors import JournalError
from services.issuance.opening import StoreOfService
from services.registry.model import PersonData
from services.store.engine import StoreError
from services.store.store import Store, open_store

ROOT = Path(__file__).parents[3]


def test_the_digest_key_is_made_once_and_stays(opened, place) -> None:
    first = opened().digests
    key = place.with_suffix(".digest-key")
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert opened().digests.key_id == first.key_id
    assert [path.name for path in place.parent.glob(".*")] == [], "no draft is left behind"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
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
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="a digest key has 32 bytes, not 5"):
        open_store(str(tmp_path / "s.db"), tmp_path / "key")


def test_several_processes_may_make_a_store_at_once(empty_database, place) -> None:
    program = (
        "import sys; from pathlib import Path; from services.store.store import open_store; "
        "print(open_store(sys.argv[1], Path(sys.argv[2])).digests.key_id)"
    )
    command = [sys.executable, "-c", program, empty_database, str(place.with_suffix(".digest-key"))]
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


def with_key(database: str, place: Path, wrapper, asked: list[bool]) -> Store:
    def open_wrapper(new: bool):
        asked.append(new)
        return wrapper

    return open_store(database, place.with_suffix(".digest-key"), open_wrapper)


def test_what_wraps_the_keys_is_asked_for_when_the_registry_is_needed_first(database, place, wrapper) -> None:
    asked: list[bool] = []
    store = with_key(database, place, wrapper, asked)
    assert asked == []
    person = store.registry().register_person(PersonData(social_security_number="99000019900101001X", name="Li"))
    assert store.registry().person(person.id) == person
    assert store.personal() is store.personal()
    store.close()
    again = with_key(database, place, wrapper, asked)
    assert again.registry().person(person.id) == person
    again.close()
    assert asked == [True, False], "for a new database, and for one that has keys"


def test_a_store_without_what_wraps_its_keys_has_no_registry(store) -> None:
    with pytest.raises(StoreError, match="without what wraps its keys"):
        store.registry()


@pytest.mark.parametrize("fault", [ConfigError, WrapperError])
def test_what_is_wrong_with_that_is_said_and_asked_again_the_next_time(database, place, wrapper, fault) -> None:
    answers = iter([fault("what to do"), wrapper])

    def open_wrapper(_new: bool):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    store = open_store(database, place.with_suffix(".digest-key"), open_wrapper)
    with pytest.raises(StoreError, match="what to do"):
        store.registry()
    assert store.registry().cards_of("0" * 32) == ()
    store.close()


def settings(database: str, place: Path, **more: object) -> Config:
    return Config.load(**{"database": database, "digest_key": place.with_suffix(".digest-key"), **more})


def test_a_service_in_production_has_a_journal_without_that_key_and_no_registry(database, place) -> None:
    service = StoreOfService(settings(database, place))
    service.open_if_meant()
    assert service().journal.open_issuances() == ()
    with pytest.raises(JournalError, match="set data_key_name to a key of the keystore or the HSM, or data_key to"):
        service.registry()
    service.close()


def test_a_service_says_at_its_start_what_is_wrong_with_the_key_that_is_named(database, place) -> None:
    key = place.with_name("the.data-key")
    service = StoreOfService(settings(database, place, data_key=key))
    service.open_if_meant()
    assert key.stat().st_size == 32
    service.close()
    key.unlink()
    again = StoreOfService(settings(database, place, data_key=key))
    with pytest.raises(ConfigError, match=r"there is no .*the\.data-key.*restore it from the backup.*`data_key`"):
        again.open_if_meant()
    assert not key.exists()
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="open to other users"):
        again.open_if_meant()
    key.chmod(0o600)
    with pytest.raises(ConfigError, match="does not unwrap the database's data keys"):
        again.open_if_meant()
    again.close()


def test_a_service_in_development_keeps_its_key_beside_the_database(database, place, monkeypatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(place.parent))
    service = StoreOfService(settings(database, place, mode="development"))
    service.open_if_meant()
    key = place.with_name("sscard.data-key")
    assert not key.exists(), "not before it is needed"
    assert service.registry().cards_of("0" * 32) == ()
    assert key.stat().st_size == 32
    service.close()
