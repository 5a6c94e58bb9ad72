"""Building a card on a blank chip (建卡): every command from transport authentication to the end of pre-issue.

The order is part of it: the key file is the first file of a directory, its MK the first key and the PIN the last; all
is written under a temporary MK, which is replaced at the very end, directory by directory from the innermost; only then
a directory's pre-issue ends [S2.10 §5.2].
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.errors import MalformedError, MuteCardError
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK, meaning_of
from apdu.transport.inprocess import Chip
from apdu.transport.wrappers import get_response
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.cos.encoder import MASTER_CHALLENGE, Encoder, KeyLoading
from cardlib.cos.plan import MF_FID, Plan, PlannedDirectory, PlannedFile, PlannedKey, Records
from cardlib.cos.protection import encrypted_key, loading_mac
from cardlib.errors import KeyUnavailableError
from cardlib.keys import KeyReference
from cardlib.model import Structure

TEMPORARY_KEY: Final = Secret(b"\xff" * 16)
"""The master key of every directory until the card is finished (临时主控密钥), where nobody wants another."""

CHUNK: Final = 0x80
"""Bytes of one UPDATE BINARY."""


class MakingError(Exception):
    """The chip refused a step of the building (建卡失败).

    ``step`` names it, and the directory, file or key; ``sw`` is the status word. Nothing that was sent is in it.
    """

    def __init__(self, step: str, sw: int, ins: int) -> None:
        self.step = step
        self.sw = sw
        super().__init__(f"{step}: status word {sw:04X} ({meaning_of(sw, ins).text})")


def make(  # noqa: PLR0913, PLR0917 - a chip, what it becomes, and each of the secrets
    blank: Chip,
    plan: Plan,
    records: Records,
    key_values: Mapping[KeyReference, Secret],
    pin: Secret,
    transport_key: Secret,
    dialect: Encoder,
    *,
    temporary_key: Secret = TEMPORARY_KEY,
) -> None:
    """Make a blank chip the card of this plan; powers it on, and off again.

    ``records``: what the files hold, as the plan was made for. ``key_values``: this card's own keys, diversified, in
    their length on the card. ``pin``: packed, b"" for none. ``transport_key``: in the length that the dialect has.
    ``temporary_key``: 16 bytes.

    Raises :class:`MakingError` when the chip refuses, MuteCardError when it does not answer; before a chip is touched
    :class:`~cardlib.cos.plan.PlanError` for what the dialect cannot express, KeyUnavailableError for a key that is not
    among ``key_values``, and MalformedError for one of another length.
    """
    making = _Making(blank, plan, records, key_values, pin, transport_key, dialect, temporary_key)
    making.check()
    try:
        making.run()
    finally:
        blank.power_off()


@dataclass(repr=False, eq=False)
class _Making:
    """One card being made; the fields are what :func:`make` is given."""

    chip: Chip
    plan: Plan
    records: Records
    values: Mapping[KeyReference, Secret]
    pin: Secret
    transport_key: Secret
    dialect: Encoder
    temporary_key: Secret

    def __post_init__(self) -> None:
        self._transmit = get_response(self._speak, strip_le=True)

    def check(self) -> None:
        """Whether every command that needs no answer of the chip can be made."""
        for directory, above in self.plan.mf.placed():
            parent = above[-1] if above else None
            self.dialect.create_directory(directory, self.transport_key)
            self.dialect.create_key_file(directory)
            self.dialect.control_information(directory)
            for key in directory.keys:
                self._value(key)
                self.dialect.add_key(key, directory, self.plan)
            if directory.pin is not None:
                self.dialect.add_pin(len(self.pin), directory, self.plan)
            for file in directory.files:
                self.dialect.create_file(file, directory, parent)

    def run(self) -> None:
        """All of it."""
        found = ATR.from_bytes(self.chip.power_on() or self._mute()).historical_bytes
        wanted = self.plan.historical_bytes
        new_serial = self.dialect.serial(wanted) if found != wanted else ()
        self._send("transport authentication", *self.dialect.transport(found, self.transport_key))
        self._send("historical bytes", *new_serial)
        self._build(self.plan.mf, None)
        self._seal(self.plan.mf, ())

    def _build(self, directory: PlannedDirectory, parent: PlannedDirectory | None) -> None:
        """A directory with all in it; ends in it, or below."""
        dialect, name = self.dialect, directory.name
        self._send(f"create {name}", dialect.create_directory(directory, self.transport_key))
        self._send(f"select {name}", commands.select_directory(directory.fid))
        self._send(f"key file of {name}", dialect.create_key_file(directory))
        self._load_keys(directory)
        self._send(f"control information of {name}", *dialect.control_information(directory))
        for file in directory.files:
            step = f"file {file.name} of {name}"
            self._send(f"create {step}", dialect.create_file(file, directory, parent))
            self._send(f"fill {step}", *self._filling(file, directory))
        for number, child in enumerate(directory.children):
            if number:
                self._enter(directory)
                self._authenticate(directory)
            self._build(child, directory)

    def _load_keys(self, directory: PlannedDirectory) -> None:
        """The temporary MK, the right that it gives, all other keys, and the PIN last."""
        dialect = self.dialect
        first, *others = directory.keys
        loading = dialect.add_key(first, directory, self.plan)
        self._send(f"temporary master key of {directory.name}", loading.clear(self.temporary_key))
        self._authenticate(directory)
        for key in others:
            step = f"key {key.name} version {key.version} of {directory.name}"
            self._load(step, dialect.add_key(key, directory, self.plan), self._value(key), directory)
        if directory.pin is not None:
            loading = dialect.add_pin(len(self.pin), directory, self.plan)
            self._load(f"PIN of {directory.name}", loading, self.pin, directory)

    def _load(self, step: str, loading: KeyLoading, value: Secret, directory: PlannedDirectory) -> None:
        if self.dialect.protects_new_keys:
            self._load_protected(step, loading, value, directory)
        else:
            self._send(step, loading.clear(value))

    def _load_protected(self, step: str, loading: KeyLoading, value: Secret, directory: PlannedDirectory) -> None:
        """Encrypted and with a MAC, both under the directory's temporary MK."""
        algorithm, key = self.dialect.algorithm(directory, self.plan), self.temporary_key
        challenge = self._challenge(step, self.dialect.mac_challenge)
        cipher = encrypted_key(algorithm, key, loading.block(value))
        mac = loading_mac(algorithm, key, challenge, loading.message(cipher))
        self._send(step, loading.protected(cipher, mac))

    def _seal(self, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> None:
        """Replace the MK of everything below, then the directory's own, and end its pre-issue."""
        for child in directory.children:
            self._seal(child, (*above, directory))
        for level in (*above, directory):
            self._enter(level)
        self._authenticate(directory)
        loading = self.dialect.replace_master(directory, self.plan)
        self._load_protected(f"master key of {directory.name}", loading, self._value(directory.master_key), directory)
        self._send(f"end of pre-issue of {directory.name}", *self.dialect.end(directory))

    def _enter(self, directory: PlannedDirectory) -> None:
        """Select a directory that exists: a DDF by name from everywhere, the MF and the ADFs of a DDF by FID."""
        by_name = directory.is_ddf and directory.fid != MF_FID
        selecting = (
            commands.select_name(directory.df_name, ne=None) if by_name else commands.select_directory(directory.fid)
        )
        self._send(f"select {directory.name}", selecting)

    def _authenticate(self, directory: PlannedDirectory) -> None:
        step = f"authentication with the master key of {directory.name}"
        challenge = self._challenge(step, MASTER_CHALLENGE)
        algorithm = self.dialect.algorithm(directory, self.plan)
        self._send(step, self.dialect.authenticate(directory, algorithm, self.temporary_key, challenge))

    def _challenge(self, step: str, size: int) -> bytes:
        challenge = self._send(step, commands.get_challenge(size))
        if len(challenge) != size:
            raise MalformedError(f"{step}: a challenge of {len(challenge)} bytes, not {size}")
        return challenge

    def _filling(self, file: PlannedFile, directory: PlannedDirectory) -> Iterator[CommandAPDU]:
        """What a file holds: linear records in their order, cyclic ones from the oldest, bytes in pieces."""
        held = self.records.get(file.name, file.contents)
        if not held:
            return
        if file.fid is None:
            content, first = b"".join(held), 0x80 | self.dialect.internal_sfi(directory)
            yield CommandAPDU(0x00, 0xD6, first, 0x00, content)
            return
        yield commands.select_file(file.fid)
        match file.structure:
            case Structure.CYCLIC:
                for record in reversed(held):
                    yield commands.update_record(0x00, RecordMode.PREVIOUS_WITH_IDENTIFIER, record)
            case Structure.TRANSPARENT:
                content = b"".join(held)
                for at in range(0, len(content), CHUNK):
                    yield CommandAPDU(0x00, 0xD6, at >> 8, at & 0xFF, content[at : at + CHUNK])
            case _:
                for number, record in enumerate(held, start=1):
                    yield commands.update_record(number, RecordMode.NUMBER, record)

    def _value(self, key: PlannedKey) -> Secret:
        value = self.values.get(key.reference)
        if value is None:
            raise KeyUnavailableError(key.reference.name, f"version {key.version}")
        if len(value) != key.size:
            raise MalformedError(f"key {key.name} has {key.size} bytes on this card, not {len(value)}")
        return value

    def _send(self, step: str, *sent: CommandAPDU) -> bytes:
        """Have the chip do each of these; the answer to the last. A directory's FCI may wait, nobody fetches it."""
        answer = ResponseAPDU(b"")
        for command in sent:
            (raw,) = self._transmit([command.to_bytes()])
            answer = ResponseAPDU.from_bytes(raw)
            if not answer.is_among((OK,)):
                raise MakingError(step, answer.sw, command.ins)
        return answer.data

    def _speak(self, sent: Sequence[bytes]) -> list[bytes]:
        return [self.chip.process(command) or self._mute() for command in sent]

    @staticmethod
    def _mute() -> bytes:
        raise MuteCardError("the chip does not answer")
