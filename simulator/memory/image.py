"""All that a chip remembers, as a value: what any number of cards can be made from (卡片映像)."""

from dataclasses import dataclass, field

from simulator.memory.eeprom import Eeprom
from simulator.memory.system import SystemArea


class NoChipError(Exception):
    """These bytes are not the memory of a chip."""


@dataclass(frozen=True, slots=True)
class CardImage:
    """The bytes of a chip's memory, up to the last that was ever written; its ``repr`` does not show them.

    Raises :class:`NoChipError` for bytes that are none.
    """

    content: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not SystemArea(Eeprom(self.content)).formatted:
            raise NoChipError("these bytes are not the memory of a software card")

    @property
    def system(self) -> SystemArea:
        """The chip's own bytes: answer to reset, serial number, life cycle."""
        return SystemArea(Eeprom(self.content))
