"""What a code table is, and the two kinds of question that several tables answer with the same codes."""

from dataclasses import dataclass
from functools import cached_property

from cardlib.values import Coded


@dataclass(frozen=True)
class CodeTable:
    """One table. ``rows`` are (code, Chinese, English), ``clause`` is where the specification has it."""

    name: str
    chinese: str
    clause: str
    rows: tuple[tuple[str, str, str], ...]

    @cached_property
    def _meanings(self) -> dict[str, Coded]:
        return {code: Coded(code, zh, en, known=True) for code, zh, en in self.rows}

    def __getitem__(self, code: str) -> Coded:
        """The meaning of a code; of a code that is not in the table, the code itself, marked unknown."""
        return self._meanings.get(code) or Coded(code)


def yes_no(name: str, chinese: str, clause: str, question: str = "") -> CodeTable:
    """A table of 0 否 and 1 是 (是否标识); the English meanings repeat the ``question``, if there is one."""
    asked = f"{question}: " if question else ""
    return CodeTable(name, chinese, clause, (("0", "否", f"{asked}no"), ("1", "是", f"{asked}yes")))


def flag(name: str, chinese: str, clause: str) -> CodeTable:
    """A table of 0 无, 1 有 and 2 不详 (标志), as annex B asks about illnesses; in English they name what it is."""
    meanings = (("0", "无", "no"), ("1", "有", "yes"), ("2", "不详", "unknown"))
    return CodeTable(name, chinese, clause, tuple((code, zh, f"{name}: {en}") for code, zh, en in meanings))
