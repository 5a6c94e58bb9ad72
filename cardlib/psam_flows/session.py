"""A conversation with a PSAM about cards of one algorithm: cryptograms, MACs and PIN blocks [S2.9 §9.7, §9.8].

The PSAM has one register for a temporary key (临时密钥): nobody else may talk to it between two commands of a flow.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import Flow, Responses, Script, Step, send
from apdu.secret import Secret
from apdu.status import OK
from cardlib.crypto import factors
from cardlib.key_requests import CardFactors
from cardlib.keys import KEYS, KeyDeclaration, KeyReference, Purpose
from cardlib.psam import PsamKeyType
from cardlib.psam_building import cipher_data, deliver_session_key
from cardlib.psam_flows import blocks
from cardlib.psam_flows.environment import PsamEnvironment
from cardlib.psam_flows.errors import PsamLevelError, PsamRefusedError, missing
from cardlib.psam_flows.table import LevelTable, Root, Use, candidates
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId

WRONG_LEVELS: Final = 0x6A80
KEY_NOT_FOUND: Final = 0x6A88
"""Of BF DE: the number of levels does not fit, no such key. A real PSAM may say either for either (inference)."""
WRONG_STATE: Final = 0x6901
"""There is no temporary key, or it has finished this kind already [S2.9 §9.8]."""
CONDITIONS: Final = 0x6985

_ENCRYPT: Final = 0x00
_MAC, _MAC_FIRST, _MAC_NEXT, _MAC_LAST = 0x05, 0x07, 0x03, 0x01


@dataclass(slots=True)
class _Register:
    """What was delivered, and what is finished: each of encryption and MAC once per delivery [S2.9 §9.8.2]."""

    delivery: CommandAPDU
    finished: set[bool] = field(default_factory=set)


class PsamSession:
    """What is known of a PSAM whose application is selected in ``environment``, and what is in its register.

    ``levels``: what was found out about the same PSAM before. ``table``: the deployment's ids; ``keys``: what is known
    of keys, by name. ``today``: by which the days are judged on which keys may be used.
    """

    def __init__(
        self,
        environment: PsamEnvironment,
        levels: LevelTable,
        *,
        today: date,
        table: Sequence[PsamKeyId] = PSAM_KEYS,
        keys: Mapping[str, KeyDeclaration] = KEYS,
    ) -> None:
        self.environment = environment
        self.levels = levels
        self.today = today
        self._table = table
        self._keys = keys
        self._block = blocks.block_size(environment.algorithm)
        self._register: _Register | None = None

    def cryptogram(self, card: CardFactors, key: KeyReference, factor: bytes, original: bytes) -> Flow[bytes]:
        """The 8 bytes of an authentication, as :class:`~cardlib.key_requests.Cryptogram` describes them.

        Raises :class:`PsamKeyMissingError`, :class:`PsamLevelError`, :class:`PsamRefusedError`, PsamAnswerError for an
        answer of a wrong length, and MalformedError for input of one.
        """
        message = (cipher_data(_ENCRYPT, blocks.original(original, self._block), self._block),)
        answer = yield from self._compute(card, key, factor, Use.CRYPTOGRAM, message)
        return blocks.cryptogram(answer, self._block, key.name)

    def mac(self, card: CardFactors, key: KeyReference, factor: bytes, data: bytes) -> Flow[bytes]:
        """The 4 bytes of a :class:`~cardlib.key_requests.Mac`; raises as :meth:`cryptogram` does."""
        parts = blocks.mac_parts(blocks.mac_message(data, self._block), self._block)
        modes = (_MAC,) if len(parts) == 1 else (_MAC_FIRST, *(_MAC_NEXT,) * (len(parts) - 2), _MAC_LAST)
        commands = tuple(
            cipher_data(mode, part, None if mode in {_MAC_FIRST, _MAC_NEXT} else self._block)
            for mode, part in zip(modes, parts, strict=True)
        )
        answer = yield from self._compute(card, key, factor, Use.MAC, commands)
        return blocks.mac(answer, self._block, key.name)

    def pin_block(self, card: CardFactors, key: KeyReference, factor: bytes, pin: Secret) -> Flow[bytes]:
        """The encrypted :class:`~cardlib.key_requests.PinBlock`; raises as :meth:`cryptogram` does.

        PSAMs as the text has them cannot: their STK is for MACs only, and PsamKeyMissingError says so, as it does when
        the encryption itself is answered 6985. PsamAnswerError also for a PIN that comes back in clear.
        """
        plain = blocks.pin_block(pin, self._block)
        command = cipher_data(_ENCRYPT, plain, len(plain))
        answer = yield from self._compute(card, key, factor, Use.PIN, (command,))
        return blocks.encrypted_pin(answer, plain, self._block, key.name)

    def forget_register(self) -> None:
        """Somebody has overwritten the temporary key: a purchase."""
        self._register = None

    def row(self, key: KeyReference) -> PsamKeyId:
        """The key in the deployment's table, when its version may be used today; else raises PsamKeyMissingError.

        A purchase key is found by its version; a maintenance key has one. Of other keys a PSAM has one version, which
        its issuer's file names; where that file does not, it is taken to be 1, which cards use that are told none
        (inference).
        """
        named = (row for row in self._table if row.name == key.name)
        row = next((row for row in named if row.kind is not PsamKeyType.PURCHASE or row.id == key.version), None)
        if row is None:
            raise missing(key.name, f"no PSAM has version {key.version} of it by the table of this deployment")
        said = self.environment.information.get(row.file)
        if said is None or not said.valid(self.today):
            raise missing(key.name, "the PSAM's keys of this issuer are not in force today")
        if row.kind is not PsamKeyType.PURCHASE:
            declared = self._keys.get(key.name)
            only_one = declared is not None and declared.purpose is Purpose.MAINTENANCE
            version = 1 if only_one or said.key_version is None else said.key_version
            if key.version != version:
                raise missing(key.name, f"the PSAM has version {version}, not {key.version}")
        return row

    def _compute(
        self, card: CardFactors, key: KeyReference, factor: bytes, use: Use, commands: Sequence[CommandAPDU]
    ) -> Flow[bytes]:
        """The answer to the last of these commands under a session key; once more when the register was lost."""
        row = self.row(key)
        tail = blocks.session_factor(factor, self._block)
        answers: Responses | None = None
        for _ in range(2):
            delivered, answers = yield from self._deliver(card, row, tail, use, commands)
            if answers.completed:
                delivered.finished.add(use.finishes_mac)
                return answers[-1].data
            self._register = None
            if answers[-1].sw != WRONG_STATE:
                break
        assert answers is not None, "it was tried"
        if use is Use.PIN and answers[-1].sw == CONDITIONS:
            raise missing(key.name, f"the PSAM does not encrypt PINs with it ({CONDITIONS:04X})")
        raise PsamRefusedError(key.name, answers[-1].sw)

    def _deliver(
        self, card: CardFactors, row: PsamKeyId, tail: bytes, use: Use, commands: Sequence[CommandAPDU]
    ) -> Generator[Script, Responses, tuple[_Register, Responses]]:
        """Have the session key in the register, and carry the commands out with it."""
        known = self.levels.known(row, use)
        if known is not None:
            self._require_reach(card, row, known)
            delivery = _delivery(card, row, known, tail)
            held = self._register
            if held is not None and held.delivery == delivery and use.finishes_mac not in held.finished:
                return held, (yield from send(*commands))
            self._register = None
            first, *others = commands
            answers = yield from send(Step(delivery), first, *others)
            if answers[0].is_among((OK,)):
                self._register = _Register(delivery)
                return self._register, _after_first(answers)
            if answers[0].sw not in {WRONG_LEVELS, KEY_NOT_FOUND}:
                raise PsamRefusedError(row.name, answers[0].sw)
            # A PSAM whose keys were replaced since.
            self.levels.forget(row)
        self._register = yield from self._find(card, row, tail, use)
        return self._register, (yield from send(*commands))

    def _find(
        self, card: CardFactors, row: PsamKeyId, tail: bytes, use: Use
    ) -> Generator[Script, Responses, _Register]:
        """Try types and levels until one is delivered; it costs the PSAM nothing."""
        self._register = None
        if (row, use) not in self.levels.absent:
            wrong_levels = False
            for root in candidates(row, use):
                delivery = _delivery(card, row, root, tail)
                (answer,) = yield from send(Step(delivery, expect=None))
                if answer.is_among((OK,)):
                    self.levels.keep(row, root)
                    self._require_reach(card, row, root)
                    return _Register(delivery)
                if answer.sw not in {WRONG_LEVELS, KEY_NOT_FOUND}:
                    raise PsamRefusedError(row.name, answer.sw)
                wrong_levels |= answer.sw == WRONG_LEVELS
            self.levels.absent[row, use] = wrong_levels
        if self.levels.absent[row, use]:
            raise PsamLevelError(row.name, "the PSAM has it at a level that cannot be found")
        raise missing(row.name, f"the PSAM has none for this use ({use.name})")

    def _require_reach(self, card: CardFactors, row: PsamKeyId, root: Root) -> None:
        if not self.environment.reaches(card.region, root.levels):
            raise PsamLevelError(row.name, "the PSAM's is one of another area than the card's")


def wire_factors(card: CardFactors, levels: int) -> bytes:
    """The first so many of card ‖ city ‖ province, 8 bytes each: innermost first [S2.9 §9.9.3]."""
    province, city, own = factors(card.region, card.card_factor)
    return b"".join((own, city, province)[:levels])


def _delivery(card: CardFactors, row: PsamKeyId, root: Root, tail: bytes) -> CommandAPDU:
    """DELIVERY SESSION KEY (过程密钥下装) [S2.9 §9.7]."""
    return deliver_session_key(root.kind, root.levels, row.id, wire_factors(card, root.levels) + tail)


def _after_first(answers: Responses) -> Responses:
    """The answers without that to the first command."""
    return Responses(Script(answers.script.steps[1:]), answers.answers[1:])
