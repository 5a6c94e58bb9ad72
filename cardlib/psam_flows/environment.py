"""Opening a PSAM: its files in the environment of one algorithm, and what they say [S2.9 §5]."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from apdu.command import CommandAPDU
from apdu.flow import Responses, Script, Step, send
from apdu.response import ResponseAPDU
from apdu.status import OK
from cardlib import commands
from cardlib.crypto import Algorithm
from cardlib.crypto.diversify import ZHEJIANG
from cardlib.psam import (
    ADF_FID,
    CARD_INFORMATION,
    CITY_INFORMATION,
    CITY_KEYS,
    ENVIRONMENTS,
    NATIONAL_INFORMATION,
    NATIONAL_KEYS,
    PROVINCIAL_INFORMATION,
    PROVINCIAL_KEYS,
    TERMINAL_INFORMATION,
)
from cardlib.psam_flows.errors import NoPsamError, PsamAlgorithmError, PsamAnswerError, PsamRefusedError

_INFORMATION: Final = {
    NATIONAL_KEYS: NATIONAL_INFORMATION,
    PROVINCIAL_KEYS: PROVINCIAL_INFORMATION,
    CITY_KEYS: CITY_INFORMATION,
}
"""Key file → the file that says which version its keys have."""
_SERIAL: Final = slice(1, 11)
_CARD_INFORMATION_SIZE: Final = 15
_TERMINAL_SIZE: Final = 6
_INFORMATION_SIZE: Final = 10
_ABSENT: Final = frozenset({0x00, 0xFF})
_NOT_FOUND: Final = 0x6A82
_OTHER_FORM: Final = 0x6981
"""READ BINARY of a file of records, as a holder's card may have one of the same number."""


@dataclass(frozen=True, slots=True)
class LevelInformation:
    """EF 001A, 001B or 001C: what one issuer says of its keys on this PSAM (应用信息) [S2.9 §5.5–5.7].

    ``purchase_index``: first byte of INITIALIZE FOR PURCHASE; ``key_version``: of the authentication keys; both None
    where the file has 00 or FF, or cannot be read. ``first`` and ``last``: days on which the keys may be used; None
    where the file has no date.
    """

    purchase_index: int | None = None
    key_version: int | None = None
    first: date | None = None
    last: date | None = None

    @classmethod
    def from_bytes(cls, content: bytes) -> "LevelInformation":
        """Of the file's 10 bytes; of anything else nothing is known."""
        if len(content) != _INFORMATION_SIZE:
            return cls()
        index, version = (None if byte in _ABSENT else byte for byte in content[:2])
        return cls(index, version, _date(content[2:6]), _date(content[6:]))

    def valid(self, today: date) -> bool:
        """Whether the keys may be used on this day."""
        return (self.first is None or self.first <= today) and (self.last is None or today <= self.last)


@dataclass(frozen=True, slots=True)
class PsamEnvironment:
    """What a PSAM says of itself in the environment of one algorithm.

    ``serial``: its serial number, 10 bytes (PSAM序列号). ``terminal_number``: 6 bytes, each environment has its own
    (终端机编号); the card must be given this one, because the PSAM computes MAC1 over it.
    """

    algorithm: Algorithm
    serial: bytes
    terminal_number: bytes
    information: Mapping[int, LevelInformation] = field(repr=False)
    """By the FID of the key file that it is about."""

    @property
    def purchase_index(self) -> int | None:
        """Index of the purchase key (医疗消费密钥索引号): the city's, else the province's, else the nation's."""
        levels = (self.information[file] for file in (CITY_KEYS, PROVINCIAL_KEYS, NATIONAL_KEYS))
        return next((level.purchase_index for level in levels if level.purchase_index is not None), None)

    def reaches(self, region: str, levels: int) -> bool:
        """Whether a key ``levels`` factors above a card's is one of this region's, six digits (inference).

        A PSAM cannot notice a card of somewhere else: it would compute a wrong cryptogram, and the card lose a try.
        The PSAM's own area is that of its terminal number.
        """
        return in_area(self.terminal_number.hex(), region, levels)


def in_area(terminal_number: str, region: str, levels: int) -> bool:
    """Whether a region is that of a terminal number, as far as keys so many levels above a card are concerned."""
    digits = {3: 0, 2: 2}.get(levels, 4 if region.startswith(ZHEJIANG) else 6)
    return terminal_number[:digits] == region[:digits]


def enter(algorithm: Algorithm) -> tuple[Step, ...]:
    """SELECT the environment by its name, then the application in it.

    Never the application by its own name alone: each environment has one of that name.
    """
    _, name = ENVIRONMENTS[algorithm]
    return Step(commands.select_name(name, ne=None)), Step(commands.select_directory(ADF_FID))


def open_environment(algorithm: Algorithm) -> Generator[Script, Responses, PsamEnvironment]:
    """Go to an algorithm's application, and read what the files there and above say.

    Raises :class:`PsamAlgorithmError` where the environment is not found, :class:`NoPsamError` where EF 0015 is not, or
    has another form, as with a holder's card in the wrong slot, :class:`PsamAnswerError` for a terminal number of
    another length, and :class:`PsamRefusedError` for any other refusal.
    """
    environment, application = enter(algorithm)
    must = (
        environment,
        Step(_read(CARD_INFORMATION, _CARD_INFORMATION_SIZE)),
        Step(_read(TERMINAL_INFORMATION, _TERMINAL_SIZE)),
        application,
    )
    may = tuple(Step(_read(fid, _INFORMATION_SIZE), expect=None) for fid in _INFORMATION.values())
    answers = yield from send(*must, *may)
    _require_found(algorithm, answers[0])
    if len(answers) > 1 and not _may_be_card_information(answers[1]):
        raise NoPsamError("", "the card in the PSAM's slot has not got the files of one")
    if len(answers) <= len(must):
        raise PsamRefusedError("", answers[-1].sw)
    card, terminal = answers[1].data, answers[2].data
    if len(terminal) != _TERMINAL_SIZE:
        raise PsamAnswerError("", f"the PSAM's terminal number has {len(terminal)} bytes, not {_TERMINAL_SIZE}")
    contents = (_content(answer) for answer in answers[len(must) :])
    information = {file: LevelInformation.from_bytes(read) for file, read in zip(_INFORMATION, contents, strict=True)}
    return PsamEnvironment(algorithm, card[_SERIAL], terminal, information)


def enter_again(algorithm: Algorithm) -> Generator[Script, Responses, None]:
    """Go back to an algorithm's application; raises as :func:`open_environment` does for the same two answers."""
    answers = yield from send(*enter(algorithm))
    _require_found(algorithm, answers[0])
    if not answers.completed:
        raise PsamRefusedError("", answers[-1].sw)


def _require_found(algorithm: Algorithm, answer: ResponseAPDU) -> None:
    if answer.sw == _NOT_FOUND:
        raise PsamAlgorithmError(algorithm.name, f"the PSAM has no environment for it ({answer.sw:04X})")
    if not answer.is_among((OK,)):
        raise PsamRefusedError("", answer.sw)


def _may_be_card_information(answer: ResponseAPDU) -> bool:
    if answer.is_among((OK,)):
        return len(answer.data) == _CARD_INFORMATION_SIZE
    return answer.sw not in {_NOT_FOUND, _OTHER_FORM}


def _read(fid: int, size: int) -> CommandAPDU:
    return commands.read_binary(0, sfi=fid & 0x1F, ne=size)


def _content(answer: ResponseAPDU) -> bytes:
    return answer.data if answer.is_among((OK,)) else b""


def _date(packed: bytes) -> date | None:
    """YYYYMMDD packed; None for what is no day."""
    try:
        return date(int(packed[:2].hex()), int(packed[2:3].hex()), int(packed[3:].hex()))
    except ValueError:
        return None
