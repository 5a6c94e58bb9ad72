"""The PKCS#11 custodian does what every custodian must: 3DES on SoftHSM, SM4 on an imitation of a vendor's token."""

import itertools

import pytest
from pkcs11 import Attribute, KeyType

from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import KeyRequest, KeyTask, PsamKeyLoad
from services.custody.pkcs11 import Pkcs11Custodian, StoredKey, default_label
from services.custody.pkcs11_token import Token
from tests.services.custody.conftest import OTHER
from tests.services.custody.contract import CustodianContract, VectorContract, _Offers
from tests.services.custody.stub_token import NUMBERS, StubSession
from tests.services.custody.tasks import ALL_KEYS, ROOTS, TASKS, card

TERMINAL = bytes.fromhex("990000000001")


class _OfAnHsm(_Offers):
    def refusals(self, task: KeyTask, algorithm: Algorithm = Algorithm.DES) -> tuple[type[Exception], ...]:
        """What a PSAM holds for cards, would have to leave the HSM; its own keys are as a card's."""
        reasons = super().refusals(task, algorithm)
        return (*reasons, KeyUnavailableError) if isinstance(task, PsamKeyLoad) and task.levels else reasons


class TestSoftHsm(_OfAnHsm, CustodianContract):
    algorithms = frozenset({Algorithm.DES})

    @pytest.fixture
    def custodian(self, softhsm):
        custodian = Pkcs11Custodian(Token(softhsm.connect()), terminal=(TERMINAL, itertools.count(1).__next__))
        yield custodian
        custodian.close()


class TestSoftHsmByTheSpecification(VectorContract):
    algorithms = frozenset({Algorithm.DES})

    @pytest.fixture
    def holding(self, softhsm, request):
        token, prefix = Token(softhsm.connect(OTHER)), f"{request.node.name} "

        def make(roots):
            softhsm.store_roots(OTHER, roots, prefix)
            labels = {key: prefix + default_label(key, Algorithm.DES, single=key.name == "STKSSSE") for key in roots}
            return Pkcs11Custodian(token, [StoredKey(key, label=label) for key, label in labels.items()])

        yield make
        token.close()


def stub_holding(roots):
    """A session of the imitation, with root keys for cards of both algorithms."""
    session = StubSession()
    for key, root in roots.items():
        single = ALL_KEYS[key.name].size(Algorithm.DES) == 8
        value, label = root.reveal(), default_label(key, Algorithm.SM4)
        if key.name == "TRANSPORT":
            session.store(label, value, KeyType.GENERIC_SECRET, SENSITIVE=False, EXTRACTABLE=True)
            continue
        session.store(label, value, NUMBERS.key_type)
        label = default_label(key, Algorithm.DES, single=single)
        session.store(label, value[:8] * 2 if single else value, KeyType.DES2)
    return session


class TestVendorWithSm4(_OfAnHsm, CustodianContract):
    """3DES and SM4 on one token, keys of either kind under the same labels."""

    @pytest.fixture
    def session(self):
        return stub_holding(ROOTS)

    @pytest.fixture
    def custodian(self, session):
        terminal = (TERMINAL, itertools.count(1).__next__)
        return Pkcs11Custodian(Token(lambda: session), sm4=NUMBERS, terminal=terminal)

    @pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4])
    def test_keys_on_the_way_cannot_be_read_do_one_thing_and_are_gone(self, custodian, session, algorithm):
        stored = len(session.keys)
        custodian.perform(KeyRequest(card(algorithm), (TASKS["internal authentication"], TASKS["MAC of a command"])))
        assert len(session.keys) == stored
        assert len(session.derived) == 4
        for at, attributes in enumerate(session.derived):
            assert attributes[Attribute.SENSITIVE] is True
            assert attributes[Attribute.EXTRACTABLE] is False
            assert attributes[Attribute.PRIVATE] is True
            assert (attributes[Attribute.DERIVE], attributes[Attribute.ENCRYPT]) == ((True, False), (False, True))[
                at % 2
            ]


class TestVendorWithSm4ByTheSpecification(VectorContract):
    @pytest.fixture
    def holding(self):
        def make(roots):
            session = stub_holding(roots)
            return Pkcs11Custodian(Token(lambda: session), sm4=NUMBERS)

        return make
