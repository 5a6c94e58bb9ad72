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

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from apdu.flow import Flow, Question, Responses, Script, Step, ask, send
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands
from cardlib.checks import check_holder, check_issuer
from cardlib.crypto.suite import Algorithm
from cardlib.errors import AlgorithmUnsupportedError, CardDataError, KeyUnavailableError
from cardlib.flows.session import (
    AUTHENTICATION_KEY,
    KEY_VERSION_WANTED,
    CardSession,
    RandomBytes,
    not_authentic,
    proves,
)
from cardlib.forms import FormMemory
from cardlib.key_requests import CardFactors, Cryptogram, KeyRequest
from cardlib.keys import KEYS, KeyReference
from cardlib.model import AddressableFile, FileContents
from cardlib.values import ItemWarning

READ_KEY = KeyReference("RKSSSE")

SSSE, ISSUER_FID, HOLDER_FID = "SSSE", 0xEF05, 0xEF06


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
    historical_bytes: bytes = field(repr=False)
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
    return (yield from _IdentityRead(CardSession(atr, rng, forms), today, check).flow())


class _IdentityRead:
    """One conversation with one card."""

    def __init__(self, session: CardSession, today: date, check: AuthenticityCheck) -> None:
        self.session = session
        self.today = today
        self.check = check

    def flow(self) -> Flow[IdentityReading]:
        session = self.session
        yield from session.open()
        issuer_file, holder_file = (session.profile.file(SSSE, fid) for fid in (ISSUER_FID, HOLDER_FID))

        if holder_file.read.satisfied(pin=False, keys=()):
            run, authenticity, note = yield from self._read_free(holder_file)
        else:
            run = yield from self._read_with_key(holder_file, session.factors())
            authenticity, note = Authenticity.PROVEN, ""

        issuer, holder = issuer_file.parse(session.issuer_run), holder_file.parse(run)
        checks = (*check_issuer(issuer, self.today), *check_holder(holder))
        return IdentityReading(
            version=session.profile.version,
            algorithm=session.algorithm,
            historical_bytes=session.historical_bytes,
            issuer=issuer,
            holder=holder,
            authenticity=authenticity,
            authenticity_note=note,
            warnings=(*issuer.warnings, *holder.warnings, *checks),
        )

    def _read_free(
        self, file: AddressableFile
    ) -> Generator[Script | Question[Any], Any, tuple[bytes, Authenticity, str]]:
        """Holder data that are free to read; the proof beside them is worth having and no condition."""
        session = self.session
        way = session.forms.reading
        factor, original = session.rng(8), session.rng(8)
        try:
            (expected,) = yield from ask(self._proof_request(factor, original))
        except (AlgorithmUnsupportedError, CardDataError, KeyUnavailableError) as error:
            if self.check is AuthenticityCheck.REQUIRED:
                raise
            return (yield from session.read(file)), Authenticity.NOT_CHECKED, str(error)

        authenticate = Step(session.internal_authenticate(factor, original), expect=None)
        answers = yield from send(authenticate, *way.steps(file))
        proof = answers[0]
        run = yield from session.finish(file, way, answers[1:])
        if proof.sw in KEY_VERSION_WANTED and session.forms.key_version is None:
            proof = (yield from session.authenticate_with_version(factor, original))[0]
        if proves(proof, expected):
            return run, Authenticity.PROVEN, ""
        failure = not_authentic(proof)
        if self.check is AuthenticityCheck.REQUIRED:
            raise failure
        return run, Authenticity.FAILED, str(failure)

    def _proof_request(self, factor: bytes, original: bytes) -> KeyRequest:
        """What a custodian has to compute for the proof; raises when nobody wants it, or it cannot be computed."""
        if self.check is AuthenticityCheck.SKIP:
            raise KeyUnavailableError(AUTHENTICATION_KEY.name, "the caller asked for no proof")
        return KeyRequest(self.session.factors(), (Cryptogram(AUTHENTICATION_KEY, factor, original),))

    def _read_with_key(self, file: AddressableFile, card: CardFactors) -> Generator[Script | Question[Any], Any, bytes]:
        """Holder data behind RKSSSE. The card proves itself first: a cryptogram for a foreign card would cost a try."""
        session = self.session
        factor, original = session.rng(8), session.rng(8)
        authenticate = Step(session.internal_authenticate(factor, original), expect=(OK, *KEY_VERSION_WANTED))
        proof, challenge = _two((yield from send(authenticate, commands.get_challenge())))
        if proof.sw in KEY_VERSION_WANTED and session.forms.key_version is None:
            proof, challenge = _two((yield from session.authenticate_with_version(factor, original)))
        if not proof.is_among((OK,)):
            raise not_authentic(proof)

        own = session.rng(8)
        expected, cryptogram = yield from ask(
            KeyRequest(
                card, (Cryptogram(AUTHENTICATION_KEY, factor, original), Cryptogram(READ_KEY, challenge.data, own))
            )
        )
        if not proves(proof, expected):
            raise not_authentic(proof)
        way = session.forms.reading
        key_id = KEYS[READ_KEY.name].card_id
        assert key_id is not None, "RKSSSE has a card id [S4]"
        permit = commands.external_authenticate(key_id, cryptogram, own, key_version=session.forms.key_version)
        answers = yield from send(permit, *way.steps(file))
        answers[0].ok(permit.ins)
        return (yield from session.finish(file, way, answers[1:]))


def _two(answers: Responses) -> tuple[ResponseAPDU, ResponseAPDU]:
    """Both answers of a script of two; raises for the one that was refused."""
    answers.ok()
    return answers[0], answers[1]
