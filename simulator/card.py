"""The card: power, dispatch, and how answers travel by T=0."""

import secrets

from simulator.command import MAX_ANSWER, SW, Refused
from simulator.commands.instruction import Instruction
from simulator.dialects import DIALECTS
from simulator.memory.eeprom import Eeprom, PowerLostError
from simulator.memory.image import CardImage, NoChipError
from simulator.memory.store import Store
from simulator.memory.system import SystemArea
from simulator.quirks import CONFORMING, Quirks
from simulator.security import Rng
from simulator.session import Session

GET_RESPONSE = b"\x00\xc0"
SELECT = b"\x00\xa4"
MIN_COMMAND = 4
INTERINDUSTRY = 0x00
"""The class of all commands without secure messaging."""

_OK = b"\x90\x00"


class SoftwareCard:
    """A chip in software (软件卡): blank, half built or a finished card, as its memory says.

    ``memory``: an image, of which this card gets a copy of its own, or the memory itself. ``t0``: answers as a card
    does by T=0 — 61xx and GET RESPONSE, 6Cxx; False: as through a reader that hides both. ``rng``: its source of random
    bytes. ``quirks``: how it deviates from the standard. What is in memory lasts; everything else is forgotten at
    power-off and reset. Raises :class:`~simulator.memory.image.NoChipError`. Not thread-safe.
    """

    def __init__(
        self,
        memory: CardImage | Eeprom,
        *,
        t0: bool = True,
        rng: Rng = secrets.token_bytes,
        quirks: Quirks = CONFORMING,
    ) -> None:
        self.eeprom = memory if isinstance(memory, Eeprom) else Eeprom(memory.content)
        area = SystemArea(self.eeprom)
        dialect = DIALECTS.get(area.dialect) if area.formatted else None
        if dialect is None:
            raise NoChipError("these bytes are not the memory of a software card")
        self._dialect = dialect
        self._store = Store(self.eeprom, dialect, sloppy=quirks.sloppy)
        self._t0 = t0
        self._exact = t0 and quirks.exact_le
        self._rng = rng
        self._quirks = quirks
        self._session: Session | None = None
        self._waiting = b""
        self._dead = False

    @property
    def atr(self) -> bytes:
        """Answer to reset (复位应答)."""
        return self._store.system.atr

    @property
    def image(self) -> CardImage:
        """What it remembers now, as a value."""
        return CardImage(self.eeprom.content)

    def power_on(self) -> bytes:
        """Activate the contacts; returns the answer to reset, b"" when power fails meanwhile."""
        self._dead = False
        return self.reset()

    def reset(self) -> bytes:
        """Start anew: what a cut-off command had changed is put back, the MF is selected, no right is held.

        Returns the answer to reset; b"" when power has failed, until power-on.
        """
        self._session = None
        self._waiting = b""
        if self._dead:
            return b""
        try:
            self._store.recover()
        except PowerLostError:
            self._dead = True
            return b""
        self._session = Session(self._store, self._dialect, self._quirks, self._rng)
        return self.atr

    def power_off(self) -> None:
        """Deactivate: every right is lost, and until power-on each command is answered 6F00."""
        self._session = None
        self._dead = False

    def process(self, command: bytes) -> bytes:
        """Carry out one command, any bytes whatever, and answer it: response data, SW1, SW2. Never raises.

        The answer is empty when power fails meanwhile, and after that until power-on.
        """
        if self._dead:
            return b""
        try:
            return self._process(command)
        except PowerLostError:
            self._session = None
            self._dead = True
            return b""

    def _process(self, command: bytes) -> bytes:
        waiting, self._waiting = self._waiting, b""
        session = self._session
        if session is None:
            return _status(SW.NO_DIAGNOSIS)
        try:
            _refuse_where_blocked(session, command)
            if command[:2] == GET_RESPONSE:
                return self._get_response(command, waiting)
            instruction = _instruction(session, command)
            if not instruction.keeps_transaction:
                session.transaction = None
            parsed = instruction.parse(command, exact=self._exact)
            data = instruction.handler(session, parsed)
        except Refused as refusal:
            # 6Cxx is how T=0 answers an Le of 00, and no failure [S2.5 §6.6, S2.7 §12].
            if refusal.sw & 0xFF00 != SW.RIGHT_LE or command[:2] != GET_RESPONSE:
                session.transaction = None
            if self._store.undo():
                session.rebuilt()
            return refusal.data + _status(refusal.sw)
        self._store.commit()
        if data and self._t0 and not instruction.outgoing:
            self._waiting = data
            return _status(SW.BYTES_WAITING | len(data) & 0xFF)
        return data[: parsed.wanted] + _OK

    def _get_response(self, command: bytes, waiting: bytes) -> bytes:
        """GET RESPONSE (取响应数据): what waits; 6Cxx when less does than Le asks, 6F00 when nothing does [S2.5 §6.6].

        Le may ask for less than waits: the rest goes on waiting. Any other command drops it.
        """
        self._waiting = waiting
        if len(command) not in {4, 5}:
            raise Refused(SW.WRONG_LENGTH)
        if command[2:4] != b"\x00\x00":
            raise Refused(SW.WRONG_P1P2)
        if not waiting:
            raise Refused(SW.NO_DIAGNOSIS)
        wanted = int.from_bytes(command[4:], "big") or MAX_ANSWER
        if wanted > len(waiting):
            raise Refused(SW.RIGHT_LE | len(waiting))
        self._waiting = waiting[wanted:]
        left = len(self._waiting)
        return waiting[:wanted] + (_status(SW.BYTES_WAITING | left) if left else _OK)


def _refuse_where_blocked(session: Session, command: bytes) -> None:
    """A blocked card takes no command at all, a blocked application none but SELECT [S2.5 §6.1, §6.2]."""
    refusal = session.security.refusal
    if refusal is not None and (refusal != SW.APPLICATION_BLOCKED or command[:2] != SELECT):
        raise Refused(refusal)


def _instruction(session: Session, command: bytes) -> Instruction:
    if len(command) < MIN_COMMAND:
        raise Refused(SW.WRONG_LENGTH)
    instruction = session.dialect.instructions(session).get(command[:2])
    if instruction is None:
        raise Refused(SW.INS_UNSUPPORTED if command[0] == INTERINDUSTRY else SW.CLA_UNSUPPORTED)
    return instruction


def _status(sw: int) -> bytes:
    return sw.to_bytes(2, "big")
