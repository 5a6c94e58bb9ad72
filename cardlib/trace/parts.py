"""What the data fields of other commands than SELECT, READ and UPDATE consist of: PINs, cryptograms, amounts.

The tables are those of [S2.5 §6, §7]. None of it is shown unless asked for: names and lengths say enough.
"""

from dataclasses import dataclass
from typing import Final

from apdu.command import CommandAPDU


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a data field: its name in both languages and its length in bytes, 0 = all that is left."""

    name: str
    chinese: str
    size: int = 0


_FACTOR, _ORIGINAL = Part("session factor", "过程因子", 8), Part("original", "原始信息", 8)
_CRYPTOGRAM, _VERSION = Part("cryptogram", "鉴别数据", 8), Part("key version", "密钥版本", 1)
_MAC, _TAC = Part("MAC", "报文鉴别码", 4), Part("TAC", "交易验证码", 4)
_TERMINAL, _TIME = Part("terminal number", "终端机编号", 6), Part("time", "交易时间", 7)
_ACCOUNT = Part("personal account", "个人账户金额", 4)
_AMOUNTS = (_ACCOUNT, Part("self-paid", "个人自付", 4), Part("pooled fund", "统筹支付", 4))
_INDEX, _SEQUENCE = Part("key index", "密钥索引", 1), Part("sequence number", "交易序号", 2)
_BALANCE, _RANDOM = Part("balance", "余额", 4), Part("random number", "随机数", 4)
_KEY = (_VERSION, Part("algorithm", "算法标识", 1))
_YEAR = Part("year", "年度", 2)

_DAY = Part("starting day", "结算年度起始日", 2)

_SENT: Final[dict[tuple[int, int | None], tuple[Part, ...]]] = {
    (0x16, None): (_MAC,),
    (0x1E, None): (_MAC,),
    (0x20, None): (Part("PIN", "密码"),),
    (0x24, 0x00): (_MAC,),
    (0x24, 0x01): (Part("encrypted PIN and MAC", "密码密文与报文鉴别码"),),
    (0x28, 0x00): (_INDEX, Part("amount", "划入金额", 4), _TERMINAL),
    (0x28, 0x01): (_INDEX, *_AMOUNTS, _TERMINAL),
    (0x2A, None): (_TIME, _MAC),
    (0x2C, None): (Part("terminal sequence number", "终端交易序号", 4), _TIME, _MAC),
    (0x2E, None): (_SEQUENCE,),
    (0x56, 0x00): (_DAY,),
    (0x5E, None): (Part("old and new PIN", "原密码与新密码"),),
    (0x82, None): (_CRYPTOGRAM, _ORIGINAL, _VERSION),
    (0x88, None): (_FACTOR, _ORIGINAL, _VERSION),
}
"""By instruction and P2 for PIN CHANGE/UNBLOCK, by instruction and P1 otherwise; None where neither matters."""

_ANSWERED: Final[dict[tuple[int, int | None], tuple[Part, ...]]] = {
    (0x26, None): (_BALANCE, _YEAR),
    (0x28, 0x00): (_BALANCE, _SEQUENCE, *_KEY, _RANDOM, _MAC),
    (0x28, 0x01): (
        _BALANCE,
        Part("self-paid this year", "年度个人自付累计", 4),
        Part("pooled fund this year", "年度统筹支付累计", 4),
        _YEAR,
        _SEQUENCE,
        *_KEY,
        _RANDOM,
    ),
    (0x2A, None): (_TAC,),
    (0x2C, None): (_TAC, _MAC),
    (0x2E, None): (_MAC, _TAC),
    (0x56, 0x01): (_DAY,),
    (0x84, None): (Part("challenge", "随机数"),),
    (0x88, None): (_CRYPTOGRAM,),
}

_UNKNOWN: Final = (Part("data", "数据"),)


def command_parts(command: CommandAPDU) -> tuple[tuple[Part, bytes], ...]:
    """The elements of a command's data field, each with its bytes; one element "data" where they are not known."""
    data = command.data if isinstance(command.data, bytes) else command.data.reveal()
    return _cut(_SENT, command, data)


def answer_parts(command: CommandAPDU, data: bytes) -> tuple[tuple[Part, bytes], ...]:
    """The elements of the answer to a command, each with its bytes."""
    return _cut(_ANSWERED, command, data)


def _cut(
    table: dict[tuple[int, int | None], tuple[Part, ...]], command: CommandAPDU, data: bytes
) -> tuple[tuple[Part, bytes], ...]:
    which = command.p2 if command.ins == 0x24 else command.p1
    parts = table.get((command.ins, which)) or table.get((command.ins, None)) or _UNKNOWN
    found = []
    for part in parts:
        piece, data = (data[: part.size], data[part.size :]) if part.size else (data, b"")
        if piece:
            found.append((part, piece))
    return (*found, *((_UNKNOWN[0], data) for _ in range(bool(data))))
