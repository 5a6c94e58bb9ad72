"""What PSAMs may do otherwise, as switches (差异开关)."""

from dataclasses import dataclass
from typing import Literal

from simulator.quirks import Quirks
from simulator.session import Session


@dataclass(frozen=True, slots=True)
class PsamQuirks(Quirks):
    """How a PSAM deviates; give it to :class:`~simulator.card.SoftwareCard` in place of the card's.

    ``mac2_wrong``: what a wrong MAC2 is answered: 9302 by the table, 63CF by the words [S2.9 §9.10].
    ``purchase_key_missing``: 6A88 by the table [S2.9 §9.9], 9403 by bank PSAMs and the terminal's text [S3].
    ``blocked``: what no command of a PSAM can do but its status words presuppose: an ``application`` refuses the
    commands that use or load its keys with 6985, a ``card`` refuses everything with 6A81 [S2.9 tables 29, 31].
    ``algorithm_checked``: a purchase for another algorithm than the key's is 6A88; False: the byte is ignored.
    """

    mac2_wrong: Literal[0x9302, 0x63CF] = 0x9302
    purchase_key_missing: Literal[0x6A88, 0x9403] = 0x6A88
    blocked: Literal["", "application", "card"] = ""
    algorithm_checked: bool = True


_CONFORMING = PsamQuirks()


def quirks_of(session: Session) -> PsamQuirks:
    """The session's switches; those of a PSAM are at their defaults where it was given a card's."""
    return session.quirks if isinstance(session.quirks, PsamQuirks) else _CONFORMING
