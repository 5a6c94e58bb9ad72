"""Write items of a card: compare first, write only what differs, read it back [S2.7 §7, §14].

Repeating an update that was cut short is safe: what stands on the card already is not written again.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from apdu.errors import CardError, MalformedError, StatusWordError, UnansweredError
from apdu.flow import Flow, Question, Script, Step
from apdu.secret import Secret
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.crypto.suite import Algorithm
from cardlib.errors import (
    AlgorithmUnsupportedError,
    ChangesError,
    ItemError,
    ReadBackError,
    VersionUnsupportedError,
)
from cardlib.flows.changes import Change, CyclicChange, TransparentChange, Write, changes_of
from cardlib.flows.pin import CardMark, card_mark
from cardlib.flows.rights import PinPolicy, Rights
from cardlib.flows.session import SPEC_VERSION, STANDARD, CardSession, DirectoryRefusedError, Profiles, RandomBytes
from cardlib.forms import NOT_UNDERSTOOD, FormMemory
from cardlib.model import CardProfile, Directory
from cardlib.profiles import profile_for
from cardlib.profiles.ssse import ISSUER
from cardlib.rules import Rule
from cardlib.values import CardIdentifier, Value

Conversation = Generator[Script | Question[Any], Any, None]


class Outcome(Enum):
    """What became of one value (更新结果)."""

    WRITTEN = "written"
    """It was written, and read back."""
    UNCHANGED = "unchanged"
    """The card held it before."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """What became of one value; ``reason``: an exception that was not raised, where it failed."""

    outcome: Outcome
    reason: CardError | None = None


@dataclass(frozen=True)
class UpdateReport:
    """What an update did: ``items`` has an outcome for each value, by names of file and item, to ``card``."""

    profile: CardProfile = field(repr=False)
    algorithm: Algorithm
    historical_bytes: bytes = field(repr=False)
    items: Mapping[str, Mapping[str, ItemOutcome]]
    card: CardMark

    @property
    def version(self) -> str:
        """Version of the specification by which the card was written (规范版本)."""
        return self.profile.version

    @property
    def complete(self) -> bool:
        """Whether the card now holds every value."""
        return all(one.outcome is not Outcome.FAILED for file in self.items.values() for one in file.values())


UNCHANGED: Final = ItemOutcome(Outcome.UNCHANGED)
WRITTEN: Final = ItemOutcome(Outcome.WRITTEN)


def update_items(  # noqa: PLR0913  # what a caller decides, each by its name
    atr: bytes,
    changes: Mapping[str, Mapping[str, Value]],
    *,
    rng: RandomBytes,
    forms: FormMemory,
    pin: Secret | None = None,
    allow_last_try: bool = False,
    keys_are_remote: bool = False,
    pin_verified: bool = False,
    card_is_new: bool = False,
    profiles: Profiles = STANDARD,
) -> Flow[UpdateReport]:
    """Write values (更新数据项) to a card that was just reset and answered ``atr``.

    ``changes``: new values by names of file and item; None makes an item blank. A cyclic file takes ``records``, newest
    first, and appends them, unless its newest records are already these; a transparent file takes its whole content.
    Each file is read before, so its read rule has to be satisfied as well. Others as for
    :func:`~cardlib.flows.read_files.read_files`.

    Raises :class:`~cardlib.errors.ChangesError`, before the card is written to, where a value cannot be written: before
    it is even asked, where no version of the card could take it. One value that fails undoes no other.
    """
    _refuse_hopeless(changes, profiles)
    session = CardSession(atr, rng, forms, profiles)
    rights = Rights(session, PinPolicy(pin, allow_last_try, keys_are_remote, pin_verified, card_is_new))
    return (yield from _Update(session, rights).flow(changes))


def _refuse_hopeless(changes: Mapping[str, Mapping[str, Value]], profiles: Profiles) -> None:
    refusal: ChangesError | None = None
    for profile in reversed(profiles.every):
        try:
            changes_of(profile, changes)
        except ChangesError as error:
            refusal = refusal or error
        else:
            return
    if refusal is not None:
        raise refusal


def _refuse_estranging(session: CardSession, issuer: Mapping[str, Value]) -> None:
    """Refuse what would make another card of this one: nobody would find its version or derive its keys any more."""
    held = ISSUER.parse(session.issuer_run).values
    faults = []
    if "spec_version" in issuer:
        try:
            version = profile_for(SPEC_VERSION.schema.encode(issuer["spec_version"])).version
        except VersionUnsupportedError:
            version = ""
        if version != session.profile.version:
            faults.append(ItemError("spec_version", "would make a card of another version of it", file=ISSUER.name))
    known, new = held["card_identifier"], issuer.get("card_identifier", held["card_identifier"])
    # The last eight digits, the authentication code, are no part of what identifies the card [S1 §8.1.1.1].
    if known is not None and _issuing_code(new) != _issuing_code(known):
        faults.append(ItemError("card_identifier", "would make another card of it", file=ISSUER.name))
    if faults:
        raise ChangesError(faults)


def _issuing_code(identifier: Value) -> str:
    return identifier.digits[:24] if isinstance(identifier, CardIdentifier) else ""


class _Update:
    """One conversation with one card."""

    def __init__(self, session: CardSession, rights: Rights) -> None:
        self.session = session
        self.rights = rights
        self.outcomes: dict[str, dict[str, ItemOutcome]] = {}

    def flow(self, changes: Mapping[str, Mapping[str, Value]]) -> Flow[UpdateReport]:
        session = self.session
        yield from session.open()
        wanted = {change.file.name: change for change in changes_of(session.profile, changes)}
        _refuse_estranging(session, changes.get(ISSUER.name, {}))
        todo = {
            directory: found
            for directory in session.profile.directories
            if (found := [wanted[file.name] for file in directory.files if file.name in wanted])
        }
        for directory in list(todo):
            here = todo.pop(directory)
            later = {other.name: [change.file.read for change in found] for other, found in todo.items()}
            yield from self._update_directory(directory, here, later)
        items = {name: MappingProxyType(outcomes) for name, outcomes in self.outcomes.items()}
        return UpdateReport(
            session.profile, session.algorithm, session.historical_bytes, MappingProxyType(items), card_mark(session)
        )

    def _update_directory(
        self, directory: Directory, changes: Sequence[Change], later: Mapping[str, Sequence[Rule]]
    ) -> Conversation:
        if directory is not self.session.profile.directories[0]:
            self.session.enter(directory)
            self.rights.leave()
        try:
            yield from self.rights.win([change.file.read for change in changes], later)
            differing: list[tuple[Change, bytes]] = []
            for change in changes:
                stored = yield from self._read(change)
                if stored is not None and self._compare(change, stored):
                    differing.append((change, stored))
            # A key is asked for only where something is to be written.
            yield from self.rights.win([change.file.update for change, _ in differing], later)
            for change, stored in differing:
                yield from self._write(change, stored)
        except DirectoryRefusedError as error:
            for change in changes:
                self._fail(change, error.reason)

    def _read(self, change: Change) -> Generator[Script, Any, bytes | None]:
        """What the card holds; None, and an outcome, where it cannot be read."""
        file = change.file
        if not self.rights.open(file.read):
            self._fail(change, self.rights.obstacle(file, file.read))
            return None
        try:
            return (yield from self._stored(change))
        except (StatusWordError, MalformedError) as error:
            self._fail(change, error)
            return None

    def _stored(self, change: Change) -> Generator[Script, Any, bytes]:
        session = self.session
        if change.items is not None and session.forms.reading.takes_tags:
            return (yield from session.read_items(change.file, change.items))
        return (yield from session.read(change.file))

    def _compare(self, change: Change, stored: bytes) -> bool:
        """Whether there is something to write."""
        try:
            differing = change.differing(stored)
        except MalformedError as error:
            self._fail(change, error)
            return False
        self.outcomes[change.file.name] = {name: UNCHANGED for name in change.values if name not in differing}
        return bool(differing)

    def _write(self, change: Change, stored: bytes) -> Conversation:
        file = change.file
        differing = change.differing(stored)
        if not self.rights.open(file.update):
            self._fail(change, self.rights.obstacle(file, file.update), differing)
            return
        try:
            refused = yield from self._send(change, stored)
            missing = change.differing((yield from self._stored(change)))
        except (StatusWordError, MalformedError, UnansweredError, AlgorithmUnsupportedError) as error:
            self._fail(change, error, differing)
            return
        for name in differing:
            reason = refused.get(name) or ReadBackError(file.name)
            self.outcomes[file.name][name] = ItemOutcome(Outcome.FAILED, reason) if name in missing else WRITTEN

    def _send(self, change: Change, stored: bytes) -> Generator[Script | Question[Any], Any, dict[str, CardError]]:
        """Write; returns why values were refused, by name."""
        session = self.session
        writes = change.writes(stored, session.forms)
        refused, accepted = yield from self._carry_out(change, writes)
        sw = next((error.sw for error in refused.values() if isinstance(error, StatusWordError)), OK)
        if isinstance(change, CyclicChange) and sw in NOT_UNDERSTOOD and not accepted:
            # The two ways to append that are in use [S5, S8]; a card that refuses the first has not written anything.
            forms = replace(session.forms, append_as_record_1=not session.forms.append_as_record_1)
            again, _ = yield from self._carry_out(change, change.writes(stored, forms))
            if not again:
                session.adopt(forms)
                return again
        return refused

    def _carry_out(
        self, change: Change, writes: Sequence[Write]
    ) -> Generator[Script | Question[Any], Any, tuple[dict[str, CardError], int]]:
        """Send the writes; returns why values were refused, by name, and how many writes were carried out."""
        session, file = self.session, change.file
        select = session.forms.reading.select(file)
        if isinstance(change, TransparentChange) and not select:
            select = (Step(commands.select_file(file.fid)),)
        # Appended records stand in their order: the first that is refused ends it.
        expect = (OK,) if isinstance(change, CyclicChange) else None
        if file.secure_messaging is None:
            steps = [Step(write.command, expect) for write in writes]
            answers = (yield from session.exchange(*select, *steps))[len(select) :]
        else:
            answers = []
            if select:
                yield from session.exchange(*select)
            for write in writes:
                mac = yield from self.rights.mac(file.secure_messaging, commands.authenticated(write.command))
                (answer,) = yield from session.exchange(Step(commands.with_mac(write.command, mac), expect=None))
                answers.append(answer)
                if expect is not None and not answer.is_among(expect):
                    break
        # 63Cx is success after some attempts [S2.7 §7.5]; what is read back decides.
        failed: dict[str, CardError] = {
            write.name: error_for(answer.sw, write.command.ins)
            for write, answer in zip(writes, answers, strict=False)
            if not answer.is_among((OK,)) and answer.sw & 0xFFF0 != 0x63C0
        }
        return failed, sum(answer.is_among((OK,)) for answer in answers)

    def _fail(self, change: Change, reason: CardError, names: frozenset[str] | None = None) -> None:
        """Nothing can be done about these values of a file; by default, about any."""
        found = self.outcomes.setdefault(change.file.name, {})
        for name in change.values if names is None else names:
            found[name] = ItemOutcome(Outcome.FAILED, reason)
