"""Read who the card belongs to, and whether the card is genuine, in the fewest commands the standard allows.

======================  =============================================================================================
2.0 card                SELECT SSSE · READ EF05 · READ EF06                                             3 commands
2.0 card, with proof    SELECT SSSE · READ EF05 · INTERNAL AUTHENTICATION · READ EF06                   4 commands
3.0 card                SELECT SSSE · READ EF05 · INTERNAL AUTHENTICATION · GET CHALLENGE ·
                        EXTERNAL AUTHENTICATION (RKSSSE) · READ EF06                                    6 commands
======================  =============================================================================================

EF05 is free to read on every card and says which version this is (item 03) and which city's keys it holds (item 01), so
it comes first [S2.7 §5, flows R2]. Cards that do not understand these forms are asked in the others, see
:mod:`cardlib.forms`.
"""

import hmac
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

from apdu.atr import ATR
from apdu.command import CommandAPDU
from apdu.errors import StatusWordError
from apdu.flow import Flow, Question, Responses, Script, Step, ask, send
from apdu.response import ResponseAPDU
from apdu.status import OK, error_for
from cardlib import commands
from cardlib.checks import check_holder, check_issuer
from cardlib.crypto.suite import Algorithm, suite_for
from cardlib.errors import (
    AlgorithmUnsupportedError,
    CardDataError,
    ForeignCardError,
    KeyUnavailableError,
    NotAuthenticError,
)
from cardlib.fci import algorithm_of
from cardlib.forms import NOT_UNDERSTOOD, RECORD_NOT_FOUND, CardForms, FormMemory, Reading
from cardlib.keys import KEYS, CardFactors, Cryptogram, KeyReference, KeyRequest
from cardlib.model import ElementaryFile, FileContents
from cardlib.profiles import LATEST, profile_for
from cardlib.values import CardIdentifier, ItemWarning

RandomBytes = Callable[[int], bytes]
"""``rng(n)`` returns n unpredictable bytes, e.g. :func:`secrets.token_bytes`."""

READ_KEY = KeyReference("RKSSSE")
AUTHENTICATION_KEY = KeyReference("IRK")
KEY_VERSION_WANTED = (0x6700, 0x6A88)
"""What a card answers that wants the key version named behind the authentication data."""
FILE_NOT_FOUND = 0x6A82

SSSE = "SSSE"
ISSUER = LATEST.file(SSSE, 0xEF05)
"""EF05, the same in every version: it can be read before the version is known."""
SPEC_VERSION, CARD_IDENTIFIER = ISSUER.item_named("spec_version"), ISSUER.item_named("card_identifier")
HOLDER_FID = 0xEF06


class AuthenticityCheck(Enum):
    """What the caller wants to know about the card being genuine (内部认证)."""

    WHEN_POSSIBLE = "when possible"
    """Ask the card for a proof where a custodian has the key; go on without it otherwise."""
    REQUIRED = "required"
    """No proof, no identity."""
    SKIP = "skip"
    """Do not ask. A 3.0 card's holder data cannot be read this way unless it proves itself, so it is asked anyway."""


class Authenticity(Enum):
    """Whether the card proved that it holds its internal authentication key."""

    PROVEN = "proven"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class IdentityReading:
    """What a card says about itself and its holder (发卡机构数据与持卡人基本信息)."""

    version: str
    """Profile by which the card was read: 1.0, 2.0 or 3.0 (规范版本)."""
    algorithm: Algorithm
    historical_bytes: bytes
    """Historical bytes of the answer to reset (卡复位信息), up to 15."""
    issuer: FileContents
    """EF05, issuer data (发卡机构数据)."""
    holder: FileContents
    """EF06, holder's basic data (持卡人基本信息)."""
    authenticity: Authenticity
    authenticity_note: str
    """Why the card was not asked, or how it failed; "" when it is proven."""
    warnings: tuple[ItemWarning, ...]


def read_identity(
    atr: bytes,
    *,
    rng: RandomBytes,
    today: date,
    forms: FormMemory,
    check: AuthenticityCheck = AuthenticityCheck.WHEN_POSSIBLE,
) -> Flow[IdentityReading]:
    """Read issuer and holder data (读基本信息) of a card that was just reset and answered ``atr``.

    ``rng`` makes the random numbers of the authentications, ``today`` decides about expiry, ``forms`` remembers what
    this type of card understands. Asks one :class:`~cardlib.keys.KeyRequest` at most.

    Raises :class:`ForeignCardError` (no SSSE), VersionUnsupportedError, and where holder data need a proof or a key, or
    ``check`` requires it: :class:`NotAuthenticError`, :class:`AlgorithmUnsupportedError`,
    :class:`KeyUnavailableError`; any :class:`~apdu.errors.StatusWordError` that the card's refusal means.
    """
    return (yield from _IdentityRead(ATR.from_bytes(atr).historical_bytes, rng, today, forms, check).flow())


class _IdentityRead:
    """One conversation with one card."""

    def __init__(
        self, historical_bytes: bytes, rng: RandomBytes, today: date, memory: FormMemory, check: AuthenticityCheck
    ) -> None:
        self.historical_bytes = historical_bytes
        self.rng = rng
        self.today = today
        self.memory = memory
        self.check = check
        self.forms = memory.recall(historical_bytes)

    def flow(self) -> Flow[IdentityReading]:
        fci, run = yield from self._select_and_read_issuer()
        records = ISSUER.split(run)
        profile = profile_for(records.get(SPEC_VERSION.tag))
        issuer_file, holder_file = profile.file(SSSE, ISSUER.fid), profile.file(SSSE, HOLDER_FID)
        region = _region(records.get(CARD_IDENTIFIER.tag))
        algorithm = algorithm_of(fci, region)

        if holder_file.read.satisfied(pin=False, keys=()):
            run, authenticity, note = yield from self._read_free(holder_file, algorithm, region)
        else:
            run = yield from self._read_with_key(holder_file, self._factors(algorithm, region))
            authenticity, note = Authenticity.PROVEN, ""

        issuer, holder = issuer_file.decode(records), holder_file.decode(holder_file.split(run))
        checks = (*check_issuer(issuer, self.today), *check_holder(holder))
        return IdentityReading(
            version=profile.version,
            algorithm=algorithm,
            historical_bytes=self.historical_bytes,
            issuer=issuer,
            holder=holder,
            authenticity=authenticity,
            authenticity_note=note,
            warnings=(*issuer.warnings, *holder.warnings, *checks),
        )

    def _select_and_read_issuer(self) -> Generator[Script, Responses, tuple[bytes, bytes]]:
        """FCI of the SSSE and the records of EF05; one script when the card takes the standard's forms."""
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
                self._adopt(replace(self.forms, select_mf_first=True))
        if answers[place].sw == FILE_NOT_FOUND:
            raise ForeignCardError
        fci = answers[place].ok(select.command.ins)
        return fci, (yield from self._finish(ISSUER, way, answers[place + 1 :]))

    def _finish(
        self, file: ElementaryFile, way: Reading, answers: Sequence[ResponseAPDU]
    ) -> Generator[Script, Responses, bytes]:
        """The records that ``answers`` to the steps of ``way`` hold; else those that the other ways bring."""
        others = [other for other in Reading if other is not way]
        refusal: StatusWordError | None = None
        while True:
            try:
                run = _run_of(way.steps(file), answers)
            except StatusWordError as error:
                refusal = refusal or error
                if error.sw not in NOT_UNDERSTOOD or not others:
                    raise refusal from None
            else:
                self._adopt(replace(self.forms, reading=way))
                return run
            way = others.pop(0)
            answers = yield from send(*way.steps(file))

    def _read_free(
        self, file: ElementaryFile, algorithm: Algorithm, region: str | None
    ) -> Generator[Script | Question[Any], Any, tuple[bytes, Authenticity, str]]:
        """Holder data that are free to read; the proof beside them is worth having and no condition."""
        way = self.forms.reading
        factor, original = self.rng(8), self.rng(8)
        try:
            (expected,) = yield from ask(self._proof_request(algorithm, region, factor, original))
        except (AlgorithmUnsupportedError, CardDataError, KeyUnavailableError) as error:
            if self.check is AuthenticityCheck.REQUIRED:
                raise
            answers = yield from send(*way.steps(file))
            return (yield from self._finish(file, way, answers)), Authenticity.NOT_CHECKED, str(error)

        authenticate = Step(self._internal_authenticate(factor, original), expect=None)
        answers = yield from send(authenticate, *way.steps(file))
        proof = answers[0]
        run = yield from self._finish(file, way, answers[1:])
        if proof.sw in KEY_VERSION_WANTED and self.forms.key_version is None:
            proof = (yield from self._authenticate_with_version(factor, original))[0]
        if proof.is_among((OK,)) and hmac.compare_digest(proof.data, expected):
            return run, Authenticity.PROVEN, ""
        failure = _not_authentic(proof)
        if self.check is AuthenticityCheck.REQUIRED:
            raise failure
        return run, Authenticity.FAILED, str(failure)

    def _proof_request(self, algorithm: Algorithm, region: str | None, factor: bytes, original: bytes) -> KeyRequest:
        """What a custodian has to compute for the proof; raises when nobody wants it, or it cannot be computed."""
        if self.check is AuthenticityCheck.SKIP:
            raise KeyUnavailableError(AUTHENTICATION_KEY.name, "the caller asked for no proof")
        return KeyRequest(self._factors(algorithm, region), (Cryptogram(AUTHENTICATION_KEY, factor, original),))

    def _read_with_key(self, file: ElementaryFile, card: CardFactors) -> Generator[Script | Question[Any], Any, bytes]:
        """Holder data behind RKSSSE. The card proves itself first: a cryptogram for a foreign card would cost a try."""
        factor, original = self.rng(8), self.rng(8)
        authenticate = Step(self._internal_authenticate(factor, original), expect=(OK, *KEY_VERSION_WANTED))
        proof, challenge = _two((yield from send(authenticate, commands.get_challenge())))
        if proof.sw in KEY_VERSION_WANTED and self.forms.key_version is None:
            proof, challenge = _two((yield from self._authenticate_with_version(factor, original)))
        if not proof.is_among((OK,)):
            raise _not_authentic(proof)

        own = self.rng(8)
        expected, cryptogram = yield from ask(
            KeyRequest(
                card, (Cryptogram(AUTHENTICATION_KEY, factor, original), Cryptogram(READ_KEY, challenge.data, own))
            )
        )
        if not hmac.compare_digest(proof.data, expected):
            raise _not_authentic(proof)
        way = self.forms.reading
        key_id = KEYS[READ_KEY.name].card_id
        assert key_id is not None, "RKSSSE has a card id [S4]"
        permit = commands.external_authenticate(key_id, cryptogram, own, key_version=self.forms.key_version)
        answers = yield from send(permit, *way.steps(file))
        answers[0].ok(permit.ins)
        return (yield from self._finish(file, way, answers[1:]))

    def _internal_authenticate(self, factor: bytes, original: bytes) -> CommandAPDU:
        return commands.internal_authenticate(factor, original, key_version=self.forms.key_version)

    def _authenticate_with_version(self, factor: bytes, original: bytes) -> Generator[Script, Responses, Responses]:
        """INTERNAL AUTHENTICATION naming key version 01, for cards that insist on it [S7], and a fresh challenge."""
        forms = replace(self.forms, key_version=1)
        authenticate = commands.internal_authenticate(factor, original, key_version=1)
        answers = yield from send(Step(authenticate, expect=None), commands.get_challenge())
        if answers[0].is_among((OK,)):
            self._adopt(forms)
        return answers

    def _factors(self, algorithm: Algorithm, region: str | None) -> CardFactors:
        """What this card's keys are derived from; raises when that cannot be known or computed."""
        suite_for(algorithm)
        if region is None:
            raise CardDataError("the card identifier does not begin with a region: its keys cannot be derived")
        if len(self.historical_bytes) < 13:  # T6–TD is the card's own factor [S2.9 §7.3]
            raise CardDataError("the answer to reset has fewer than 13 historical bytes: its keys cannot be derived")
        return CardFactors(algorithm, region, self.historical_bytes[5:13])

    def _adopt(self, forms: CardForms) -> None:
        """Go on with forms that have just worked, and remember them for this card type."""
        if forms != self.forms:
            self.forms = forms
            self.memory.remember(self.historical_bytes, forms)


def _region(card_identifier: bytes | None) -> str | None:
    """The six digits of the city whose keys the card holds [S2.9 §7.3], None where item 01 does not have them."""
    value = CARD_IDENTIFIER.decode(card_identifier or b"")
    return value.region if isinstance(value, CardIdentifier) and value.region.isdecimal() else None


def _run_of(steps: Sequence[Step], answers: Sequence[ResponseAPDU]) -> bytes:
    """The TLV records that the answers to a way of reading hold; raises for a refusal, and where there are none."""
    step, answer = steps[len(answers) - 1], answers[-1]
    if not step.accepts(answer):
        raise error_for(answer.sw, step.command.ins)
    run = b"".join(answer.data for answer in answers)
    if not run:
        raise error_for(RECORD_NOT_FOUND, step.command.ins)
    return run


def _not_authentic(answer: ResponseAPDU) -> NotAuthenticError:
    return (
        NotAuthenticError()
        if answer.is_among((OK,))
        else NotAuthenticError(f"the card refused to prove that it is genuine (status word {answer.sw:04X})")
    )


def _two(answers: Responses) -> tuple[ResponseAPDU, ResponseAPDU]:
    """Both answers of a script of two; raises for the one that was refused."""
    answers.ok()
    return answers[0], answers[1]
