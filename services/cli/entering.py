"""How people and scripts hand over secrets: typed unseen, or through a file descriptor; never as an argument.

Arguments and environment variables can be read by others on the machine.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from apdu.secret import Secret
from services.cli.errors import UNUSABLE, fail
from services.config import Config
from services.custody.keystore import CredentialKey, Opener, Passphrases, passphrase, passphrases_of
from services.custody.keystore.ceremony import (
    Custodian,
    combined,
    component,
    component_check,
    same_check_value,
    shown,
)
from services.custody.keystore.errors import KeyRefusedError, KeystoreFileError
from services.custody.keystore.files import read_descriptor
from services.custody.keystore.records import KeyPlan, check_values

_TRIES: Final = 3


def from_descriptor(number: int) -> bytes:
    """Everything that a file descriptor gives until its end."""
    try:
        return read_descriptor(number)
    except KeystoreFileError as error:
        fail(str(error), code=UNUSABLE)


def key_from(number: int) -> CredentialKey:
    """The 32 bytes of a key that opens a keystore."""
    return CredentialKey(Secret(from_descriptor(number)))


def passphrases(count: int, descriptors: Sequence[int], what: str, *, new: bool = False) -> Passphrases:
    """So many passphrases, each by its holder; typed twice where they are ``new``."""
    if descriptors:
        return Passphrases(tuple(passphrase(from_descriptor(number)) for number in descriptors))
    typed = []
    for holder in range(1, count + 1):
        whose = f", holder {holder} of {count} 口令持有人{holder}" if count > 1 else ""
        typed.append(
            passphrase(typer.prompt(f"Passphrase of {what}{whose}", hide_input=True, confirmation_prompt=new, err=True))
        )
    return Passphrases(tuple(typed))


def opener_of(keystore: Path, descriptors: Sequence[int], key_descriptor: int | None) -> Opener:
    """What opens this keystore, asked for as its file says that it opens; raises KeystoreError."""
    if key_descriptor is not None:
        return key_from(key_descriptor)
    count = passphrases_of(keystore)
    if not count and not descriptors:
        fail(f"{keystore} opens with a key: give it with --key-fd", code=UNUSABLE)
    return passphrases(count, descriptors, "the keystore")


def asked_opener(config: Config) -> Opener | None:
    """What its holders type at this terminal to open the service's keystore.

    None where nobody has to, or can, be asked. Raises KeystoreError.
    """
    if config.keystore is None or config.keystore_key or config.keystore_passphrase_fds or not sys.stdin.isatty():
        return None
    count = passphrases_of(config.keystore)
    return passphrases(count, (), "the keystore") if count else None


def components(
    plan: KeyPlan, people: Sequence[Custodian], descriptor: int | None, check_value: str
) -> tuple[Secret, tuple[str, ...]]:
    """A key and the check values of its components, which each holder compared, as somebody did with the key's.

    From the descriptor: a line for each component, hex digits ``;`` check value. ``check_value``: the key's, as it must
    be; without it somebody is asked. Raises KeyRefusedError when anything does not agree.
    """
    if descriptor is None:
        values = [_typed(plan, number, person) for number, person in enumerate(people, 1)]
    else:
        values = _from_lines(plan, from_descriptor(descriptor))
    if len(values) != len(people):
        raise KeyRefusedError(f"{len(people)} people take part, and there are {len(values)} components")
    key = combined(values)
    confirm(shown(check_values(plan.algorithm, key)), check_value)
    return key, tuple(component_check(plan, value) for value in values)


def _typed(plan: KeyPlan, number: int, person: Custodian) -> Secret:
    typer.echo(f"\n{number}. {person}", err=True)
    for _ in range(_TRIES):
        try:
            value = component(plan, typer.prompt("Component 密钥分量 (hex)", hide_input=True, err=True))
        except KeyRefusedError as error:
            typer.echo(f"{error}. Again, please. 请重新输入。", err=True)
            continue
        if typer.confirm(
            f"Check value 校验值 {component_check(plan, value)}: does your sheet say the same? 是否一致？", err=True
        ):
            return value
    raise KeyRefusedError(f"component {number} was not entered rightly in {_TRIES} tries")


def _from_lines(plan: KeyPlan, content: bytes) -> list[Secret]:
    values = []
    for number, line in enumerate(filter(str.strip, content.decode("ascii", "replace").splitlines()), 1):
        typed, separator, expected = line.partition(";")
        value = component(plan, typed)
        if not separator or not same_check_value(component_check(plan, value), expected):
            raise KeyRefusedError(f"component {number} does not have the check value that stands beside it")
        values.append(value)
    return values


def confirm(made: str, expected: str) -> None:
    """Compare a key's check value with what it must be, or have somebody do it; raises KeyRefusedError."""
    if expected:
        right = same_check_value(made, expected)
    else:
        right = typer.confirm(f"\nCheck value of the key 密钥校验值 {made}: is it right? 是否正确？", err=True)
    if not right:
        raise KeyRefusedError(f"the key's check value {made} is not the expected one; nothing was stored")
