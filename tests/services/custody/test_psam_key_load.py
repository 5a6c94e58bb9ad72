"""Keys on their way into a PSAM: the specification's example, and what must not leave."""

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, KeyRequest, PsamKeyLoad
from cardlib.keys import KEYS, PSAM_OWN_KEYS, KeyReference
from services.custody.card_keys import CardKeyCustodian
from services.custody.development import DevelopmentCustodian
from tests.services.custody.tasks import card, psam_load, with_key

K = bytes(range(16))
ADF_MASTER = bytes(range(0x40, 0x50))


class Example(CardKeyCustodian):
    """Has the example's keys as they are."""

    def card_key(self, card: CardFactors, key: KeyReference) -> Secret:
        return Secret(ADF_MASTER)

    def key_above(self, card: CardFactors, key: KeyReference, levels: int) -> Secret:
        return Secret(K[: KEYS[key.name].size(card.algorithm)])


CREATE_2D = "672D00{}00000000"
EXAMPLES = [
    pytest.param(
        Algorithm.DES,
        psam_load("RK1DF04", 3, header=CREATE_2D.format("00"), challenge=bytes.fromhex("11223344")),
        "7681B0DB2C7EB25FAD7F9414997A6D2B1DA59435ECFAF252FF7D09C3614A38632A6E22B7",
        id="DES",
    ),
    pytest.param(
        Algorithm.SM4,
        psam_load("RK1DF04", 3, header=CREATE_2D.format("03"), challenge=bytes.fromhex("11223344")),
        "E21160DAA7149776FAAF2C914428F6989ECB6205C97512E89DCB85D582228AB3021E9684",
        id="SM4",
    ),
    pytest.param(
        Algorithm.DES,
        psam_load("STKSSSE", 1, header="2609000100000000", challenge=bytes.fromhex("11223344")),
        "E0169C98B9060C05AD7F9414997A6D2B97BEDB6A2DC591025F46B3C2",
        id="DES, 8 bytes",
    ),
]


@pytest.mark.parametrize(("algorithm", "task", "command"), EXAMPLES)
def test_the_specifications_example(algorithm, task, command) -> None:
    (answer,) = Example().perform(KeyRequest(card(algorithm), (task,)))
    assert answer.hex().upper() == command


@pytest.fixture
def custodian() -> DevelopmentCustodian:
    return DevelopmentCustodian(development_mode=True)


REFUSED = {
    # Everybody at the chip knows TMK: what is under it, is told.
    "a root under the temporary key": (psam_load("IRK", 3, under="TMK"), "TMK"),
    "a city's key under the temporary key": (psam_load("IRK", 1, under="TMK"), "TMK"),
    "under a card's master key": (psam_load("IRK", 3, under="MKSSSE"), "MKSSSE"),
    "under a loader's key": (psam_load("PSAM-KID01", 0, under="PSAM-KID01"), "PSAM-KID01"),
    "a card's own key": (psam_load("IRK", 0, header="070800"), "IRK"),
    "a master key of cards": (psam_load("MKSSSE", 3), "MKSSSE"),
    "the temporary key's root": (psam_load("TMK", 3), "TMK"),
    "the transport key": (psam_load("TRANSPORT", 3), "TRANSPORT"),
    "the root of PSAMs' own keys": (psam_load("PSAM-MKADF", 3), "PSAM-MKADF"),
}


@pytest.mark.parametrize(("task", "key"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_for_a_psam_does_not_leave(custodian, task: PsamKeyLoad, key: str) -> None:
    with pytest.raises(KeyUnavailableError) as caught:
        custodian.perform(KeyRequest(card(), (task,)))
    assert caught.value.key == key


@pytest.mark.parametrize("levels", [-1, 4])
def test_there_are_no_other_levels(custodian, levels) -> None:
    with pytest.raises(MalformedError):
        custodian.perform(KeyRequest(card(), (PsamKeyLoad(**_with(levels)),)))


def _with(levels: int) -> dict[str, object]:
    task = psam_load("RK1DF04", 3)
    return {name: getattr(task, name) for name in PsamKeyLoad.__slots__} | {
        "levels": levels,
        "header": bytes((levels << 5 & 0xFF | 7,)) + bytes(7),
    }


def test_no_two_psams_have_the_same_own_keys(custodian) -> None:
    """They are diversified by what stands for the card."""
    task = psam_load("RK1DF04", 3)
    others = (CardFactors(Algorithm.DES, "990100", bytes(8)), CardFactors(Algorithm.DES, "990200", bytes(8)))
    for name in PSAM_OWN_KEYS[:2]:
        answers = {custodian.perform(KeyRequest(whose, (with_key(task, KeyReference(name)),))) for whose in others}
        assert len(answers) == len(others)
