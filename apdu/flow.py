"""Card conversations as values: scripts, flows, and the two drivers that run them.

A flow is a generator. It yields a :class:`Script` and is sent :class:`Responses`; it yields a :class:`Question` (for a
key custodian, for example) and is sent the answer; what it returns is the result. It does no I/O, so the same flow runs
against a reader, a simulator, a transcript or a remote terminal. Flows compose with ``yield from``.
"""

from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar, overload

from apdu.command import CommandAPDU
from apdu.errors import CardError, UnansweredError
from apdu.response import ResponseAPDU
from apdu.status import OK

T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a script, and the status words after which the script goes on; None: after any."""

    command: CommandAPDU
    expect: tuple[int, ...] | None = (OK,)

    def accepts(self, response: ResponseAPDU) -> bool:
        """Whether the script goes on after this response."""
        return self.expect is None or response.is_among(self.expect)


@dataclass(frozen=True, slots=True)
class Script:
    """Commands that need nothing from outside between them; run in order until one is answered unexpectedly."""

    steps: tuple[Step, ...]

    @classmethod
    def of(cls, *steps: Step | CommandAPDU) -> Self:
        """A script of commands (each must be answered 9000) and steps."""
        return cls(tuple(step if isinstance(step, Step) else Step(step) for step in steps))


@dataclass(frozen=True, slots=True)
class Responses(Sequence[ResponseAPDU]):
    """The answers to a script, in order; fewer than its steps when one was answered unexpectedly."""

    script: Script
    answers: tuple[ResponseAPDU, ...]

    @property
    def completed(self) -> bool:
        """Whether every step was answered as expected."""
        return len(self.answers) == len(self.script.steps) and self.script.steps[-1].accepts(self.answers[-1])

    def ok(self) -> tuple[bytes, ...]:
        """The data of each answer; raises the :class:`~apdu.errors.StatusWordError` of the unexpected one, if any."""
        answered = zip(self.script.steps, self.answers, strict=False)
        return tuple(answer.data if step.accepts(answer) else answer.ok(step.command.ins) for step, answer in answered)

    @overload
    def __getitem__(self, index: int) -> ResponseAPDU: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ResponseAPDU]: ...
    def __getitem__(self, index: int | slice) -> ResponseAPDU | Sequence[ResponseAPDU]:
        """The answer to the step of the same index."""
        return self.answers[index]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[ResponseAPDU]:
        return iter(self.answers)


class Question(Generic[R_co]):
    """Something a flow asks of somebody other than the card; a subclass says what, and ``R_co`` what the answer is."""


Flow: TypeAlias = Generator[Script | Question[Any], Any, T]
Execute: TypeAlias = Callable[[Script], Responses]
AsyncExecute: TypeAlias = Callable[[Script], Awaitable[Responses]]


class Answer(Protocol):
    """Answers a flow's questions (a key custodian, a person at a PIN pad)."""

    def __call__(self, question: Question[R]) -> R:
        """The answer, or a :class:`~apdu.errors.CardError` that says why there is none."""
        ...


class AsyncAnswer(Protocol):
    """As :class:`Answer`, awaited."""

    def __call__(self, question: Question[R]) -> Awaitable[R]:
        """The answer, or a :class:`~apdu.errors.CardError` that says why there is none."""
        ...


def send(*steps: Step | CommandAPDU) -> Generator[Script, Responses, Responses]:
    """Within a flow: ``responses = yield from send(a, b)`` has a script run and returns its typed answers."""
    return (yield Script.of(*steps))


def ask(question: Question[R]) -> Generator[Question[R], R, R]:
    """Within a flow: ``reply = yield from ask(question)`` has a question answered."""
    return (yield question)


def refuse(question: Question[R]) -> R:
    """The :class:`Answer` of nobody: for flows that ask nothing."""
    msg = f"nobody is here to answer {type(question).__name__}"
    raise UnansweredError(msg)


def run(flow: Flow[T], execute: Execute, answer: Answer = refuse) -> T:
    """Drive a flow to its result, blocking; errors of card and custodian are thrown into it where it waits."""
    try:
        request = next(flow)
        while True:
            try:
                reply = execute(request) if isinstance(request, Script) else answer(request)
            except CardError as error:
                request = flow.throw(error)
            else:
                request = flow.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        flow.close()


async def run_async(flow: Flow[T], execute: AsyncExecute, answer: AsyncAnswer) -> T:
    """Drive a flow to its result, awaiting card and custodian; a cancelled task closes the flow between two scripts."""
    try:
        request = next(flow)
        while True:
            try:
                reply = await (execute(request) if isinstance(request, Script) else answer(request))
            except CardError as error:
                request = flow.throw(error)
            else:
                request = flow.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        flow.close()
