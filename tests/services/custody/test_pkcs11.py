"""Where keys are on a PKCS#11 token, and what is said when they cannot be used there."""

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import CardFactors, Cryptogram, Disclosure, KeyRequest, Mac
from cardlib.keys import KeyReference
from services.custody.pkcs11 import Pkcs11Custodian, StoredKey, default_label
from services.custody.pkcs11_token import Token, by_label
from services.custody.pkcs11_vendor import CipherNumbers
from tests.services.custody import openssl
from tests.services.custody.conftest import DEVELOPMENT, LOCKED, OTHER
from tests.services.custody.stub_token import NUMBERS, StubSession
from tests.services.custody.tasks import FACTOR, ORIGINAL, ROOTS, TASKS, card

IRK, STK = KeyReference("IRK"), KeyReference("STKSSSE")
ROOT = ROOTS[IRK].reveal()
THREE_DES = CipherNumbers(KeyType.DES2, Mechanism.DES3_ECB, Mechanism.DES3_ECB_ENCRYPT_DATA, tells_length=False)


def below(value: bytes, *factors: str, cipher: str = "des") -> bytes:
    """The key that these factors of regions make of a key."""
    for factor in factors:
        plain = factor.encode()
        value = openssl.ecb(cipher, value, plain + openssl.xor(plain, b"\xff" * 8))
    return value


def asked(custodian: Pkcs11Custodian, whose: CardFactors, key: KeyReference = IRK) -> bytes:
    task = Mac(key, FACTOR, b"data") if key == STK else Cryptogram(key, FACTOR, ORIGINAL)
    (answer,) = custodian.perform(KeyRequest(whose, (task,)))
    return answer


def right(whose: CardFactors, key: KeyReference = IRK) -> bytes:
    task = Mac(key, FACTOR, b"data") if key == STK else Cryptogram(key, FACTOR, ORIGINAL)
    return openssl.Card(whose, ROOTS).answer(task)


@pytest.fixture
def other(softhsm):
    """The token that holds what a test stores there."""
    token = Token(softhsm.connect(OTHER))
    yield token
    token.close()


@pytest.fixture
def development(softhsm):
    token = Token(softhsm.connect(DEVELOPMENT))
    yield token
    token.close()


class TestWhereKeysAre:
    def test_a_province_has_its_key_for_its_cities_only(self, softhsm, other):
        softhsm.store(OTHER, {"province 99": below(ROOT, "990000sh")})
        custodian = Pkcs11Custodian(other, [StoredKey(IRK, label="province 99", levels=2, region="99")])
        for whose in (card(), card(region="990123")):
            assert asked(custodian, whose) == right(whose)
        with pytest.raises(KeyUnavailableError, match=r"IRK.*for other regions only.*table") as caught:
            asked(custodian, card(region="650100"))
        assert caught.value.key == "IRK"

    def test_a_city_has_its_key_for_its_cards_only(self, softhsm, other):
        key = below(ROOT, "990000sh", "990100sx")
        softhsm.store(OTHER, {"city 990100": key}, ENCRYPT=True, DERIVE=False)
        custodian = Pkcs11Custodian(other, [StoredKey(IRK, label="city 990100", levels=1, region="990100")])
        assert asked(custodian, card()) == right(card())
        with pytest.raises(KeyUnavailableError, match="for other regions only"):
            asked(custodian, card(region="990101"))

    def test_one_table_serves_several_regions(self, softhsm, other):
        first, second = below(ROOT, "980000sh"), below(ROOT, "970000sh", "970200sx")
        softhsm.store(OTHER, {"province 98": first})
        softhsm.store(OTHER, {"city 970200": second}, ENCRYPT=True, DERIVE=False)
        table = [
            StoredKey(IRK, label="province 98", levels=2, region="98"),
            StoredKey(IRK, label="city 970200", levels=1, region="970200"),
        ]
        custodian = Pkcs11Custodian(other, table)
        for whose in (card(region="980500"), card(region="970200")):
            assert asked(custodian, whose) == right(whose)

    def test_counties_of_a_zhejiang_city_share_its_key(self, softhsm, other):
        softhsm.store(OTHER, {"city 3307": below(ROOT, "330000sh", "330700sx")}, ENCRYPT=True, DERIVE=False)
        custodian = Pkcs11Custodian(other, [StoredKey(IRK, label="city 3307", levels=1, region="330700")])
        for region in ("330700", "330782"):
            assert asked(custodian, card(region=region)) == right(card(region=region))
        with pytest.raises(KeyUnavailableError):
            asked(custodian, card(region="330800"))

    def test_a_city_has_the_maintenance_key_of_its_des_cards(self, softhsm, other):
        half = ROOTS[STK].reveal()[:8]
        for factor in (b"990000sh", b"990100sx"):
            half = openssl.ecb("des", half, factor)
        softhsm.store(OTHER, {"city STK": half * 2}, ENCRYPT=True, DERIVE=False)
        custodian = Pkcs11Custodian(other, [StoredKey(STK, label="city STK", levels=1, region="990100")])
        assert asked(custodian, card(), STK) == right(card(), STK)

    def test_an_id_finds_a_key_as_well(self, softhsm, other):
        softhsm.store(OTHER, {"": ROOT}, ID=b"\x17\x01")
        custodian = Pkcs11Custodian(other, [StoredKey(IRK, identifier=b"\x17\x01")])
        assert asked(custodian, card()) == right(card())

    @pytest.mark.parametrize(
        ("levels", "region"),
        [(0, ""), (4, ""), (3, "99"), (2, ""), (2, "9901"), (1, "99"), (1, "99010A"), (2, "９９")],
    )
    def test_a_region_that_does_not_fit_the_levels_is_malformed(self, levels, region):
        with pytest.raises(MalformedError, match="above a card"):
            StoredKey(IRK, levels=levels, region=region)

    def test_labels_by_default(self):
        assert default_label(KeyReference("IRK", 2), Algorithm.DES) == "IRK/2"
        assert default_label(STK, Algorithm.DES, single=True) == "STKSSSE/1/DES"
        assert default_label(STK, Algorithm.SM4, single=True) == "STKSSSE/1"


class TestWhatIsRefused:
    def test_a_label_that_is_not_there(self, other):
        with pytest.raises(KeyUnavailableError, match=r"IRK.*no secret key of type DES2 with label 'IRK/1': load it"):
            asked(Pkcs11Custodian(other), card())

    def test_a_label_that_is_there_twice(self, softhsm, other):
        softhsm.store(OTHER, {"twice": ROOT})
        softhsm.store(OTHER, {"twice": ROOT}, ID=b"\x02")
        with pytest.raises(KeyUnavailableError, match=r"2 objects .*'twice'.*tell them apart"):
            asked(Pkcs11Custodian(other, [StoredKey(IRK, label="twice")]), card())
        told_apart = Pkcs11Custodian(other, [StoredKey(IRK, label="twice", identifier=b"\x02")])
        assert asked(told_apart, card()) == right(card())

    @pytest.mark.parametrize(
        ("attributes", "levels", "reason"),
        [
            ({"EXTRACTABLE": True}, 3, "CKA_EXTRACTABLE false"),
            ({"SENSITIVE": False}, 3, "CKA_SENSITIVE true"),
            ({"ENCRYPT": True}, 3, "CKA_ENCRYPT false"),
            ({"DERIVE": False}, 3, "CKA_DERIVE true"),
            ({}, 1, "CKA_ENCRYPT true"),
            ({"EXTRACTABLE": True, "ENCRYPT": True}, 1, "CKA_EXTRACTABLE false"),
        ],
    )
    def test_a_key_that_the_token_does_not_guard(self, softhsm, other, attributes, levels, reason):
        label = f"unguarded {attributes} {levels}"
        softhsm.store(OTHER, {label: ROOT}, **attributes)
        custodian = Pkcs11Custodian(
            other, [StoredKey(IRK, label=label, levels=levels, region="990100"[: 6 * (levels == 1)])]
        )
        with pytest.raises(KeyUnavailableError, match=f"IRK.*{reason}"):
            asked(custodian, card())

    def test_a_transport_key_that_cannot_be_read(self, softhsm, other):
        softhsm.store(OTHER, {"TRANSPORT/7": bytes(16)}, KeyType.GENERIC_SECRET)
        task = Disclosure(KeyReference("TRANSPORT", 7))
        with pytest.raises(KeyUnavailableError, match=r"TRANSPORT.*in clear.*CKA_SENSITIVE false"):
            Pkcs11Custodian(other).perform(KeyRequest(card(), (task,)))

    def test_keys_on_the_way_are_gone_even_after_a_failure(self, development):
        broken = CipherNumbers(KeyType.DES2, 0x80000301, Mechanism.DES3_ECB_ENCRYPT_DATA, tells_length=False)
        table = [StoredKey(IRK, Algorithm.SM4, label="IRK/1")]
        with pytest.raises(KeyUnavailableError, match=r"refuses \(MechanismInvalid\).*mechanisms"):
            asked(Pkcs11Custodian(development, table, sm4=broken), card(Algorithm.SM4))
        assert development._session is not None
        assert list(development._session.get_objects({Attribute.TOKEN: False})) == []


class TestSessions:
    def counted(self, connect):
        calls = []

        def counting():
            calls.append(1)
            return connect()

        return counting, calls

    def test_a_wrong_pin_is_tried_once(self, softhsm):
        connect, calls = self.counted(softhsm.connect(LOCKED, pin=Secret(b"000000")))
        custodian = Pkcs11Custodian(Token(connect))
        for _ in range(20):
            with pytest.raises(
                KeyUnavailableError, match=r"refused the PIN \(PinIncorrect\).*not asked again"
            ) as caught:
                asked(custodian, card())
            assert "000000" not in str(caught.value)
        assert len(calls) == 1
        good = Token(softhsm.connect(LOCKED))
        with pytest.raises(KeyUnavailableError, match="no secret key"):  # so the PIN is still taken
            asked(Pkcs11Custodian(good), card())
        good.close()

    def test_a_lost_session_is_opened_again(self, softhsm):
        connect, calls = self.counted(softhsm.connect())
        token = Token(connect)
        custodian = Pkcs11Custodian(token)
        assert asked(custodian, card()) == right(card())
        token._session.close()
        assert asked(custodian, card()) == right(card())
        assert len(calls) == 2
        custodian.close()

    def test_a_lost_session_is_noticed_by_a_search_as_well(self, softhsm):
        token = Token(softhsm.connect())
        custodian = Pkcs11Custodian(token)
        assert asked(custodian, card()) == right(card())
        token._session.close()
        assert asked(custodian, card(), STK) == right(card(), STK)
        custodian.close()

    def test_a_key_that_was_stored_anew_is_found_again(self, softhsm, other):
        custodian = Pkcs11Custodian(other, [StoredKey(IRK, label="renewed")])
        softhsm.store(OTHER, {"renewed": bytes(range(16))})
        before = asked(custodian, card())
        session = softhsm.session(OTHER)
        (old,) = session.get_objects({Attribute.LABEL: "renewed"})
        old.destroy()
        session.close()
        softhsm.store(OTHER, {"renewed": ROOT})
        assert before != asked(custodian, card()) == right(card())

    def test_a_library_that_began_again_is_followed(self, softhsm, development):
        custodian = Pkcs11Custodian(development)
        assert asked(custodian, card()) == right(card())
        pkcs11.lib(softhsm.library).reinitialize()
        assert asked(custodian, card()) == right(card())

    def test_two_custodians_share_a_token(self, softhsm):
        first, second = (Pkcs11Custodian(Token(softhsm.connect())) for _ in range(2))
        assert asked(first, card()) == asked(second, card()) == right(card())
        first.close()  # logs the whole process out
        assert asked(second, card()) == right(card())
        second.close()

    @pytest.mark.parametrize("error", [pkcs11.TokenNotPresent, pkcs11.DeviceRemoved, pkcs11.SessionHandleInvalid])
    def test_a_token_that_is_away_is_asked_for_and_found_when_it_is_back(self, softhsm, error):
        state = {"away": False}

        def connect():
            if state["away"]:
                raise error
            return softhsm.connect()()

        token = Token(connect)
        custodian = Pkcs11Custodian(token)
        assert asked(custodian, card()) == right(card())
        state["away"] = True
        token._session.close()
        for _ in range(2):
            with pytest.raises(
                KeyUnavailableError, match=rf"IRK.*\({error.__name__}\).*connected and runs, then repeat"
            ):
                asked(custodian, card())
        state["away"] = False
        assert asked(custodian, card()) == right(card())
        custodian.close()

    def test_there_is_no_such_token(self, softhsm):
        with pytest.raises(KeyUnavailableError, match="not exactly one token of the configured label"):
            asked(Pkcs11Custodian(Token(softhsm.connect("nobody's"))), card())

    def test_there_is_no_such_library(self):
        connect = by_label("/nonexistent/libhsm.so", "x", Secret(b"0000"))
        with pytest.raises(KeyUnavailableError, match=r"IRK.*/nonexistent/libhsm.so"):
            asked(Pkcs11Custodian(Token(connect)), card())

    def test_a_pin_that_is_not_text_is_malformed_and_not_shown(self):
        with pytest.raises(MalformedError, match="not UTF-8") as caught:
            by_label("x", "x", Secret(b"\xff123"))
        assert caught.value.__cause__ is None
        assert "123" not in repr(caught.value)

    def test_the_pin_does_not_show(self, softhsm, development):
        pin = softhsm.pin.reveal().decode()
        custodian = Pkcs11Custodian(development)
        asked(custodian, card())
        assert pin not in f"{custodian!r} {vars(custodian)} {development!r} {vars(development)}"


class TestNumbersOfAVendor:
    def test_they_reach_the_token(self, development):
        """With the numbers of 3DES in place of a vendor's, an SM4 card's key is the 3DES card's."""
        table = [StoredKey(IRK, Algorithm.SM4, label="IRK/1")]
        custodian = Pkcs11Custodian(development, table, sm4=THREE_DES)
        assert custodian.card_key(card(Algorithm.SM4), IRK).reveal() == openssl.Card(card(), ROOTS).key(IRK)

    def test_a_cipher_without_derivation_serves_with_the_keys_of_cities(self, softhsm, other):
        """AES in place of SM4: the same key and block lengths, and SoftHSM has it."""
        softhsm.store(OTHER, {"AES city": ROOT}, KeyType.AES, ENCRYPT=True, DERIVE=False)
        numbers = CipherNumbers(KeyType.AES, Mechanism.AES_ECB)
        table = [
            StoredKey(IRK, Algorithm.SM4, label="AES city", levels=1, region="990100"),
            StoredKey(KeyReference("RKSSSE"), Algorithm.SM4, label="AES city"),
        ]
        custodian = Pkcs11Custodian(other, table, sm4=numbers)
        whose = card(Algorithm.SM4)
        last = whose.card_factor + openssl.xor(whose.card_factor, b"\xff" * 8)
        assert custodian.card_key(whose, IRK).reveal() == openssl.ecb("aes-128", ROOT, last)
        with pytest.raises(KeyUnavailableError, match=r"RKSSSE.*no mechanism that derives SM4 keys.*key of the city"):
            custodian.card_key(whose, KeyReference("RKSSSE"))

    def test_the_length_is_told_where_the_token_wants_it(self):
        for tells in (True, False):
            session = StubSession()
            session.store("IRK/1", ROOT, NUMBERS.key_type)
            numbers = CipherNumbers(NUMBERS.key_type, NUMBERS.encrypt, NUMBERS.derive, tells_length=tells)
            custodian = Pkcs11Custodian(Token(lambda session=session: session), sm4=numbers)
            task = TASKS["internal authentication"]
            assert custodian.perform(KeyRequest(card(Algorithm.SM4), (task,))) == (right(card(Algorithm.SM4)),)
            assert [Attribute.VALUE_LEN in attributes for attributes in session.derived] == [not tells] * 2
