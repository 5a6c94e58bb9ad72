"""Making a card, from whatever the chip in the reader is now (制卡): the same call begins, goes on, and ends.

A card that was cut off at any moment is found where it is by asking it: a chip that happens to be blank is begun, one
that is half-built is gone on with, one that is finished is proven again. Nothing is written twice that stands there.
"""

from typing import Final

from apdu.atr import ATR
from apdu.errors import CardError
from apdu.flow import Flow, ask
from apdu.secret import Secret
from apdu.status import OK
from cardlib import commands
from cardlib.cos.encoders import ENCODERS
from cardlib.cos.limits import HISTORICAL_BYTES
from cardlib.cos.plan import Plan, Records
from cardlib.errors import (
    BlankChipError,
    BuildingError,
    ChipError,
    LostChipError,
    TransportKeyError,
    UsedChipError,
    WrongChipError,
)
from cardlib.issuance.build import NOT_FOUND, Builder
from cardlib.issuance.inspect import Inspector
from cardlib.issuance.material import prepared
from cardlib.issuance.order import CardOrder, IdentificationCode, records_of
from cardlib.issuance.premade import personalise_card
from cardlib.issuance.questions import Reset, Stage
from cardlib.issuance.report import CardReport, ProvenKey, WrittenFile
from cardlib.issuance.seal import Sealer
from cardlib.issuance.talk import BuildingTalk, Conversation, RandomBytes
from cardlib.key_requests import CardFactors, CheckValue, CodeOfCard
from cardlib.keys import KeyReference
from cardlib.model import TransparentFile
from cardlib.profiles.ssse import ISSUER
from cardlib.values import CardIdentifier

RID: Final = "D156000005"
"""What stands between region and serial number in item 01 (注册应用提供商标识)."""
UNSET: Final = "FFFFFFFF"

_BUILDING, _SEALING, _PROVING = 9, 8, 2
"""Commands for a directory and for a key, about."""
_IRK: Final = KeyReference("IRK")
_IDENTIFIER: Final = ISSUER.item_named("card_identifier").name
_TRIES: Final = 0x63C0
_BLOCKED: Final = 0x6983


def issue_card(order: CardOrder, atr: bytes, *, begun: bool, rng: RandomBytes, attempt: int = 0) -> Flow[CardReport]:
    """Make a chip that was just reset and answered ``atr`` the card of this order, or go on with it.

    ``begun``: it is known that this order was begun on this chip; a chip that is not blank is refused otherwise.
    ``attempt``: how many times before. ``rng``: makes random numbers. A
    pre-made card gets a holder (:mod:`cardlib.issuance.premade`).

    Asks for keys (:class:`~cardlib.key_requests.KeyRequest`), has steps noted before they are done
    (:class:`~cardlib.issuance.questions.Note`), and the card reset once it is sealed. Raises
    :class:`~cardlib.errors.ChipError` and what is below it, ReadBackError, WrongPinError, LastPinTryError, what the key
    custodian raises; PlanError before the chip is touched.
    """
    if order.premade:
        return (yield from personalise_card(order, atr, begun=begun, rng=rng))
    making = _Making(order, atr, rng, begun=begun)
    blank = yield from making.examine()
    if not blank and not begun:
        used = UsedChipError((yield from making.what_it_is()))
        used.untouched = True
        raise used
    new = yield from making.build(blank=blank, attempt=attempt)
    return (yield from making.finish(new=new, writing=True))


def verify_card(order: CardOrder, atr: bytes, *, rng: RandomBytes) -> Flow[CardReport]:
    """Compare a finished card with its order, and prove its keys; nothing is written.

    An order without a PIN leaves out what only the PIN opens. What needs no PIN in the PIN's directory is compared
    before it is sent, and whoever guards the card's PIN is asked (:class:`~cardlib.flows.pin.MaySendPin`): the holder
    may have another one by now. Raises :class:`~cardlib.errors.OtherHolderError`,
    :class:`~cardlib.errors.BlankChipError`, ReadBackError, KeyProofError, PinRepeatedError, InitialPinError and what
    :func:`issue_card` does.
    """
    making = _Making(order, atr, rng, begun=False)
    blank = yield from making.examine()
    if blank:
        raise BlankChipError
    yield from making.identify()
    return (yield from making.finish(new=False, writing=False))


class _Making:
    """One order and one chip."""

    def __init__(self, order: CardOrder, atr: bytes, rng: RandomBytes, *, begun: bool) -> None:
        self._order = order
        self._begun = begun
        self._encoder = ENCODERS[order.chip]
        self._atr = atr
        self._found = ATR.from_bytes(atr).historical_bytes
        if len(self._found) != HISTORICAL_BYTES:
            raise self._wrong_chip(0)
        historical = order.historical_bytes or self._found
        self._serial = self._encoder.serial(historical) if historical != self._found else ()
        plan = order.plan(historical, self._records_with(UNSET, historical))
        card = CardFactors(order.algorithm, order.region, historical[5:13])
        self._talk = BuildingTalk(card, rng, plan=plan, encoder=self._encoder)
        self._records: Records = {}
        self._blank = False
        self._talk.total = self._expected(plan)

    @property
    def plan(self) -> Plan:
        """What is built."""
        return self._talk.plan

    def examine(self) -> Conversation[bool]:
        """Whether the chip is blank; raises WrongChipError where it says neither."""
        yield from self._talk.note(Stage.EXAMINED)
        answer = yield from self._talk.ask("look for the MF", commands.select_master_file())
        if not answer.is_among((OK,)) and answer.sw not in NOT_FOUND:
            raise self._wrong_chip(answer.sw)
        self._blank = answer.sw in NOT_FOUND
        return self._blank

    def what_it_is(self) -> Conversation[str]:
        """What stands on a chip that is not blank."""
        ssse = self.plan.mf.children[0]
        answer = yield from self._talk.ask("look for the SSSE", commands.select_name(ssse.df_name, ne=None))
        return "it has a social security application" if answer.is_among((OK,)) else "it has a master file"

    def identify(self) -> Conversation[None]:
        """Ask for what makes item 01 this chip's, and for nothing else."""
        (code,) = (yield from self._talk.keys(*self._code_task())) or (b"",)
        self._take_code(code)

    def build(self, *, blank: bool, attempt: int) -> Conversation[bool]:
        """Everything up to the reset that ends it; whether this was the first time that all was sealed."""
        talk, order, encoder = self._talk, self._order, self._encoder
        transport = encoder.transport_task(self._found, KeyReference("TRANSPORT", order.transport_lot))
        material, (answer, *code) = yield from prepared(talk, transport, *self._code_task())
        self._take_code(*code)
        builder = Builder(
            talk,
            material,
            self._records,
            order.pin,
            encoder.open(answer),
            Secret(answer[: encoder.transport_key_size]),
            self._transport_refused,
        )
        yield from builder.run(begun=not blank, serial=self._serial)
        sealed = yield from Sealer(talk, material, attempt).run(begun=not blank)
        self._atr = yield from ask(Reset())
        if ATR.from_bytes(self._atr).historical_bytes != self.plan.historical_bytes:
            raise BuildingError("answer to reset", 0, "its historical bytes are others than those ordered")
        return not sealed

    def finish(self, *, new: bool, writing: bool) -> Conversation[CardReport]:
        """Write, read back, prove."""
        talk, order = self._talk, self._order
        inspector = Inspector(talk, self._wanted(), order.pin, new=new, writing=writing)
        yield from inspector.run()
        if writing:
            inspector.prover.masters(self.plan.mf)
        if writing and inspector.pin_tries not in {None, order.pin_tries}:
            raise BuildingError("PIN", _TRIES, "the PIN has other tries than those ordered")
        keys = yield from self._check_values(inspector)
        yield from talk.note(Stage.DONE)
        (identifier,) = (record[2:] for record in inspector.files[ISSUER.name] if record[0] == _identifier_tag())
        return CardReport(
            version=order.profile.version,
            algorithm=order.algorithm,
            chip=order.chip,
            atr=self._atr,
            historical_bytes=self.plan.historical_bytes,
            card_identifier=identifier,
            pin_tries=inspector.pin_tries,
            files=tuple(WrittenFile.of(name, records) for name, records in inspector.files.items()),
            keys=keys,
            commands=dict(talk.sent),
        )

    def _check_values(self, inspector: Inspector) -> Conversation[tuple[ProvenKey, ...]]:
        """All keys with the custodian's check values, for each cipher in one request."""
        talk, proofs = self._talk, inspector.prover.proofs
        found: dict[tuple[str, KeyReference], bytes] = {}
        for directory in self.plan.mf.walk():
            algorithm = self._encoder.algorithm(directory, self.plan)
            references = [key.reference for key in directory.keys if (directory.name, key.reference) in proofs]
            if not references:
                continue
            values = yield from talk.keys(*map(CheckValue, references), algorithm=algorithm)
            found |= {(directory.name, one): value for one, value in zip(references, values, strict=True)}
        return tuple(
            ProvenKey(reference, name, proofs[name, reference], value) for (name, reference), value in found.items()
        )

    def _expected(self, plan: Plan) -> int:
        """About how many commands it takes from a blank chip to the end, for whoever shows progress."""
        directories = list(plan.mf.walk())
        keys = sum(len(directory.keys) for directory in directories)
        files = [file for directory in directories for file in directory.files]
        contents = self._records_with(UNSET, plan.historical_bytes)
        written = sum(
            -(-sum(map(len, held)) // self._encoder.chunk) if len(held) == 1 else len(held)
            for file in files
            if (held := contents.get(file.name, file.contents)) and file.name in contents
        )
        loading = 2 if self._encoder.protects_new_keys else 3
        return len(directories) * (_BUILDING + _SEALING) + keys * (loading + _PROVING) + 2 * len(files) + written

    def _wanted(self) -> Records:
        """What every file is to hold; bytes that nobody ordered are left as they are on a new chip."""
        profile = self._order.profile
        return {
            name: records
            for name, records in self._records.items()
            if name in self._order.contents or not isinstance(profile.file_named(name), TransparentFile)
        }

    def _code_task(self) -> tuple[CodeOfCard, ...]:
        if self._order.identification_code is not IdentificationCode.UNDER_IRK:
            return ()
        return (CodeOfCard(_IRK, bytes.fromhex(_identity(self._order.region, self.plan.historical_bytes))),)

    def _take_code(self, code: bytes = b"") -> None:
        self._records = self._records_with(code.hex().upper() or UNSET, self.plan.historical_bytes)

    def _records_with(self, code: str, historical: bytes) -> Records:
        order = self._order
        if order.identification_code is IdentificationCode.GIVEN:
            return records_of(order.profile, order.contents)
        issuer = dict(order.contents.get(ISSUER.name, {}))
        issuer[_IDENTIFIER] = CardIdentifier(_identity(order.region, historical) + code)
        return records_of(order.profile, {**order.contents, ISSUER.name: issuer})

    def _wrong_chip(self, sw: int) -> WrongChipError:
        error = WrongChipError(self._order.chip, sw)
        error.untouched = not self._begun
        return error

    def _transport_refused(self, sw: int) -> CardError:
        error: ChipError
        if sw in {_TRIES, _BLOCKED}:
            error = LostChipError("no try of its transport key is left")
        elif sw & 0xFFF0 == _TRIES:
            error = TransportKeyError(sw & 0x0F)
        else:
            error = WrongChipError(self._order.chip, sw)
        error.untouched = self._blank
        return error


def _identity(region: str, historical_bytes: bytes) -> str:
    """The first twelve bytes of item 01: region, RID, the last four historical bytes."""
    return f"{region}{RID}{historical_bytes[-4:].hex().upper()}"


def _identifier_tag() -> int:
    return ISSUER.item_named("card_identifier").tag or 0
