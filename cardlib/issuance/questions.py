"""What making a card asks of its surroundings, besides keys: to note a step, to reset the card."""

from dataclasses import dataclass
from enum import Enum

from apdu.flow import Question


class Stage(Enum):
    """How far a chip has come (制卡阶段); the value is its Chinese term. Order matters: later ones come later."""

    EXAMINED = "识别芯片"
    """The chip was looked at; nothing was written."""
    OPENED = "认证传输密钥"
    """The transport key is shown to it."""
    BUILDING = "建立文件与密钥"
    """Directories, files and keys are being made."""
    SEALING = "替换主控密钥"
    """The final master keys take the place of the temporary ones, directory by directory."""
    WRITING = "写入数据"
    """Values are written under the update keys."""
    PROVING = "验证"
    """Everything is read back and every key is proven."""
    DONE = "完成"
    """The card is what was ordered."""


@dataclass(frozen=True)
class Note(Question[None]):
    """Put down what is about to be done, before it is done (记录步骤).

    ``detail``: the directory, "" where the step concerns the whole card. ``done``, ``total``: how much of all commands
    lies behind, roughly, for a progress bar.
    """

    stage: Stage
    detail: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Reset(Question[bytes]):
    """Reset the card and answer its ATR (复位)."""
