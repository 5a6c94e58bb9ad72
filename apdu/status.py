"""Status words: one table, and one small table per command whose answers mean something of their own.

Sources: ISO/IEC 7816-4 §5.6; the social security card standard's part 5 table 5 (卡规范 第5部分 表5), quoted in the
comments as [S2.5 T5]; 93xx and 94xx are that standard's own.
"""

from dataclasses import dataclass, replace
from typing import Final

from apdu import errors

OK: Final = 0x9000

INSTRUCTIONS: Final[dict[int, str]] = {
    0x16: "CARD BLOCK",
    0x1E: "APPLICATION BLOCK",
    0x20: "VERIFY",
    0x24: "PIN CHANGE/UNBLOCK",
    0x26: "GET BALANCE",
    0x28: "INITIALIZE FOR LOAD/PURCHASE",
    0x2A: "CREDIT FOR LOAD",
    0x2C: "DEBIT FOR PURCHASE",
    0x2E: "GET TRANSACTION PROOF",
    0x56: "STARTING DAY",
    0x5E: "CHANGE PIN",
    0x82: "EXTERNAL AUTHENTICATE",
    0x84: "GET CHALLENGE",
    0x88: "INTERNAL AUTHENTICATE",
    0xA4: "SELECT",
    0xB0: "READ BINARY",
    0xB2: "READ RECORD",
    0xC0: "GET RESPONSE",
    0xD6: "UPDATE BINARY",
    0xDC: "UPDATE RECORD",
}


def command_name(ins: int | None) -> str:
    """ISO/IEC 7816-4 name of an instruction byte, or ``INS xx``; "" for None."""
    return "" if ins is None else INSTRUCTIONS.get(ins, f"INS {ins:02X}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status word says: English text, Chinese text (中文), and the exception raised for it.

    In the tables below, ``{x}`` stands for the last digit of the status word and ``{xx}`` for its last byte, 00 = 256.
    """

    text: str
    chinese: str
    error: type[errors.StatusWordError] = errors.StatusWordError


_UNKNOWN: Final = Meaning("unknown status word", "未知状态字")

# A key of four hex digits is one status word; an x in it stands for any digit.
MEANINGS: Final[dict[str, Meaning]] = {
    "9000": Meaning("success", "成功"),
    "61xx": Meaning("{xx} response bytes waiting", "正常处理，尚有{xx}字节数据"),
    "6281": Meaning("part of the returned data may be corrupted", "回送数据可能出错"),
    "6282": Meaning("end of file reached before Ne bytes", "文件长度小于Le"),
    "6283": Meaning("selected file is invalidated", "选择文件无效", errors.ConditionsError),
    "63Cx": Meaning("verification failed, {x} tries left", "验证失败，剩余{x}次"),
    "6581": Meaning("memory failure", "内存失败", errors.CardMemoryError),
    "6700": Meaning("wrong length", "长度错误"),
    "6881": Meaning("logical channel not supported", "不支持逻辑通道"),
    "6882": Meaning("secure messaging not supported", "不支持安全报文"),
    "6901": Meaning("command not accepted in this state", "命令不接受（无效状态）", errors.ConditionsError),
    "6981": Meaning("command incompatible with file structure", "命令与文件结构不相容"),
    "6982": Meaning("security status not satisfied", "不满足安全状态", errors.SecurityStatusError),
    "6983": Meaning("authentication method blocked", "认证方法锁定", errors.AuthenticationBlockedError),
    "6984": Meaning("reference data invalid, or no challenge", "引用数据无效（未申请随机数）", errors.ConditionsError),
    "6985": Meaning("conditions of use not satisfied", "使用条件不满足", errors.ConditionsError),
    "6986": Meaning("no current elementary file", "没有选择当前文件", errors.ConditionsError),
    "6987": Meaning("secure messaging data object missing", "安全报文数据项丢失", errors.SecureMessagingError),
    "6988": Meaning("secure messaging data object wrong", "安全报文数据项不正确", errors.SecureMessagingError),
    "6A80": Meaning("incorrect data field", "数据域参数不正确"),
    "6A81": Meaning("function not supported, or card blocked", "功能不支持或卡锁定", errors.FunctionUnsupportedError),
    "6A82": Meaning("file not found", "未找到文件", errors.FileNotFoundOnCardError),
    "6A83": Meaning("record not found", "未找到记录", errors.FileNotFoundOnCardError),
    "6A84": Meaning("not enough space in the file", "文件中存储空间不够", errors.CardMemoryError),
    "6A85": Meaning("Lc inconsistent with TLV structure", "Lc与TLV结构不匹配"),
    "6A86": Meaning("incorrect P1 or P2", "P1、P2参数不正确"),
    "6A88": Meaning("referenced data or key not found", "未找到引用数据或密钥", errors.FileNotFoundOnCardError),
    "6B00": Meaning("offset outside the file", "偏移量错误"),
    "6Cxx": Meaning("wrong Le, {xx} is right", "Le错误，正确长度为{xx}"),
    "6D00": Meaning("instruction not supported", "INS不支持"),
    "6E00": Meaning("class not supported", "CLA不支持"),
    "6F00": Meaning("no precise diagnosis", "数据无效"),
    "9302": Meaning("MAC invalid", "MAC无效", errors.SecureMessagingError),
    "9303": Meaning("application permanently blocked", "应用已被永久锁定", errors.ApplicationBlockedError),
    "9401": Meaning("balance too low", "金额不足", errors.InsufficientBalanceError),
    "9402": Meaning("transaction counter at its maximum", "交易计数器达到最大值", errors.ConditionsError),
    "9403": Meaning("key index not supported", "密钥索引不支持", errors.FileNotFoundOnCardError),
    "9406": Meaning("MAC not available", "所需MAC不可用", errors.FileNotFoundOnCardError),
}

_PIN_WRONG: Final = Meaning("PIN wrong, {x} tries left", "密码错误，剩余{x}次", errors.WrongPinError)
_PIN_BLOCKED: Final = Meaning("PIN blocked", "密码锁定", errors.AuthenticationBlockedError)

# Where a command gives a status word a meaning of its own. [S2.5 §6.3, §6.4, §6.14]
PER_COMMAND: Final[dict[int, dict[str, Meaning]]] = {
    0x20: {  # VERIFY
        "63Cx": _PIN_WRONG,
        "6983": _PIN_BLOCKED,
        "6984": Meaning("no PIN to refer to", "引用密码无效", errors.ConditionsError),
    },
    0x5E: {"63Cx": _PIN_WRONG, "6983": _PIN_BLOCKED},  # CHANGE PIN
    0x82: {  # EXTERNAL AUTHENTICATE
        "63Cx": Meaning(
            "authentication failed, {x} tries of this key left", "外部认证失败，剩余{x}次", errors.WrongKeyError
        ),
        "6983": Meaning("key blocked", "密钥锁定", errors.AuthenticationBlockedError),
        "6984": Meaning("no challenge was asked for", "未取随机数", errors.ConditionsError),
        "6A88": Meaning("key or key version not on the card", "未找到密钥", errors.FileNotFoundOnCardError),
    },
}


def _patterns(sw: int) -> tuple[str, ...]:
    digits = f"{sw:04X}"
    return digits, f"{digits[:3]}x", f"{digits[:2]}xx"


def meaning_of(sw: int, ins: int | None = None) -> Meaning:
    """The meaning of ``sw`` after the command with instruction ``ins``; never fails."""
    tables = (PER_COMMAND.get(ins, {}), MEANINGS) if ins is not None else (MEANINGS,)
    found = next((table[key] for table in tables for key in _patterns(sw) if key in table), _UNKNOWN)
    digits = {"x": sw & 0x0F, "xx": sw & 0xFF or 256}
    return replace(found, text=found.text.format(**digits), chinese=found.chinese.format(**digits))


def error_for(sw: int, ins: int | None = None) -> errors.StatusWordError:
    """The exception, ready to raise, for a status word that was not expected."""
    meaning = meaning_of(sw, ins)
    return meaning.error(sw, command_name(ins), meaning.text)
