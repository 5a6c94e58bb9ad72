"""The port behind which keys stay (密钥托管): flows ask, a custodian answers, nobody else sees key bytes."""

from abc import abstractmethod
from typing import Protocol, TypeVar, cast

from apdu.errors import UnansweredError
from apdu.flow import Question
from cardlib.errors import KeyUnavailableError
from cardlib.keys import KeyRequest

R = TypeVar("R")


class KeyCustodian(Protocol):
    """Holds keys, or reaches somebody who does; subclasses give :meth:`cryptograms`.

    ``apdu.run(flow, execute, answer=custodian.answer)`` lets it answer a flow's key requests.
    """

    @abstractmethod
    def cryptograms(self, request: KeyRequest) -> tuple[bytes, ...]:
        """One answer for each of ``request.cryptograms``, in their order: 8 bytes for a Cryptogram, 4 for a Mac.

        Raises :class:`~cardlib.errors.KeyUnavailableError` when a key is not here or not for this use, and
        :class:`~cardlib.errors.AlgorithmUnsupportedError` for a cipher that cannot be computed here. All or nothing.
        """
        ...

    def answer(self, question: Question[R]) -> R:
        """Answer a flow; any question but a KeyRequest is refused with :class:`~apdu.errors.UnansweredError`."""
        if isinstance(question, KeyRequest):
            return cast("R", self.cryptograms(question))
        raise UnansweredError(f"a key custodian does not answer {type(question).__name__}")


class NoKeys(KeyCustodian):
    """The custodian of a deployment without keys: whatever is free to read can be read, nothing can be proven."""

    def cryptograms(self, request: KeyRequest) -> tuple[bytes, ...]:
        """Always raises :class:`~cardlib.errors.KeyUnavailableError`."""
        names = ", ".join(cryptogram.key.name for cryptogram in request.cryptograms)
        raise KeyUnavailableError(names, "no key custodian is configured")
