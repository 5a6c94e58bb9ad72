"""The custodian of a PSAM does what every custodian must, as far as a PSAM can."""

from collections.abc import Callable, Mapping

import pytest

from apdu.secret import Secret
from apdu.transport.inprocess import InProcessReaders
from cardlib.crypto import Algorithm
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import Cryptogram, KeyTask, Mac, PinBlock, Purchase, Terminal, Verification
from cardlib.keys import KEYS, KeyReference, Purpose
from cardlib.psam import DES_KEY, SM4_KEY, TRIPLE_DES_KEY, PsamKey, PsamKeyType
from cardlib.psam_keys import PSAM_KEYS
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.memory.image import CardImage
from simulator.psam.making import EnvironmentDescription, PsamDescription, make
from simulator.psam.ready import own_keys, ready_psam, root_at
from tests.issuance.psam.bench import issued, with_pin_reset
from tests.services.custody.contract import CustodianContract, VectorContract, _Offers

SLOT = "PSAM"
NOT_OF_A_PSAM = frozenset({"DLK", "DTK"})
"""It may have them, and no command uses them."""


class _OfAPsam(_Offers):
    offers = frozenset({Cryptogram, Mac, PinBlock, Terminal, Purchase, Verification})
    held = frozenset(row.name for row in PSAM_KEYS) - NOT_OF_A_PSAM

    def refusals(self, task: KeyTask, algorithm: Algorithm = Algorithm.DES) -> tuple[type[Exception], ...]:
        """Of each key a PSAM has one version; with the purchase key it makes purchases only."""
        reasons = super().refusals(task, algorithm)
        inner = task.task if isinstance(task, Verification) else task
        key = getattr(inner, "key", None)
        if isinstance(inner, Mac) and key.name in KEYS and KEYS[key.name].purpose is Purpose.PURCHASE:
            return (*reasons, KeyUnavailableError)
        if isinstance(inner, Cryptogram) and key.version != 1:
            return (*reasons, KeyUnavailableError)
        return reasons


def custodian_of(image: CardImage) -> PsamCustodian:
    readers = InProcessReaders([SLOT])
    readers.insert(SLOT, SoftwareCard(image, t0=True), t0=True)
    return PsamCustodian(readers, SLOT)


class TestPsam(_OfAPsam, CustodianContract):
    terminal = bytes.fromhex("990100000001")

    @pytest.fixture
    def custodian(self) -> PsamCustodian:
        return custodian_of(ready_psam(region="990100", maintenance=PsamKeyType.ENCRYPT_AND_MAC))


class TestPsamByTheSpecification(_OfAPsam, VectorContract):
    held = frozenset({"IRK", "STKSSSE", "DPK"})

    @pytest.fixture
    def holding(self) -> Callable[[Mapping[KeyReference, Secret]], PsamCustodian]:
        return lambda roots: custodian_of(_psam_of(roots))


def _psam_of(roots: Mapping[KeyReference, Secret]) -> CardImage:
    ddf, adf, *loaders = own_keys()
    environments = tuple(
        EnvironmentDescription(algorithm, ddf, adf, tuple(loaders), tuple(_keys(roots, algorithm)))
        for algorithm in (Algorithm.DES, Algorithm.SM4)
    )
    return make(PsamDescription("65010020240102000001", "650100000001", environments))


def _keys(roots, algorithm):
    for row in PSAM_KEYS:
        key = KeyReference(row.name)
        if key not in roots or (row.kind is PsamKeyType.PURCHASE and row.id != 1):
            continue
        if row.kind is PsamKeyType.TAC:
            continue
        kind = PsamKeyType.ENCRYPT_AND_MAC if row.kind is PsamKeyType.MAC else row.kind
        size = KEYS[row.name].size(algorithm)
        value = root_at(algorithm, Secret(roots[key].reveal()[:size]), "650100", row.levels)
        code = SM4_KEY if algorithm is Algorithm.SM4 else DES_KEY if size == 8 else TRIPLE_DES_KEY
        yield PsamKey(kind, row.id, row.levels, value, code, row.file)


class TestIssuedPsam(_OfAPsam, CustodianContract):
    """One whose keys nobody but a custodian has seen."""

    terminal = bytes.fromhex("990100000001")
    index = 2  # the city's, by its own file

    @pytest.fixture
    def custodian(self) -> PsamCustodian:
        return custodian_of(CardImage(issued(keys=with_pin_reset())))
