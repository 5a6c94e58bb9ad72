"""PIN CHANGE/UNBLOCK, with the ready-made cards of both algorithms."""

import pytest

from apdu import Secret
from cardlib import development_keys
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.profiles.v2 import V2
from cardlib.values import CardIdentifier
from simulator.card import SoftwareCard
from simulator.image import Issue, image_for
from simulator.people import READY, ready_image

QUERY, RIGHT, WRONG = "0020000000", "0020000003123456", "0020000003654321"
UNBLOCK = "84240000"
VERSIONS = {Algorithm.DES: "2.0", Algorithm.SM4: "3.0"}


@pytest.fixture(params=VERSIONS, ids=lambda algorithm: algorithm.name)
def kept(request, make_terminal, ready_keys):
    """A ready-made card in its SSSE, with its keys by name in hexadecimal as ``keys``."""
    name = VERSIONS[request.param]
    terminal = make_terminal(t0=False, image=ready_image(name), algorithm=request.param)
    terminal.keys = ready_keys(name)
    terminal.select_ssse()
    return terminal


@pytest.fixture
def replace_pin(kept, encrypt_blocks, mac):
    """PIN CHANGE/UNBLOCK of these bytes in front of the padding, with a right MAC or a wrong one."""

    def send(framed: str, *, wrong: bool = False) -> str:
        block = 16 if kept.algorithm is Algorithm.SM4 else 8
        challenge, stk = bytes.fromhex(kept("0084000008")[:-4]), bytes.fromhex(kept.keys["STKSSSE"])
        session = encrypt_blocks(kept.algorithm, stk, challenge.ljust(block, b"\0"))
        encrypted = encrypt_blocks(kept.algorithm, session, bytes.fromhex(framed))
        message = bytes.fromhex("84240001") + bytes((len(encrypted) + 4,)) + encrypted
        code = mac(kept.algorithm, stk, challenge, message)
        return kept((message + (bytes(4) if wrong else code)).hex())

    return send


def framed(kept, pin: str) -> str:
    """LD ‖ PIN ‖ 80 00…, to whole blocks [§4.6]."""
    block = 16 if kept.algorithm is Algorithm.SM4 else 8
    text = bytes((len(pin) // 2,)) + bytes.fromhex(pin)
    return (text + (b"\x80" + bytes(-(len(text) + 1) % block) if len(text) % block else b"")).hex()


def unblock(kept) -> str:
    return kept.secured(UNBLOCK, "", kept.keys["STKSSSE"])


def test_the_puk_and_a_mac_give_the_tries_back_and_leave_the_pin(kept):
    for _ in range(7):
        kept(WRONG)
    assert kept(RIGHT) == "6983"
    assert kept.authenticate("06", kept.keys["PUK"]) == "9000"
    assert unblock(kept) == "9000"
    assert [kept(QUERY), kept(RIGHT)] == ["63C6", "9000"]


def test_without_the_right_of_the_puk_there_is_no_unblocking(kept, replace_pin):
    assert unblock(kept) == replace_pin(framed(kept, "654321")) == "6982"
    kept.authenticate("05", kept.keys["BK"])
    assert unblock(kept) == "6982"


def test_the_puk_opens_from_any_directory_of_the_ssse_and_only_there(kept):
    kept("00A4000002DF01")
    assert kept.authenticate("06", kept.keys["PUK"]) == "9000"
    assert unblock(kept) == "9000"
    kept("00A4000000")
    assert unblock(kept) == "6982"


@pytest.mark.parametrize("pin", ["654321", "1234", "12345F", "123456789012345F", "1234567890123456"])
def test_a_new_pin_may_come_with_the_unblocking(kept, replace_pin, pin):
    for _ in range(6):
        kept(WRONG)
    kept.authenticate("06", kept.keys["PUK"])
    assert replace_pin(framed(kept, pin)) == "9000"
    assert kept(QUERY) == "63C6"
    assert kept(f"00200000{len(pin) // 2:02X}{pin}") == "9000"


def test_the_unblocking_without_a_new_pin_removes_it(kept, replace_pin):
    kept.authenticate("06", kept.keys["PUK"])
    assert replace_pin("") == "9000"
    assert kept(QUERY) == "9000"


@pytest.mark.parametrize("text", ["0312345A80", "0212", "00", "0080", "011280", "02123F80", "04123456"])
def test_what_was_encrypted_has_to_be_a_pin(kept, replace_pin, text):
    kept.authenticate("06", kept.keys["PUK"])
    block = 16 if kept.algorithm is Algorithm.SM4 else 8
    assert replace_pin(text.ljust(2 * block, "0")) == "6A80"
    assert kept(RIGHT) == "9000"


def test_data_that_is_no_pin_costs_the_puk_nothing(kept, replace_pin):
    kept.authenticate("06", kept.keys["PUK"])
    replace_pin("00" * 16, wrong=True)
    assert replace_pin("00" * 16) == "6A80"
    assert kept.authenticate("06", "00" * 16) == "63C1"


def test_wrong_macs_and_wrong_authentications_block_the_puk_together(kept, replace_pin):
    kept.authenticate("06", kept.keys["PUK"])
    assert replace_pin(framed(kept, "654321"), wrong=True) == "6988"
    assert kept.authenticate("06", "00" * 16) == "63C1"
    assert replace_pin(framed(kept, "654321"), wrong=True) == "6988"
    assert unblock(kept) == "6982"
    assert kept.authenticate("06", kept.keys["PUK"]) == "6983"
    assert kept(RIGHT) == "9000"


def test_a_successful_unblocking_restores_the_puk(kept, replace_pin):
    kept.authenticate("06", kept.keys["PUK"])
    for _ in range(2):
        assert replace_pin("", wrong=True) == "6988"
    assert unblock(kept) == "9000"
    assert kept.authenticate("06", "00" * 16) == "63C2"


def test_unblocking_takes_a_challenge_and_spends_it(kept):
    kept.authenticate("06", kept.keys["PUK"])
    assert kept(f"{UNBLOCK}0400000000") == "6984"
    kept("0084000008")
    assert [kept(f"{UNBLOCK}0400000000") for _ in range(2)] == ["6988", "6984"]


def test_unblocking_leaves_the_verified_state_as_it_was(kept):
    kept("00A4000002DF04")
    kept.authenticate("06", kept.keys["PUK"])
    unblock(kept)
    assert kept("00B2014400") == "6982"
    kept(RIGHT)
    unblock(kept)
    assert kept("00B2014400")[-4:] == "9000"


@pytest.mark.parametrize(
    ("command", "sw"),
    [
        pytest.param("842401000400000000", "6A86", id="P1"),
        pytest.param("842400020400000000", "6A86", id="P2"),
        pytest.param("84240000", "6700", id="no MAC"),
        pytest.param("8424000003000000", "6700", id="3 bytes"),
        pytest.param("842400000C" + "00" * 12, "6700", id="data with P2 00"),
        pytest.param("8424000108" + "00" * 8, "6700", id="half a block"),
        pytest.param("842400011C" + "00" * 28, "6700", id="24 bytes and a MAC"),
        pytest.param("002400000400000000", "6D00", id="class 00"),
        pytest.param("042400000400000000", "6E00", id="class 04"),
    ],
)
def test_a_malformed_unblocking_is_refused(kept, command, sw):
    assert kept(command) == sw


# card.md §4.11 and §4.4, computed there by two implementations: root key, region, factor and challenge of the table.
PUBLISHED = {
    Algorithm.DES: ("215380a05943aa8e", "4074092f", "0c3037b886d197418ee0a9546b"),
    Algorithm.SM4: ("df62a91fcf1eb21c", "29d6643b", "14d0e4107471ac3fc9bdbbd871267880121c8df5d3"),
}


@pytest.mark.parametrize("algorithm", PUBLISHED, ids=lambda algorithm: algorithm.name)
def test_the_published_vectors_unblock_and_replace(algorithm):
    proof, mac, body = PUBLISHED[algorithm]
    published = {KeyReference(name): Secret(bytes(range(16))) for name in ("PUK", "STKSSSE")}
    roots = {**development_keys.load(), **published}
    contents = {"issuer": {"card_identifier": CardIdentifier("650100D15600000500000001FFFFFFFF")}, "holder": {}}
    issue = Issue(
        algorithm=algorithm,
        historical_bytes=bytes.fromhex("00810000008660650100000001"),
        pin=Secret(bytes.fromhex("654321")),
    )
    card = SoftwareCard(
        image_for(V2, contents, issue, roots), t0=False, rng=lambda _: bytes.fromhex("0011223344556677")
    )
    card.power_on()
    conversation = [
        ("0084000008", "0011223344556677"),
        (f"0082000610{proof}0102030405060708", ""),
        ("0084000008", "0011223344556677"),
        (f"8424000004{mac}", ""),
        (RIGHT, "63c5"),
        ("0084000008", "0011223344556677"),
        (f"84240001{body}", ""),
        (RIGHT, ""),
    ]
    card.process(bytes.fromhex("00A4000002DDF1"))
    for command, answer in conversation:
        assert card.process(bytes.fromhex(command)).hex() == (answer if len(answer) == 4 else f"{answer}9000")


def test_a_pin_without_its_maintenance_key_cannot_be_unblocked(make_terminal):
    ready = READY["3.0"]
    issue = Issue(
        algorithm=Algorithm.SM4, historical_bytes=ready.historical_bytes(7), pin=Secret(bytes.fromhex("123456"))
    )
    roots, puk = dict(development_keys.load()), KeyReference("PUK")
    del roots[KeyReference("STKSSSE")]
    terminal = make_terminal(image=image_for(ready.profile, ready.contents(7), issue, roots))
    terminal.select_ssse()
    factors = CardFactors(Algorithm.SM4, "990000", issue.historical_bytes[5:])
    value = factors.card_key(puk, roots[puk]).reveal().hex()
    assert terminal.authenticate("06", value) == "9000"
    terminal("0084000008")
    assert terminal(f"{UNBLOCK}0400000000") == "6A88"
