"""The conversation in which a card is made: commands are collected, and sent in one go where an answer is needed."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar

from apdu.command import CommandAPDU
from apdu.errors import CardError, MalformedError
from apdu.flow import Question, Script, Step, ask
from apdu.response import ResponseAPDU
from apdu.status import OK, meaning_of
from cardlib import commands
from cardlib.cos.encoder import Encoder
from cardlib.cos.plan import Plan
from cardlib.crypto import Algorithm
from cardlib.errors import BuildingError, ChipFullError, LostChipError
from cardlib.issuance.questions import Note, Stage
from cardlib.key_requests import CardFactors, KeyRequest, KeyTask

T = TypeVar("T")
Conversation: TypeAlias = Generator[Script | Question[Any], Any, T]
RandomBytes: TypeAlias = Callable[[int], bytes]
Refused: TypeAlias = Callable[[int], CardError]
"""What a status word means at one step."""

_FULL: Final = 0x6A84
_BLOCKED: Final = 0x6983


@dataclass(frozen=True, slots=True)
class _Waiting:
    label: str
    step: Step
    refused: Refused | None


@dataclass(repr=False, eq=False)
class Talk:
    """One conversation with one chip.

    :meth:`put` collects commands; :meth:`flush`, and all that needs an answer, sends them in one script. So they
    go to a far chip in one trip. ``card``: what its keys are derived from. ``rng``: makes random numbers.
    """

    card: CardFactors
    rng: RandomBytes
    stage: Stage = Stage.EXAMINED
    total: int = 0
    """How many commands are expected in all."""
    sent: Counter[str] = field(default_factory=Counter)
    """Commands sent, by the name of the stage."""

    def __post_init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def note(self, stage: Stage, detail: str = "") -> Conversation[None]:
        """Have the step put down before anything of it is sent."""
        yield from self.flush()
        self.stage = stage
        done = min(sum(self.sent.values()), self.total)
        yield from ask(Note(stage, detail, done, self.total))

    def put(self, label: str, *sent: CommandAPDU, accept: tuple[int, ...] = (), refused: Refused | None = None) -> None:
        """Send these next; each is to be answered 9000, or what ``accept`` has. ``refused``: what else means."""
        self._waiting += (_Waiting(label, Step(command, (OK, *accept)), refused) for command in sent)

    def put_steps(self, label: str, steps: Iterable[Step]) -> None:
        """Send these steps next."""
        self._waiting += (_Waiting(label, step, None) for step in steps)

    def flush(self) -> Conversation[list[ResponseAPDU]]:
        """Send what is waiting; the answers. Raises what a step's ``refused`` says, else ChipError."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        answers = yield Script(tuple(one.step for one in waiting))
        self.sent[self.stage.name] += len(answers)
        last = waiting[len(answers) - 1]
        if not last.step.accepts(answers[-1]):
            raise self.refusal(last.label, answers[-1], last.step.command.ins, last.refused)
        return list(answers)

    def ask(self, label: str, command: CommandAPDU) -> Conversation[ResponseAPDU]:
        """Send one command after those that wait; its answer, whatever that is."""
        self._waiting.append(_Waiting(label, Step(command, expect=None), None))
        answers = yield from self.flush()
        return answers[-1]

    def challenge(self, label: str, size: int = 8) -> Conversation[bytes]:
        """A challenge of the chip, of 4 or 8 bytes, in the script of what waits."""
        self.put(label, commands.get_challenge(size))
        answers = yield from self.flush()
        challenge = answers[-1].data
        if len(challenge) != size:
            raise MalformedError(f"{label}: a challenge of {len(challenge)} bytes, not {size}")
        return challenge

    def keys(self, *tasks: KeyTask, algorithm: Algorithm | None = None) -> Conversation[tuple[bytes, ...]]:
        """The custodian's answers; ``algorithm``: of keys of another cipher than the card's."""
        card = self.card if algorithm is None else replace(self.card, algorithm=algorithm)
        return (yield from ask(KeyRequest(card, tasks)))

    @staticmethod
    def refusal(label: str, answer: ResponseAPDU, ins: int, refused: Refused | None = None) -> CardError:
        """What to raise for an answer that nobody wants at this step."""
        if answer.sw == _FULL:
            return ChipFullError(label)
        if refused is not None:
            return refused(answer.sw)
        if answer.sw == _BLOCKED:
            return LostChipError(f"{label}: no try is left")
        return BuildingError(label, answer.sw, meaning_of(answer.sw, ins).text)


@dataclass(repr=False, eq=False, kw_only=True)
class BuildingTalk(Talk):
    """The same with a chip on which a card is built by this plan, in the terms of its operating system."""

    plan: Plan
    encoder: Encoder
