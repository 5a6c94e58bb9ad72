"""Read any files and items of a card, in one go, in the fewest commands and key requests.

The SSSE comes first, then each directory once, because its keys' rights end when another is selected. What has to be
won before a file may be read follows from its rule: :mod:`cardlib.access` decides, :mod:`cardlib.flows.rights` wins it.
A file that cannot be read comes back with the reason, and the others are read.
"""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from apdu.errors import CardError, MalformedError, StatusWordError
from apdu.flow import Flow, Question, Script, Step
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from cardlib.access import Rules
from cardlib.checks import check_holder, check_issuer
from cardlib.crypto.suite import Algorithm
from cardlib.errors import AccessForbiddenError, NotInProfileError
from cardlib.flows.pin import CardMark, card_mark
from cardlib.flows.read_identity import Authenticity
from cardlib.flows.rights import PinPolicy, Rights
from cardlib.flows.session import STANDARD, CardSession, DirectoryRefusedError, Profiles, RandomBytes
from cardlib.forms import FormMemory, wire_bytes
from cardlib.model import (
    RECORDS,
    AddressableFile,
    CardProfile,
    CyclicFile,
    ElementaryFile,
    FileContents,
    Item,
    LinearFile,
)
from cardlib.values import ItemWarning

ISSUER, HOLDER = "issuer", "holder"
HOLDER_NUMBER: Final = "social_security_number"


@dataclass(frozen=True)
class FilesReading:
    """What was read of a card, and what was not.

    ``files``: contents by name of the file, of the items asked for; ``refused``: for each name asked for that could not
    be read (a file, or "file.item" where the version has no such item), the reason, as an exception that was not
    raised. ``authenticity``: PROVEN where the card had to prove itself before a key was used.
    ``card``: which one it is.
    """

    profile: CardProfile = field(repr=False)
    algorithm: Algorithm
    historical_bytes: bytes = field(repr=False)
    files: Mapping[str, FileContents]
    refused: Mapping[str, CardError]
    authenticity: Authenticity
    warnings: tuple[ItemWarning, ...]
    card: CardMark

    @property
    def version(self) -> str:
        """Version of the specification by which the card was read (规范版本)."""
        return self.profile.version


@dataclass(frozen=True)
class Wish:
    """One file wanted: all of it, or the values of these names."""

    file: AddressableFile
    names: frozenset[str]

    @property
    def items(self) -> tuple[Item, ...] | None:
        """The items to read alone, where a linear file is wanted in part; None where all of it is."""
        file = self.file
        if not isinstance(file, LinearFile) or self.names == frozenset(value_names(file)):
            return None
        tags = {tag for one in file.fields if not self.names.isdisjoint(one.names) for tag in one.tags}
        return tuple(item for item in file.items if item.tag in tags)


def read_files(  # noqa: PLR0913  # what a caller decides, each by its name
    atr: bytes,
    wanted: Collection[str] | None = None,
    *,
    rng: RandomBytes,
    today: date,
    forms: FormMemory,
    pin: Secret | None = None,
    allow_last_try: bool = False,
    keys_are_remote: bool = False,
    pin_verified: bool = False,
    card_is_new: bool = False,
    profiles: Profiles = STANDARD,
) -> Flow[FilesReading]:
    """Read files and items (读卡) of a card that was just reset and answered ``atr``.

    ``wanted``: names of files ("employment") and items ("education.degree") of the profile, None for everything that a
    command can read. ``pin``: packed, 2…8 bytes, sent only if a file needs it or it spares a key, and never as the last
    try unless ``allow_last_try``. ``keys_are_remote``: asking for a key takes long. ``pin_verified``: the card has
    taken the PIN since it was powered. ``card_is_new``: it was never activated, says the caller. ``profiles``: knows
    the versions and a region's own files. Others as for :func:`~cardlib.flows.read_identity.read_identity`.

    Raises :class:`~apdu.errors.WrongPinError`, PinRepeatedError, InitialPinError, ForeignCardError,
    VersionUnsupportedError, AlgorithmUnsupportedError; what concerns one file is in ``refused``.
    """
    session = CardSession(atr, rng, forms, profiles)
    rights = Rights(session, PinPolicy(pin, allow_last_try, keys_are_remote, pin_verified, card_is_new))
    return (yield from _FilesRead(session, rights, today).flow(wanted))


class _FilesRead:
    """One conversation with one card."""

    def __init__(self, session: CardSession, rights: Rights, today: date) -> None:
        self.session = session
        self.rights = rights
        self.today = today
        self.files: dict[str, FileContents] = {}
        self.refused: dict[str, CardError] = {}
        self.warnings: list[ItemWarning] = []

    def flow(self, wanted: Collection[str] | None) -> Flow[FilesReading]:
        session = self.session
        yield from session.open()
        wishes, self.refused = wishes_of(session.profile, wanted)
        self._take_issuer(wishes)
        todo = {
            directory.name: found
            for directory in session.profile.directories
            if (found := [wishes[file.name] for file in directory.files if file.name in wishes])
        }
        for directory in session.profile.directories:
            if directory.name in todo:
                if directory is not session.profile.directories[0]:
                    session.enter(directory)
                    self.rights.leave()
                here = todo.pop(directory.name)
                later = {name: [wish.file.read for wish in found] for name, found in todo.items()}
                yield from self._read_directory(here, later)
        return FilesReading(
            session.profile,
            session.algorithm,
            session.historical_bytes,
            MappingProxyType(self.files),
            MappingProxyType(self.refused),
            Authenticity.PROVEN if self.rights.proven else Authenticity.NOT_CHECKED,
            tuple(self.warnings),
            card_mark(session),
        )

    def _take_issuer(self, wishes: dict[str, Wish]) -> None:
        """EF05 has been read by now."""
        wish = wishes.pop(ISSUER, None)
        if wish is not None:
            self._take(wish, self.session.issuer_run)

    def _read_directory(self, wishes: list[Wish], later: Rules) -> Generator[Script | Question[Any], Any, None]:
        try:
            yield from self.rights.win([wish.file.read for wish in wishes], later)
            opened = [wish for wish in wishes if self.rights.open(wish.file.read)]
            for wish in wishes:
                if wish not in opened:
                    self.refused[wish.file.name] = self.rights.obstacle(wish.file, wish.file.read)
            yield from self._read_opened(opened)
        except DirectoryRefusedError as error:
            self.refused |= {wish.file.name: error.reason for wish in wishes}

    def _read_opened(self, wishes: list[Wish]) -> Generator[Script, Any, None]:
        """Files that take one command go into one script, which no refusal ends; the others take a script each."""
        if not wishes:
            return
        session = self.session
        way = session.forms.reading
        whole = [wish for wish in wishes if len(way.steps(wish.file)) == 1 and not self._in_part(wish)]
        if whole:
            answers = yield from session.exchange(
                *(Step(step.command, expect=None) for wish in whole for step in way.steps(wish.file))
            )
            for wish, answer in zip(whole, answers, strict=True):
                yield from self._read_one(wish, answer)
        for wish in wishes:
            if wish not in whole:
                yield from self._read_one(wish)

    def _read_one(self, wish: Wish, answer: ResponseAPDU | None = None) -> Generator[Script, Any, None]:
        """One file; ``answer``: what the card has said to the one command that reads it."""
        session, file = self.session, wish.file
        try:
            if answer is not None:
                run = yield from session.finish(file, session.forms.reading, (answer,))
            elif self._in_part(wish):
                run = yield from session.read_items(file, wish.items or ())
            else:
                run = yield from session.read(file)
            self._take(wish, run)
        except (StatusWordError, MalformedError) as error:
            self.refused[file.name] = error

    def _in_part(self, wish: Wish) -> bool:
        """Whether reading the items alone, record by record, takes fewer bytes than reading the file."""
        way = self.session.forms.reading
        items = wish.items
        if items is None or not way.takes_tags:
            return False
        return wire_bytes(way.item_steps(wish.file, items)) < wire_bytes(way.steps(wish.file))

    def _take(self, wish: Wish, run: bytes) -> None:
        contents = wish.file.parse(run)
        checks: tuple[ItemWarning, ...] = ()
        if wish.file.name == ISSUER:
            checks = check_issuer(contents, self.today)
        elif wish.file.name == HOLDER and HOLDER_NUMBER in wish.names:
            checks = check_holder(contents)
        part = only(contents, wish.names)
        self.files[wish.file.name] = part
        self.warnings += [*part.warnings, *(warning for warning in checks if warning.item in wish.names)]


def value_names(file: ElementaryFile) -> tuple[str, ...]:
    """Names of the values that a file's contents have."""
    return (RECORDS,) if isinstance(file, CyclicFile) else tuple(name for one in file.fields for name in one.names)


def only(contents: FileContents, names: Collection[str]) -> FileContents:
    """The contents as far as they concern the values of these names; all warnings about a cyclic file's records."""
    whole = isinstance(contents.file, CyclicFile)
    return replace(
        contents,
        values=MappingProxyType({name: value for name, value in contents.values.items() if name in names}),
        warnings=tuple(warning for warning in contents.warnings if whole or warning.item in names),
    )


def wishes_of(profile: CardProfile, wanted: Collection[str] | None) -> tuple[dict[str, Wish], dict[str, CardError]]:
    """Files to read by name, and reasons for the names that this profile cannot serve."""
    every = {file.name: file for directory in profile.directories for file in directory.files}
    if wanted is None:
        wanted = [name for name, file in every.items() if isinstance(file, AddressableFile)]
    wishes: dict[str, Wish] = {}
    refused: dict[str, CardError] = {}
    for name in wanted:
        file_name, dot, item = name.partition(".")
        file = every.get(file_name)
        if file is None or (dot and item not in value_names(file)):
            refused[name] = NotInProfileError(name)
        elif not isinstance(file, AddressableFile):
            refused[name] = AccessForbiddenError(file_name)
        else:
            names = frozenset({item} if item else value_names(file))
            before = wishes[file_name].names if file_name in wishes else frozenset()
            wishes[file_name] = Wish(file, names | before)
    return wishes, refused
