"""What a test case is: a declaration over a flow, and what came of it (测试用例)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

from apdu.flow import Flow, Question
from apdu.response import ResponseAPDU
from apdu.secret import Secret
from apdu.status import OK
from cardlib.key_requests import CardFactors
from cardlib.model import CardProfile

_WORD: Final = re.compile(r"[0-9A-Fx]{4}")


class Deviation(Exception):  # noqa: N818  it says what a card does, not what went wrong here
    """The card breaks a rule; the text says how, without any data of the card."""


class NotRun(Exception):  # noqa: N818  as Deviation
    """A case cannot be decided on this card, or with what is at hand; the text says why."""


class ResetCard(Question[bytes]):
    """A case asks for a reset of the card in its midst; the answer is the ATR."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The set of status words that the standard allows (允许的状态字), as written: ``9000 63Cx``.

    Words are four hexadecimal digits, an ``x`` stands for any; 61xx counts as 9000. Raises :class:`ValueError` for what
    is none.
    """

    notation: str
    _pattern: "re.Pattern[str]" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = self.notation.split()
        if not words or not all(_WORD.fullmatch(word) for word in words):
            raise ValueError(f"{self.notation!r} is no set of status words")
        object.__setattr__(self, "_pattern", re.compile("|".join(words).replace("x", "[0-9A-F]")))

    def __contains__(self, answer: ResponseAPDU) -> bool:
        word = OK if answer.waiting is not None else answer.sw
        return self._pattern.fullmatch(f"{word:04X}") is not None

    def __str__(self) -> str:
        return self.notation.replace(" ", " or ")


class Harm(Enum):
    """What a case does to a card that conforms (对卡的影响); the value says it in words."""

    NONE = "leaves the card as it was"
    TRIES = "spends tries of the PIN or of a key, and wins them back"
    WRITES = "writes to the card, what stands there already"
    BOOKS = "books a load or a purchase of nothing: counter and log go on"
    RISKS = "asks to be refused what, if it were done, would block card or application for good"
    UNBLOCKS = "blocks the PIN, and unblocks it again"
    BLOCKS = "blocks the PIN"
    ENDS = "ends the card's life, or an application's"


@dataclass(frozen=True, slots=True)
class Subject:
    """The card under test, as far as it could be recognised (被测卡).

    ``atr``: as the reader gave it. ``profile``: by what its EF05 says. ``card``: what its keys are derived from, None
    where that is not known. ``pin``: the holder's, packed, if it was given. ``unrecognised``: why the card could not be
    recognised as a social security card, "" if it was; ``profile`` is the newest one then. ``refused``: keys with
    their version, and the PIN with 0, that the card has refused in this run.
    """

    atr: bytes
    profile: CardProfile = field(repr=False)
    card: CardFactors | None = field(default=None, repr=False)
    pin: Secret | None = None
    unrecognised: str = ""
    refused: set[tuple[str, int]] = field(default_factory=set, compare=False)


CaseFlow: TypeAlias = Callable[[Subject], Flow[ResponseAPDU]]
"""What a case does: it returns the answer that decides, or raises Deviation or NotRun."""


@dataclass(frozen=True, slots=True)
class Case:
    """One rule of the standard as a test case (测试用例).

    ``id``: group, then what is tested; unique in a suite. ``clause``: where the rule stands. ``title``: the rule.
    ``expected``: status words allowed for the answer that ``flow`` returns. ``raw``: the commands go to the card as
    they are; otherwise 61xx and 6Cxx are followed for them.
    """

    id: str
    clause: str
    title: str
    expected: Allowed
    flow: CaseFlow = field(repr=False)
    harm: Harm = Harm.NONE
    raw: bool = False

    @property
    def group(self) -> str:
        """The group it belongs to, by the name of LD/T 6001.3 where that has one."""
        return self.id.partition(".")[0]

    @property
    def destructive(self) -> bool:
        """Whether it is run only when asked for: it spends tries, writes or blocks."""
        return self.harm is not Harm.NONE

    @property
    def irreversible(self) -> bool:
        """Whether it is run only when asked for once more: nothing brings back what it ends."""
        return self.harm is Harm.ENDS


class Outcome(Enum):
    """What came of a case (测试结果)."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Result:
    """A case and what came of it; ``detail`` says why it failed or was not run. It holds no data of the card."""

    case: Case
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0


GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ATR": "Answer to reset (复位应答)",
        "SELECT": "Selecting applications and files (选择文件)",
        "COMMAND": "Status words, lengths and random numbers of basic commands (基本命令)",
        "VERIFY": "The holder's PIN (个人密码)",
        "CHANGE PIN": "Changing the PIN, and unblocking it (更改个人密码、密码解锁)",
        "SSSE_RECORD": "Records of the environment's own files (社会保障系统环境数据)",
        **{f"DF{number:02d}_RECORD": f"Records of the files of DF{number:02d} (应用数据)" for number in range(1, 8)},
        "SSSE_SAFETY": "Access rules of the environment's own files, challenges, key counters (环境安全)",
        **{
            f"DF{number:02d}_SAFETY": f"Access rules of the files of DF{number:02d} (应用安全)"
            for number in range(1, 8)
        },
        **{f"KEY_VER{version}": f"Keys of version {version} (第{version}组密钥)" for version in (1, 2, 3)},
        "ACCOUNT": "The medical account on the card (医疗个人账户)",
        "BLOCK": "Blocking applications and the card (应用锁定、卡片锁定)",
    }
)
"""Every group and what it is about, in the order of a run.

SELECT, COMMAND, VERIFY, ACCOUNT and BLOCK are names of our own.
"""
