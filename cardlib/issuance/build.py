"""Building a card's structure (预个人化): directories, key files, keys and files, from wherever the chip is now.

Where it is, the chip is asked. Everything is built in one order, and every command happens or does not, so what is
there is always a beginning of all that is to be: the last directory that exists is the one to go on in, and in it the
last key and the last file. The order: the key file first, its master key first of all; what only the building may
write; the other keys, the PIN behind them, the other files [S2.10 §5.2].
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from apdu.command import CommandAPDU
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.cos.encoder import MASTER_CHALLENGE
from cardlib.cos.plan import MF_FID, Place, PlannedDirectory, PlannedFile, PlannedKey, Records
from cardlib.issuance.contents import missing
from cardlib.issuance.material import Material
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import BuildingTalk, Conversation, Refused
from cardlib.keys import Purpose
from cardlib.model import Structure
from cardlib.rules import COS, NEVER, NONE

P = TypeVar("P")

NOT_FOUND: Final = frozenset({0x6A82, 0x6A81})
"""What SELECT is answered where nothing of the name is, on FMCOS without any MF too."""
KEY_NOT_FOUND: Final = frozenset({0x6A88, 0x6A82})
RECORD_NOT_FOUND: Final = 0x6A83

_KEY_THERE: Final = (OK, 0x6984, 0x6985)
"""What a key answers that is asked without a challenge: that there is none."""
_TRIES: Final = 0x63C0
"""With a number of tries in its last four bits, whatever it is."""
_QUESTION: Final = 0xA4
_NO_RIGHT: Final = 0x6982
"""What FMCOS answers to creating a key file where there is one without a master key in it."""
_UNASKED: Final = frozenset({Purpose.MAINTENANCE, Purpose.PURCHASE, Purpose.LOAD, Purpose.TAC, Purpose.MASTER})
"""Keys that no command names without using them."""


def enter(talk: BuildingTalk, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> None:
    """Select a directory that exists: a DDF by name from everywhere, the MF and the ADFs of a DDF by FID."""
    for one in (*above[-1:], directory):
        if one.is_ddf and one.fid != MF_FID:
            talk.put(f"select {one.name}", commands.select_name(one.df_name, ne=None))
        elif one is directory or not one.is_ddf:
            talk.put(f"select {one.name}", commands.select_directory(one.fid))


class Builder:
    """Builds what is missing.

    ``records``: what the files hold; only the building may write some of it. ``opening``: how the chip is shown its
    transport key, ``transport_code``: for chips that are told it with the MF; ``refused``: what it means when a chip
    wants neither.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is known, and each of the secrets
        self,
        talk: BuildingTalk,
        material: Material,
        records: Records,
        pin: Secret,
        opening: tuple[CommandAPDU, ...],
        transport_code: Secret,
        refused: Refused,
    ) -> None:
        self._opening = opening
        self._transport_code = transport_code
        self._refused = refused
        self._talk = talk
        self._material = material
        self._records = records
        self._pin = pin
        self._filled: PlannedDirectory | None = None  # the one filled last, where the chip stands, with its rights

    def run(self, *, begun: bool, serial: tuple[CommandAPDU, ...] = ()) -> Conversation[None]:
        """All of it. ``begun``: the chip has an MF. ``serial``: gives a blank chip its historical bytes."""
        everything = list(self._talk.plan.mf.placed())
        there = (yield from self._count(everything)) if begun else 0
        if there:
            directory, above = everything[there - 1]
            yield from self._talk.note(Stage.BUILDING, directory.name)
            if not (yield from self._is_complete(directory, above)):
                yield from self._go_on(directory, above)
        for directory, above in everything[there:]:
            if not above:
                yield from self._talk.note(Stage.OPENED)
                self._talk.put("transport authentication", *self._opening, refused=self._refused)
            yield from self._talk.note(Stage.BUILDING, directory.name)
            if above and self._filled is not above[-1]:
                enter(self._talk, above[-1], above[:-1])
                yield from self._authenticate(above[-1])
            self._talk.put("historical bytes", *(() if above else serial))
            self._talk.put(
                f"create {directory.name}",
                self._talk.encoder.create_directory(directory, self._transport_code),
                refused=None if above or self._opening else self._refused,
            )
            self._talk.put(f"select {directory.name}", commands.select_directory(directory.fid))
            yield from self._fill(directory, above)
        yield from self._talk.flush()

    # Where the chip is

    def _count(self, everything: Sequence[Place]) -> Conversation[int]:
        """How many of the directories exist."""
        for number, (directory, above) in enumerate(everything):
            found = yield from self._selected(directory, above)
            if not found:
                return number
        return len(everything)

    def _selected(self, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> Conversation[bool]:
        talk, label = self._talk, f"look for {directory.name}"
        if directory.is_ddf and directory.fid != MF_FID:
            answer = yield from talk.ask(label, commands.select_name(directory.df_name, ne=None))
        else:
            if above:
                enter(talk, above[-1], above[:-1])
            answer = yield from talk.ask(label, commands.select_directory(directory.fid))
        return self._is_there(label, answer, NOT_FOUND)

    def _is_complete(self, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> Conversation[bool]:
        """Whether the last that is made in a directory is there; costs no try of any key."""
        last = self._late_files(directory)[-1:]
        if not last or last[0].fid is None:
            return False
        enter(self._talk, directory, above)
        return (yield from self._has_file(last[0]))

    def _has_file(self, file: PlannedFile) -> Conversation[bool]:
        label = f"look for {file.name}"
        answer = yield from self._talk.ask(label, commands.select_file(file.fid or 0))
        return self._is_there(label, answer, NOT_FOUND)

    def _is_there(
        self, label: str, answer: ResponseAPDU, absent: frozenset[int], present: tuple[int, ...] = (OK,)
    ) -> bool:
        """What a question was answered; a chip that says neither was not understood, and nothing is built on that."""
        if answer.sw in absent:
            return False
        if answer.is_among(present) or (answer.sw & 0xFFF0 == _TRIES and _TRIES in present):
            return True
        raise self._talk.refusal(label, answer, _QUESTION)

    # One directory

    def _go_on(self, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> Conversation[None]:
        """Complete a directory that was left half-built."""
        talk, encoder = self._talk, self._talk.encoder
        if above:
            enter(talk, above[-1], above[:-1])
            yield from self._authenticate(above[-1])
            talk.put(f"select {directory.name}", commands.select_directory(directory.fid))
        else:
            enter(talk, directory, above)
        has_master = yield from self._try_master(directory)
        if not has_master:
            if not above:
                talk.put("transport authentication", *self._opening, refused=self._refused)
            talk.put(
                f"key file of {directory.name}",
                encoder.create_key_file(directory),
                accept=(encoder.there_already, _NO_RIGHT),
            )
            yield from self._load_temporary(directory)
        keys = yield from self._count_keys(directory)
        if encoder.erase is not None and not keys and any(self._early(file) for file in directory.files):
            # What is in it can be filled only by who has never left it.
            talk.put(f"empty {directory.name}", encoder.erase)
            yield from self._fill(directory, above)
            return
        if not keys:
            yield from self._fill_early(directory, above, again=True)
        # A key that was added in clear may still have a stand-in's value, unless another came after it.
        first = keys if encoder.protects_new_keys else max(keys - 1, 0)
        yield from self._load_keys(directory, first, again=True)
        if directory.pin is not None:
            label = f"look for the PIN of {directory.name}"
            state = yield from talk.ask(label, commands.verify_query())
            if not self._is_there(label, state, KEY_NOT_FOUND, (OK, _TRIES)):
                yield from self._load_pin(directory)
        files = self._late_files(directory)
        there = yield from _beginning(files, self._has_file)
        self._create_files(files[there:], directory, above, again=True)
        self._filled = directory

    def _fill(self, directory: PlannedDirectory, above: Sequence[PlannedDirectory]) -> Conversation[None]:
        """Everything into a directory that is new, or emptied, and current."""
        self._talk.put(f"key file of {directory.name}", self._talk.encoder.create_key_file(directory))
        yield from self._load_temporary(directory)
        yield from self._fill_early(directory, above, again=False)
        yield from self._load_keys(directory, 0, again=False)
        if directory.pin is not None:
            yield from self._load_pin(directory)
        self._create_files(self._late_files(directory), directory, above, again=False)
        self._filled = directory

    def _load_temporary(self, directory: PlannedDirectory) -> Conversation[None]:
        loading = self._talk.encoder.add_key(directory.master_key, directory, self._talk.plan)
        self._talk.put(f"temporary master key of {directory.name}", loading.clear(self._temporary(directory)))
        yield from self._authenticate(directory)

    def _fill_early(
        self, directory: PlannedDirectory, above: Sequence[PlannedDirectory], *, again: bool
    ) -> Conversation[None]:
        """Control information, and files that only the building may write to."""
        talk = self._talk
        already = (talk.encoder.there_already,) if again else ()
        talk.put(
            f"control information of {directory.name}",
            *talk.encoder.control_information(directory),
            accept=already,
        )
        for file in directory.files:
            if not self._early(file):
                continue
            label = f"{file.name} of {directory.name}"
            creating = talk.encoder.create_file(file, directory, above[-1] if above else None)
            talk.put(f"create {label}", creating, accept=already)
            written = (yield from self._count_records(file)) if again and file.fid is not None else 0
            talk.put(f"fill {label}", *self._filling(file, directory, written))

    def _load_keys(self, directory: PlannedDirectory, first: int, *, again: bool) -> Conversation[None]:
        for key in directory.keys[1 + first :]:
            yield from self._load_key(key, directory, again=again)

    def _load_key(self, key: PlannedKey, directory: PlannedDirectory, *, again: bool) -> Conversation[None]:
        """Encrypted and with a MAC; where new keys come in clear, a stand-in first, which is replaced at once."""
        talk, encoder = self._talk, self._talk.encoder
        label = f"key {key.name} version {key.version} of {directory.name}"
        if not encoder.protects_new_keys:
            adding = encoder.add_key(key, directory, talk.plan).clear(Secret(bytes(key.size)))
            talk.put(label, adding, accept=(encoder.there_already,) if again else ())
        challenge = yield from talk.challenge(label, encoder.mac_challenge)
        load = self._material.loads[directory.name, key.reference]
        talk.put(label, self._material.protected(load, encoder.algorithm(directory, talk.plan), challenge))

    def _load_pin(self, directory: PlannedDirectory) -> Conversation[None]:
        talk, encoder = self._talk, self._talk.encoder
        label = f"PIN of {directory.name}"
        loading = encoder.add_pin(len(self._pin), directory, talk.plan)
        if not encoder.protects_new_keys:
            talk.put(label, loading.clear(self._pin))
            return
        algorithm = encoder.algorithm(directory, talk.plan)
        challenge = yield from talk.challenge(label, encoder.mac_challenge)
        talk.put(
            label, self._material.protected(self._material.of_pin(loading, self._pin, algorithm), algorithm, challenge)
        )

    def _create_files(
        self,
        files: Sequence[PlannedFile],
        directory: PlannedDirectory,
        above: Sequence[PlannedDirectory],
        *,
        again: bool,
    ) -> None:
        already = (self._talk.encoder.there_already,) if again else ()
        for file in files:
            command = self._talk.encoder.create_file(file, directory, above[-1] if above else None)
            # Whether a file that no command can select is there, shows when it is made.
            self._talk.put(
                f"create {file.name} of {directory.name}", command, accept=already if file.fid is None else ()
            )

    # Questions to a directory

    def _try_master(self, directory: PlannedDirectory) -> Conversation[bool]:
        """Whether the directory has its temporary master key; its right is won then."""
        talk, label = self._talk, f"authentication with the temporary master key of {directory.name}"
        challenge = yield from talk.challenge(label, MASTER_CHALLENGE)
        answer: ResponseAPDU = yield from talk.ask(label, self._authentication(directory, challenge))
        if answer.sw in KEY_NOT_FOUND:
            return False
        if not answer.is_among((OK,)):
            raise talk.refusal(label, answer, 0x82)
        return True

    def _count_keys(self, directory: PlannedDirectory) -> Conversation[int]:
        """How many keys behind the master key are surely there: up to the last that a question finds."""
        keys = directory.keys[1:]
        places = [place for place, key in enumerate(keys) if key.purpose not in _UNASKED]
        found = yield from _beginning(places, lambda place: self._has_key(keys[place]))
        return places[found - 1] + 1 if found else 0

    def _has_key(self, key: PlannedKey) -> Conversation[bool]:
        """Asked with no challenge outstanding, an authentication ends before anything is compared [S2.5 §6.4]."""
        if key.purpose is Purpose.INTERNAL_AUTHENTICATION:
            question = commands.internal_authenticate(bytes(8), bytes(8), key_version=key.version)
        else:
            question = commands.external_authenticate(key.card_id, bytes(8), bytes(8), key_version=key.version)
        label = f"look for key {key.name} version {key.version}"
        answer = yield from self._talk.ask(label, question)
        return self._is_there(label, answer, KEY_NOT_FOUND, _KEY_THERE)

    def _count_records(self, file: PlannedFile) -> Conversation[int]:
        """How many records a file has that is being filled; 0 for bytes, which are written anew."""
        talk, held = self._talk, self._records.get(file.name, file.contents)
        if file.structure is Structure.TRANSPARENT:
            return 0
        talk.put(f"look into {file.name}", commands.select_file(file.fid or 0))
        for number in range(1, len(held) + 1):
            reading = commands.read_record(number, RecordMode.NUMBER, ne=256)
            label = f"look into {file.name}"
            answer = yield from talk.ask(label, reading)
            if not self._is_there(label, answer, frozenset({RECORD_NOT_FOUND})):
                return number - 1
        return len(held)

    # Details

    def _early(self, file: PlannedFile) -> bool:
        """Whether only the building may write to a file, and there is something to write."""
        closed = file.update in {NEVER, COS, NONE} or file.structure is Structure.INTERNAL
        return bool(file.contents) or (closed and bool(self._records.get(file.name)))

    def _late_files(self, directory: PlannedDirectory) -> list[PlannedFile]:
        return [file for file in directory.files if not self._early(file)]

    def _temporary(self, directory: PlannedDirectory) -> Secret:
        return self._material.temporary[self._talk.encoder.algorithm(directory, self._talk.plan)]

    def _authentication(self, directory: PlannedDirectory, challenge: bytes) -> CommandAPDU:
        algorithm = self._talk.encoder.algorithm(directory, self._talk.plan)
        return self._talk.encoder.authenticate(directory, algorithm, self._temporary(directory), challenge)

    def _authenticate(self, directory: PlannedDirectory) -> Conversation[None]:
        label = f"authentication with the temporary master key of {directory.name}"
        challenge = yield from self._talk.challenge(label, MASTER_CHALLENGE)
        self._talk.put(label, self._authentication(directory, challenge))

    def _filling(self, file: PlannedFile, directory: PlannedDirectory, written: int) -> Iterator[CommandAPDU]:
        """What is missing in a file: linear records in their order, cyclic ones from the oldest, bytes in pieces."""
        held = self._records.get(file.name, file.contents)
        encoder = self._talk.encoder
        if file.fid is None:
            first = 0x80 | encoder.internal_sfi(directory)
            yield CommandAPDU(0x00, 0xD6, first, 0x00, b"".join(held))
            return
        there = held[len(held) - written :] if file.structure is Structure.CYCLIC else held[:written]
        yield from missing(file, held, there, encoder.chunk)


def _beginning(places: Sequence[P], is_there: Callable[[P], Conversation[bool]]) -> Conversation[int]:
    """How many of these are there, when all that are there come before all that are not."""
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if (yield from is_there(places[middle])):
            low = middle + 1
        else:
            high = middle
    return low
