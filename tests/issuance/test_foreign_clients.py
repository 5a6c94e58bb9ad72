"""Cards that were made here are read by others: our conformance suite, OpenSC, a client made of OpenSSL alone."""

import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files

import pytest

from apdu.transport.inprocess import InProcessReaders
from cardlib.conformance import Outcome, cases, conduct, recognise
from cardlib.conformance.safety import EMPTY
from services.custody.development import DevelopmentCustodian
from simulator.card import SoftwareCard
from simulator.pcscd import VirtualReaders
from simulator.people import READY
from tests.e2e.test_opensc import FCI, SELECT, Exchange, send, spoken
from tests.issuance.chips import PIN, Kind, contents
from tests.issuance.openssl_client import DF01, RK1_DF01, RKSSSE, UK1_DF01, Client, ForgedError, RefusedError
from tests.issuance.workbench import ALL_KINDS, DES, READER, SM4, Bench, blank, issued

NAME = "娜仁其木格·阿拉坦日嘎拉图夫𠮷䶮"
"""34 bytes in GB 18030: it goes on in item 4E, and the four bytes of 𠮷 stand on both sides of the boundary."""
ADDRESS = "示例市示例区𠀀街"
NAME_TAG, EXTENSION_TAG = 0x09, 0x4E


@pytest.mark.parametrize("name", ALL_KINDS)
def test_every_case_of_the_conformance_suite_passes(name: str) -> None:
    kind = ALL_KINDS[name]
    readers = InProcessReaders([READER])
    readers.insert(READER, SoftwareCard(issued(kind).image), t0=True)
    card = readers.connect(READER)
    subject = recognise(card, pin=PIN)
    assert subject.profile.version == kind.version
    selected = cases(subject.profile)
    custodian = DevelopmentCustodian(development_mode=True)
    results = list(conduct(card, subject, selected, custodian, destructive=True, irreversible=True))
    assert [result.case for result in results] == list(selected)
    assert [(one.case.id, one.outcome, one.detail) for one in results if one.outcome is not Outcome.PASSED] == []


def test_where_nothing_was_booked_yet_only_the_log_is_not_decided() -> None:
    kind = SM4["t514"]
    new = {name: values for name, values in contents(kind.version).items() if name != "medical_transactions"}
    chip = blank(kind)
    Bench(chip).issue(kind.order(contents=new), begun=False)
    readers = InProcessReaders([READER])
    readers.insert(READER, SoftwareCard(chip.image), t0=True)
    card = readers.connect(READER)
    subject = recognise(card, pin=PIN)
    selected = [case for case in cases(subject.profile) if case.group == "DF04_SAFETY"]
    results = conduct(card, subject, selected, DevelopmentCustodian(development_mode=True), destructive=True)
    others = [(one.case.id, one.outcome, one.detail) for one in results if one.outcome is not Outcome.PASSED]
    assert others == [("DF04_SAFETY.EF08.update", Outcome.NOT_RUN, EMPTY)]


PCSCD = {f"{name} {kind.version}": kind for kinds in (DES, SM4) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def readers(pcscd: VirtualReaders) -> Iterator[dict[str, str]]:
    """A card in each of four readers; their names."""
    for slot, kind in enumerate(PCSCD.values()):
        pcscd.insert(slot, issued(kind))
    pcscd.wait_noticed()
    yield dict(zip(PCSCD, pcscd.readers, strict=True))
    for slot in range(len(PCSCD)):
        pcscd.remove(slot)


@pytest.mark.pcsc
@pytest.mark.xdist_group("pcscd")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PCSCD)
def test_opensc_reads_what_is_free_and_no_more(readers: dict[str, str], name: str) -> None:
    reader, kind = readers[name], PCSCD[name]
    version = kind.version
    atr = spoken("opensc-tool", "--reader", reader, "--atr")
    assert bytes.fromhex(atr.strip().replace(":", "")) == issued(kind).atr

    asked = [SELECT, "00B2032806", "00B2083014", "0020000000"]
    selected, item_3, item_8, tries = send(reader, *asked)
    assert selected.sw == "9000"
    assert item_3 == Exchange(asked[1], "0304" + {"2.0": "322E3000", "3.0": "332E3030"}[version], "9000")
    number = str(READY[version].holder["social_security_number"])
    free = Exchange(asked[2], "0812" + number.encode().hex().upper(), "9000")
    assert item_8 == (free if version == "2.0" else Exchange(asked[2], "", "6982"))
    assert tries.sw == "63C6"
    assert send(reader, SELECT + "00")[0].data == FCI[version]


@pytest.fixture(scope="module")
def roots() -> dict[str, dict[int, bytes]]:
    """The published root keys by name and version, from their file."""
    published = tomllib.loads(files("cardlib").joinpath("data", "development-keys.toml").read_text("utf-8"))["keys"]
    return {name: {at: bytes.fromhex(key) for at, key in enumerate(keys, 1)} for name, keys in published.items()}


Session = Callable[..., Client]


@pytest.fixture(params=ALL_KINDS, scope="module")
def made(request: pytest.FixtureRequest) -> SoftwareCard:
    """A card of each kind, of somebody with a long and rare name."""
    kind: Kind = ALL_KINDS[request.param]
    ordered = contents(kind.version)
    ordered["holder"]["name"] = NAME
    ordered["household"]["household_address"] = ADDRESS
    card = SoftwareCard(kind.blank)
    Bench(card).issue(kind.order(contents=ordered), begun=False)
    return card


@pytest.fixture
def session(made: SoftwareCard, roots: dict[str, dict[int, bytes]]) -> Session:
    """Begins a session with the card, with the root keys of a version."""

    def begun(version: int = 1, **others: bytes) -> Client:
        atr = made.power_on()
        keys = {name: found[version] for name, found in roots.items()} | others
        client = Client(made.process, atr, keys)
        client.select()
        return client

    return begun


def test_the_client_knows_the_card_and_the_card_knows_the_client(session: Session, made: SoftwareCard) -> None:
    client = session()
    issuer = client.issuer()
    assert issuer[0x01][:12].hex() == f"990000d156000005{made.atr[-4:].hex()}"
    for version in (1, 2, 3):
        other = session(version)
        assert other.issuer() == issuer
        other.prove_card(version)
        other.authenticate("RKSSSE", RKSSSE, version)
        assert NAME_TAG in other.holder()


def test_a_client_with_other_keys_is_told_so(session: Session) -> None:
    client = session(1, IRK=bytes(16), RKSSSE=bytes(16))
    client.issuer()
    with pytest.raises(ForgedError):
        client.prove_card(1)
    with pytest.raises(RefusedError, match="63C2"):
        client.authenticate("RKSSSE", RKSSSE, 1)
    again = session()
    again.issuer()
    again.authenticate("RKSSSE", RKSSSE, 1)  # one try is not the end
    assert NAME_TAG in again.holder()


def test_the_holder_has_the_name_that_was_ordered(session: Session) -> None:
    client = session()
    version = client.issuer()[0x03][:3].decode()
    if version == "3.0":
        with pytest.raises(RefusedError, match="6982"):
            client.holder()
    client.authenticate("RKSSSE", RKSSSE, 1)
    records = client.holder()
    assert [len(records[tag]) for tag in (NAME_TAG, EXTENSION_TAG)] == [30, 20]
    assert (records[NAME_TAG] + records[EXTENSION_TAG]).rstrip(b"\0").decode("gb18030") == NAME
    with pytest.raises(UnicodeDecodeError):
        records[NAME_TAG].decode("gb18030")  # the boundary goes through a character
    assert records[0x08].decode() == READY[version].holder["social_security_number"]
    assert records[0x0C].hex() == "990000"


def test_a_file_opens_to_the_pin_and_to_its_key(session: Session) -> None:
    by_pin = session()
    by_pin.select_directory(DF01)
    with pytest.raises(RefusedError, match="6982"):
        by_pin.record(5, 2)
    by_pin.verify(PIN.reveal().hex())
    address = by_pin.record(5, 2)
    assert address == bytes((0x21, 80)) + ADDRESS.encode("gb18030").ljust(80, b"\0")

    by_key = session(2)
    by_key.issuer()
    by_key.select_directory(DF01)
    by_key.authenticate("RK1DF01", RK1_DF01, 2)
    assert by_key.record(5, 2) == address


def test_an_item_is_written_with_its_key_and_nothing_else(session: Session) -> None:
    client = session(3)
    client.issuer()
    client.verify(PIN.reveal().hex())
    client.select_directory(DF01)
    before = client.record(5, 1)
    after = bytes.fromhex("2002") + (b"20" if before[2:] != b"20" else b"11")
    with pytest.raises(RefusedError, match="6982"):
        client.update(5, 1, after)
    client.authenticate("UK1DF01", UK1_DF01, 3)
    client.update(5, 1, after)
    assert client.record(5, 1) == after
    with pytest.raises(RefusedError, match="6982"):
        client.update(6, 1, client.record(6, 1))  # that one has UK4
