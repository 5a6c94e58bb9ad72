"""Which custodian a service uses: every place and how they combine, and a sentence for every mistake."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from apdu.errors import NoServiceError
from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.custody import KeyCustodian, NoKeys
from cardlib.errors import AlgorithmUnsupportedError, KeyUnavailableError
from cardlib.key_requests import Cryptogram, KeyRequest
from cardlib.keys import KeyReference
from cardlib.psam_flows.errors import PsamKeyMissingError
from services.cli.entering import asked_opener
from services.config import Config, ConfigError
from services.custody.centre import CentreCustodian
from services.custody.development import DevelopmentCustodian
from services.custody.fallback import FallbackCustodian
from services.custody.keystore import (
    Costs,
    CredentialKey,
    KeyAlgorithm,
    KeyPlan,
    KeystoreCustodian,
    Passphrases,
    TerminalCounter,
    changing,
    create_keystore,
)
from services.custody.opening import open_custodian
from services.custody.pkcs11 import Pkcs11Custodian
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.psam.ready import ready_psam
from tests.services.custody import openssl
from tests.services.custody.conftest import DEVELOPMENT, PIN
from tests.services.custody.tasks import FACTOR, ORIGINAL, ROOTS, card, purchase
from tests.services.key_centre import centre

IRK, DPK, PUK = (KeyReference(name) for name in ("IRK", "DPK", "PUK"))
PHRASES = ("first holder's passphrase", "第二位持有人的口令须够长𠮷")
CHEAP = Costs(iterations=1, lanes=1, memory_kib=8)
PSAM = "PSAM reader"


def config(**settings) -> Config:
    return Config.load(**{"mode": "production"} | settings)


def asked(custodian: KeyCustodian, whose=card(), key: KeyReference = IRK) -> bytes:  # noqa: B008 - never changed
    (answer,) = custodian.perform(KeyRequest(whose, (Cryptogram(key, FACTOR, ORIGINAL),)))
    return answer


def right(whose=card(), key: KeyReference = IRK) -> bytes:  # noqa: B008
    return openssl.Card(whose, ROOTS).answer(Cryptogram(key, FACTOR, ORIGINAL))


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "keystore.key"
    path.write_bytes(os.urandom(32))
    return path


def filled(path: Path, opener, *, development: bool = False) -> Path:
    """A keystore with IRK and DPK of 3DES cards."""
    create_keystore(path, opener, development_mode=development, costs=CHEAP)
    with changing(path, opener, development_mode=development) as keystore:
        for each in (IRK, DPK):
            keystore.add(KeyPlan(each.name, 1, KeyAlgorithm.DES), ROOTS[each])
    return path


@pytest.fixture
def keystore(tmp_path, key) -> Path:
    return filled(tmp_path / "keystore.json", CredentialKey(Secret(key.read_bytes())))


@pytest.fixture
def locked(tmp_path) -> Path:
    """A keystore that opens with two passphrases."""
    return filled(tmp_path / "locked.json", Passphrases(tuple(Secret(phrase.encode()) for phrase in PHRASES)))


@pytest.fixture
def counter(tmp_path) -> Path:
    path = tmp_path / "terminal.json"
    TerminalCounter.create(path, "990000000042", start=7)
    return path


@pytest.fixture
def descriptors():
    """Gives file descriptors with a content, and closes them."""
    opened = []

    def of(*contents: str) -> tuple[int, ...]:
        for content in contents:
            read, write = os.pipe()
            os.write(write, content.encode())
            os.close(write)
            opened.append(read)
        return tuple(opened[-len(contents) :])

    yield of
    for number in opened:
        os.close(number)


@pytest.fixture
def hsm(softhsm, tmp_path) -> dict[str, object]:
    """The settings of an HSM with the development keys."""
    pin = tmp_path / "hsm.pin"
    pin.write_text(PIN + "\n")
    return {"hsm_library": Path(softhsm.library), "hsm_token": DEVELOPMENT, "hsm_pin_file": pin}


def psam_readers(**description) -> InProcessReaders:
    readers = InProcessReaders([PSAM])
    readers.insert(PSAM, SoftwareCard(ready_psam(region="990100", **description), t0=True), t0=True)
    return readers


# --- one place ---


def test_keys_are_the_published_ones_in_development_and_none_in_production() -> None:
    assert isinstance(open_custodian(config(mode="development")), DevelopmentCustodian)
    assert isinstance(open_custodian(config()), NoKeys)
    assert isinstance(open_custodian(config(mode="development", serve_keys=True)), DevelopmentCustodian)


def test_without_keys_none_are_served() -> None:
    with pytest.raises(ConfigError, match="serve_keys: there are no keys to serve; set keystore, hsm_library or psam"):
        open_custodian(config(serve_keys=True))


def test_a_keystore_opens_with_a_key_in_a_file(keystore, key, counter) -> None:
    custodian = open_custodian(config(keystore=keystore, keystore_key=key, serve_keys=True))
    assert isinstance(custodian, KeystoreCustodian)
    assert asked(custodian) == right()
    with pytest.raises(KeyUnavailableError, match="no terminal number"):
        custodian.perform(KeyRequest(card(), (purchase(),)))
    custodian.close()


def test_a_keystore_opens_with_passphrases_from_descriptors_in_the_order_of_the_holders(locked, descriptors) -> None:
    fds = descriptors(PHRASES[0] + "\n", PHRASES[1])
    assert asked(open_custodian(config(keystore=locked, keystore_passphrase_fds=fds))) == right()
    swapped = descriptors(*reversed(PHRASES))
    with pytest.raises(ConfigError, match=r"keystore: .*locked\.json stays closed.*Every holder enters"):
        open_custodian(config(keystore=locked, keystore_passphrase_fds=swapped))


def test_descriptors_are_separated_by_commas_in_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("SSCARD_KEYSTORE", "/k.json")
    monkeypatch.setenv("SSCARD_KEYSTORE_PASSPHRASE_FDS", "3, 4")
    assert config().keystore_passphrase_fds == (3, 4)


def test_purchases_have_the_terminal_number_of_the_counter(keystore, key, counter) -> None:
    custodian = open_custodian(config(keystore=keystore, keystore_key=key, terminal_counter=counter))
    (answer,) = custodian.perform(KeyRequest(card(), (purchase(),)))
    assert (answer[:6].hex(), int.from_bytes(answer[6:10], "big")) == ("990000000042", 7)


def test_a_keystore_of_development_is_for_development_only(tmp_path, descriptors) -> None:
    made = filled(tmp_path / "d.json", Passphrases((Secret(b"short"),)), development=True)
    settings = {"keystore": made, "mode": "development"}
    custodian = open_custodian(config(**settings, keystore_passphrase_fds=descriptors("short")))
    assert isinstance(custodian, KeystoreCustodian)
    with pytest.raises(ConfigError, match=r"keystore: .* made for development, and this is production.*makes a keysto"):
        open_custodian(config(keystore=made, keystore_passphrase_fds=descriptors("short")))


def test_an_hsm_has_the_keys(hsm, counter) -> None:
    custodian = open_custodian(config(**hsm, terminal_counter=counter))
    assert isinstance(custodian, Pkcs11Custodian)
    assert asked(custodian) == right()
    (answer,) = custodian.perform(KeyRequest(card(), (purchase(),)))
    assert answer[:6].hex() == "990000000042"
    custodian.close()


def test_the_table_says_where_keys_are_on_the_hsm(hsm, tmp_path) -> None:
    table = tmp_path / "hsm.toml"
    table.write_text('[[keys]]\nname = "IRK"\nlabel = "PUK/1"\n')
    custodian = open_custodian(config(**hsm, hsm_keys=table))
    exchanged = openssl.Card(card(), {**ROOTS, IRK: ROOTS[PUK]})
    assert asked(custodian) == exchanged.answer(Cryptogram(IRK, FACTOR, ORIGINAL)) != right()
    custodian.close()


def test_a_pin_is_not_tried_at_the_start(hsm, softhsm, tmp_path) -> None:
    """A service that is started again and again would lock the token."""
    (tmp_path / "wrong").write_text("000000")
    custodian = open_custodian(config(**hsm | {"hsm_pin_file": tmp_path / "wrong"}))
    with pytest.raises(KeyUnavailableError, match="refused the PIN"):
        asked(custodian)


def test_a_centre_is_asked(keystore, key) -> None:
    held = open_custodian(config(keystore=keystore, keystore_key=key))
    with centre(held) as running:
        custodian = open_custodian(config(centre=running.address))
        assert isinstance(custodian, CentreCustodian)
        assert asked(custodian) == right()
        custodian.close()


# --- a PSAM, alone and before another ---


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


# --- mistakes ---


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"keystore": "k", "centre": "[::1]:1"}, ["keystore and centre: keys are in one place; set one"]),
        (
            {"keystore": "k", "hsm_library": "l", "hsm_token": "t", "hsm_pin_file": "p"},
            ["keystore and hsm_library: keys are in one place"],
        ),
        (
            {"hsm_library": "l", "centre": "[::1]:1"},
            ["hsm_library and centre: keys", "hsm_library: set hsm_token as well", "hsm_library: set hsm_pin_file as"],
        ),
        ({"keystore_key": "k"}, ["keystore_key is nothing without keystore"]),
        ({"keystore_passphrase_fds": [3]}, ["keystore_passphrase_fds is nothing without keystore"]),
        ({"terminal_counter": "c"}, ["terminal_counter is nothing without keystore or hsm_library"]),
        ({"terminal_counter": "c", "centre": "[::1]:1"}, ["terminal_counter is nothing without"]),
        ({"hsm_token": "t", "hsm_keys": "k"}, ["hsm_token is nothing without hsm_lib", "hsm_keys is nothing without"]),
        ({"hsm_pin_file": "p"}, ["hsm_pin_file is nothing without hsm_library"]),
        ({"psam_keys": "p"}, ["psam_keys is nothing without psam_reader"]),
        (
            {"keystore": "k", "keystore_key": "f", "keystore_passphrase_fds": [3, 4]},
            ["keystore_key and keystore_passphrase_fds: a keystore opens with a key or with passphrases"],
        ),
        (
            {"keystore": "k", "keystore_passphrase_fds": [3, 3]},
            ["keystore_passphrase_fds: every holder's passphrase has a file descriptor of its own"],
        ),
        ({"keystore": "k", "keystore_passphrase_fds": [-1]}, ["keystore_passphrase_fds"]),
        ({"serve_keys": True, "centre": "[::1]:1"}, ["serve_keys and centre"]),
        ({"psam_reader": "P", "psam_purchase_hold": 0}, ["psam_purchase_hold"]),
        ({"psam_reader": "P", "psam_wait": -1}, ["psam_wait"]),
    ],
)
def test_settings_that_do_not_go_together_are_refused_at_once(settings, sentences) -> None:
    with pytest.raises(ConfigError) as raised:
        config(**settings)
    for sentence in sentences:
        assert sentence in str(raised.value)


def refused(sentence: str, settings: dict[str, object], readers: InProcessReaders | None = None) -> None:
    with pytest.raises(ConfigError, match=sentence) as raised:
        open_custodian(config(**settings), readers)
    assert PIN not in str(raised.value)
    assert PHRASES[0] not in str(raised.value)


def test_what_is_wrong_with_a_keystore_is_said(keystore, locked, key, tmp_path, descriptors) -> None:
    (tmp_path / "short").write_bytes(bytes(31))
    (tmp_path / "other").write_bytes(os.urandom(32))
    (tmp_path / "broken").write_text("{}")
    missing = tmp_path / "missing"
    refused(r"keystore: .*missing cannot be read: No such file.*The admin", {"keystore": missing, "keystore_key": key})
    refused("keystore: .*missing cannot be read", {"keystore": keystore, "keystore_key": missing})
    refused("keystore_key: .*short has 31 bytes", {"keystore": keystore, "keystore_key": tmp_path / "short"})
    refused("keystore: .*stays closed", {"keystore": keystore, "keystore_key": tmp_path / "other"})
    refused("keystore: .*is no keystore, or is damaged", {"keystore": tmp_path / "broken", "keystore_key": key})
    refused("keystore: .*is no keystore, or is damaged", {"keystore": tmp_path / "broken"})
    refused("opens with a key: set keystore_key", {"keystore": keystore})
    refused("opens with 2 passphrases: start at a terminal.*keystore_passphrase_fds", {"keystore": locked})
    one = descriptors(PHRASES[0])
    refused("opens with passphrases, 2 of them", {"keystore": locked, "keystore_passphrase_fds": one})
    empty = descriptors("", PHRASES[1])
    refused("a passphrase is empty", {"keystore": locked, "keystore_passphrase_fds": empty})
    long = tmp_path / "long"
    long.write_bytes(bytes(70_000))
    with long.open("rb") as file:
        refused(
            "gives too much to be a secret", {"keystore": locked, "keystore_passphrase_fds": (file.fileno(), one[0])}
        )
    refused("descriptor 99 cannot be read: Bad file", {"keystore": locked, "keystore_passphrase_fds": (99, 98)})
    opened = {"keystore": keystore, "keystore_key": key}
    refused("terminal_counter: .*missing cannot be read", opened | {"terminal_counter": missing})
    refused("terminal_counter: .*broken is damaged; make it", opened | {"terminal_counter": tmp_path / "broken"})


def test_what_is_wrong_with_an_hsm_is_said(hsm, tmp_path, monkeypatch) -> None:
    text = tmp_path / "text"
    text.write_text("one\ntwo\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "gb").write_bytes("密码".encode("gb18030"))
    missing = tmp_path / "missing"
    refused("hsm_library: .*missing cannot be used as a PKCS#11 library", hsm | {"hsm_library": missing})
    refused("hsm_library: .*text cannot be used as a PKCS#11 library", hsm | {"hsm_library": text})
    refused("hsm_pin_file: .*missing cannot be read", hsm | {"hsm_pin_file": missing})
    refused("hsm_pin_file: .*holds no PIN", hsm | {"hsm_pin_file": text})
    refused("hsm_pin_file: .*holds no PIN", hsm | {"hsm_pin_file": tmp_path / "empty"})
    refused("hsm_pin_file: the PIN of the HSM is not UTF-8", hsm | {"hsm_pin_file": tmp_path / "gb"})
    refused("text is no TOML file", hsm | {"hsm_keys": text})
    refused("terminal_counter: .*is damaged", hsm | {"terminal_counter": text})
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    refused(r"hsm_library: python-pkcs11 is not installed: pip install 'sscard\[hsm\]'", hsm)


def test_what_is_wrong_with_a_psam_or_a_region_is_said(tmp_path, keystore, key) -> None:
    text = tmp_path / "text"
    text.write_text("one\n")
    refused("text is no TOML file", {"psam_reader": PSAM, "psam_keys": text}, psam_readers())
    refused("missing cannot be read", {"psam_reader": PSAM, "psam_keys": tmp_path / "missing"}, psam_readers())
    refused("text: is no TOML file", {"regional_profiles": (text,), "keystore": keystore, "keystore_key": key})


# --- people at a terminal ---

ASK = """
import sys
from services.cli.entering import asked_opener
from services.config import Config
from services.custody.opening import open_custodian
config = Config.load()
print("opened", open_custodian(config, opener=asked_opener(config)))
"""


def test_holders_are_asked_at_a_terminal_each_unseen(locked) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"SSCARD_KEYSTORE": str(locked), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    for number, phrase in enumerate(PHRASES, 1):
        while f"口令持有人{number}: ".encode() not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, phrase.encode() + b"\n")
    while b">\r\n" not in shown:
        shown += os.read(ours, 4096)
    assert process.wait(30) == 0
    os.close(ours)
    assert b"holder 1 of 2" in shown
    assert b"<KeystoreCustodian of 2 keys>" in shown
    assert not any(phrase.encode() in shown for phrase in PHRASES)


def test_nobody_is_asked_without_a_terminal_or_where_the_settings_say_all(locked, keystore, key, monkeypatch) -> None:
    assert asked_opener(config(keystore=locked)) is None  # pytest has no terminal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert asked_opener(config()) is None
    assert asked_opener(config(keystore=keystore)) is None
    assert asked_opener(config(keystore=keystore, keystore_key=key)) is None
    assert asked_opener(config(keystore=locked, keystore_passphrase_fds=(8, 9))) is None


def test_sm4_cards_are_served_by_an_hsm_whose_numbers_are_known(hsm, tmp_path) -> None:
    whose = card(Algorithm.SM4)
    with pytest.raises(AlgorithmUnsupportedError):
        asked(open_custodian(config(**hsm)), whose)
    table = tmp_path / "hsm.toml"
    table.write_text('[sm4]\nkey_type = "80000011"\nencrypt = "80000101"\nderive = "80000102"\n')
    with pytest.raises(KeyUnavailableError, match="has no secret key of type 80000011"):
        asked(open_custodian(config(**hsm, hsm_keys=table)), whose)
