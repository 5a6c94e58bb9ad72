"""Whether a plan keeps within what any card operating system can hold, before a chip is touched."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from cardlib.keys import Purpose
from cardlib.model import Structure

if TYPE_CHECKING:
    from cardlib.cos.plan import CardParameters, Plan, PlannedDirectory, PlannedFile

MAX_SPACE: Final = 0xFFFF
MAX_RECORD: Final = 0xFF
"""Longest record that one short UPDATE RECORD can carry."""
MAX_RECORDS: Final = 0xFE
"""Record numbers are 01…FE [S2.3 §5.3]."""
MAX_SFI: Final = 0x1E
MAX_TRIES: Final = 15
HISTORICAL_BYTES: Final = 13
_NAME_SIZES: Final = range(5, 17)


def checked(plan: "Plan", parameters: "CardParameters") -> list[str]:
    """Everything that is wrong with a plan; empty when it can be built."""
    return list(_faults(plan, parameters))


def _faults(plan: "Plan", parameters: "CardParameters") -> Iterator[str]:
    if len(plan.historical_bytes) != HISTORICAL_BYTES:
        yield f"there are {HISTORICAL_BYTES} historical bytes, not {len(plan.historical_bytes)}"
    for what, tries in (("PIN", parameters.pin_tries), ("keys", parameters.key_tries)):
        if not 1 <= tries <= MAX_TRIES:
            yield f"{what}: 1 to {MAX_TRIES} tries, not {tries}"
    for parent in plan.mf.walk():
        for child in parent.children:
            if len(child.df_name) not in _NAME_SIZES:
                yield f"{child.name}: a DF name has 5 to 16 bytes"
        yield from _doubles(f"{parent.name}: directory", (f"{child.fid:04X}" for child in parent.children))
    yield from (
        fault for directory, names in _scopes(plan.mf, frozenset()) for fault in _in_directory(directory, names)
    )


def _scopes(
    directory: "PlannedDirectory", above: frozenset[str]
) -> "Iterator[tuple[PlannedDirectory, frozenset[str]]]":
    """Each directory with the names of the keys in it and in the one above."""
    own = frozenset(key.name for key in directory.keys)
    yield directory, own | above
    for child in directory.children:
        yield from _scopes(child, own)


def _in_directory(directory: "PlannedDirectory", names: frozenset[str]) -> Iterator[str]:
    yield from _doubles(f"{directory.name}: file", (f"{file.fid:04X}" for file in directory.files if file.fid))
    ids = (f"{key.purpose.value} {key.card_id:02X}/{key.version}" for key in directory.keys)
    yield from _doubles(f"{directory.name}: key", ids)
    for file in directory.files:
        place = f"{directory.name}, file {file.name}"
        yield from (f"{place}: {fault}" for fault in _in_file(file))
        for name in sorted((file.read.keys | file.update.keys) - names):
            yield f"{place}: the card has no key {name}"
        if file.secure_messaging is not None:
            key = directory.key(file.secure_messaging)
            if key is None or key.purpose is not Purpose.MAINTENANCE:
                yield f"{place}: {file.secure_messaging} is no maintenance key (STK) of {directory.name}"


def _in_file(file: "PlannedFile") -> Iterator[str]:
    if file.space > MAX_SPACE:
        yield f"{file.space} bytes are more than {MAX_SPACE}"
    if file.record_size > MAX_RECORD or file.record_count > MAX_RECORDS:
        yield f"at most {MAX_RECORDS} records of {MAX_RECORD} bytes"
    if file.fid is not None and not 1 <= file.sfi <= MAX_SFI:
        yield "short file identifiers are 01 to 1E"
    if file.fid is None and file.structure is not Structure.INTERNAL:
        yield "only internal files have no identifier"


def _doubles(what: str, values: Iterable[str]) -> Iterator[str]:
    yield from (f"{what} {value} stands twice" for value, times in Counter(values).items() if times > 1)
