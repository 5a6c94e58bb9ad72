"""From TOML to a card description: everything is checked, and all that is wrong is told at once."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from cardlib.crypto import Algorithm
from cardlib.errors import ItemError
from cardlib.model import CardProfile, InternalFile
from cardlib.profiles import ALL
from cardlib.values import Value
from cardlib.written.entries import SUITES, packed_pin
from cardlib.written.mistakes import TOO_DEEP, mistakes_in, tables, told, unknown
from cardlib.written.tables import OF_ITEMS, place_of, table, written_files
from cardlib.written.values import file_values
from simulator.account.amounts import Amounts
from simulator.descriptions.defaults import ACCOUNT, completed
from simulator.descriptions.description import CardDescription, Neighbours
from simulator.descriptions.document import BalancesEntry, Document
from simulator.descriptions.mistakes import DescriptionError
from simulator.descriptions.root_keys import root_keys
from simulator.quirks import CONFORMING, Quirks

_PROFILES: Final = MappingProxyType({profile.version: profile for profile in ALL})
_BALANCES: Final = "balances"
_NUMBER_LENGTH: Final = 18
_QUIRKS: Final = TypeAdapter(Quirks)


def load(path: Path) -> CardDescription:
    """The description in a TOML file; raises :class:`DescriptionError` with everything that is wrong.

    A file of root keys that it names is looked for in the same folder.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DescriptionError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError:
        raise DescriptionError([f"{path}: is no TOML file in UTF-8"]) from None
    return parse(text, where=str(path), folder=path.parent)


def parse(text: str, *, where: str, folder: Path = Path()) -> CardDescription:
    """The description in a TOML text; ``where``: what mistakes say it stands in. Raises as :func:`load`."""
    mistakes: list[str] = []
    try:
        described = _described(tables(text), folder, mistakes)
    except ValueError as error:
        raise DescriptionError([f"{where}: {error}"]) from None
    except RecursionError:
        raise DescriptionError([f"{where}: {TOO_DEEP}"]) from None
    if described is None:
        raise DescriptionError(f"{where}: {mistake}" for mistake in mistakes)
    return described


def _described(tables_: Mapping[str, Any], folder: Path, mistakes: list[str]) -> CardDescription | None:
    """None where ``mistakes`` says why."""
    document = _form(tables_, mistakes)
    version = tables_.get("version")
    profile = _PROFILES.get(version) if isinstance(version, str) else None
    quirks = _quirks(table(tables_, "quirks"), mistakes)
    source = table(tables_, "keys").get("source", "development")
    keys = root_keys(source, folder, mistakes) if isinstance(source, str) and source else {}
    if profile is None:
        if any(name in tables_ for name in (*OF_ITEMS, _BALANCES)):
            mistakes.append("version: items are checked once it is right")
        return None
    stated = _stated(profile, tables_, mistakes)
    if _BALANCES in tables_ and not _has_account(profile):
        mistakes.append(f"{_BALANCES}: cards of version {version} have no amount file")
    data = completed(profile, stated, samples=tables_.get("samples") is not False)
    amounts = None
    if document is not None and _has_account(profile):
        amounts, data = _account(profile, document.balances, data)
    _encode(profile, data, mistakes)
    if document is None or mistakes:
        return None
    return CardDescription(
        profile=profile,
        algorithm=Algorithm[document.suite] if document.suite else SUITES[profile.version],
        cos=document.cos,
        serial=document.serial,
        data=MappingProxyType(data),
        stated_historical_bytes=document.historical_bytes,
        pin=packed_pin(document.pin.value),
        pin_tries=document.pin.tries,
        key_tries=document.keys.tries,
        root_keys=keys,
        amounts=amounts,
        quirks=quirks,
        neighbours=Neighbours(document.neighbours.bank, document.neighbours.pki),
    )


def _form(tables_: Mapping[str, Any], mistakes: list[str]) -> Document | None:
    try:
        return Document.model_validate(tables_)
    except ValidationError as error:
        mistakes += told(error)
        return None


def _quirks(written: Mapping[str, Any], mistakes: list[str]) -> Quirks:
    """As JSON, because there a list may stand for a set and nothing else for anything else."""
    known = [field.name for field in fields(Quirks)]
    wrong = [f"quirks.{name}: {unknown('quirk', name, known)}" for name in written if name not in known]
    try:
        found = _QUIRKS.validate_json(json.dumps(written, default=str), strict=True)
    except ValidationError as error:
        wrong += [f"quirks.{mistake}" for mistake in told(error)]
        found = CONFORMING
    mistakes += wrong
    return found


def _stated(profile: CardProfile, tables_: Mapping[str, Any], mistakes: list[str]) -> dict[str, Mapping[str, Value]]:
    """The values that the description states, by file; those that cannot be are left out and told."""
    elsewhere = {
        file.name: _BALANCES
        for directory in profile.directories
        for file in directory.files
        if isinstance(file, InternalFile)
    }
    stated: dict[str, Mapping[str, Value]] = {"holder": {}, "issuer": {}}
    for file, place, written in written_files(profile, tables_, mistakes, elsewhere):
        stated[file.name] = values = file_values(file, written, place, mistakes)
        number = values.get("social_security_number") if file.name == "holder" else None
        if isinstance(number, str) and len(number) != _NUMBER_LENGTH:
            mistakes.append(f"{place}.social_security_number: takes {_NUMBER_LENGTH} characters, not {len(number)}")
        if file.name == "issuer" and values.get("card_identifier", "") is None:
            mistakes.append(f"{place}.card_identifier: cannot be blank: keys are made for its region")
    return stated


def _has_account(profile: CardProfile) -> bool:
    return any(file.name == ACCOUNT for directory in profile.directories for file in directory.files)


def _account(
    profile: CardProfile, entry: BalancesEntry | None, data: dict[str, Mapping[str, Value]]
) -> tuple[Amounts, dict[str, Mapping[str, Value]]]:
    """The amounts, and the data with them; without a table they are those of the samples, or all zero without these."""
    if entry is None and ACCOUNT not in data:
        return Amounts(), data
    file = profile.file_named(ACCOUNT)
    found = Amounts.unpack(b"".join(file.encode(data.get(ACCOUNT, file.sample))))
    if entry is not None:
        found = Amounts(
            loads=entry.load_counter,
            purchases=entry.purchase_counter,
            balance=entry.account,
            self_paid=entry.self_paid,
            pooled=entry.pooled,
            year=bytes.fromhex(entry.year) if entry.year else found.year,
            starting_day=bytes.fromhex(entry.starting_day) if entry.starting_day else found.starting_day,
        )
    return found, {**data, ACCOUNT: file.parse(found.pack()).values}


def _encode(profile: CardProfile, data: Mapping[str, Mapping[str, Value]], mistakes: list[str]) -> None:
    """Tell of values that are sound each for itself and do not go together."""
    for name, values in data.items():
        place = place_of(name)
        if mistakes_in(place, mistakes):
            continue
        try:
            profile.file_named(name).encode(values)
        except ItemError as error:
            mistakes.append(f"{place}.{error.item}: {error.reason}")
