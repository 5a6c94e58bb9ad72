"""Characters that no text on a card has (不可用字符): they draw nothing, or something else on every machine."""

import unicodedata
from typing import Final

_UNWRITABLE: Final = {
    "Cc": ("a control character", "控制字符"),
    "Cf": ("an invisible character", "不可见字符"),
    "Co": ("a character for private use", "自造字"),
    "Zl": ("a line separator", "换行符"),
    "Zp": ("a line separator", "换行符"),
}
"""Categories of what no text on a card has. A private-use character is another one on every machine."""
_INVISIBLE: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)
"""What draws nothing without being of category Cf: joiners, fillers, selectors of variants."""
_LOST: Final = 0xFFFD
"""The replacement character: somewhere on its way the text lost a character."""


def unwritable(text: str) -> tuple[str, str] | None:
    """What is wrong with the first such character, in English and Chinese; None if there is none.

    Told are its place and code point, which say nothing of who is called so.
    """
    for at, character in enumerate(text, 1):
        code = ord(character)
        if code in _INVISIBLE:
            en, zh = _UNWRITABLE["Cf"]
        elif code == _LOST:
            en, zh = "the mark of a character that was lost", "丢失字符的标记"
        elif (category := unicodedata.category(character)) in _UNWRITABLE:
            en, zh = _UNWRITABLE[category]
        else:
            continue
        return (
            f"character {at} is {en}, U+{code:04X}: enter it again",
            f"第{at}个字符为{zh}（U+{code:04X}），请重新录入",
        )
    return None
