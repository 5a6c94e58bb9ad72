"""What all conversations with a card have in common: finding the application, reading a file as the card wants it.

EF05 is free to read on every card and says which version this is (item 03) and which city's keys it holds (item 01), so
it comes first [S2.7 §5, flows R2]. Cards that do not understand the standard's forms are asked in others, see
:mod:`cardlib.forms`.
"""

import hmac
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeAlias

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.errors import StatusWordError
from apdu.flow import Responses, Script, Step, send
from apdu.response import ResponseAPDU
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.commands import RecordMode
from cardlib.crypto.suite import Algorithm, suite_for
from cardlib.errors import CardDataError, ForeignCardError, NotAuthenticError
from cardlib.fci import algorithm_of
from cardlib.forms import (
    LONGEST_ANSWER,
    MOST_RECORDS,
    NOT_UNDERSTOOD,
    OFFSET_OUTSIDE,
    RECORD_NOT_FOUND,
    CardForms,
    FormMemory,
    Reading,
    by_number,
    record_lengths,
    ways_to_select,
)
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from cardlib.model import AddressableFile, CardProfile, CyclicFile, Directory, Item, LinearFile, Records
from cardlib.profiles import ALL, LATEST, profile_for
from cardlib.profiles.ssse import ISSUER
from cardlib.values import CardIdentifier

RandomBytes: TypeAlias = Callable[[int], bytes]
"""``rng(n)`` returns n unpredictable bytes, e.g. :func:`secrets.token_bytes`."""


class Profiles(Protocol):
    """The profiles that cards may follow: the standard's, or :class:`~cardlib.regional.RegionalProfiles`."""

    @property
    def every(self) -> tuple[CardProfile, ...]:
        """All of them, the oldest version first."""
        ...

    def of_card(self, version_item: bytes | None, region: str | None) -> CardProfile:
        """The profile of the card with this item 03, from this region; raises VersionUnsupportedError."""
        ...


class _Standard(Profiles):
    @property
    def every(self) -> tuple[CardProfile, ...]:
        return ALL

    def of_card(self, version_item: bytes | None, region: str | None) -> CardProfile:  # noqa: ARG002  the same anywhere
        return profile_for(version_item)


STANDARD: Final[Profiles] = _Standard()
"""Nothing beyond the standard."""

AUTHENTICATION_KEY: Final = KeyReference("IRK")
KEY_VERSION_WANTED: Final = (0x6700, 0x6A88)
"""What a card answers that wants the key version named behind the authentication data."""
FILE_NOT_FOUND: Final = 0x6A82

# EF05 is the same in every version: it can be read before the version is known.
SPEC_VERSION, CARD_IDENTIFIER = ISSUER.item_named("spec_version"), ISSUER.item_named("card_identifier")

READ_RECORD: Final = 0xB2
_ABSENT: Final = frozenset({FILE_NOT_FOUND, RECORD_NOT_FOUND})
_ENDS: Final = frozenset({RECORD_NOT_FOUND, OFFSET_OUTSIDE})


class DirectoryRefusedError(Exception):
    """A directory could not be selected: ``reason`` says why. For flows, which tell their caller in their own way."""

    def __init__(self, reason: StatusWordError) -> None:
        self.reason = reason
        super().__init__(str(reason))


class CardSession:
    """One conversation with one card that was just reset and answered ``atr``.

    ``rng`` makes the random numbers of authentications, ``memory`` remembers what this type of card understands,
    ``profiles`` knows the layouts. :meth:`open` comes first, and sets ``profile``, ``region`` and ``issuer_run``.
    """

    def __init__(self, atr: bytes, rng: RandomBytes, memory: FormMemory, profiles: Profiles = STANDARD) -> None:
        self.historical_bytes = ATR.from_bytes(atr).historical_bytes
        self.rng = rng
        self.forms = memory.recall(self.historical_bytes)
        self.profile = LATEST
        self.region: str | None = None
        self.algorithm = Algorithm.DES
        self.issuer_run = b""
        self._memory = memory
        self._profiles = profiles
        self._understood = False
        self._entering: Directory | None = None

    def open(self) -> Generator[Script, Responses, None]:
        """Select the SSSE and read EF05; one script when the card takes the standard's forms.

        Raises :class:`ForeignCardError`, VersionUnsupportedError, AlgorithmUnsupportedError, CardDataError.
        """
        fci, self.issuer_run = yield from self._select_and_read_issuer()
        records = ISSUER.split(self.issuer_run)
        self.region = _region(records)
        self.profile = self._profiles.of_card(next(iter(SPEC_VERSION.stored(records)), None), self.region)
        self.algorithm = algorithm_of(fci, self.region)

    def _select_and_read_issuer(self) -> Generator[Script, Responses, tuple[bytes, bytes]]:
        way = self.forms.reading
        select = Step(commands.select_name(LATEST.name))
        # One maker's cards find the SSSE only from the MF; their answer to that SELECT does not matter [S6].
        first = (Step(commands.select_master_file(), expect=None),) if self.forms.select_mf_first else ()
        answers = yield from send(*first, select, *way.steps(ISSUER))
        place = len(first)
        if answers[place].sw == FILE_NOT_FOUND and not first:
            mf_first = Step(commands.select_master_file(), expect=None)
            answers = yield from send(mf_first, select, *way.steps(ISSUER))
            place = 1
            if answers[place].sw != FILE_NOT_FOUND:
                self.adopt(replace(self.forms, select_mf_first=True))
        if answers[place].sw == FILE_NOT_FOUND:
            raise ForeignCardError
        fci = answers[place].ok(select.command.ins)
        return fci, (yield from self.finish(ISSUER, way, answers[place + 1 :]))

    def enter(self, directory: Directory) -> None:
        """Go to a directory other than the one the card stands in: selected with the next commands, if any come."""
        self._entering = directory

    def exchange(
        self, *steps: Step | CommandAPDU, ahead: Step | None = None
    ) -> Generator[Script, Responses, Sequence[ResponseAPDU]]:
        """Have commands carried out in the directory entered; raises :class:`DirectoryRefusedError`.

        ``ahead``: a command that comes first, while the card still stands where it was; its answer is the first then.
        """
        directory, self._entering = self._entering, None
        first = () if ahead is None else (ahead,)
        if directory is None:
            return (yield from send(*first, *steps))
        selects = ways_to_select(directory)
        if self.forms.other_df_name:
            selects = selects[::-1]
        early: Sequence[ResponseAPDU] = ()
        refusal: StatusWordError | None = None
        for place, select in enumerate(selects):
            answers: Sequence[ResponseAPDU] = yield from send(*(first if place == 0 else ()), select, *steps)
            if place == 0:
                early, answers = answers[: len(first)], answers[len(first) :]
            if answers[0].is_among((OK,)):
                if place:
                    self.adopt(replace(self.forms, other_df_name=not self.forms.other_df_name))
                return (*early, *answers[1:])
            refusal = refusal or error_for(answers[0].sw, select.ins)
            if answers[0].sw not in NOT_UNDERSTOOD:
                break
        assert refusal is not None, "there is a way to select every directory"
        raise DirectoryRefusedError(refusal)

    def read(self, file: AddressableFile) -> Generator[Script, Responses, bytes]:
        """The content of a file of the current directory: its records back to back, or its bytes.

        Raises :class:`~apdu.errors.StatusWordError`.
        """
        way = self.forms.reading
        answers = yield from self.exchange(*way.steps(file))
        return (yield from self.finish(file, way, answers))

    def read_items(self, file: AddressableFile, items: Iterable[Item]) -> Generator[Script, Responses, bytes]:
        """The records of some items of a linear file; all records where the card does not understand tags."""
        way = self.forms.reading
        steps = way.item_steps(file, items)
        answers = yield from self.exchange(*steps)
        last, answer = steps[len(answers) - 1], answers[-1]
        if last.accepts(answer):
            return b"".join(answer.data for answer in answers)
        if answer.sw not in NOT_UNDERSTOOD:
            raise error_for(answer.sw, last.command.ins)
        return (yield from self.read(file))

    def finish(
        self, file: AddressableFile, way: Reading, answers: Sequence[ResponseAPDU]
    ) -> Generator[Script, Responses, bytes]:
        """The content that ``answers`` to the steps of ``way`` hold; else what the other ways bring."""
        others = [other for other in Reading if other is not way]
        # A way that EF05 was read in is understood: a file or a record not found is not there.
        final = _ABSENT if self._understood else frozenset()
        refusal: StatusWordError | None = None
        while True:
            answers = yield from self._continue(file, way, answers)
            try:
                run = _run_of(file, way.steps(file), answers)
            except StatusWordError as error:
                refusal = refusal or error
                if error.sw not in NOT_UNDERSTOOD - final or not others:
                    raise refusal from None
            else:
                if not self._understood:
                    self.adopt(replace(self.forms, reading=way))
                    self._understood = True
                return run
            way = others.pop(0)
            answers = yield from self.exchange(*way.steps(file))

    def _continue(
        self, file: AddressableFile, way: Reading, answers: Sequence[ResponseAPDU]
    ) -> Generator[Script, Responses, Sequence[ResponseAPDU]]:
        """Record by record, where the records left are more than one answer holds: a card may have more than it must.

        Only what the standard's way could not bring; cards that know no such command at all are asked otherwise.
        """
        place = len(answers) - 1
        steps = way.steps(file)
        command = steps[place].command
        refused = answers[place].sw in NOT_UNDERSTOOD - _ENDS
        alone = len(steps) == len(way.select(file)) + 1
        from_number = command.ins == READ_RECORD and command.p2 & 0x07 == RecordMode.FROM_NUMBER_TO_LAST
        if not (refused and from_number) or (alone and isinstance(file, LinearFile) and file.items):
            return answers
        lengths = record_lengths(file)[command.p1 - 1 :]
        lengths += (lengths[-1:] or (LONGEST_ANSWER,)) * (MOST_RECORDS + 1 - command.p1 - len(lengths))
        more = yield from send(*by_number(lengths, way.sfi(file), first=command.p1))
        return (*answers[:place], *more) if more[0].is_among((OK,)) else answers

    def internal_authenticate(self, factor: bytes, original: bytes) -> CommandAPDU:
        """INTERNAL AUTHENTICATION as this card wants it."""
        return commands.internal_authenticate(factor, original, key_version=self.forms.key_version)

    def authenticate_with_version(self, factor: bytes, original: bytes) -> Generator[Script, Responses, Responses]:
        """INTERNAL AUTHENTICATION naming key version 01, for cards that insist on it [S7], and a fresh challenge."""
        forms = replace(self.forms, key_version=1)
        authenticate = commands.internal_authenticate(factor, original, key_version=1)
        answers = yield from send(Step(authenticate, expect=None), commands.get_challenge())
        if answers[0].is_among((OK,)):
            self.adopt(forms)
        return answers

    def factors(self) -> CardFactors:
        """What this card's keys are derived from; raises when that cannot be known or computed."""
        suite_for(self.algorithm)
        if self.region is None:
            raise CardDataError("the card identifier does not begin with a region: its keys cannot be derived")
        if len(self.historical_bytes) < 13:  # T6–TD is the card's own factor [S2.9 §7.3]
            raise CardDataError("the answer to reset has fewer than 13 historical bytes: its keys cannot be derived")
        return CardFactors(self.algorithm, self.region, self.historical_bytes[5:13])

    def adopt(self, forms: CardForms) -> None:
        """Go on with forms that have just worked, and remember them for this card type."""
        if forms != self.forms:
            self.forms = forms
            self._memory.remember(self.historical_bytes, forms)


def proves(answer: ResponseAPDU, expected: bytes) -> bool:
    """Whether a card's answer to INTERNAL AUTHENTICATION is the one of a genuine card."""
    return answer.is_among((OK,)) and hmac.compare_digest(answer.data, expected)


def not_authentic(answer: ResponseAPDU) -> NotAuthenticError:
    """What is to be said of a card whose answer to INTERNAL AUTHENTICATION does not prove anything."""
    return (
        NotAuthenticError()
        if answer.is_among((OK,))
        else NotAuthenticError(f"the card refused to prove that it is genuine (status word {answer.sw:04X})")
    )


def _region(records: Records) -> str | None:
    """The six digits of the city whose keys the card holds [S2.9 §7.3], None where item 01 does not have them."""
    value = CARD_IDENTIFIER.decode(b"".join(CARD_IDENTIFIER.stored(records)))
    return value.region if isinstance(value, CardIdentifier) and value.region.isdecimal() else None


def _run_of(file: AddressableFile, steps: Sequence[Step], answers: Sequence[ResponseAPDU]) -> bytes:
    """The content that the answers to a way of reading hold; raises for a refusal, and where there is nothing.

    The first record that is not there ends a file, and may be the first of all in a cyclic one.
    """
    step, answer = steps[min(len(answers), len(steps)) - 1], answers[-1]
    run = b"".join(answer.data for answer in answers)
    ended = answer.sw in _ENDS and (run or isinstance(file, CyclicFile))
    if not (step.accepts(answer) or ended):
        raise error_for(answer.sw, step.command.ins)
    if not run and not ended:
        raise error_for(RECORD_NOT_FOUND, step.command.ins)
    return run
