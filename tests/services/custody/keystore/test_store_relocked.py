"""A keystore that others open from now on, and its keys as they were."""

from pathlib import Path

import pytest

from apdu.secret import Secret
from services.custody.keystore import (
    CredentialKey,
    KeyAlgorithm,
    KeyPlan,
    Passphrases,
    State,
    changing,
    open_keystore,
    passphrase,
    passphrases_of,
)
from services.custody.keystore.errors import KeyRefusedError, KeystoreLockedError
from tests.services.custody.keystore.conftest import CHEAP, value

ONE, TWO = passphrase("first holder's passphrase"), passphrase("第二位持有人的口令须够长𠮷")
BOTH = Passphrases((ONE, TWO))


def test_a_new_lock_opens_it_and_the_old_one_does_not(filled, opener):
    old = open_keystore(filled, opener)
    with changing(filled, opener) as keystore:
        keystore.retire(keystore.records[0])
    before = open_keystore(filled, opener)
    with changing(filled, opener) as keystore:
        keystore.relock(BOTH, costs=CHEAP)
    with pytest.raises(KeystoreLockedError):
        open_keystore(filled, opener)
    after = open_keystore(filled, BOTH)
    assert passphrases_of(filled) == 2
    assert after.records == before.records
    assert [after.value(at) for at in after.records] == [before.value(at) for at in before.records]
    assert [at.state for at in after.records[:2]] == [State.RETIRED, State.ACTIVE]
    assert (after.identifier, after.generation) == (before.identifier, before.generation + 1)
    assert after._data_key != old._data_key, "who has an old copy and its passphrases has not got this"
    with changing(filled, BOTH) as keystore:
        with pytest.raises(KeyRefusedError, match="given once"):
            keystore.add(KeyPlan("IRK", 1, KeyAlgorithm.SM4), value(10))
        keystore.relock(opener)
    assert open_keystore(filled, opener).records == before.records


@pytest.mark.parametrize("new", [Passphrases((ONE,)), Passphrases((ONE, ONE)), CredentialKey(Secret(bytes(32)))])
def test_a_new_lock_is_as_strong_as_the_first_one(filled, opener, new):
    before = filled.read_bytes()
    with pytest.raises(KeyRefusedError), changing(filled, opener) as keystore:
        keystore.relock(new, costs=CHEAP)
    assert filled.read_bytes() == before


def test_killed_while_the_lock_is_changed_the_old_one_opens(filled, opener, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt), changing(filled, opener) as keystore:
        keystore.relock(BOTH, costs=CHEAP)
    assert len(open_keystore(filled, opener).records) == 4
