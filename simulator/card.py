"""The card: power, dispatch, and how answers travel by T=0."""

import secrets

from cardlib.crypto import suite_for
from simulator.command import MAX_ANSWER, SW, Refused
from simulator.commands import INSTRUCTIONS, Instruction
from simulator.files import Memory
from simulator.image import CardImage
from simulator.quirks import CONFORMING, Quirks
from simulator.security import APPLICATION_BLOCKED, Rng, Safe
from simulator.session import Session

GET_RESPONSE = b"\x00\xc0"
SELECT = b"\x00\xa4"
MIN_COMMAND = 4
INTERINDUSTRY = 0x00
"""The class of all commands without secure messaging."""

_OK = b"\x90\x00"


class SoftwareCard:
    """A social security card in software (软件卡), personalised as ``image`` says.

    ``t0``: answers as a card does by T=0 — 61xx and GET RESPONSE, 6Cxx; False: as through a reader that hides both.
    ``rng``: its source of random bytes. ``quirks``: how it deviates from the standard. What is written to its
    files, and PIN and key counters, last as long as the object; everything else is forgotten at power-off and reset.
    Not thread-safe.
    """

    def __init__(
        self, image: CardImage, *, t0: bool = True, rng: Rng = secrets.token_bytes, quirks: Quirks = CONFORMING
    ) -> None:
        self.atr = image.atr
        self._root = image.root
        self._safe = Safe(image.root, suite_for(image.algorithm))
        self._memory = Memory()
        self._t0 = t0
        self._exact = t0 and quirks.exact_le
        self._rng = rng
        self._quirks = quirks
        self._session: Session | None = None
        self._waiting = b""

    def power_on(self) -> bytes:
        """Activate the contacts; returns the answer to reset (复位应答)."""
        return self.reset()

    def reset(self) -> bytes:
        """Start anew: the MF is selected, no right is held; returns the answer to reset."""
        self._session = Session(self._root, self._safe, self._memory, self._quirks, self._rng)
        self._waiting = b""
        return self.atr

    def power_off(self) -> None:
        """Deactivate: every right is lost, and until power-on each command is answered 6F00."""
        self._session = None

    def process(self, command: bytes) -> bytes:
        """Carry out one command, any bytes whatever, and answer it: response data, SW1, SW2. Never raises."""
        waiting, self._waiting = self._waiting, b""
        session = self._session
        if session is None:
            return _status(SW.NO_DIAGNOSIS)
        try:
            _refuse_where_blocked(session, command)
            if command[:2] == GET_RESPONSE:
                return self._get_response(command, waiting)
            instruction = _instruction(command)
            parsed = instruction.parse(command, exact=self._exact)
            data = instruction.handler(session, parsed)
        except Refused as refusal:
            return _status(refusal.sw)
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
    if refusal is not None and (refusal != APPLICATION_BLOCKED or command[:2] != SELECT):
        raise Refused(refusal)


def _instruction(command: bytes) -> Instruction:
    if len(command) < MIN_COMMAND:
        raise Refused(SW.WRONG_LENGTH)
    instruction = INSTRUCTIONS.get(command[:2])
    if instruction is None:
        raise Refused(SW.INS_UNSUPPORTED if command[0] == INTERINDUSTRY else SW.CLA_UNSUPPORTED)
    return instruction


def _status(sw: int) -> bytes:
    return sw.to_bytes(2, "big")
