"""Making a PSAM on a blank chip: by the commands that its vendor, and then its issuers, would send [S2.9 §5, §6].

The order is inference: the vendor builds the files under keys of its own and ends the issue; the issuer replaces these
keys; then ministry, province and city each authenticate with their KID, load their keys and write their application
information; the terminal number comes last.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from apdu.errors import MalformedError
from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.cos.protection import encrypted_key, loading_mac, ssc_authentication
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import MAC_SIZE
from cardlib.psam import (
    ADF_FID,
    ADF_NAME,
    CARD_INFORMATION,
    CITY_INFORMATION,
    CITY_KEYS,
    DF_TYPE,
    DIR,
    DIRECTORY_HEAD,
    ENVIRONMENTS,
    FREE,
    KEY_TRIES,
    KEYS_TYPE,
    LOADER_STATES,
    MASTER_KEY_ID,
    MASTER_STATE,
    MF_TYPE,
    NATIONAL_INFORMATION,
    NATIONAL_KEYS,
    NEVER,
    PROVINCIAL_INFORMATION,
    PROVINCIAL_KEYS,
    RECORDS_TYPE,
    SM4_KEY,
    SSF33_KEY,
    TERMINAL_INFORMATION,
    TRADE_NUMBER,
    TRANSPARENT_TYPE,
    TRIPLE_DES_KEY,
    PsamKey,
    PsamKeyType,
)
from simulator.card import SoftwareCard
from simulator.dialects.psam import PSAM
from simulator.making.maker import MakingError
from simulator.memory.image import CardImage

HISTORICAL_BYTES: Final = b"SSC PSAM TEST"
"""The text has no answer to reset for a PSAM; this one is no card's (inference)."""

VENDOR_KEY: Final = Secret(b"\xff" * 16)
"""Every master key until the issuer replaces it."""

_KEY_ALGORITHMS: Final = {
    Algorithm.DES: TRIPLE_DES_KEY,
    Algorithm.SSF33: SSF33_KEY,
    Algorithm.SM4: SM4_KEY,
}
_INFORMATION: Final = (NATIONAL_INFORMATION, PROVINCIAL_INFORMATION, CITY_INFORMATION)
_KEY_FILES: Final = (NATIONAL_KEYS, PROVINCIAL_KEYS, CITY_KEYS)
_OWN_KEYS_SIZE: Final = 26 * 8
_KEY_FILE_SIZE: Final = 24 * 64
_DIR_SIZE: Final = 0x40
_LABEL: Final = "社会保障应用".encode("gbk")


@dataclass(frozen=True, slots=True)
class ApplicationInformation:
    """EF 001A, 001B or 001C: index of the purchase key, version of the authentication keys, dates YYYYMMDD."""

    purchase_index: int = 1
    key_version: int = 1
    valid_from: str = "20200101"
    valid_until: str = "20991231"

    @property
    def content(self) -> bytes:
        """The 10 bytes of the file [S2.9 §5.5]."""
        dates = bytes.fromhex(self.valid_from + self.valid_until)
        return bytes((self.purchase_index, self.key_version)) + dates


@dataclass(frozen=True, slots=True)
class EnvironmentDescription:
    """What one environment holds: its own keys, 16 bytes each, and those for cards.

    ``loaders``: KID-01…KID-03. ``information``: of ministry, province and city. ``trade_number``: the first to be used.
    Of SSF33 only what needs no cipher is made: no keys for cards.
    """

    algorithm: Algorithm
    ddf_master: Secret
    adf_master: Secret
    loaders: tuple[Secret, Secret, Secret]
    keys: tuple[PsamKey, ...] = ()
    information: tuple[ApplicationInformation, ApplicationInformation, ApplicationInformation] = field(
        default=(ApplicationInformation(),) * 3
    )
    trade_number: int = 1


@dataclass(frozen=True, slots=True)
class PsamDescription:
    """A PSAM to make. ``serial``: 20 digits; ``terminal``: the terminal number, 12 digits, its first six the city's.

    ``environments``: that of DES first, which is the MF. ``issuer``, ``version``, ``key_card_type``, ``fci_data``:
    the other bytes of EF 0015, for which no values are defined. Raises MalformedError.
    """

    serial: str
    terminal: str
    environments: tuple[EnvironmentDescription, ...]
    issuer: int = 0
    version: int = 1
    key_card_type: int = 0
    fci_data: bytes = b"\x00\x00"

    def __post_init__(self) -> None:
        for text, digits in ((self.serial, 20), (self.terminal, 12)):
            if len(text) != digits or not (text.isascii() and text.isdigit()):
                raise MalformedError(f"a serial number has 20 digits and a terminal number 12, not {len(text)}")
        if not self.environments or self.environments[0].algorithm is not Algorithm.DES:
            raise MalformedError("the first environment of a PSAM, its MF, is that of DES")

    @property
    def card_information(self) -> bytes:
        """EF 0015, 15 bytes [S2.9 §5.2]."""
        head = bytes((self.issuer,)) + bytes.fromhex(self.serial)
        return head + bytes((self.version, self.key_card_type)) + self.fci_data


def blank(serial: bytes = bytes(8)) -> CardImage:
    """A chip as its vendor delivers it; ``serial``: 8 bytes, the chip's own."""
    return PSAM.blank(historical_bytes=HISTORICAL_BYTES, serial=serial, transport_key=VENDOR_KEY)


def make(
    description: PsamDescription, chip: CardImage | None = None, *, rng: Callable[[int], bytes] = secrets.token_bytes
) -> CardImage:
    """The PSAM of this description on a blank chip. Raises MakingError for what the chip refuses."""
    card = SoftwareCard(chip or blank(), t0=False, rng=rng)
    card.power_on()
    maker = _Maker(card)
    for environment in description.environments:
        maker.build(description, environment)
    maker.send("end of the MF", "00A40000", bytes.fromhex("3F00"))
    maker.send("end of the MF", "801C0000")
    for environment in description.environments:
        if environment.algorithm is not Algorithm.SSF33:
            maker.issue(description, environment)
    card.power_off()
    return card.image


@dataclass(frozen=True, repr=False)
class _Maker:
    card: SoftwareCard

    def send(self, step: str, header: str, data: bytes = b"", le: int | None = None) -> bytes:
        command = bytes.fromhex(header)
        command += bytes((len(data),)) + data if data else b""
        answer = self.card.process(command if le is None else command + bytes((le,)))
        sw = int.from_bytes(answer[-2:], "big")
        if sw != 0x9000:
            raise MakingError(step, sw, command[1])
        return answer[:-2]

    # The vendor's part

    def build(self, description: PsamDescription, environment: EnvironmentDescription) -> None:
        """Files, own keys and contents of an environment, and the end of issue, but for the MF's."""
        algorithm = environment.algorithm
        fid, name = ENVIRONMENTS[algorithm]
        is_mf = algorithm is Algorithm.DES
        if not is_mf:
            self.send("MF", "00A40000", bytes.fromhex("3F00"))
        head = _directory(fid, MF_TYPE if is_mf else DF_TYPE, DIR & 0xFF, name, algorithm)
        self.send("environment", "808A0000" if is_mf else "80800000", head)
        self.send("environment", "00A40000", fid.to_bytes(2, "big"))
        usable = algorithm is not Algorithm.SSF33
        self._own_key(PsamKeyType.MASTER, 0, VENDOR_KEY if usable else environment.ddf_master, MASTER_STATE, algorithm)
        self._file(DIR, RECORDS_TYPE, _DIR_SIZE, MASTER_STATE)
        self._file(CARD_INFORMATION, TRANSPARENT_TYPE, 15, MASTER_STATE)
        self._file(TERMINAL_INFORMATION, TRANSPARENT_TYPE, 6, MASTER_STATE)
        entry = encode(0x61, encode(0x4F, ADF_NAME) + encode(0x50, _LABEL))
        self.send("DIR", f"00DC01{(DIR & 0x1F) << 3 | 4:02X}", entry)
        self._write(CARD_INFORMATION, description.card_information)
        if not usable:
            self._write(TERMINAL_INFORMATION, bytes.fromhex(description.terminal))
        self._build_application(environment)
        if not is_mf:
            self.send("environment", "00A40400", name)
            self.send("end of the environment", "801C0000")

    def _build_application(self, environment: EnvironmentDescription) -> None:
        algorithm = environment.algorithm
        self.send("application", "80800000", _directory(ADF_FID, DF_TYPE, 0, ADF_NAME, algorithm))
        self.send("application", "00A40000", ADF_FID.to_bytes(2, "big"))
        usable = algorithm is not Algorithm.SSF33
        self._own_key(PsamKeyType.MASTER, 0, VENDOR_KEY if usable else environment.adf_master, MASTER_STATE, algorithm)
        for number, (value, state) in enumerate(zip(environment.loaders, LOADER_STATES, strict=True), start=1):
            self._own_key(PsamKeyType.EXTERNAL, number, value, state, algorithm)
        self._file(TRADE_NUMBER, TRANSPARENT_TYPE, 4, NEVER)
        for fid, state, content in zip(_INFORMATION, LOADER_STATES, environment.information, strict=True):
            self._file(fid, TRANSPARENT_TYPE, 10, state)
            if not usable:
                self._write(fid, content.content)
        for fid, state in zip(_KEY_FILES, LOADER_STATES, strict=True):
            self._file(fid, KEYS_TYPE, _KEY_FILE_SIZE, state)
        self._write(TRADE_NUMBER, environment.trade_number.to_bytes(4, "big"))
        self.send("end of the application", "801C0000")

    def _file(self, fid: int, kind: int, size: int, write: int) -> None:
        read = NEVER if kind == KEYS_TYPE else FREE
        data = fid.to_bytes(2, "big") + bytes((kind, FREE)) + size.to_bytes(2, "big") + bytes((read, write))
        self.send(f"EF {fid:04X}", "80800000", data)

    def _own_key(self, kind: PsamKeyType, number: int, value: Secret, state: int, algorithm: Algorithm) -> None:
        header = _header(kind, number, algorithm, state)
        self.send(f"own key {kind:02X} {number:02X}", "80D00000", header + value.reveal())

    def _write(self, fid: int, content: bytes) -> None:
        self.send(f"EF {fid:04X}", f"00D6{0x80 | fid & 0x1F:02X}00", content)

    # The issuers' part

    def issue(self, description: PsamDescription, environment: EnvironmentDescription) -> None:
        """Issuers' keys, application information and the terminal number, through rights and MACs."""
        algorithm = environment.algorithm
        self.send("environment", "00A40400", ENVIRONMENTS[algorithm][1])
        self._replace_master(algorithm, environment.ddf_master)
        self.send("application", "00A40000", ADF_FID.to_bytes(2, "big"))
        self._replace_master(algorithm, environment.adf_master)
        parts = zip(_KEY_FILES, _INFORMATION, environment.loaders, environment.information, strict=True)
        for number, (file, fid, loader, information) in enumerate(parts, start=1):
            challenge = self._challenge(8)
            self.send(f"KID-{number:02}", f"008200{number:02X}", ssc_authentication(algorithm, loader, challenge))
            for key in _keys_of(environment, file):
                step = f"key {key.kind:02X} {key.id:02X}"
                self._load(step, f"84D400{file & 0xFF:02X}", algorithm, environment.adf_master, key.record)
            self._write(fid, information.content)
        self.send("environment", "00A40400", ENVIRONMENTS[algorithm][1])
        header = bytes((0x04, 0xD6, 0x80 | TERMINAL_INFORMATION & 0x1F, 0x00))
        message = header + bytes((6 + MAC_SIZE,)) + bytes.fromhex(description.terminal)
        mac = loading_mac(algorithm, environment.ddf_master, self._challenge(4), message)
        self.send("terminal number", header.hex(), message[5:] + mac)

    def _replace_master(self, algorithm: Algorithm, value: Secret) -> None:
        record = Secret(bytes((PsamKeyType.MASTER, MASTER_KEY_ID, 0)) + value.reveal())
        self._load("master key", "84D40100", algorithm, VENDOR_KEY, record)

    def _load(self, step: str, header: str, algorithm: Algorithm, master: Secret, record: Secret) -> None:
        wrapped = encrypted_key(algorithm, master, record)
        message = bytes.fromhex(header) + bytes((len(wrapped) + MAC_SIZE,)) + wrapped
        self.send(step, header, wrapped + loading_mac(algorithm, master, self._challenge(4), message))

    def _challenge(self, size: int) -> bytes:
        return self.send("challenge", "00840000", le=size)


def _keys_of(environment: EnvironmentDescription, file: int) -> Iterator[PsamKey]:
    return (key for key in environment.keys if key.file == file)


def _header(kind: PsamKeyType, number: int, algorithm: Algorithm, state: int) -> bytes:
    return bytes((kind, 8 + 16, number, _KEY_ALGORITHMS[algorithm], 1, 0, state, KEY_TRIES, KEY_TRIES, 0))


def _directory(fid: int, kind: int, dir_sfi: int, name: bytes, algorithm: Algorithm) -> bytes:
    """The 42 bytes that create a directory."""
    head = fid.to_bytes(2, "big") + bytes((kind, FREE, 0xFF, 0xFF, dir_sfi, 0))
    head += _OWN_KEYS_SIZE.to_bytes(2, "big") + bytes((NEVER, 0x81, 0xFF, 0xFF, 0xFF, len(name)))
    assert len(head) == DIRECTORY_HEAD
    return head + name.ljust(16, b"\xff") + _header(PsamKeyType.MASTER, MASTER_KEY_ID, algorithm, MASTER_STATE)
