"""Making a PSAM on a blank chip: by the commands that its vendor, and then its issuers, would send [S2.9 §5, §6].

For tests, with keys in clear and in one go; with keys in custody it is :mod:`cardlib.issuance.psam`. The order is
inference: the vendor builds the files under keys of its own and ends the issue; the issuer replaces these keys; then
ministry, province and city each authenticate with their KID, load their keys and write their application information;
the terminal number comes last.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from apdu.command import CommandAPDU
from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib import commands, psam_building
from cardlib.commands import authenticated, with_mac
from cardlib.cos.protection import encrypted_key, loading_mac, ssc_authentication
from cardlib.crypto import Algorithm
from cardlib.crypto.suite import MAC_SIZE
from cardlib.psam import ADF_FID, ENVIRONMENTS, MASTER_KEY_ID, TERMINAL_INFORMATION, PsamKey, record_head
from cardlib.psam_building import INFORMATION, KEY_FILES, ApplicationInformation, KeyCommand, Labelled, require_digits
from simulator.card import SoftwareCard
from simulator.dialects.psam import PSAM
from simulator.making.maker import MakingError
from simulator.memory.image import CardImage

HISTORICAL_BYTES: Final = b"SSC PSAM TEST"
"""The text has no answer to reset for a PSAM; this one is no card's (inference)."""

VENDOR_KEY: Final = Secret(b"\xff" * 16)
"""Every master key until the issuer replaces it."""


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
        require_digits("the serial number", self.serial, 20)
        require_digits("the terminal number", self.terminal, 12)
        if not self.environments or self.environments[0].algorithm is not Algorithm.DES:
            raise MalformedError("the first environment of a PSAM, its MF, is that of DES")

    @property
    def card_information(self) -> bytes:
        """EF 0015, 15 bytes [S2.9 §5.2]."""
        return psam_building.card_information(
            self.serial,
            issuer=self.issuer,
            version=self.version,
            key_card_type=self.key_card_type,
            fci_data=self.fci_data,
        )


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
    maker.send("end of the MF", commands.select_master_file())
    maker.send("end of the MF", psam_building.end_of_issue())
    for environment in description.environments:
        if environment.algorithm is not Algorithm.SSF33:
            maker.issue(description, environment)
    card.power_off()
    return card.image


@dataclass(frozen=True, repr=False)
class _Maker:
    card: SoftwareCard

    def send(self, step: str, command: CommandAPDU) -> bytes:
        answer = self.card.process(command.to_bytes())
        sw = int.from_bytes(answer[-2:], "big")
        if sw != 0x9000:
            raise MakingError(step, sw, command.ins)
        return answer[:-2]

    def send_all(self, labelled: Iterable[Labelled]) -> None:
        for step, command in labelled:
            self.send(step, command)

    # The vendor's part

    def build(self, description: PsamDescription, environment: EnvironmentDescription) -> None:
        """Files, own keys and contents of an environment, and the end of issue, but for the MF's."""
        algorithm = environment.algorithm
        fid, name = ENVIRONMENTS[algorithm]
        is_mf = algorithm is Algorithm.DES
        if not is_mf:
            self.send("MF", commands.select_master_file())
        self.send("environment", psam_building.create_environment(algorithm))
        self.send("environment", commands.select_directory(fid))
        # No master key of SSF33 can be replaced later, as nothing is encrypted for it.
        usable = algorithm is not Algorithm.SSF33
        master = VENDOR_KEY if usable else environment.ddf_master
        self.send_all(psam_building.environment_contents(algorithm, master, description.card_information))
        if not usable:
            self._write(TERMINAL_INFORMATION, bytes.fromhex(description.terminal))
        self.send("application", psam_building.create_application(algorithm))
        self.send("application", commands.select_directory(ADF_FID))
        master = VENDOR_KEY if usable else environment.adf_master
        trade = environment.trade_number
        self.send_all(psam_building.application_contents(algorithm, master, environment.loaders, trade))
        if not usable:
            for file, content in zip(INFORMATION, environment.information, strict=True):
                self._write(file, content.content)
        self.send("end of the application", psam_building.end_of_issue())
        if not is_mf:
            self.send("environment", commands.select_name(name, ne=None))
            self.send("end of the environment", psam_building.end_of_issue())

    def _write(self, fid: int, content: bytes) -> None:
        self.send(f"EF {fid:04X}", psam_building.write_file(fid, content))

    # The issuers' part

    def issue(self, description: PsamDescription, environment: EnvironmentDescription) -> None:
        """Issuers' keys, application information and the terminal number, through rights and MACs."""
        algorithm = environment.algorithm
        self._select(algorithm)
        self._replace_master(algorithm, environment.ddf_master)
        self.send("application", commands.select_directory(ADF_FID))
        self._replace_master(algorithm, environment.adf_master)
        parts = zip(KEY_FILES, INFORMATION, environment.loaders, environment.information, strict=True)
        for number, (file, fid, loader, information) in enumerate(parts, start=1):
            data = ssc_authentication(algorithm, loader, self._challenge(8))
            self.send(f"KID-{number:02}", commands.external_authenticate(number, data[:8], data[8:]))
            for key in _keys_of(environment, file):
                head = record_head(key.kind, key.id, key.levels, key.algorithm)
                loading = psam_building.create_key(file, head)
                self._load(f"key {key.kind:02X} {key.id:02X}", loading, algorithm, environment.adf_master, key.value)
            self._write(fid, information.content)
        self._select(algorithm)
        command = psam_building.write_file(TERMINAL_INFORMATION, bytes.fromhex(description.terminal))
        mac = loading_mac(algorithm, environment.ddf_master, self._challenge(4), authenticated(command))
        self.send("terminal number", with_mac(command, mac))

    def _select(self, algorithm: Algorithm) -> None:
        self.send("environment", commands.select_name(ENVIRONMENTS[algorithm][1], ne=None))

    def _replace_master(self, algorithm: Algorithm, value: Secret) -> None:
        self._load("master key", psam_building.change_own_key(MASTER_KEY_ID), algorithm, VENDOR_KEY, value)

    def _load(self, step: str, loading: KeyCommand, algorithm: Algorithm, master: Secret, value: Secret) -> None:
        wrapped = encrypted_key(algorithm, master, Secret(loading.record + value.reveal()))
        message = loading.head + bytes((len(wrapped) + MAC_SIZE,)) + wrapped
        self.send(step, loading.command(wrapped + loading_mac(algorithm, master, self._challenge(4), message)))

    def _challenge(self, size: int) -> bytes:
        return self.send("challenge", commands.get_challenge(size))


def _keys_of(environment: EnvironmentDescription, file: int) -> Iterator[PsamKey]:
    return (key for key in environment.keys if key.file == file)
