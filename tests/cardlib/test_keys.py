"""The key table against the specification's, typed in again from its text; and the requests made with it."""

import pickle

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest, Mac
from cardlib.keys import KEYS, Evidence, KeyReference, Level, Purpose

# As printed: name, card id, ✔ seen, ○ published, – inferred; "?" = no id is known.
CARD_IDS = {
    "SSSE": "IRK 00✔ STKSSSE 02○ UKSSSE 04✔ BK 05○ PUK 06✔ RKSSSE 0A✔",
    "DF01": (
        "STKDF01 82○ UK1 83✔ UK2 84✔ UK3 85✔ UK4 86✔ UK5 87✔ RK1 88✔ UK6 89✔ UK7 8A– UK8 8B– UK9 8C– UKA 8D– UKB 8E–"
    ),
    "DF02": "STKDF02 82○ UK1 83○ UK2 84✔ UK3 85✔ UK4 86✔ UK5 87✔ RK1 88✔ UK6 89✔",
    "DF03": (
        "STKDF03 82○ LKDF03 83○ RK1 84✔ RK2 85✔ UK1 86✔ UK2 87✔ UK3 88✔ UK4 89✔ UK5 8A✔ UK6 8B✔ UK7 8C✔ UK8 8D✔ "
        "RK3 ?– RK4 ?– RK5 ?–"
    ),
    "DF04": "STKDF04 82○ LKDF04 83○ RK1 84✔ UK1 85✔ UK2 86✔ DSK 87– DPK ?– DLK ?– DTK ?– UK3 ?–",
    "DF05": "UK1 83– STKDF05 82–",
    "DF06": "RK1 84– UK1 85– UK2 86– STKDF06 82– LKDF06 83–",
    "DF07": "RK1 83– UK1 84– RK2 85– UK2 86– RK3 87– UK3 88–",
}
PROVINCIAL = {
    *("UKSSSE", "BK", "PUK", "LKDF03", "LKDF04", "UK1DF01", "UK2DF01", "UK5DF01", "UK2DF02", "UK3DF02"),
    *("UK1DF03", "UK3DF03", "UK1DF04", "DLK", "DTK", "DSK"),
}
LEVEL_NOT_PUBLISHED = {
    *("UK1DF05", "STKDF05", "RK1DF06", "UK1DF06", "UK2DF06", "STKDF06", "LKDF06"),
    *("RK1DF07", "UK1DF07", "RK2DF07", "UK2DF07", "RK3DF07", "UK3DF07"),
    *("RK3DF03", "RK4DF03", "RK5DF03", "UK3DF04"),
}
MASTER_KEYS = [f"MK{directory}" for directory in ("MF", *CARD_IDS)]


def printed():
    for directory, text in CARD_IDS.items():
        words = text.split()
        for name, card_id in zip(words[::2], words[1::2], strict=True):
            full = f"{name}{directory}" if name[:2] in {"UK", "RK"} and len(name) == 3 else name
            yield full, directory, None if card_id[0] == "?" else int(card_id[:2], 16), card_id[-1]


@pytest.mark.parametrize(
    ("name", "directory", "card_id", "source"), [pytest.param(*row, id=row[0]) for row in printed()]
)
def test_card_ids_are_those_of_the_specification(name, directory, card_id, source):
    key = KEYS[name]
    assert (key.name, key.directory, key.card_id, key.card_id_source) == (name, directory, card_id, source)


def test_the_table_holds_the_specifications_keys_and_no_others():
    assert sorted(KEYS) == sorted([*(name for name, *_ in printed()), *MASTER_KEYS])


@pytest.mark.parametrize("name", sorted(KEYS))
def test_levels_are_those_of_the_specification(name):
    if name in MASTER_KEYS:
        expected = Level.ISSUER
    elif name in LEVEL_NOT_PUBLISHED:
        expected = Level.UNKNOWN
    else:
        expected = Level.PROVINCIAL if name in PROVINCIAL else Level.NATIONAL
    assert KEYS[name].level is expected


@pytest.mark.parametrize(
    ("prefix", "purpose"),
    [
        ("IRK", Purpose.INTERNAL_AUTHENTICATION),
        ("RK", Purpose.READ),
        ("UK", Purpose.UPDATE),
        ("STK", Purpose.MAINTENANCE),
        ("BK", Purpose.CARD_BLOCK),
        ("LK", Purpose.APPLICATION_BLOCK),
        ("PUK", Purpose.PIN_UNBLOCK),
        ("DPK", Purpose.PURCHASE),
        ("DLK", Purpose.LOAD),
        ("DTK", Purpose.TAC),
        ("DSK", Purpose.STARTING_DAY),
        ("MK", Purpose.MASTER),
    ],
)
def test_names_say_the_purpose(prefix, purpose):
    assert {key.name for key in KEYS.values() if key.purpose is purpose} == {n for n in KEYS if n.startswith(prefix)}


def test_an_id_is_unique_in_its_directory():
    ids = [(key.directory, key.card_id) for key in KEYS.values() if key.card_id is not None]
    assert len(ids) == len(set(ids))


def test_bit_eight_of_an_id_means_the_current_directory():
    for key in KEYS.values():
        assert key.card_id is None or (key.card_id >= 0x80) == (key.directory != "SSSE"), key.name


def test_only_maintenance_keys_of_the_des_world_are_short():
    short = {(key.name, algorithm) for key in KEYS.values() for algorithm in Algorithm if key.size(algorithm) == 8}
    assert short == {(name, Algorithm.DES) for name in KEYS if name.startswith("STK")}


def test_maintenance_and_account_keys_do_not_authenticate():
    assert {key.name[:3] for key in KEYS.values() if not key.authenticates} == {"STK", "DPK", "DLK", "DTK"}


def test_every_purpose_has_its_own_chinese_term():
    terms = [KEYS[name].chinese for name in ("IRK", "RKSSSE", "UKSSSE", "STKSSSE", "BK", "LKDF03", "PUK", "DPK", "DTK")]
    assert len(set(terms)) == len(terms)
    assert KEYS["IRK"].chinese == "内部认证密钥"


def test_where_an_id_comes_from_is_written_as_in_the_specification():
    assert [evidence.value for evidence in Evidence] == ["✔", "○", "–"]


# --- a card's factors, on the worked example of the specification ---

ROOT = Secret(bytes(range(16)))
T6_TD = bytes.fromhex("8660650100000001")


@pytest.mark.parametrize(
    ("algorithm", "name", "expected"),
    [
        pytest.param(Algorithm.DES, "IRK", "f27d8d26ec3430bd1ab26aced5f5ea2e", id="3DES"),
        pytest.param(Algorithm.DES, "STKSSSE", "4ab5790ed90ffae3", id="STK is single DES"),
        pytest.param(Algorithm.SM4, "IRK", "4cf56d8b099457aea63cd651de50733e", id="SM4"),
        pytest.param(Algorithm.SM4, "STKSSSE", "4cf56d8b099457aea63cd651de50733e", id="STK of an SM4 card"),
        pytest.param(Algorithm.SM4, "UKSSSEEF0D", "4cf56d8b099457aea63cd651de50733e", id="a region's own key"),
    ],
)
def test_card_key_has_the_length_that_the_key_has_on_the_card(algorithm, name, expected):
    card = CardFactors(algorithm, "650100", T6_TD)
    assert card.card_key(KeyReference(name), ROOT) == Secret(bytes.fromhex(expected))


def test_card_key_of_an_ssf33_card_cannot_be_computed():
    with pytest.raises(AlgorithmUnsupportedError, match="SSF33"):
        CardFactors(Algorithm.SSF33, "110000", T6_TD).card_key(KeyReference("IRK"), ROOT)


@pytest.mark.parametrize(("region", "factor"), [("FFFFFF", T6_TD), ("6501", T6_TD), ("650100", b"")])
def test_factors_that_no_card_has_are_refused(region, factor):
    with pytest.raises(MalformedError):
        CardFactors(Algorithm.DES, region, factor)


def test_a_key_reference_means_version_one_unless_told_otherwise():
    assert KeyReference("IRK") == KeyReference("IRK", 1) != KeyReference("IRK", 2)


def test_a_key_request_shows_names_and_hides_challenges():
    cryptogram = Cryptogram(KeyReference("RKSSSE"), b"CHALLNGE", b"ORIGINAL")
    text = repr(KeyRequest(CardFactors(Algorithm.SM4, "990100", T6_TD), (cryptogram,)))
    assert "RKSSSE" in text
    assert not any(hidden in text for hidden in ("CHALLNGE", "ORIGINAL", b"CHALLNGE".hex()))


def test_a_mac_shows_its_key_and_hides_what_is_authenticated():
    text = repr(Mac(KeyReference("STKDF01"), b"CHALLNGE", b"A PERSON'S DATA"))
    assert "STKDF01" in text
    assert not any(hidden in text for hidden in ("CHALLNGE", "PERSON"))


def test_keys_never_show(caplog):
    caplog.set_level(0)
    canary = Secret(b"CANARY-KEY-16byt")
    card = CardFactors(Algorithm.DES, "990100", T6_TD)
    key = card.card_key(KeyReference("IRK"), canary)
    with pytest.raises(MalformedError) as caught:
        card.card_key(KeyReference("IRK"), Secret(b"CANARY-KEY"))
    text = f"{card!r} {card} {key!r} {key} {key:>30} {caught.value!r} {caught.value} {caplog.text}".lower()
    for value in (b"canary-key", b"CANARY-KEY".hex().encode(), key.reveal().hex().encode()):
        assert value.decode() not in text
    with pytest.raises(TypeError):
        pickle.dumps(key)
