"""Fault scripts as people write them: TOML, checked as a whole, so that all that is wrong is told at once."""

import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from simulator.faults import (
    ALWAYS,
    BitFlip,
    Delay,
    Effect,
    Fault,
    Moment,
    Mute,
    OtherReset,
    PowerCut,
    Removal,
    Status,
    WrongLength,
    mistakes,
)
from simulator.memory.eeprom import CutMoment


class FaultScriptError(Exception):
    """A fault script cannot be used; ``mistakes`` has a sentence for everything that is wrong with it."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def _hexadecimal(text: object) -> int:
    try:
        return int.from_bytes(bytes.fromhex(text if isinstance(text, str) else "?"))
    except ValueError:
        raise ValueError("takes hexadecimal digits in quotation marks") from None


def _always(times: object) -> object:
    return ALWAYS if times == "always" else times


Hexadecimal = Annotated[int, BeforeValidator(_hexadecimal)]
Times = Annotated[int | None, BeforeValidator(_always)]


class Entry(BaseModel, ABC):
    """A ``[[faults]]`` table: when something goes wrong; see :class:`simulator.faults.Fault`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    on: Literal["command", "reset"] = "command"
    instruction: Hexadecimal | None = None
    at: int = 1
    times: Times = 1
    card: int | None = None

    @property
    @abstractmethod
    def effect(self) -> Effect:
        """What goes wrong."""

    @property
    def fault(self) -> Fault:
        """The same for :class:`simulator.faults.FaultyChip`."""
        return Fault(
            effect=self.effect,
            on=Moment(self.on),
            instruction=self.instruction,
            at=self.at,
            times=self.times,
            card=self.card,
        )


class MuteEntry(Entry):
    """No answer."""

    kind: Literal["mute"]
    carried_out: bool = False

    @property
    def effect(self) -> Effect:
        """A card that falls silent."""
        return Mute(self.carried_out)


class RemovalEntry(Entry):
    """The card is pulled out."""

    kind: Literal["removal"]
    carried_out: bool = False

    @property
    def effect(self) -> Effect:
        """A card that is gone."""
        return Removal(self.carried_out)


class ResetEntry(Entry):
    """Another application's reset."""

    kind: Literal["reset"]

    @property
    def effect(self) -> Effect:
        """A card that forgot its state."""
        return OtherReset()


class LengthEntry(Entry):
    """An answer of the wrong length."""

    kind: Literal["length"]
    by: int

    @property
    def effect(self) -> Effect:
        """An answer with bytes too many, or too few."""
        return WrongLength(self.by)


class FlipEntry(Entry):
    """A wrong bit."""

    kind: Literal["flip"]
    byte: int
    bit: int = 1

    @property
    def effect(self) -> Effect:
        """An answer with a wrong bit."""
        return BitFlip(self.byte, self.bit)


class DelayEntry(Entry):
    """A late answer."""

    kind: Literal["delay"]
    seconds: float

    @property
    def effect(self) -> Effect:
        """An answer that comes late."""
        return Delay(self.seconds)


class StatusEntry(Entry):
    """A status word."""

    kind: Literal["status"]
    status: Hexadecimal
    carried_out: bool = False

    @property
    def effect(self) -> Effect:
        """A card that refuses, or seems to."""
        return Status(self.status, self.carried_out)


class PowerCutEntry(Entry):
    """Power that fails while the card writes."""

    kind: Literal["power_cut"]
    write: int = 1
    moment: Literal["before", "during", "after"] = "during"
    written: int | None = None
    stays: bool = False

    @property
    def effect(self) -> Effect:
        """A card that was cut off."""
        return PowerCut(self.write, CutMoment(self.moment), self.written, self.stays)


AnyEntry = Annotated[
    MuteEntry | RemovalEntry | ResetEntry | LengthEntry | FlipEntry | DelayEntry | StatusEntry | PowerCutEntry,
    Field(discriminator="kind"),
]


_ENTRIES: Final = TypeAdapter(list[AnyEntry])


class Document(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    faults: Annotated[list[AnyEntry], Field(min_length=1)]


def load(path: Path, *, cards: int | None = None) -> tuple[Fault, ...]:
    """The faults in a TOML file, in its order; raises :class:`FaultScriptError` with everything that is wrong.

    ``cards``: how many there are, so that a fault of another one is found out.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FaultScriptError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise FaultScriptError([f"{path}: is no TOML file in UTF-8: {error}"]) from error

    def missing(fault: Fault) -> Iterable[str]:
        if cards is not None and fault.card is not None and fault.card > cards:
            yield f"there is no card {fault.card}, the last is {cards}"

    try:
        return loads(text, missing)
    except FaultScriptError as error:
        raise FaultScriptError(f"{path}: {mistake}" for mistake in error.mistakes) from None


def loads(text: str, check: Callable[[Fault], Iterable[str]] = lambda _: ()) -> tuple[Fault, ...]:
    """As :func:`load`, from the text of such a file; ``check`` says what else is wrong with a fault."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultScriptError([f"is no TOML file in UTF-8: {error}"]) from error
    entries, wrong = _read(data)
    found = {number: entry.fault for number, entry in entries.items()}
    for number, fault in found.items():
        wrong += [f"faults[{number}]: {mistake}" for mistake in (*mistakes(fault), *check(fault))]
    if wrong:
        raise FaultScriptError(wrong)
    return tuple(found.values())


def _read(data: Mapping[str, Any]) -> tuple[dict[int, Entry], list[str]]:
    """The entries of the right form, by their number counted from 1, and what is wrong with the form of the others."""
    try:
        return dict(enumerate(Document.model_validate(data).faults, 1)), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    wrong = [f"{_place(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}" for detail in details]
    bad = {detail["loc"][1] for detail in details if len(detail["loc"]) > 1 and detail["loc"][0] == "faults"}
    listed = data.get("faults")
    sound = [number for number in range(len(listed)) if number not in bad] if isinstance(listed, list) else []
    entries = _ENTRIES.validate_python([data["faults"][number] for number in sound])
    return {number + 1: entry for number, entry in zip(sound, entries, strict=True)}, wrong


def _place(location: tuple[int | str, ...]) -> str:
    """``faults[1].at``: counted from 1 as people do, without the kind that pydantic puts behind the number."""
    name, *steps = location
    number, word = (steps[0] if steps else None), (f".{steps[2]}" if len(steps) > 2 else "")
    return f"{name}[{number + 1}]{word}" if isinstance(number, int) else str(name)
