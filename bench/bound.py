"""The fewest commands that a card can be made with (制卡通信下界), whoever makes it: no flow is asked.

From the plan, the records and the chip's operating system alone. Counted is what no builder could leave out who keeps
to the order of the standard and proves what it made:

Building, for each directory [S2.10 §5.2; personalisation.md A3.6]
  * the transport key once, where the chip is not told it with the MF: nothing can be created before;
  * create, and select: creating does not select. Once: all that a directory holds can be created in one visit, the
    directories below it too, and by FID one is reached from its sister;
  * the key file, which has to be the first, and in it a master key in clear: no key is there to encrypt it under, so it
    is a temporary one;
  * a challenge and an authentication with it: only who has its right may load and replace keys;
  * every key with a challenge and a MAC over it: a key that anybody could exchange on the way would prove nothing.
    Where new keys come in clear, a stand-in before that, because no real key may be seen;
  * the PIN, control information, every file, and one UPDATE for each record or piece of those that only the building
    may write to.

Sealing, for each directory
  * a challenge and the final master key, last of all keys; a challenge and an authentication, its proof; the end of
    pre-issue where the system has one. No SELECT and no second authentication with the temporary key: who gives up
    emptying a chip that was cut off may seal a directory before leaving it.

Finishing, on the card as it comes out of the reset that shows its ATR
  * select each directory of the application once: keys and files of it are reached from nowhere else;
  * the tries of the PIN, and VERIFY, which proves it and opens what only it opens;
  * one proof for each version of each key: INTERNAL AUTHENTICATION; a challenge and EXTERNAL AUTHENTICATION, which wins
    the right to write and read as well; for the STK beside the PIN a challenge and unblocking. Keys that no command
    shows without a change, none;
  * one UPDATE for each record, or for each piece of bytes: a command writes one;
  * every file that can be read, in the fewest answers: a command reads one record, or all from one to the last.

Left out is everything that depends on who makes the card: looking at the chip first, asking what is there, selecting
again, deleting. Bytes are those of T=0: header, procedure byte, data, status word, and GET RESPONSE where an answer is
wanted to a command with data. That is no command of its own: T=0 adds it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from apdu.command import MAX_SHORT_NE, CommandAPDU
from apdu.secret import Secret
from cardlib import commands
from cardlib.commands import MAC_SIZE, RecordMode
from cardlib.cos.encoder import MASTER_CHALLENGE, Encoder, KeyLoading
from cardlib.cos.plan import Plan, PlannedDirectory, PlannedFile, PlannedKey, Records
from cardlib.crypto import Algorithm, suite_for
from cardlib.keys import Purpose
from cardlib.model import Structure
from cardlib.rules import COS, NEVER, NONE

_HEADER, _PROCEDURE, _SW = 5, 1, 2
_BLANK: Final = bytes(8)
_WITHOUT_PROOF: Final = frozenset({Purpose.MASTER, Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC})
"""Master keys are proven when they are loaded; the others by nothing that leaves the account as it is."""


class Part(Enum):
    """What a command is for."""

    BUILDING = "building"
    SEALING = "sealing"
    FINISHING = "writing, reading, proving"


@dataclass
class Bound:
    """Commands, and bytes on a T=0 line in both directions, of each part; ``by_name``: commands by their names."""

    commands: Counter[Part] = field(default_factory=Counter)
    size: Counter[Part] = field(default_factory=Counter)
    by_name: Counter[str] = field(default_factory=Counter)

    def add(self, part: Part, command: CommandAPDU) -> None:
        """Count one more."""
        self.commands[part] += 1
        self.size[part] += t0_bytes(command)
        self.by_name[command.name] += 1


def bound_of(plan: Plan, records: Records, pin: Secret, encoder: Encoder) -> Bound:
    """The bound of a card by this plan, which holds these ``records``; ``pin``: packed, of any value."""
    bound = Bound()
    for command in encoder.open(_BLANK):
        bound.add(Part.BUILDING, command)
    for directory, above in plan.mf.placed():
        parent = above[-1] if above else None
        for command in _building(directory, parent, plan, records, pin, encoder):
            bound.add(Part.BUILDING, command)
        for command in _sealing(directory, plan, encoder):
            bound.add(Part.SEALING, command)
    for directory in plan.mf.children[0].walk():
        for command in _finishing(directory, plan, records, pin, encoder):
            bound.add(Part.FINISHING, command)
    return bound


def t0_bytes(command: CommandAPDU) -> int:
    """Bytes on a T=0 line of a command whose answer is as long as it asks for, in both directions."""
    size = _HEADER + _SW
    if command.nc:
        size += _PROCEDURE + command.nc
    if command.nc and command.ne:
        size += _HEADER + _SW
    return size + (_PROCEDURE + command.ne if command.ne else 0)


def _building(  # noqa: PLR0913, PLR0917 - what a card is made of
    directory: PlannedDirectory,
    parent: PlannedDirectory | None,
    plan: Plan,
    records: Records,
    pin: Secret,
    encoder: Encoder,
) -> Iterator[CommandAPDU]:
    yield encoder.create_directory(directory, Secret(bytes(encoder.transport_key_size)))
    yield commands.select_directory(directory.fid)
    yield encoder.create_key_file(directory)
    yield _clear(encoder.add_key(directory.master_key, directory, plan), directory.master_key.size)
    yield from _authentication(directory, encoder)
    for key in directory.keys[1:]:
        if not encoder.protects_new_keys:
            yield _clear(encoder.add_key(key, directory, plan), key.size)
        yield from _load(
            encoder.replace_key(key, directory, plan), key.size, encoder, encoder.algorithm(directory, plan)
        )
    if directory.pin is not None:
        loading = encoder.add_pin(len(pin), directory, plan)
        if encoder.protects_new_keys:
            yield from _load(loading, len(pin), encoder, encoder.algorithm(directory, plan))
        else:
            yield _clear(loading, len(pin))
    yield from encoder.control_information(directory)
    for file in directory.files:
        yield encoder.create_file(file, directory, parent)
        if _is_closed(file):
            yield from _writing(file, _held(file, records), encoder.chunk)


def _sealing(directory: PlannedDirectory, plan: Plan, encoder: Encoder) -> Iterator[CommandAPDU]:
    loading = encoder.replace_master(directory, plan)
    yield from _load(loading, directory.master_key.size, encoder, encoder.algorithm(directory, plan))
    yield from _authentication(directory, encoder)
    yield from encoder.end(directory)


def _finishing(
    directory: PlannedDirectory, plan: Plan, records: Records, pin: Secret, encoder: Encoder
) -> Iterator[CommandAPDU]:
    # The standard gives the SSSE no FID; below it a FID is the shorter name.
    if directory.is_ddf:
        yield commands.select_name(directory.df_name, ne=None)
    else:
        yield commands.select_directory(directory.fid)
    if directory.pin is not None:
        yield commands.verify_query()
        if pin:
            yield commands.verify(pin)
    for key in directory.keys:
        yield from _proof(key, directory)
    names = {key.name for one in plan.mf.walk() for key in one.keys}
    for file in directory.files:
        held = _held(file, records)
        if not _is_closed(file):
            yield from _writing(file, held, encoder.chunk)
        if file.fid is not None and file.read.satisfied(pin=bool(pin), keys=names):
            yield from _reading(file, held)


def _authentication(directory: PlannedDirectory, encoder: Encoder) -> Iterator[CommandAPDU]:
    yield commands.get_challenge(MASTER_CHALLENGE)
    yield encoder.show(directory, _BLANK, _BLANK)


def _clear(loading: KeyLoading, size: int) -> CommandAPDU:
    return loading.clear(Secret(bytes(size)))


def _load(loading: KeyLoading, size: int, encoder: Encoder, algorithm: Algorithm) -> Iterator[CommandAPDU]:
    """A challenge, and the key as a length byte, header and value in whole blocks."""
    block = suite_for(algorithm).block
    framed = 1 + len(loading.block(Secret(bytes(size))))
    yield commands.get_challenge(encoder.mac_challenge)
    yield loading.protected(bytes(-(-framed // block) * block), bytes(MAC_SIZE))


def _proof(key: PlannedKey, directory: PlannedDirectory) -> Iterator[CommandAPDU]:
    if key.purpose is Purpose.INTERNAL_AUTHENTICATION:
        yield commands.internal_authenticate(_BLANK, _BLANK, key_version=key.version)
    elif key.purpose is Purpose.MAINTENANCE:
        if directory.pin is not None and directory.pin.unblocked_by is not None:
            yield commands.get_challenge()
            yield commands.with_mac(commands.unblock_pin(), bytes(MAC_SIZE))
    elif key.purpose not in _WITHOUT_PROOF:
        yield commands.get_challenge()
        yield commands.external_authenticate(key.card_id, _BLANK, _BLANK, key_version=key.version)


def _is_closed(file: PlannedFile) -> bool:
    """Whether only the building may write to a file; what the plan itself puts into one is there from the start."""
    return file.structure is Structure.INTERNAL or file.update in {NEVER, COS, NONE} or bool(file.contents)


def _held(file: PlannedFile, records: Records) -> tuple[bytes, ...]:
    return tuple(records.get(file.name, file.contents))


def _writing(file: PlannedFile, held: tuple[bytes, ...], piece: int) -> Iterator[CommandAPDU]:
    if file.structure in {Structure.TRANSPARENT, Structure.INTERNAL}:
        run = b"".join(held)
        for at in range(0, len(run), piece):
            yield commands.update_binary(at, run[at : at + piece])
        return
    for record in held:
        yield commands.update_record(0, RecordMode.NUMBER, record)


def _reading(file: PlannedFile, held: tuple[bytes, ...]) -> Iterator[CommandAPDU]:
    """One answer holds as many records as fit, if they are the last ones; those before them are read one by one."""
    if file.structure is Structure.TRANSPARENT:
        size = sum(map(len, held))
        for at in range(0, size, MAX_SHORT_NE):
            yield commands.read_binary(at, ne=min(MAX_SHORT_NE, size - at))
        return
    sizes = [len(record) for record in held]
    while sum(sizes) > MAX_SHORT_NE:
        yield commands.read_record(1, RecordMode.NUMBER, ne=sizes.pop(0))
    if sizes:
        yield commands.read_record(1, RecordMode.FROM_NUMBER_TO_LAST, ne=sum(sizes))
