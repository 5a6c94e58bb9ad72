"""The port behind which keys stay (密钥托管): flows ask, a custodian answers, nobody else sees key bytes."""

from abc import abstractmethod
from typing import Protocol, TypeVar, cast

from apdu.errors import UnansweredError
from apdu.flow import Question
from cardlib.errors import KeyUnavailableError
from cardlib.key_requests import KeyRequest, key_names

R = TypeVar("R")


class KeyCustodian(Protocol):
    """Holds keys, or reaches somebody who does; subclasses give :meth:`perform`.

    ``apdu.run(flow, execute, answer=custodian.answer)`` lets it answer a flow's key requests.
    """

    @abstractmethod
    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """One answer for each of ``request.tasks``, in their order; each task says what its answer is.

        Raises :class:`~cardlib.errors.KeyUnavailableError` when a key is not here or not for this use, and
        :class:`~cardlib.errors.AlgorithmUnsupportedError` for a cipher that cannot be computed here. All or nothing.
        """
        ...

    def answer(self, question: Question[R]) -> R:
        """Answer a flow; any question but a KeyRequest is refused with :class:`~apdu.errors.UnansweredError`."""
        if isinstance(question, KeyRequest):
            return cast("R", self.perform(question))
        raise UnansweredError(f"a key custodian does not answer {type(question).__name__}")

    def close(self) -> None:
        """Let go of connections and sessions, where there are any; nothing is asked afterwards. Idempotent."""
        return


class NoKeys(KeyCustodian):
    """The custodian of a deployment without keys: whatever is free to read can be read, nothing can be proven."""

    def perform(self, request: KeyRequest) -> tuple[bytes, ...]:
        """Always raises :class:`~cardlib.errors.KeyUnavailableError`."""
        names = ", ".join(dict.fromkeys(name for task in request.tasks for name in key_names(task)))
        raise KeyUnavailableError(names, "no key custodian is configured")
