"""Whole social security cards, built by the encoder's commands, and used as the standard says."""

import pytest

from apdu.secret import Secret
from cardlib.cos.fmcos import Fmcos
from cardlib.cos.plan import CardParameters, plan_card
from cardlib.crypto import Algorithm, suite_for
from cardlib.development_keys import load
from cardlib.issuance.order import records_of
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.model import Structure
from simulator.card import SoftwareCard
from simulator.dialects.fmcos import FMCOS
from simulator.making.maker import make
from simulator.memory.system import LifeCycle
from simulator.people import INITIAL_PIN, READY

ROOTS = load()
SSSE = "7378312E73682EC9E7BBE1B1A3D5CF"


class Built:
    """A finished card of a version, and its keys."""

    def __init__(self, version: str) -> None:
        ready = READY[version]
        historical = ready.historical_bytes(2000)
        self.algorithm = ready.algorithm
        self.suite = suite_for(ready.algorithm)
        self.records = records_of(ready.profile, ready.contents(2000))
        parameters = CardParameters(algorithm=ready.algorithm, historical_bytes=historical)
        self.plan = plan_card(ready.profile, parameters, ROOTS, self.records)
        card = CardFactors(ready.algorithm, "990000", historical[5:])
        self.keys = {key: card.card_key(key, ROOTS[key]) for key in self.plan.references}
        code = Secret(b"\xff" * 8)
        blank = FMCOS.blank(historical_bytes=historical, serial=bytes(8), transport_key=code)
        chip = SoftwareCard(blank)
        make(chip, self.plan, self.records, self.keys, INITIAL_PIN, code, Fmcos())
        self.image = chip.image


@pytest.fixture(scope="module", params=["2.0", "3.0"])
def built(request) -> Built:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulator.card.DIALECTS", {FMCOS.code: FMCOS})
        return Built(request.param)


class Terminal:
    def __init__(self, built: Built) -> None:
        self.built = built
        self.card = SoftwareCard(built.image, t0=False)
        self.card.power_on()

    def __call__(self, command: str) -> str:
        return self.card.process(bytes.fromhex(command)).hex().upper()

    def challenge(self) -> bytes:
        return bytes.fromhex(self("0084000008"))[:-2]

    def authenticate(self, number: int, name: str, version: int = 1) -> str:
        suite, key = self.built.suite, self.built.keys[KeyReference(name, version)]
        original = bytes(range(8))
        cryptogram = suite.cryptogram(suite.session_key(key, self.challenge()), original)
        return self(f"008200{number:02X}11{cryptogram.hex()}{original.hex()}{version:02X}")

    def secured(self, header: str, data: bytes, stk: str) -> str:
        suite = self.built.suite
        session = suite.session_key(self.built.keys[KeyReference(stk)], self.challenge())
        body = suite.encrypt(session, Secret(data)) if data else b""
        message = bytes.fromhex(header) + bytes((len(body) + 4,)) + body
        return self((message + suite.mac(session, message)).hex())

    def verify(self, pin: bytes = INITIAL_PIN.reveal()) -> str:
        return self(f"00200000{len(pin):02X}{pin.hex()}")

    def ssse(self) -> None:
        assert self(f"00A404000F{SSSE}")[-4:] == "9000"


@pytest.fixture
def terminal(built) -> Terminal:
    return Terminal(built)


def test_the_environment_answers_as_the_standard_says(terminal):
    algorithm = "" if terminal.built.algorithm is Algorithm.DES else "9F0C03860103"
    inner = f"88011E{algorithm}"
    body = f"840F{SSSE}A5{len(inner) // 2:02X}{inner}"
    assert terminal(f"00A404000F{SSSE}") == f"6F{len(body) // 2:02X}{body}9000"
    assert terminal("00A4040006D15600000500") == "6F088406D156000005009000"
    assert terminal("00A4000002DF02") == "6F088406D156000005019000"


def test_everything_that_is_free_to_read_is_as_it_was_written(terminal):
    terminal.ssse()
    ssse = terminal.built.plan.mf.children[0]
    held = next(terminal.built.records[file.name] for file in ssse.files if file.sfi == 5)
    assert terminal("00B2010500") == "6986"
    assert terminal("00B2012D00") == b"".join(held).hex().upper() + "9000"
    assert terminal("00B201F400") == ssse.files[0].contents[0].hex().upper() + "9000"


def test_the_card_proves_itself(terminal):
    terminal.ssse()
    suite, key = terminal.built.suite, terminal.built.keys[KeyReference("IRK", 2)]
    factor, original = bytes(range(8)), bytes(range(8, 16))
    expected = suite.cryptogram(suite.session_key(key, factor), original)
    assert terminal(f"0088000011{factor.hex()}{original.hex()}02") == expected.hex().upper() + "9000"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_is_updated_with_its_key_in_any_version(terminal, version):
    terminal.ssse()
    assert terminal("00DC052806050499991231") == "6982"
    assert terminal.authenticate(0x04, "UKSSSE", version) == "9000"
    assert terminal("00DC052806050499991231") == "9000"
    assert terminal("00B2052800") == "0504999912319000"


def test_a_key_wins_what_it_is_for_and_nothing_else(terminal):
    terminal.ssse()
    assert terminal.authenticate(0x0A, "RKSSSE") == "9000"
    assert terminal("00DC052806050499991231") == "6982"
    assert terminal.authenticate(0x05, "BK") == "9000"
    assert terminal.authenticate(0x06, "PUK") == "9000"
    assert terminal("00DC052806050499991231") == "6982"


def test_the_holders_data_of_version_3_takes_the_read_key(terminal):
    terminal.ssse()
    free = terminal.built.plan.version != "3.0"
    assert (terminal("00B2013500")[-4:] == "9000") is free
    assert terminal.authenticate(0x0A, "RKSSSE") == "9000"
    assert terminal("00B2013500")[-4:] == "9000"


@pytest.mark.parametrize("who", ["PIN", "RK1DF01"])
def test_a_file_of_a_directory_is_read_by_the_pin_or_by_its_key(terminal, who):
    terminal.ssse()
    terminal("00A4000002DF01")
    assert terminal("00B2012D00") == "6982"
    assert (terminal.verify() if who == "PIN" else terminal.authenticate(0x88, who)) == "9000"
    assert terminal("00B2012D00")[-4:] == "9000"


def test_a_file_that_takes_the_pin_and_a_key(terminal):
    terminal.ssse()
    terminal("00A4000002DF04")
    assert terminal.authenticate(0x84, "RK1DF04") == "9000"
    assert terminal("00B2013500") == "6982"
    assert terminal.verify() == "9000"
    assert terminal("00B2013500")[-4:] == "9000"
    terminal.ssse()
    terminal("00A4000002DF04")
    assert terminal("00B2013500") == "6982"


def test_every_key_of_external_authentication_works_and_opens_its_files(terminal):
    for directory in terminal.built.plan.mf.children[0].children:
        for key in directory.keys[1:]:
            if key.tries is None:
                continue
            terminal.ssse()
            terminal(f"00A4000002{directory.fid:04X}")
            assert terminal.authenticate(key.card_id, key.reference.name, key.version) == "9000", key.name
            for file in directory.files:
                if file.fid is None or file.structure is not Structure.LINEAR_VARIABLE or not file.space:
                    continue
                held = terminal.built.records.get(file.name)
                if held:
                    answer = terminal(f"00DC01{file.sfi << 3 | 4:02X}{len(held[0]):02X}{held[0].hex()}")
                    assert (answer == "9000") == (key.name in file.update.keys), (key.name, file.name)


def test_the_pin_is_unblocked_by_puk(terminal):
    terminal.ssse()
    while terminal.verify(b"\x99\x99\x99") != "6983":
        pass
    assert terminal.secured("84240000", b"", "STKSSSE") == "6982"
    assert terminal.authenticate(0x06, "PUK") == "9000"
    assert terminal.secured("84240000", b"", "STKSSSE") == "9000"
    assert terminal.verify() == "9000"
    assert terminal.secured("84240001", bytes.fromhex("654321"), "STKSSSE") == "9000"
    assert terminal.verify(bytes.fromhex("654321")) == "9000"


def test_an_application_with_a_lock_key_is_blocked_by_that(terminal):
    terminal.ssse()
    assert terminal.authenticate(0x05, "BK") == "9000"
    terminal("00A4000002DF04")
    assert terminal.secured("841E0001", b"", "STKDF04") == "6982"
    assert terminal.authenticate(0x83, "LKDF04") == "9000"
    assert terminal("841E00010400000000") == "6984"
    assert terminal.secured("841E0001", b"", "STKDF03") == "6988"
    assert terminal.secured("841E0001", b"", "STKDF04") == "9000"
    assert terminal("00B2012D00") == "9303"
    terminal.ssse()
    assert terminal("00A4000002DF04") == "9303"
    assert terminal("00A4000002DF01")[-4:] == "9000"


def test_an_application_without_a_lock_key_is_blocked_by_that_of_the_card(terminal):
    terminal.ssse()
    assert terminal.authenticate(0x05, "BK") == "9000"
    terminal("00A4000002DF01")
    assert terminal.secured("841E0001", b"", "STKDF01") == "9000"
    assert terminal("00A4000002DF01") == "9303"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        pytest.param("841E000004" + "00" * 4, "6A86", id="for a time"),
        pytest.param("841E000103" + "00" * 3, "6700", id="3 bytes"),
        pytest.param("8418000004" + "00" * 4, "6E00", id="unlocking, which the standard has not"),
    ],
)
def test_what_is_no_application_block(terminal, command, status):
    terminal.ssse()
    assert terminal(command) == status


def test_the_card_is_blocked_by_its_lock_key(terminal):
    terminal.ssse()
    assert terminal.secured("84160000", b"", "STKSSSE") == "6982"
    assert terminal.authenticate(0x05, "BK") == "9000"
    assert terminal.secured("84160000", b"", "STKSSSE") == "9000"
    assert terminal(f"00A404000F{SSSE}") == "6A81"


def test_the_amounts_are_those_that_were_loaded_and_no_command_writes_them_any_more(terminal):
    terminal.ssse()
    terminal("00A4000002DF04")
    assert terminal("00D6820014" + "00" * 20) == "6982"
    assert terminal("00B0820001") == "6A82"


def test_the_structure_is_safe_without_the_master_key(terminal):
    for directory in ("", "DF01"):
        terminal.ssse()
        if directory:
            terminal(f"00A4000002{directory}")
        assert terminal("80E0EF0D062C00100000FF") == "6982"
        assert terminal("80E0EF0D072C00100000FFFF") == "6982"
        assert terminal("800E000000") == "6982"
        # Adding keys is free, and there is no room for one.
        assert terminal("80D4010916390040013301" + "00" * 16) == "6A84"
        assert terminal("80D4010A073A00EF88331234") == "6A84"


def test_the_card_counts_as_issued_once_it_is_used(terminal):
    assert terminal.built.image.system.life_cycle in {LifeCycle.BUILDING, LifeCycle.ISSUED}
    terminal.ssse()
    assert terminal.card.image.system.life_cycle is LifeCycle.ISSUED
