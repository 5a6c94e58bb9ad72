"""One pass over a sealed card: what is missing in its files is written, everything is read back, every key is proven.

A directory is entered once. In it each version of each key authenticates once: that proves the key, and wins the right
under which files are written and read. So the proof costs nothing where a right is needed anyway.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from apdu.secret import Secret
from cardlib.cos.plan import PlannedDirectory, PlannedFile, PlannedKey, Records
from cardlib.errors import OtherHolderError, ReadBackError
from cardlib.flows.pin import CardMark, mark_of
from cardlib.issuance.build import enter
from cardlib.issuance.contents import held, missing, reading
from cardlib.issuance.prove import Prover, authenticates
from cardlib.issuance.questions import Stage
from cardlib.issuance.talk import BuildingTalk, Conversation
from cardlib.profiles.ssse import HOLDER, ISSUER
from cardlib.rules import Rule

Held: TypeAlias = dict[str, tuple[bytes, ...]]
"""What files hold, by their names."""


class Inspector:
    """Goes through a card once.

    ``wanted``: what each file is to hold, by name; files that are not there are not looked at. ``new``: nothing was
    written to the card yet, so nothing needs to be read before. ``writing``: write what is missing; else what is
    missing is a :class:`~cardlib.errors.ReadBackError`, or in the holder's file an
    :class:`~cardlib.errors.OtherHolderError`. ``pin``: packed, b"" not to use it.
    """

    def __init__(self, talk: BuildingTalk, wanted: Records, pin: Secret, *, new: bool, writing: bool) -> None:
        self._talk = talk
        self._wanted = wanted
        self._pin = pin
        self._new = new
        self._writing = writing
        self.prover = Prover(talk)
        self.files: Held = {}
        """What was read, and is what is wanted."""
        self.pin_tries: int | None = None

    def run(self) -> Conversation[None]:
        """All directories of the social security application."""
        talk, prover = self._talk, self.prover
        mf = talk.plan.mf
        ssse = mf.children[0]
        for directory in ssse.walk():
            yield from talk.note(Stage.WRITING if self._writing else Stage.PROVING, directory.name)
            enter(talk, directory, (mf,) if directory is ssse else (mf, ssse))
            prover.held = set()
            yield from prover.internal(directory)  # a PIN is for a genuine card only
            if directory.pin is not None:
                if not self._writing:
                    yield from self._before_pin(directory)
                yield from prover.verify_pin(self._pin, None if self._writing else self._mark())
            yield from self._files(directory)
            yield from prover.maintenance(directory)
            if directory.pin is not None:
                self.pin_tries = yield from prover.pin_tries()
        yield from talk.flush()

    def _files(self, directory: PlannedDirectory) -> Conversation[None]:
        """The files of a directory, in the course of authentications with all of its keys."""
        files = [file for file in self._held_by(directory) if file.name not in self.files]
        updating = _updating(files)
        keys = self._unproven(directory)
        todo: Held = {file.name: () for file in files}
        if not self._new:
            yield from self.prover.external(directory, [key for key in keys if key.name not in updating])
            found = yield from self._read(files)
            todo = {file.name: found.get(file.name, ()) for file in files if not self._is_right(file, found)}
            keys = [key for key in keys if key.name in updating]
        if todo and not self._writing:
            raise ReadBackError(min(todo))
        # Keys that write come first: what they write is read with the rights of the others.
        for key in sorted(keys, key=lambda key: key.name not in updating):
            yield from self.prover.external(directory, [key])
            self._write(files, todo)
        self._write(files, todo)
        written = [file for file in files if file.name not in self.files]
        found = yield from self._read(written)
        for file in written:
            if file.name in found and not self._is_right(file, found):
                raise ReadBackError(file.name)

    def _before_pin(self, directory: PlannedDirectory) -> Conversation[None]:
        """Compare what needs no PIN: a card of somebody else loses no try of it."""
        files = self._held_by(directory)
        updating = _updating(files)
        yield from self.prover.external(
            directory, [key for key in self._unproven(directory) if key.name not in updating]
        )
        found = yield from self._read(files)
        differing = [file.name for file in files if file.name in found and not self._is_right(file, found)]
        if HOLDER.name in differing:
            raise OtherHolderError(HOLDER.name)
        if differing:
            raise ReadBackError(differing[0])

    def _mark(self) -> CardMark:
        """Which card it is, of what was read and is right."""
        issuer = ISSUER.parse(b"".join(self.files.get(ISSUER.name, ())))
        return mark_of(self._talk.plan.historical_bytes, issuer)

    def _held_by(self, directory: PlannedDirectory) -> list[PlannedFile]:
        return [file for file in directory.files if file.fid is not None and self._of(file)]

    def _unproven(self, directory: PlannedDirectory) -> list[PlannedKey]:
        """Keys that authenticate in this directory and have not yet."""
        proofs = self.prover.proofs
        return [key for key in directory.keys if authenticates(key) and (directory.name, key.reference) not in proofs]

    def _write(self, files: Iterable[PlannedFile], todo: Held) -> None:
        """Queue what is missing in the files that may be written now, and strike them off."""
        for file in files:
            if file.name in todo and self._may(file.update):
                missed = missing(file, self._of(file), todo.pop(file.name), self._talk.encoder.chunk)
                self._talk.put(f"write {file.name}", *missed)

    def _read(self, files: Sequence[PlannedFile]) -> Conversation[Held]:
        """What these files hold, as far as they can be read now; all in one script."""
        readable = [file for file in files if self._may(file.read)]
        counts = []
        for file in readable:
            steps = reading(file, self._of(file))
            self._talk.put_steps(f"read {file.name}", steps)
            counts.append(len(steps))
        answers = yield from self._talk.flush()
        answers = answers[len(answers) - sum(counts) :]
        found: Held = {}
        for file, count in zip(readable, counts, strict=True):
            found[file.name] = held(file, answers[:count])
            answers = answers[count:]
        return found

    def _is_right(self, file: PlannedFile, found: Held) -> bool:
        """Whether a file holds what is wanted; what does is kept."""
        wanted = tuple(self._of(file))
        right = file.name in found and b"".join(found[file.name]) == b"".join(wanted)
        if right:
            self.files[file.name] = wanted
        return right

    def _of(self, file: PlannedFile) -> Sequence[bytes]:
        return self._wanted.get(file.name, file.contents)

    def _may(self, rule: Rule) -> bool:
        return rule.satisfied(pin=self.prover.pin_verified, keys=self.prover.held)


def _updating(files: Iterable[PlannedFile]) -> set[str]:
    """Names of the keys under which these are written."""
    return {name for file in files for name in file.update.keys}
