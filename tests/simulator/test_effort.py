"""Cipher operations told from commands, against ciphers that count themselves while a real chip works."""

from collections import Counter
from typing import Any

import pytest

from apdu import Secret
from cardlib.crypto import Algorithm, CipherSuite
from simulator import image
from simulator.card import SoftwareCard
from simulator.effort import operations
from simulator.people import READY

TRANSPORT = b"\x80\xe0\x03"
"""Authentication with the transport key, of T514 only."""


class CountingCard(SoftwareCard):
    """Compares, for each command, what its ciphers did with what is told of it."""

    algorithm = Algorithm.DES
    done = 0
    compared: Counter[str]

    def process(self, command: bytes) -> bytes:
        CountingCard.done = 0
        answer = super().process(command)
        told = operations(command, int.from_bytes(answer[-2:]), self.algorithm)
        if command[:3] != TRANSPORT:
            assert told == CountingCard.done, command[:5].hex()
            if told:
                self.compared[command[:2].hex()] += 1
        return answer


@pytest.fixture(autouse=True)
def counting_ciphers(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(suite: CipherSuite, key: Secret, size: int) -> None:
        triple = suite.algorithm is Algorithm.DES and len(key) == 16
        CountingCard.done += size // suite.block * (3 if triple else 1)

    encrypt, decrypt, mac = CipherSuite.encrypt_blocks, CipherSuite.decrypt, CipherSuite.mac

    def encrypting(self: CipherSuite, key: Secret, blocks: bytes) -> bytes:
        count(self, key, len(blocks))
        return encrypt(self, key, blocks)

    def decrypting(self: CipherSuite, key: Secret, data: bytes) -> Secret:
        count(self, key, len(data))
        return decrypt(self, key, data)

    def authenticating(self: CipherSuite, session: Secret, data: bytes) -> bytes:
        count(self, session, (len(data) // self.block + 1) * self.block)
        return mac(self, session, data)

    for name, method in (("encrypt_blocks", encrypting), ("decrypt", decrypting), ("mac", authenticating)):
        monkeypatch.setattr(CipherSuite, name, method)


@pytest.mark.parametrize("kind", ["2.0", "3.0"])
def test_a_card_that_is_built_computes_what_is_told_of_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = READY[kind].description.with_serial(90)
    CountingCard.algorithm, CountingCard.compared = made.algorithm, Counter()
    monkeypatch.setattr(image, "SoftwareCard", CountingCard)
    image.image_for(made.profile, made.contents, made.issue, made.root_keys)
    assert CountingCard.compared.keys() == {"0082", "84d4"}
    assert CountingCard.compared["84d4"] > 150


@pytest.mark.parametrize("kind", ["2.0", "3.0"])
def test_a_finished_card_computes_what_is_told_of_it(kind: str) -> None:
    made = READY[kind].description
    CountingCard.algorithm, CountingCard.compared = made.algorithm, Counter()
    card: Any = CountingCard(image.image_for(made.profile, made.contents, made.issue, made.root_keys))
    card.power_on()
    for command in (
        "00A404000F7378312E73682EC9E7BBE1B1A3D5CF",
        "0088000010" + "31" * 16,  # internal authentication
        "0084000008",
        "0082000A10" + "31" * 16,  # external, with a wrong cryptogram
        "0020000003123456",
        "00A4040006D15600000503",
        "B02800010B01000000640000000000" + "01",  # a load is initialised
        "B02A00000B" + "20240102030405" + "00000000",  # and refused
        "B02801011301000000640000000000000000" + "000000000001",  # a purchase
        "B02C01000F00000001" + "20240102030405" + "00000000",
    ):
        card.process(bytes.fromhex(command))
    assert dict(card.compared) == {"0088": 1, "0082": 1, "b028": 1, "b02a": 1, "b02c": 1}
