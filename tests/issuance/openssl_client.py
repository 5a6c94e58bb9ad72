"""A card reader that knows nothing but the published specification: bytes, ``struct``, and the OpenSSL command line.

Nothing of this repository is imported here, so what it can read anybody can. The transport is a function that sends one
command to a card that talks T=0.
"""

import struct
import subprocess
from collections.abc import Callable, Mapping

SSSE = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
DES, SM4 = 0x01, 0x03
IRK, RKSSSE = 0x00, 0x0A
DF01, RK1_DF01, UK1_DF01 = 0xDF01, 0x88, 0x83


class RefusedError(Exception):
    """The card answered another status word than 9000."""

    def __init__(self, sw: int) -> None:
        self.sw = sw
        super().__init__(f"{sw:04X}")


class ForgedError(Exception):
    """The card did not prove that it is genuine."""


class Client:
    """One session. ``roots``: first-level root keys, 16 bytes each, by name; ``atr``: the card's answer to reset."""

    def __init__(self, transmit: Callable[[bytes], bytes], atr: bytes, roots: Mapping[str, bytes]) -> None:
        self._transmit = transmit
        self._roots = roots
        _, t0 = struct.unpack_from("BB", atr)
        # TB1 and TC1 stand before the historical bytes (T0 = 6x).
        self.card_factor = atr[2 + (t0 >> 4).bit_count() :][: t0 & 0x0F][5:13]
        self.algorithm = DES
        self.region = b""

    def send(self, header: str, data: bytes = b"", ne: int | None = None) -> bytes:
        """One command; the data of its answer. 61xx and 6Cxx are obeyed."""
        command = bytes.fromhex(header)
        if data:
            command += struct.pack("B", len(data)) + data
        elif ne is not None:
            command += struct.pack("B", ne & 0xFF)
        else:
            command += b"\x00"
        answer = self._transmit(command)
        if answer[-2] == 0x6C:
            answer = self._transmit(command[:4] + answer[-1:])
        found = answer[:-2]
        while answer[-2] == 0x61:
            answer = self._transmit(bytes.fromhex("00C00000") + answer[-1:])
            found += answer[:-2]
        (sw,) = struct.unpack(">H", answer[-2:])
        if sw != 0x9000:
            raise RefusedError(sw)
        return found

    def select(self) -> None:
        """The application, by its name; its answer says which cipher the card has."""
        (template,) = ber(self.send("00A40400", SSSE)).values()
        parts = ber(template)
        assert parts[0x84] == SSSE
        issuers = ber(parts[0xA5]).get(0x9F0C)
        self.algorithm = DES if issuers is None else ber(issuers)[0x86][0]

    def issuer(self) -> dict[int, bytes]:
        """All records of EF05 by their tags; item 01 gives the city that the keys are derived for."""
        records = simple(self.send("00B2012D", ne=0))
        self.region = records[0x01][:3].hex().encode()
        return records

    def holder(self) -> dict[int, bytes]:
        """All records of EF06 by their tags."""
        return simple(self.send("00B20135", ne=0))

    def prove_card(self, version: int) -> None:
        """INTERNAL AUTHENTICATION with a version of IRK."""
        factor, original = bytes.fromhex("A1B2C3D4E5F60718"), bytes.fromhex("1122334455667788")
        answer = self.send(f"008800{IRK:02X}", factor + original + struct.pack("B", version))
        if answer != self._cryptogram("IRK", factor, original):
            raise ForgedError

    def authenticate(self, name: str, key_id: int, version: int) -> None:
        """EXTERNAL AUTHENTICATION: wins what the key of this name is for."""
        challenge, original = self.send("00840000", ne=8), bytes.fromhex("0102030405060708")
        cryptogram = self._cryptogram(name, challenge, original)
        self.send(f"008200{key_id:02X}", cryptogram + original + struct.pack("B", version))

    def verify(self, digits: str) -> None:
        """The holder's PIN."""
        self.send("00200000", bytes.fromhex(digits))

    def select_directory(self, fid: int) -> None:
        """A directory of the application, by its FID."""
        self.send("00A40000", struct.pack(">H", fid))

    def record(self, sfi: int, number: int) -> bytes:
        """One record, whole."""
        return self.send(f"00B2{number:02X}{sfi << 3 | 4:02X}", ne=0)

    def update(self, sfi: int, number: int, record: bytes) -> None:
        """Another record in its place."""
        self.send(f"00DC{number:02X}{sfi << 3 | 4:02X}", record)

    def card_key(self, name: str) -> bytes:
        """From root to province to city to card; the city's digits as text."""
        key = self._roots[name]
        for factor in (self.region[:2] + b"0000sh", self.region + b"sx", self.card_factor):
            other = bytes(byte ^ 0xFF for byte in factor)
            if self.algorithm == SM4:
                key = openssl("-sm4-ecb", key, factor + other)
            else:
                key = openssl("-des-ede", key, factor) + openssl("-des-ede", key, other)
        return key

    def _cryptogram(self, name: str, factor: bytes, original: bytes) -> bytes:
        key = self.card_key(name)
        if self.algorithm == SM4:
            session = openssl("-sm4-ecb", key, factor + bytes(8))
            left, right = struct.unpack(">QQ", openssl("-sm4-ecb", session, original + bytes(8)))
            return struct.pack(">Q", left ^ right)
        session = openssl("-des-ede", key, factor)
        return openssl("-des-ede", session * 2, original)  # both halves the same: single DES


def openssl(cipher: str, key: bytes, block: bytes) -> bytes:
    """Blocks under a key, by the command line."""
    done = subprocess.run(
        ["openssl", "enc", cipher, "-nopad", "-K", key.hex()], input=block, capture_output=True, check=True, timeout=20
    )
    assert len(done.stdout) == len(block)
    return done.stdout


def ber(data: bytes) -> dict[int, bytes]:
    """BER-TLV with tags of one or two bytes and lengths below 80."""
    found = {}
    while data:
        (tag,) = struct.unpack_from("B", data)
        size = 1
        if tag & 0x1F == 0x1F:
            (tag,) = struct.unpack_from(">H", data)
            size = 2
        (length,) = struct.unpack_from("B", data, size)
        found[tag] = data[size + 1 : size + 1 + length]
        assert len(found[tag]) == length
        data = data[size + 1 + length :]
    return found


def simple(data: bytes) -> dict[int, bytes]:
    """Records: a tag of one byte, a length of one byte."""
    found = {}
    while data:
        tag, length = struct.unpack_from("BB", data)
        assert tag not in found
        found[tag] = data[2 : 2 + length]
        assert len(found[tag]) == length
        data = data[2 + length :]
    return found
