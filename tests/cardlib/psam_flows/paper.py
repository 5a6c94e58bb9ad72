"""A PSAM of paper, and what the worked examples of the PSAM's specification are about."""

from datetime import date

import pytest

from apdu.flow import run
from apdu.readers import executor
from cardlib.crypto import Algorithm
from cardlib.key_requests import CardFactors, Purchase
from cardlib.keys import KEYS, KeyReference
from cardlib.psam import CITY_KEYS, NATIONAL_KEYS, PROVINCIAL_KEYS, PsamKeyType
from cardlib.psam_flows.environment import LevelInformation, PsamEnvironment
from cardlib.psam_flows.session import PsamSession
from cardlib.psam_flows.table import LevelTable
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId

CARD, CITY, PROVINCE = "8660650100000001", "3635303130307378", "3635303030307368"
CHALLENGE, ORIGINAL = bytes.fromhex("0011223344556677"), bytes.fromhex("0102030405060708")
FACTOR = {Algorithm.DES: CHALLENGE.hex(), Algorithm.SM4: CHALLENGE.hex() + "00" * 8}
AUTH8 = {Algorithm.DES: "215380A05943AA8E", Algorithm.SM4: "DF62A91FCF1EB21C"}
ENCRYPTED = {
    Algorithm.DES: ("80FA000008 0102030405060708 08", "215380A05943AA8E 9000"),
    Algorithm.SM4: ("80FA000010 0102030405060708 0000000000000000 10", "446C45F2824F08529B0EECED4D51BA4E 9000"),
}
BOTH = pytest.mark.parametrize("algorithm", [Algorithm.DES, Algorithm.SM4], ids=lambda algorithm: algorithm.name)
SPENT = (PsamKeyId("STKSSSE", PsamKeyType.ENCRYPT_AND_MAC, 0x10, 3, NATIONAL_KEYS),)
"""The examples' PIN is reset with the key (8, 10)."""
UNBLOCK = bytes.fromhex("8424000004")
DPK = KeyReference("DPK")
TERMINAL, OTHER_CITY = bytes.fromhex("650100000001"), bytes.fromhex("650200000001")
PAYMENT = Purchase(DPK, bytes.fromhex("A1B2C3D4"), 1, (1000, 0, 0), 0x32, bytes.fromhex("20240102030405"), TERMINAL)


class Paper:
    """A PSAM of paper: it expects these commands, in this order, and gives these answers; blanks may be anywhere."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines = [(bytes.fromhex(command), bytes.fromhex(answer)) for command, answer in lines]

    def transmit(self, commands):
        return [self._answer(command) for command in commands]

    def _answer(self, command):
        assert self.lines, f"nothing more was expected, and {command.hex().upper()} came"
        expected, answer = self.lines.pop(0)
        assert command.hex().upper() == expected.hex().upper()
        return answer

    def run(self, flow):
        result = run(flow, executor(self.transmit))
        assert not self.lines
        return result


def session(
    algorithm, *, table=PSAM_KEYS, keys=KEYS, terminal="650100000001", levels=None, information=None, today=None
):
    told = information or LevelInformation(1, 1, date(2020, 1, 1), date(2099, 12, 31))
    environment = PsamEnvironment(
        algorithm,
        bytes(10),
        bytes.fromhex(terminal),
        dict.fromkeys((NATIONAL_KEYS, PROVINCIAL_KEYS, CITY_KEYS), told),
    )
    return PsamSession(environment, levels or LevelTable(), today=today or date(2024, 1, 2), table=table, keys=keys)


def card(algorithm, region="650100"):
    return CardFactors(algorithm, region, bytes.fromhex(CARD))


def delivery(algorithm, usage, number, *factors):
    data = "".join(factors) + FACTOR[algorithm]
    return f"BFDE{usage}{number}{len(data) // 2:02X}{data}"


HEAD = "A1B2C3D4 0001 000003E8 00000000 00000000 32 20240102 030405 01 00"
LEVELS = [
    f"8070010034 {HEAD} {CARD}{CITY}{PROVINCE} 08",
    f"807001002C {HEAD} {CARD}{CITY} 08",
    f"8070010024 {HEAD} {CARD} 08",
]
