"""A key made of components that several people bring (密钥仪式): nobody ever sees the key.

Each component is as long as the key; the key is all of them, xored. Who lacks one component knows nothing of the key.
Each component has a check value of its own, made like a key's, that its holder compares with what was written down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from apdu.secret import Secret
from services.custody.keystore.errors import KeyRefusedError
from services.custody.keystore.records import KeyPlan, KeyRecord, check_values
from services.custody.keystore.store import Keystore

_TYPED: Final = "  各持有人亲自输入 typed by each holder"
_HANDED_OVER: Final = "  由程序经文件描述符一并输入，非持有人亲自输入 handed over by a program, which had all of them"

FEWEST: Final = 2
"""People who must bring a component."""


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who brings a component (密钥分量持有人): a name, and what they are here."""

    name: str
    role: str = ""

    @classmethod
    def of(cls, text: str) -> "Custodian":
        """``name, role``, or the name alone."""
        name, _, role = text.replace("，", ",").partition(",")
        if not name.strip():
            raise KeyRefusedError("a custodian has a name: --custodian 'name, role'")
        return cls(name.strip(), role.strip())

    def __str__(self) -> str:
        return f"{self.name} ({self.role})" if self.role else self.name


def custodians_of(texts: Sequence[str]) -> tuple[Custodian, ...]:
    """Who takes part; raises KeyRefusedError unless they are at least two different people."""
    people = tuple(map(Custodian.of, texts))
    if len({person.name for person in people}) < max(FEWEST, len(people)):
        raise KeyRefusedError(f"a ceremony takes at least {FEWEST} people, each with a component of their own")
    return people


def component(plan: KeyPlan, typed: str) -> Secret:
    """A component as its holder types it: hex, in groups if they like; KeyRefusedError, which does not repeat it."""
    try:
        value = Secret(bytes.fromhex("".join(typed.split())))
    except ValueError:
        raise KeyRefusedError("a component is typed in hex digits, two for each byte") from None
    if len(value) not in plan.sizes:
        sizes = " or ".join(str(2 * size) for size in plan.sizes)
        raise KeyRefusedError(f"a component of {plan.name} has {sizes} hex digits, not {2 * len(value)}")
    if not any(value.reveal()):
        raise KeyRefusedError("a component of zeros adds nothing to the key")
    return value


def component_check(plan: KeyPlan, value: Secret) -> str:
    """The check value of a component, which its holder compares."""
    return shown(check_values(plan.algorithm, value))


def shown(values: Sequence[str]) -> str:
    """Check values as people read them."""
    return " / ".join(values)


def same_check_value(shown_here: str, expected: str) -> bool:
    """Whether somebody's notes say the same; blanks, slashes and capitals do not count."""
    here, there = ("".join(char for char in text.upper() if char.isalnum()) for text in (shown_here, expected))
    return here == there


def combined(components: Sequence[Secret]) -> Secret:
    """The key: all components xored. Raises KeyRefusedError for fewer than two, two alike or of different lengths."""
    if len(components) < FEWEST:
        raise KeyRefusedError(f"a key is made of at least {FEWEST} components")
    if len(set(components)) < len(components):
        raise KeyRefusedError("two components are alike, so they add nothing to the key")
    if len({len(value) for value in components}) > 1:
        raise KeyRefusedError("the components have different lengths")
    return Secret(reduce(_xor, (value.reveal() for value in components)))


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def record_text(
    keystore: Keystore,
    record: KeyRecord,
    people: Sequence[Custodian],
    component_checks: Sequence[str],
    *,
    typed: bool,
) -> str:
    """The record of a ceremony to print and sign (密钥仪式记录); no key and no component in it.

    ``typed``: whether the holders typed their components; else a script had them all, which the record says.
    The keystore has been written: its digest is that of the file with the new key.
    """
    region = record.region or "全部 all"
    lines = [
        "密钥仪式记录 · Record of a key ceremony",
        "",
        f"日期时间 Date             {record.created}",
        f"密钥库编号 Keystore        {keystore.identifier}",
        f"密钥库版次 Generation      {keystore.generation}",
        f"文件摘要 SHA-256 of file  {keystore.digest}",
        "",
        f"密钥名称 Key              {record.name}",
        f"版本 Version              {record.version}",
        f"算法 Algorithm            {record.algorithm}, {record.size} bytes",
        f"级别 Level                {record.level.value} {record.level.name.lower()}",
        f"待分散级数 Steps to a card  {record.steps}",
        f"适用地区 Region            {region}",
        f"密钥校验值 Check value      {shown(record.check_values)}",
        "",
        "密钥分量 Components",
        _TYPED if typed else _HANDED_OVER,
    ]
    for number, (person, check) in enumerate(zip(people, component_checks, strict=True), 1):
        lines += [
            f"  {number}. {person}",
            f"     分量校验值 Check value   {check}",
            "     签字 Signature          ______________",
        ]
    return "\n".join([*lines, ""])
