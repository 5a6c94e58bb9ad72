"""A keystore: what opens it, what it takes, and that nobody changes it unnoticed."""

import contextlib
import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from apdu.secret import Secret
from cardlib.keys import KeyReference
from services.custody.keystore import (
    CredentialKey,
    KeyAlgorithm,
    KeyPlan,
    Passphrases,
    State,
    changing,
    create_keystore,
    open_keystore,
    passphrase,
    passphrases_of,
    public_records,
)
from services.custody.keystore import store as module
from services.custody.keystore.errors import (
    DevelopmentKeystoreError,
    KeyRefusedError,
    KeystoreBusyError,
    KeystoreDamagedError,
    KeystoreFileError,
    KeystoreLockedError,
)
from services.custody.keystore.sealing import b64
from tests.services.custody.keystore.conftest import CHEAP, value

DES, SM4, AES = KeyAlgorithm.DES, KeyAlgorithm.SM4, KeyAlgorithm.AES
ONE, TWO = passphrase("first holder's passphrase"), passphrase("第二位持有人的口令须够长𠮷")
BOTH = Passphrases((ONE, TWO))


def test_what_was_put_in_comes_out(filled, opener):
    keystore = open_keystore(filled, opener)
    assert [(str(at), keystore.value(at)) for at in keystore.records] == [
        ("IRK version 1 (SM4)", value(1)),
        ("IRK version 2 (SM4)", value(2)),
        ("UKSSSE version 1 (SM4 of region 99)", value(3)),
        ("KEK version 1 (AES-256)", value(4, 32)),
    ]
    assert keystore.generation == 2
    assert keystore.digest == hashlib.sha256(filled.read_bytes()).hexdigest()
    assert public_records(filled) == keystore.records
    assert stat.S_IMODE(filled.stat().st_mode) == 0o600


def test_what_is_only_looked_at_is_not_written(filled, opener):
    before = filled.read_bytes()
    with changing(filled, opener) as keystore:
        assert not keystore.changed
    assert filled.read_bytes() == before


def test_what_fails_half_way_is_not_written(filled, opener):
    before = filled.read_bytes()
    with contextlib.suppress(ZeroDivisionError), changing(filled, opener) as keystore:
        keystore.add(KeyPlan("RKSSSE", 1, SM4), value(9))
        raise ZeroDivisionError
    assert filled.read_bytes() == before


# --- opening ---


@pytest.fixture
def of_two(tmp_path):
    """A keystore of two people."""
    path = tmp_path / "of-two.json"
    create_keystore(path, BOTH, costs=CHEAP)
    return path


def test_two_people_open_it_together(of_two):
    assert passphrases_of(of_two) == 2
    assert open_keystore(of_two, BOTH).records == ()


@pytest.mark.parametrize(
    "opener",
    [
        Passphrases((ONE,)),
        Passphrases((TWO,)),
        Passphrases(()),
        Passphrases((ONE, ONE)),
        Passphrases((TWO, TWO)),
        Passphrases((TWO, ONE)),
        Passphrases((ONE, passphrase("another passphrase"))),
        Passphrases((ONE, TWO, TWO)),
        CredentialKey(Secret(bytes(range(32)))),
        CredentialKey(ONE),
    ],
    ids=range(10),
)
def test_nothing_less_or_else_opens_it(of_two, opener):
    with pytest.raises(KeystoreLockedError):
        open_keystore(of_two, opener)


def test_the_same_two_open_no_other_keystore_alike(of_two, tmp_path):
    create_keystore(tmp_path / "other.json", BOTH, costs=CHEAP)
    one, other = (json.loads(path.read_bytes()) for path in (of_two, tmp_path / "other.json"))
    assert not set(one["lock"]["salts"]) & set(other["lock"]["salts"])
    assert one["id"] != other["id"]


def test_costs_are_those_of_the_file(of_two):
    assert json.loads(of_two.read_bytes())["lock"]["argon2id"] == {"iterations": 1, "lanes": 1, "memory_kib": 8}


def test_cheaper_costs_do_not_open_it(of_two):
    document = json.loads(of_two.read_bytes())
    document["lock"]["argon2id"]["memory_kib"] = 16
    of_two.write_text(json.dumps(document))
    with pytest.raises(KeystoreLockedError):
        open_keystore(of_two, BOTH)


def test_an_absurd_cost_is_refused_before_it_is_paid(of_two):
    document = json.loads(of_two.read_bytes())
    document["lock"]["argon2id"]["memory_kib"] = 2**32 - 1
    of_two.write_text(json.dumps(document))
    with pytest.raises(KeystoreDamagedError, match="head"):
        open_keystore(of_two, BOTH)


def test_one_person_alone_makes_no_keystore_of_production(tmp_path):
    with pytest.raises(KeyRefusedError, match="2 passphrases"):
        create_keystore(tmp_path / "one.json", Passphrases((ONE,)), costs=CHEAP)
    assert not list(tmp_path.glob("one*"))


def test_in_development_one_may(tmp_path):
    path = tmp_path / "one.json"
    create_keystore(path, Passphrases((passphrase("x"),)), development_mode=True, costs=CHEAP)
    assert open_keystore(path, Passphrases((passphrase("x"),)), development_mode=True).development


def test_a_keystore_of_development_does_not_open_in_production(development, opener):
    with pytest.raises(DevelopmentKeystoreError):
        open_keystore(development, opener)
    assert open_keystore(development, opener, development_mode=True).development


def test_a_keystore_is_never_made_over_another(filled, opener):
    before = filled.read_bytes()
    with pytest.raises(KeystoreFileError, match="there already"):
        create_keystore(filled, opener)
    assert filled.read_bytes() == before


def test_one_that_is_not_there_is_named(tmp_path, opener):
    for use in (open_keystore, lambda *a: changing(*a).__enter__(), lambda path, _: public_records(path)):
        with pytest.raises(KeystoreFileError, match=r"nowhere\.json"):
            use(tmp_path / "nowhere.json", opener)
    assert list(tmp_path.glob("nowhere*")) == []


# --- two at once, and the end of one ---


def test_two_do_not_change_it_at_once_but_others_read_it(filled, opener):
    with changing(filled, opener) as keystore:
        with pytest.raises(KeystoreBusyError), changing(filled, opener):
            pytest.fail("two at once")
        keystore.add(KeyPlan("RKSSSE", 1, SM4), value(9))
        assert len(open_keystore(filled, opener).records) == 4
    assert len(open_keystore(filled, opener).records) == 5


def test_killed_in_the_middle_of_a_change_the_old_one_opens_and_can_be_changed(filled, opener):
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom apdu.secret import Secret\n"
        "from services.custody.keystore import *\n"
        "with changing(Path(sys.argv[1]), CredentialKey(Secret(os.read(0, 32)))) as keystore:\n"
        "    keystore.add(KeyPlan('RKSSSE', 1, KeyAlgorithm.SM4), Secret(os.urandom(16)))\n"
        "    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    before = filled.read_bytes()
    command = [sys.executable, "-c", script, str(filled)]
    root = Path(__file__).parents[4]
    done = subprocess.run(command, cwd=root, input=opener.value.reveal(), capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert filled.with_name(filled.name + ".new").exists()
    assert filled.read_bytes() == before
    with changing(filled, opener) as keystore:
        keystore.add(KeyPlan("RKSSSE", 1, SM4), value(9))
    assert len(open_keystore(filled, opener).records) == 5
    assert not filled.with_name(filled.name + ".new").exists()


# --- what it takes ---


def test_a_3des_key_that_differs_in_parity_only_is_here_already(path, opener):
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 1, DES), value(1))
        for plan, other in (
            (KeyPlan("RKSSSE", 1, DES), Secret(bytes(byte ^ 1 for byte in value(1).reveal()))),
            (KeyPlan("STKSSSE", 1, DES), Secret(value(1).reveal()[8:])),
        ):
            with pytest.raises(KeyRefusedError, match="this value is here already, as IRK"):
                keystore.add(plan, other)


def test_a_keystore_that_others_can_read_opens_with_a_warning(filled, opener, caplog):
    open_keystore(filled, opener)
    assert not caplog.records
    filled.chmod(0o640)
    open_keystore(filled, opener)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "open to other users" in record.getMessage()


@pytest.mark.parametrize(
    ("plan", "number", "why"),
    [
        (KeyPlan("IRK", 1, SM4), 9, "here already; a version"),
        (KeyPlan("IRK", 1, SM4, 3, "99"), 9, "here already; a version"),  # some cards would have two
        (KeyPlan("UKSSSE", 1, SM4), 9, "here already; a version"),
        (KeyPlan("UKSSSE", 1, SM4, 1, "990100"), 9, "here already; a version"),
        (KeyPlan("IRK", 3, SM4), 1, "this value is here already, as IRK version 1"),
        (KeyPlan("RKSSSE", 1, SM4), 3, "one function only"),
        (KeyPlan("IRK", 1, DES), 1, "one function only"),
    ],
)
def test_what_is_there_already_is_refused_and_nothing_changes(filled, opener, plan, number, why):
    with changing(filled, opener) as keystore:
        with pytest.raises(KeyRefusedError, match=why):
            keystore.add(plan, value(number))
        assert not keystore.changed


@pytest.mark.parametrize(
    "plan", [KeyPlan("IRK", 1, DES), KeyPlan("UKSSSE", 1, SM4, 2, "98"), KeyPlan("UKSSSE", 1, DES, 2, "99")]
)
def test_the_same_key_of_another_algorithm_or_region_is_taken(filled, opener, plan):
    with changing(filled, opener) as keystore:
        keystore.add(plan, value(9))
    assert len(open_keystore(filled, opener).records) == 5


@pytest.mark.parametrize("other", ["3307", "330700", "330781"])
def test_counties_of_a_zhejiang_city_have_one_key(filled, opener, other):
    with changing(filled, opener) as keystore:
        keystore.add(KeyPlan("BK", 1, SM4, 1, "330782"), value(9))
        with pytest.raises(KeyRefusedError, match="here already; a version"):
            keystore.add(KeyPlan("BK", 1, SM4, 1, other), value(10))
        keystore.add(KeyPlan("BK", 1, SM4, 1, "330800"), value(10))


def test_development_values_for_both_algorithms_leave_no_room_for_one(development, opener):
    with changing(development, opener, development_mode=True) as keystore:
        keystore.add(KeyPlan("IRK", 1, KeyAlgorithm.EITHER), value(1))
        for algorithm in (DES, SM4):
            with pytest.raises(KeyRefusedError, match="here already"):
                keystore.add(KeyPlan("IRK", 1, algorithm), value(2))


def test_lots_of_chips_may_have_one_transport_key(filled, opener):
    with changing(filled, opener) as keystore:
        for lot in (1, 2):
            keystore.add(KeyPlan("TRANSPORT", lot, DES), value(9))
    assert len(open_keystore(filled, opener).records) == 6


def versions(keystore, name="IRK"):
    return [(at.version, at.state) for at in keystore.records if at.name == name]


def test_three_versions_and_no_fourth(filled, opener):
    with changing(filled, opener) as keystore:
        first = keystore.records[0]
        assert keystore.next_version(first) == 3
        keystore.add(KeyPlan("IRK", 3, SM4), value(9))
        with pytest.raises(KeyRefusedError, match="1, 2, 3"):
            keystore.next_version(first)
        keystore.retire(first)
        with pytest.raises(KeyRefusedError, match="1, 2, 3"):
            keystore.next_version(first)
        with pytest.raises(KeyRefusedError, match="given once"):
            keystore.add(KeyPlan("IRK", 1, SM4), value(10))


def test_a_retired_version_stays_so_and_one_is_always_left(filled, opener):
    with changing(filled, opener) as keystore:
        retired = keystore.retire(keystore.records[0])
        with pytest.raises(KeyRefusedError, match="retired already"):
            keystore.retire(retired)
        with pytest.raises(KeyRefusedError, match="only active version"):
            keystore.retire(keystore.records[1])
    assert versions(open_keystore(filled, opener)) == [(1, State.RETIRED), (2, State.ACTIVE)]


def test_keys_that_wrap_others_have_any_number_of_versions_and_may_all_be_retired(filled, opener):
    with changing(filled, opener) as keystore:
        (kek,) = (at for at in keystore.records if at.wraps)
        for number in range(5):
            keystore.add(KeyPlan("KEK", keystore.next_version(kek), AES), value(20 + number, 32))
        assert keystore.wrapping_key(KeyReference("KEK", 6)).version == 6
        for at in [at for at in keystore.records if at.wraps]:
            keystore.retire(at)
        with pytest.raises(KeyRefusedError, match="no active key KEK"):
            keystore.wrapping_key(KeyReference("KEK", 6))


@pytest.mark.parametrize("reference", [KeyReference("IRK", 1), KeyReference("KEK", 2), KeyReference("", 1)])
def test_only_keys_for_that_wrap_others(filled, opener, reference):
    with pytest.raises(KeyRefusedError, match="wraps others"):
        open_keystore(filled, opener).wrapping_key(reference)


# --- secrecy ---


def test_no_value_and_no_passphrase_is_in_the_file_or_shows(tmp_path, caplog):
    caplog.set_level(0)
    path = tmp_path / "keystore.json"
    create_keystore(path, BOTH, costs=CHEAP)
    with changing(path, BOTH) as keystore:
        record = keystore.add(KeyPlan("IRK", 1, SM4), value(1))
        keystore.add(KeyPlan("KEK", 1, AES), value(2, 32))
    shown = [path.read_text(), repr(keystore), str(keystore), f"{keystore}", repr(vars(keystore)), repr(record)]
    shown.append(repr(BOTH))
    for wrong in (KeyPlan("IRK", 1, SM4), KeyPlan("RKSSSE", 1, SM4), KeyPlan("IRK", 2, KeyAlgorithm.DES)):
        with pytest.raises(KeyRefusedError) as caught:
            keystore.add(wrong, value(1))
        shown += [str(caught.value), repr(caught.value)]
    with pytest.raises(KeystoreLockedError) as caught:
        open_keystore(path, Passphrases((TWO, ONE)))
    shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    text = "\n".join(shown) + caplog.text
    secrets = [value(1), value(2, 32), ONE, TWO, keystore._data_key]
    for secret in (at.reveal() for at in secrets):
        for form in (
            secret.hex(),
            b64(secret)[:16],
            repr(secret)[2:-1],
            secret.decode("latin-1"),
            secret.decode("utf-8", "replace"),
        ):
            assert form.lower() not in text.lower()
    with pytest.raises(TypeError):
        pickle.dumps(keystore)


def test_every_file_is_sealed_with_another_key_and_every_write_looks_different(path, opener, tmp_path):
    other = tmp_path / "other.json"
    create_keystore(other, opener)
    assert open_keystore(path, opener)._data_key != open_keystore(other, opener)._data_key
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 1, SM4), value(1))
    first = json.loads(path.read_bytes())
    with changing(path, opener) as keystore:
        keystore.add(KeyPlan("IRK", 2, SM4), value(2))
    second = json.loads(path.read_bytes())
    assert first["keys"][0]["sealed"] != second["keys"][0]["sealed"]
    assert first["data_key"] == second["data_key"]


def test_a_lock_of_another_method_is_damage(path, opener):
    document = json.loads(path.read_bytes())
    document["lock"] = {"method": "nothing"}
    path.write_text(json.dumps(document))
    with pytest.raises(KeystoreDamagedError):
        open_keystore(path, opener)


def test_a_full_disk_leaves_the_old_keystore(filled, opener, monkeypatch):
    before = filled.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with contextlib.ExitStack() as change:
        change.enter_context(changing(filled, opener)).add(KeyPlan("RKSSSE", 1, SM4), value(9))
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(KeystoreFileError, match="No space left"):
            change.close()
    monkeypatch.undo()
    assert filled.read_bytes() == before
    assert module.open_keystore(filled, opener).generation == 2
