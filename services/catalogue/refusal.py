"""One row of the catalogue of errors."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from grpc import StatusCode as Code

__all__ = ["Code", "Fixer", "Refusal", "Retry"]


class Fixer(Enum):
    """Who can do something about it (处理人), in English and in Chinese."""

    HOLDER = ("the holder", "持卡人")
    OPERATOR = ("the operator at the terminal", "操作员")
    """Teller, clerk, pharmacist, who makes cards: whoever has card and screen before them."""
    ADMINISTRATOR = ("the administrator", "系统管理员")
    OFFICE = ("the social security office", "社保经办机构")
    """Whoever keeps the registry of people and cards."""
    ISSUER = ("the issuer of the card or PSAM", "发行机构")
    DEVELOPER = ("the caller's developer", "调用方开发人员")
    SUPPORT = ("support", "技术支持")
    NOBODY = ("nobody", "无需处理")

    @property
    def english(self) -> str:
        """As it stands in a sentence."""
        return self.value[0]

    @property
    def chinese(self) -> str:
        """As it stands in a sentence."""
        return self.value[1]


class Retry(Enum):
    """When the same call may be made again (可否重试), in English and in Chinese."""

    AS_IT_IS = ("may be made again, as it is", "可直接重试")
    FROM_THE_START = ("only by somebody who looks at what became of it, or begins again", "须先查明结果，或从头操作")
    AFTERWARDS = ("only after what the entry says has been done", "须先按条目说明处理")

    @property
    def english(self) -> str:
        """As it stands in a sentence."""
        return self.value[0]

    @property
    def chinese(self) -> str:
        """As it stands in a sentence."""
        return self.value[1]


_RETRY: Final = {
    Code.UNAVAILABLE: Retry.AS_IT_IS,
    Code.ABORTED: Retry.FROM_THE_START,
    Code.CANCELLED: Retry.FROM_THE_START,
    Code.DEADLINE_EXCEEDED: Retry.FROM_THE_START,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of the catalogue of errors (错误目录).

    ``english`` and ``chinese``: what is the matter. ``remedy``, ``remedy_chinese``: who does what, safely.
    ``national``: return code of the national terminal interface [S3 annex A], None where it has none; a failing status
    word without a code of its own is its negative number there. ``fixer``: who can do something about it.
    """

    code: Code
    reason: str
    english: str
    chinese: str
    remedy: str
    remedy_chinese: str
    national: int | None = None
    fixer: Fixer = field(kw_only=True)

    @property
    def retry(self) -> Retry:
        """When the same call may be made again, which its code says to every client of gRPC."""
        return _RETRY.get(self.code, Retry.AFTERWARDS)
