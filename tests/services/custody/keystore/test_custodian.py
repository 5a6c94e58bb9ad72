"""The custodian of a keystore does what every custodian must, and keeps to what its keys are bound to."""

import os

import pytest

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.crypto import Algorithm, factors, suite_for
from cardlib.custody import KeyCustodian
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import (
    CardFactors,
    CheckValue,
    Cryptogram,
    Disclosure,
    Encipherment,
    KeyRequest,
    Purchase,
    Terminal,
)
from cardlib.keys import KeyDeclaration, KeyReference, Level, Purpose
from services.custody.development import DevelopmentCustodian
from services.custody.keystore import (
    CredentialKey,
    KeyAlgorithm,
    KeyPlan,
    KeystoreCustodian,
    TerminalCounter,
    changing,
    create_keystore,
    open_keystore,
)
from tests.services.custody import openssl
from tests.services.custody.contract import ROOTS, CustodianContract, VectorContract
from tests.services.custody.tasks import psam_load

DES, SM4, EITHER = KeyAlgorithm.DES, KeyAlgorithm.SM4, KeyAlgorithm.EITHER
FACTOR = bytes.fromhex("9901000100000001")


def custodian_of(directory, roots, algorithm=EITHER, **options):
    path, opener = directory / f"{os.urandom(4).hex()}.json", CredentialKey(Secret(os.urandom(32)))
    create_keystore(path, opener, development_mode=True)
    with changing(path, opener, development_mode=True) as keystore:
        for (name, version), value in sorted(((key.name, key.version), value) for key, value in roots.items()):
            keystore.add(KeyPlan(name, version, DES if name == "TRANSPORT" else algorithm), value)
    return KeystoreCustodian(open_keystore(path, opener, development_mode=True), **options)


@pytest.fixture(scope="module")
def of_everything(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keystore")
    counter = TerminalCounter.create(directory / "terminal.json", "990000000001")
    return custodian_of(directory, ROOTS, terminal=counter)


class TestKeystore(CustodianContract):
    @pytest.fixture
    def custodian(self, of_everything):
        return of_everything


class OneKeystoreEach(KeyCustodian):
    """The example has one root key for everything, which one keystore does not take."""

    def __init__(self, custodians):
        self.custodians = custodians

    def perform(self, request):
        (task,) = request.tasks
        return self.custodians[task.key].perform(request)


class TestKeystoreByTheSpecification(VectorContract):
    @pytest.fixture
    def holding(self, tmp_path):
        return lambda roots: OneKeystoreEach({key: custodian_of(tmp_path, {key: roots[key]}) for key in roots})


def authentication(custodian, name="IRK", version=1, algorithm=Algorithm.SM4, region="990100"):
    whose = CardFactors(algorithm, region, FACTOR)
    return custodian.perform(KeyRequest(whose, (Cryptogram(KeyReference(name, version), bytes(8), bytes(8)),)))


@pytest.fixture
def holding(path, opener):
    """Puts keys into a keystore of production, and opens it."""

    def hold(*keys, retire=(), **options):
        with changing(path, opener) as keystore:
            records = [keystore.add(plan, value) for plan, value in keys]
            for number in retire:
                keystore.retire(records[number])
        return KeystoreCustodian(open_keystore(path, opener), **options)

    return hold


@pytest.mark.parametrize("region", ["990100", "330782"])
@pytest.mark.parametrize("plain", [DES, SM4])
@pytest.mark.parametrize("name", ["UKSSSE", "STKSSSE"])
def test_a_key_of_a_province_or_city_makes_the_same_card_keys_as_the_root(tmp_path, opener, name, plain, region):
    """The root's own children are made here by the rule [S2.9 §7.3], and what cards compute is openssl's."""
    (cipher,) = plain.of_cards
    whose, reference = CardFactors(cipher, region, FACTOR), KeyReference(name)
    root = Secret(ROOTS[reference].reveal()[: 8 if (name, plain) == ("STKSSSE", DES) else 16])
    province, city, _ = factors(region, FACTOR)
    levels = {3: ("", root)}
    levels[2] = (region[:2], suite_for(cipher).diversify(root, province))
    levels[1] = (region, suite_for(cipher).diversify(levels[2][1], city))
    task = CheckValue(reference)
    right = openssl.Card(whose, ROOTS).answer(task)
    for steps, (bound, value) in levels.items():
        path = tmp_path / f"{steps}.json"
        create_keystore(path, opener)
        with changing(path, opener) as keystore:
            keystore.add(KeyPlan(name, 1, plain, steps, bound), value)
        assert KeystoreCustodian(open_keystore(path, opener)).perform(KeyRequest(whose, (task,))) == (right,)


def test_cards_of_both_ciphers_and_several_cities_each_have_their_own_key(holding):
    values = [Secret(os.urandom(16)) for _ in range(3)]
    custodian = holding(
        (KeyPlan("IRK", 1, DES), values[0]),
        (KeyPlan("IRK", 1, SM4, 3, "9901"), values[1]),
        (KeyPlan("IRK", 1, SM4, 1, "990200"), values[2]),
    )
    answers = [
        authentication(custodian, algorithm=Algorithm.DES),
        authentication(custodian, region="990100"),
        authentication(custodian, region="990200"),
    ]
    assert len(set(answers)) == 3


def test_a_zhejiang_citys_key_serves_the_cards_of_all_its_counties(holding):
    custodian = holding((KeyPlan("IRK", 1, SM4, 1, "330782"), ROOTS[KeyReference("IRK")]))
    assert authentication(custodian, region="330781") == authentication(custodian, region="330782")
    with pytest.raises(KeyUnavailableError, match="other regions"):
        authentication(custodian, region="330800")


def test_a_card_outside_the_keys_region_is_refused(holding):
    custodian = holding((KeyPlan("IRK", 1, SM4, 3, "9901"), ROOTS[KeyReference("IRK")]))
    assert authentication(custodian, region="990199")
    for region in ("990200", "989901", "110000"):
        with pytest.raises(KeyUnavailableError, match="other regions") as caught:
            authentication(custodian, region=region)
        assert caught.value.key == "IRK"


def test_a_card_of_another_cipher_is_refused(holding):
    custodian = holding((KeyPlan("IRK", 1, DES), ROOTS[KeyReference("IRK")]))
    assert authentication(custodian, algorithm=Algorithm.DES)
    with pytest.raises(KeyUnavailableError, match="another algorithm than SM4"):
        authentication(custodian)


def test_a_retired_version_is_refused_and_the_next_one_serves(holding):
    custodian = holding(
        (KeyPlan("IRK", 1, SM4), Secret(os.urandom(16))), (KeyPlan("IRK", 2, SM4), Secret(os.urandom(16))), retire=[0]
    )
    assert authentication(custodian, version=2)
    with pytest.raises(KeyUnavailableError, match="version 1 is retired"):
        authentication(custodian, version=1)
    with pytest.raises(KeyUnavailableError, match="version 3 is not in the keystore"):
        authentication(custodian, version=3)


def test_a_key_that_wraps_others_serves_no_card(holding):
    custodian = holding((KeyPlan("KEK", 1, KeyAlgorithm.AES), Secret(os.urandom(32))))
    whose = CardFactors(Algorithm.SM4, "990100", FACTOR)
    for task in (CheckValue, Disclosure):
        with pytest.raises(KeyUnavailableError):
            custodian.perform(KeyRequest(whose, (task(KeyReference("KEK")),)))


def test_a_transport_key_is_3des_and_single_des_on_every_chip(holding):
    custodian = holding(
        (KeyPlan("TRANSPORT", 7, DES), Secret(bytes(range(16)))),
        (KeyPlan("TRANSPORT", 8, DES), Secret(bytes(range(8)))),
    )
    for cipher in (Algorithm.DES, Algorithm.SM4):
        whose = CardFactors(cipher, "990100", FACTOR)
        for lot, value in ((7, bytes(range(16))), (8, bytes(range(8)))):
            key = KeyReference("TRANSPORT", lot)
            shown, told = custodian.perform(KeyRequest(whose, (Encipherment(key, bytes(8)), Disclosure(key))))
            assert told == value
            assert shown == openssl.Card(whose, {key: Secret(value)}).answer(Encipherment(key, bytes(8)))


def test_keys_of_a_region_serve_as_declared(holding):
    keys = {"UKPERSON": KeyDeclaration("UKPERSON", Purpose.UPDATE, "SSSE", Level.ISSUER)}
    reference = KeyReference("UKPERSON")
    root = development_keys.load(keys)[reference]
    custodian = holding((KeyPlan("UKPERSON", 1, SM4, keys=keys), root), keys=keys)
    published = DevelopmentCustodian(development_mode=True, keys=keys)
    assert authentication(custodian, "UKPERSON") == authentication(published, "UKPERSON")


def test_a_key_that_nothing_declares_any_more_is_not_available(holding):
    keys = {"UKPERSON": KeyDeclaration("UKPERSON", Purpose.UPDATE, "SSSE", Level.ISSUER)}
    custodian = holding((KeyPlan("UKPERSON", 1, SM4, keys=keys), Secret(os.urandom(16))))
    with pytest.raises(KeyUnavailableError):
        authentication(custodian, "UKPERSON")


def test_without_a_counter_there_are_no_purchases(holding):
    custodian = holding((KeyPlan("DPK", 1, SM4), Secret(os.urandom(16))))
    task = Purchase(KeyReference("DPK"), bytes(4), 1, (1, 0, 0), 0x32, bytes(7), bytes(6))
    for asked in (task, Terminal(task.key)):
        with pytest.raises(KeyUnavailableError, match="no terminal number"):
            custodian.perform(KeyRequest(CardFactors(Algorithm.SM4, "990100", FACTOR), (asked,)))


def test_it_takes_no_more_than_the_keys_of_cards(holding):
    kek = (KeyPlan("KEK", 1, KeyAlgorithm.AES), Secret(os.urandom(32)))
    assert repr(holding((KeyPlan("IRK", 1, SM4), Secret(os.urandom(16))), kek)) == "<KeystoreCustodian of 1 keys>"


@pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
@pytest.mark.parametrize(("steps", "region"), [(3, ""), (2, "99"), (1, "990100")])
def test_a_psam_gets_a_key_of_the_level_that_the_keystore_has_or_a_lower_one(tmp_path, algorithm, steps, region):
    whose = CardFactors(algorithm, "990100", FACTOR)
    national = openssl.Card(whose, ROOTS)
    path, opener = tmp_path / "keys.json", CredentialKey(Secret(os.urandom(32)))
    create_keystore(path, opener, development_mode=True)
    kind = DES if algorithm is Algorithm.DES else SM4
    with changing(path, opener, development_mode=True) as keystore:
        value = Secret(national.key(KeyReference("IRK"), steps))
        keystore.add(KeyPlan("IRK", 1, kind, steps, region), value)
        keystore.add(KeyPlan("PSAM-MKADF", 1, kind), ROOTS[KeyReference("PSAM-MKADF")])
    custodian = KeystoreCustodian(open_keystore(path, opener, development_mode=True))
    for levels in (1, 2, 3):
        task = psam_load("IRK", levels)
        if levels <= steps:
            assert custodian.perform(KeyRequest(whose, (task,))) == (national.answer(task),)
        else:
            with pytest.raises(KeyUnavailableError, match=f"{steps} levels above a card, and {levels} are wanted"):
                custodian.perform(KeyRequest(whose, (task,)))
    elsewhere = CardFactors(algorithm, "110100", FACTOR)
    if region:
        with pytest.raises(KeyUnavailableError, match="other regions"):
            custodian.perform(KeyRequest(elsewhere, (psam_load("IRK", 1),)))
