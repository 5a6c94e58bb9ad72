"""A PSAM as a service's custodian: alone, before another, and its readers."""

import io

import pytest

from apdu.errors import NoServiceError
from apdu.transport.inprocess import InProcessReaders
from cardlib.key_requests import Cryptogram
from cardlib.keys import KeyReference
from cardlib.psam_flows.errors import PsamKeyMissingError
from services.config import ConfigError
from services.custody.fallback import FallbackCustodian
from services.custody.opening import open_custodian
from services.custody.pkcs11 import Pkcs11Custodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.psam.ready import ready_psam
from tests.services.custody import openssl
from tests.services.custody.opening.conftest import IRK, PSAM, PUK, asked, config, psam_readers, right
from tests.services.custody.tasks import FACTOR, ORIGINAL, ROOTS, card
from tests.services.key_centre import centre


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_psam_alone(mode) -> None:
    custodian = open_custodian(config(mode=mode, psam_reader=PSAM), psam_readers())
    assert isinstance(custodian, PsamCustodian)
    assert asked(custodian) == right()
    with pytest.raises(PsamKeyMissingError):
        asked(custodian, key=KeyReference("MKSSSE"))
    custodian.close()


def test_a_psam_has_the_ids_of_the_table(tmp_path) -> None:
    table = tmp_path / "psam.toml"
    table.write_text('[[keys]]\nname = "IRK"\nkind = "ENCRYPT"\nid = "10"\nlevels = 2\nfile = "0012"\n')
    custodian = open_custodian(config(psam_reader=PSAM, psam_keys=table), psam_readers())
    exchanged = openssl.Card(card(), {**ROOTS, IRK: ROOTS[PUK]})
    assert asked(custodian) == exchanged.answer(Cryptogram(IRK, FACTOR, ORIGINAL))
    with pytest.raises(PsamKeyMissingError, match="by the table"):
        asked(custodian, key=PUK)
    custodian.close()


@pytest.mark.parametrize("place", ["keystore", "hsm", "centre"])
def test_a_psam_is_asked_before_each_of_the_others(place, keystore, key, request) -> None:
    def check(settings) -> None:
        readers = psam_readers(without=frozenset({"IRK"}))
        custodian = open_custodian(config(psam_reader=PSAM, **settings), readers)
        assert isinstance(custodian, FallbackCustodian)
        assert asked(custodian, key=PUK) == right(key=PUK)  # the keystore has none
        assert asked(custodian) == right()  # the PSAM has none
        custodian.close()

    if place == "keystore":
        check({"keystore": keystore, "keystore_key": key})
    elif place == "hsm":
        check(request.getfixturevalue("hsm"))
    else:
        with centre(open_custodian(config(keystore=keystore, keystore_key=key))) as running:
            check({"centre": running.address})


def test_closing_lets_the_psam_go_and_leaves_the_readers_of_others_open(keystore, key) -> None:
    readers = psam_readers()
    settings = config(psam_reader=PSAM, keystore=keystore, keystore_key=key)
    custodian = open_custodian(settings, readers)
    assert asked(custodian) == right()
    assert readers.states()[0].in_use
    custodian.close()
    assert not readers.states()[0].in_use
    readers.connect(PSAM).close()


def test_it_closes_also_after_its_readers(keystore, key) -> None:
    """So a server ends: the cards are let go first."""
    readers = psam_readers()
    custodian = open_custodian(config(psam_reader=PSAM, keystore=keystore, keystore_key=key), readers)
    assert asked(custodian) == right()
    readers.close()
    custodian.close()
    custodian.close()


def test_readers_of_its_own_are_closed_with_it(monkeypatch) -> None:
    class Own(InProcessReaders):
        closed = 0

        def close(self) -> None:
            self.closed += 1
            super().close()

    own = Own([PSAM])
    own.insert(PSAM, SoftwareCard(ready_psam(region="990100"), t0=True), t0=True)
    monkeypatch.setattr("services.custody.opening.open_readers", lambda _: own)
    custodian = open_custodian(config(psam_reader=PSAM))
    assert asked(custodian) == right()
    assert not own.closed
    custodian.close()
    assert own.closed == 1


def test_when_there_are_no_readers_what_was_opened_is_closed(hsm, monkeypatch) -> None:
    closed = []

    def close(self):
        closed.append(self)

    def away(_):
        raise ConfigError("no readers")

    monkeypatch.setattr(Pkcs11Custodian, "close", close)
    monkeypatch.setattr("services.custody.opening.open_readers", away)
    with pytest.raises(ConfigError, match="no readers"):
        open_custodian(config(psam_reader=PSAM, **hsm))
    assert len(closed) == 1


def test_a_psam_reader_that_is_not_there_is_warned_of(log: io.StringIO) -> None:
    class Away(InProcessReaders):
        def states(self):
            raise NoServiceError("away")

    open_custodian(config(psam_reader="Unplugged"), psam_readers())
    assert '"psam_reader_absent"' in log.getvalue()
    assert PSAM in log.getvalue()
    log.truncate(0)
    open_custodian(config(psam_reader=PSAM), psam_readers())
    open_custodian(config(psam_reader=PSAM), Away())
    assert "psam_reader_absent" not in log.getvalue()
