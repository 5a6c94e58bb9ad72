"""What is wrong with a template, a record or an order, each with its place, in both languages where we speak."""

from collections.abc import Iterable
from dataclasses import dataclass

from apdu.errors import MalformedError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong (差错), or to be looked at if it is a warning.

    ``place``: the table of the template, or row and column of the record. ``message`` says which rule is broken, never
    with which value. ``message_zh``: the same in Chinese, "" where there is no Chinese sentence for it.
    """

    place: str
    message: str
    message_zh: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class OrderFaultsError(MalformedError):
    """A template or persons' records cannot be used (制卡数据有误); ``faults`` has everything that is wrong with them.

    ``mistakes`` has the same as sentences, each with its place.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        self.mistakes = tuple(map(str, self.faults))
        super().__init__("\n".join(self.mistakes))


def split(mistake: str) -> Fault:
    """A fault from a sentence of the form ``place: message``."""
    place, _, message = mistake.partition(": ")
    return Fault(place, message)
