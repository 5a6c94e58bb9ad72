"""A holder's card and a PSAM in two readers of a real pcscd."""

import secrets
import time
from collections.abc import Iterator
from datetime import date

import pytest

from apdu.secret import Secret
from apdu.transport.pcsc import PcscReaders
from cardlib.crypto import Algorithm
from cardlib.flows.read_identity import Authenticity, read_identity
from cardlib.forms import FormMemory
from cardlib.psam import PsamKeyType
from cardlib.psam_flows.errors import NoPsamError
from services.custody.psam import PsamCustodian
from simulator.card import SoftwareCard
from simulator.pcscd import VirtualReaders
from simulator.people import READY, ready_card
from simulator.psam.ready import ready_psam
from tests.services.custody.psam_counter import AMOUNTS, Spied, block_pin, converse, pay, unblock_pin, verify

pytestmark = [pytest.mark.pcsc, pytest.mark.xdist_group("pcscd")]

CARD, PSAM = 0, 1


class Counter:
    def __init__(self, pcscd: VirtualReaders, version: str) -> None:
        self.pcscd = pcscd
        self.psam = Spied(SoftwareCard(ready_psam(maintenance=PsamKeyType.ENCRYPT_AND_MAC)))
        pcscd.insert(CARD, ready_card(version))
        pcscd.insert(PSAM, self.psam)
        pcscd.wait_noticed()
        self.readers = PcscReaders()
        self.custodian = PsamCustodian(self.readers, pcscd.readers[PSAM])
        self.algorithm = READY[version].algorithm

    def __call__(self, flow):
        return converse(self.readers, self.pcscd.readers[CARD], self.custodian, flow)

    def close(self) -> None:
        self.readers.close()
        self.pcscd.remove(CARD)
        self.pcscd.remove(PSAM)


@pytest.fixture(params=["2.0", "3.0"])
def counter(pcscd: VirtualReaders, request) -> Iterator[Counter]:
    counter = Counter(pcscd, request.param)
    yield counter
    counter.close()


def identity(atr):
    return read_identity(atr, rng=secrets.token_bytes, today=date(2024, 1, 2), forms=FormMemory())


def test_identity_pin_and_payment_with_the_keys_of_a_psam(counter):
    read = counter(identity)
    assert read.authenticity is Authenticity.PROVEN
    assert read.algorithm is counter.algorithm

    counter(block_pin)
    assert counter(unblock_pin) & 0xFFF0 == 0x63C0
    counter(verify("123456"))
    counter(lambda atr: unblock_pin(atr, new=Secret(bytes.fromhex("654321"))))
    counter(verify("654321"))
    counter(lambda atr: unblock_pin(atr, new=Secret(bytes.fromhex("123456"))))

    before, first, proven, after = counter(pay())
    assert (proven, before - after) == (b"\x01", AMOUNTS[0])
    _, second, proven, _ = counter(pay(spoil=1))
    assert (proven, second) == (b"\x00", first + 1)
    assert counter.psam.sent(0x80, 0x70)
    assert not counter.psam.sent(0xBF, 0xEC)


def test_a_psam_that_was_pulled_out_is_missed_and_found_again(counter):
    counter(identity)
    counter.pcscd.remove(PSAM)
    algorithm = Algorithm.SM4 if counter.algorithm is Algorithm.DES else Algorithm.DES
    with pytest.raises(NoPsamError) as caught:
        counter.custodian.environment(algorithm)
    assert caught.value.national_code == -2201
    counter.pcscd.insert(PSAM, counter.psam)
    deadline = time.monotonic() + 10
    while True:
        try:
            counter.custodian.environment(algorithm)
        except NoPsamError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            break
    assert counter(identity).authenticity is Authenticity.PROVEN
