"""A holder for a card that was made before (预制卡个人化): instant issuance at a counter.

The card has its structure, keys, version and dates; its holder is empty. Every command that needs nothing from outside
goes with those before it, so a far card or a far key costs at most three trips where the values stand in the SSSE: look
at the card and have it prove itself, win the right to read, win the right to write. In other directories it is one for
each key. Who the holder is is known before anything is noted as written. What stands on the card already is not written
again. In the end the custodian is asked once more, for the check values of the keys.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from apdu.atr import ATR
from apdu.flow import Step, ask
from apdu.response import ResponseAPDU
from apdu.status import OK, error_for
from apdu.tlv import parse_simple
from cardlib import commands
from cardlib.access import needed
from cardlib.cos.limits import HISTORICAL_BYTES
from cardlib.errors import KeyUnavailableError, PremadeCardError, ReadBackError
from cardlib.fci import algorithm_of
from cardlib.flows.changes import Change, TransparentChange, changes_of
from cardlib.flows.pin import CardMark, MaySendPin, PinAnswered, mark_of
from cardlib.flows.session import AUTHENTICATION_KEY, not_authentic, proves
from cardlib.forms import END_REACHED, OFFSET_OUTSIDE, RECORD_NOT_FOUND, STANDARD, Reading, ways_to_select
from cardlib.issuance.order import CardOrder
from cardlib.issuance.prove import refused_proof, usable_tries
from cardlib.issuance.questions import Stage
from cardlib.issuance.report import CardReport, KeyProof, ProvenKey, WrittenFile
from cardlib.issuance.talk import Conversation, RandomBytes, Talk
from cardlib.key_requests import CardFactors, CheckValue, Cryptogram
from cardlib.keys import KeyReference
from cardlib.model import AddressableFile, Directory, LinearFile
from cardlib.profiles import profile_for
from cardlib.profiles.ssse import HOLDER, ISSUER, NAME, NAME_EXTENSION, SOCIAL_SECURITY_NUMBER, SPEC_VERSION
from cardlib.rules import Rule
from cardlib.schema import PADDING

_IDENTIFIER: Final = ISSUER.item_named("card_identifier")
_WHO: Final = frozenset({SOCIAL_SECURITY_NUMBER.tag, NAME.tag, NAME_EXTENSION.tag})
"""Items that say whose card it is."""
_ENDS: Final = frozenset({OK, END_REACHED, OFFSET_OUTSIDE, RECORD_NOT_FOUND})
_WAY: Final = Reading.WHOLE_BY_SFI
_READ, _VERIFY = 0xB2, 0x20
_TRIES: Final = 0x63C0


def personalise_card(order: CardOrder, atr: bytes, *, begun: bool, rng: RandomBytes) -> Conversation[CardReport]:
    """Write ``order.contents`` to a pre-made card that was just reset and answered ``atr``, or go on with it.

    ``begun``: it is known that this order was begun on this card; one with a number or a name is refused otherwise.
    The card has to prove itself by IRK before a key is used on it. Raises
    :class:`~cardlib.errors.PremadeCardError` for a card that is not as ordered, or has a holder;
    :class:`~cardlib.errors.ChangesError` for values that this version cannot hold, before the card is asked;
    NotAuthenticError, KeyProofError, ReadBackError, WrongPinError, LastPinTryError, and what the custodian raises.
    """
    changes = changes_of(order.profile, order.contents)
    historical = ATR.from_bytes(atr).historical_bytes
    if len(historical) != HISTORICAL_BYTES:
        raise _refused(f"its ATR has {len(historical)} historical bytes, not {HISTORICAL_BYTES}", begun=begun)
    talk = Talk(CardFactors(order.algorithm, order.region, historical[5:13]), rng)
    return (yield from _Premade(order, talk, changes, atr, begun=begun).run())


class _Premade:
    """One card. What is read is kept by the name of the file."""

    def __init__(self, order: CardOrder, talk: Talk, changes: Sequence[Change], atr: bytes, *, begun: bool) -> None:
        self._order = order
        self._begun = begun
        self._talk = talk
        self._atr = atr
        self._changes = {change.file.name: change for change in changes}
        self._stored: dict[str, bytes] = {}
        self._keys: dict[tuple[str, KeyReference], KeyProof] = {}
        self._held: set[str] = set()
        self._pin_verified = False
        self._pin_tries: int | None = None
        self._challenge = b""
        self._asked = Cryptogram(AUTHENTICATION_KEY, talk.rng(8), talk.rng(8))
        self._shown: ResponseAPDU | None = None

    def run(self) -> Conversation[CardReport]:
        """All of it."""
        ssse, *others = self._order.profile.directories
        yield from self._talk.note(Stage.EXAMINED)
        yield from self._look(ssse)
        yield from self._read(ssse, self._of_interest(ssse))
        self._check_holder()
        yield from self._write(ssse)
        for directory in others:
            if files := self._files(directory):
                yield from self._talk.note(self._talk.stage, directory.name)
                yield from self._enter(directory, files)
                yield from self._read(directory, files)
                yield from self._write(directory)
        values = yield from self._check_values()
        yield from self._talk.note(Stage.DONE)
        return self._report(values)

    # What the card is

    def _look(self, ssse: Directory) -> Conversation[None]:
        """The first script: the card's own data and all that is free to read, its proof, its PIN, a challenge."""
        files = [file for file in self._of_interest(ssse) if file.name == ISSUER.name or self._may(file.read)]
        select, prove = commands.select_name(ssse.df_name), self._asked
        proving = commands.internal_authenticate(prove.factor, prove.original)
        # Nothing else is said to a chip without the application: it may know none of it.
        self._talk.put("SSSE", select, refused=lambda _: self._not_premade("it has no social security application"))
        answers = yield from self._exchange(
            *(Step(step.command, None) for file in files for step in _WAY.steps(file)),
            Step(proving, None),
            Step(commands.verify_query(), None),
        )
        issuer = 1 + len(_WAY.steps(files[0]))
        self._take(files[:1], answers[1:issuer])
        self._check(answers[0].data)  # another version may have closed the rest
        self._take(files[1:], answers[issuer:-2])
        self._shown, pin = answers[-2:]
        self._pin_tries = usable_tries(pin, self._order.pin)
        self._pin_verified = self._pin_tries is None

    def _check(self, fci: bytes) -> None:
        """Whether this is a card of the order's kind."""
        order, records = self._order, parse_simple(self._stored[ISSUER.name])
        version = profile_for(next((value for tag, value in records if tag == SPEC_VERSION.tag), None)).version
        if version != order.profile.version:
            raise self._not_premade(f"it is of version {version}, not {order.profile.version}")
        if self._identifier()[:3].hex() != order.region:
            raise self._not_premade("it is of another region")
        if algorithm_of(fci, order.region) is not order.algorithm:
            raise self._not_premade(f"its cipher is not {order.algorithm.name}")

    def _check_holder(self) -> None:
        """A card that has a holder is gone on with only where this order was begun on it, and made it so.

        Record by record: a name that takes two of them may have been cut off between both.
        """
        file = self._order.profile.file_named(HOLDER.name)
        own = dict(parse_simple(b"".join(file.encode(self._order.contents.get(HOLDER.name, {})))))
        for tag, value in parse_simple(self._stored[HOLDER.name]):
            if tag in _WHO and value.strip(PADDING) and not (self._begun and own.get(tag) == value):
                raise self._not_premade("it has another holder already" if self._begun else "it has a holder already")

    def _not_premade(self, what: str) -> PremadeCardError:
        return _refused(what, begun=self._begun)

    def _identifier(self) -> bytes:
        records = parse_simple(self._stored[ISSUER.name])
        return next((value for tag, value in records if tag == _IDENTIFIER.tag), b"")

    # Reading and writing in one directory

    def _enter(self, directory: Directory, files: Sequence[AddressableFile]) -> Conversation[None]:
        """Select a directory, read what is open by now, and ask for a challenge; the PIN is verified before."""
        self._held = set()
        open_now = [file for file in files if self._may(file.read, pin=bool(self._order.pin))]
        steps = [Step(ways_to_select(directory)[0])]
        sends_pin = bool(self._order.pin) and not self._pin_verified
        if sends_pin:
            yield from ask(MaySendPin(self._mark(), self._order.pin, self._pin_tries or 0, card_is_new=True))
            steps.insert(0, Step(commands.verify(self._order.pin), None))
        answers = yield from self._exchange(
            *steps, *(Step(step.command, None) for file in open_now for step in _WAY.steps(file))
        )
        if sends_pin:
            yield from self._pin_answered(answers[0])
        self._take(open_now, answers[len(steps) :])

    def _pin_answered(self, answer: ResponseAPDU) -> Conversation[None]:
        accepted, left = answer.is_among((OK,)), answer.sw & 0x0F
        if accepted or answer.sw & 0xFFF0 == _TRIES:
            tries = self._pin_tries or 0
            yield from ask(PinAnswered(self._mark(), self._order.pin, accepted, tries if accepted else left))
        answer.ok(_VERIFY)
        self._pin_verified = True

    def _mark(self) -> CardMark:
        return mark_of(ATR.from_bytes(self._atr).historical_bytes, ISSUER.parse(self._stored[ISSUER.name]))

    def _read(self, directory: Directory, files: Sequence[AddressableFile]) -> Conversation[None]:
        """Win the right to read what is not read yet, and read it."""
        unread = [file for file in files if file.name not in self._stored]
        if unread:
            keys = needed([file.read for file in unread], pin=self._pin_verified).keys
            steps = [Step(step.command, None) for file in unread for step in _WAY.steps(file)]
            self._take(unread, (yield from self._win(directory, keys, steps)))

    def _write(self, directory: Directory) -> Conversation[None]:
        """Win the right to write what differs, write it, read it back."""
        changes = [
            change
            for file in self._files(directory)
            if (change := self._changes[file.name]).differing(self._stored[file.name])
        ]
        if not changes:
            yield from self._prove()
            return
        files = [change.file for change in changes]
        writes = [step for change in changes for step in self._updates(change)]
        reads = [Step(step.command, None) for file in files for step in _WAY.steps(file)]
        keys = needed([file.update for file in files], pin=False).keys
        answers = yield from self._win(directory, keys, [*writes, *reads], writing=True)
        self._take(files, answers[len(writes) :])
        for change in changes:
            if change.differing(self._stored[change.file.name]):
                raise ReadBackError(change.file.name)

    def _updates(self, change: Change) -> list[Step]:
        stored = self._stored[change.file.name]
        # Offsets beyond a byte leave no room for an SFI.
        selecting = [commands.select_file(change.file.fid)] if isinstance(change, TransparentChange) else []
        return [
            *map(Step, selecting),
            *(Step(write.command) for write in change.writes(stored, STANDARD)),
        ]

    def _win(
        self, directory: Directory, keys: Sequence[str], steps: Sequence[Step], *, writing: bool = False
    ) -> Conversation[list[ResponseAPDU]]:
        """Authenticate with each key in turn; behind the last one, in the same script, ``steps``. Their answers.

        ``writing``: they write, which is noted when nothing but the card can refuse it any more.
        """
        answers: list[ResponseAPDU] = []
        for number, name in enumerate(keys, start=1):
            declared = self._order.profile.keys[name]
            task = Cryptogram(KeyReference(declared.name), self._challenge, self._talk.rng(8))
            (cryptogram,) = yield from self._prove(task)
            permit = commands.external_authenticate(declared.card_id or 0, cryptogram, task.original)
            last = number == len(keys)
            if last and writing:
                yield from self._talk.note(Stage.WRITING, directory.name)
            refused = partial(refused_proof, name, task.key.version)
            self._talk.put(f"authentication with {name}", permit, refused=refused)
            answers = yield from self._exchange(*(steps if last else ()))
            self._held.add(name)
            self._keys[directory.name, task.key] = KeyProof.EXTERNAL_AUTHENTICATION
        return answers[1:] if keys else (yield from self._exchange(*steps))

    def _prove(self, *tasks: Cryptogram) -> Conversation[tuple[bytes, ...]]:
        """The custodian's answers; with the first of them it is known whether the card is genuine."""
        shown, self._shown = self._shown, None
        if shown is None:
            return (yield from self._talk.keys(*tasks)) if tasks else ()
        expected, *answers = yield from self._talk.keys(self._asked, *tasks)
        if not proves(shown, expected):
            raise not_authentic(shown)
        ssse = self._order.profile.directories[0]
        self._keys[ssse.name, self._asked.key] = KeyProof.INTERNAL_AUTHENTICATION
        return tuple(answers)

    def _exchange(self, *steps: Step) -> Conversation[list[ResponseAPDU]]:
        """Send these, and ask for the next challenge in the same script; their answers."""
        self._talk.put_steps("pre-made card", steps)
        self._talk.put("challenge", commands.get_challenge())
        answers = yield from self._talk.flush()
        self._challenge = answers[-1].data
        return answers[:-1]

    def _take(self, files: Sequence[AddressableFile], answers: Sequence[ResponseAPDU]) -> None:
        """Keep what these files hold, of the answers to the commands that read them."""
        for file in files:
            count = len(_WAY.steps(file))
            of_file, answers = answers[:count], answers[count:]
            for answer in of_file:
                if answer.sw not in _ENDS:
                    raise error_for(answer.sw, _READ)
            self._stored[file.name] = b"".join(answer.data for answer in of_file)

    def _of_interest(self, ssse: Directory) -> list[AddressableFile]:
        """What is to be known of the SSSE: which card it is, whose, and the files that change."""
        names = {ISSUER.name, HOLDER.name}
        known = [file for file in ssse.files if isinstance(file, LinearFile) and file.name in names]
        return [*known, *(file for file in self._files(ssse) if file.name not in names)]

    def _files(self, directory: Directory) -> list[AddressableFile]:
        return [self._changes[file.name].file for file in directory.files if file.name in self._changes]

    def _may(self, rule: Rule, *, pin: bool = False) -> bool:
        return rule.satisfied(pin=pin or self._pin_verified, keys=self._held)

    def _check_values(self) -> Conversation[tuple[bytes, ...]]:
        """Of the keys that were proven, in their order; b"" where the custodian shows none, as a PSAM."""
        try:
            return (yield from self._talk.keys(*(CheckValue(key) for _, key in self._keys)))
        except KeyUnavailableError:
            return (b"",) * len(self._keys)

    def _records(self, name: str, run: bytes) -> tuple[bytes, ...]:
        if not isinstance(self._order.profile.file_named(name), LinearFile):
            return (run,)
        return tuple(bytes((tag, len(value))) + value for tag, value in parse_simple(run))

    def _report(self, values: Sequence[bytes]) -> CardReport:
        order = self._order
        return CardReport(
            version=order.profile.version,
            algorithm=order.algorithm,
            chip=order.chip,
            atr=self._atr,
            historical_bytes=ATR.from_bytes(self._atr).historical_bytes,
            card_identifier=self._identifier(),
            pin_tries=self._pin_tries,
            files=tuple(WrittenFile.of(name, self._records(name, run)) for name, run in self._stored.items()),
            keys=tuple(
                ProvenKey(key, directory, proof, value)
                for ((directory, key), proof), value in zip(self._keys.items(), values, strict=True)
            ),
            commands=dict(self._talk.sent),
        )


def _refused(what: str, *, begun: bool) -> PremadeCardError:
    error = PremadeCardError(what)
    error.untouched = not begun
    return error
