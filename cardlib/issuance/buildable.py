"""Whether a card can be built as it is ordered (可制性检查), before a chip is touched: commands are made, not sent."""

from collections.abc import Callable, Iterator
from typing import Final

from apdu.secret import Secret
from cardlib.cos.encoder import Encoder
from cardlib.cos.encoders import ENCODERS
from cardlib.cos.fmcos import Fmcos
from cardlib.cos.limits import HISTORICAL_BYTES
from cardlib.cos.plan import Plan, PlanError, Records
from cardlib.issuance.order import CardOrder

_ANY_HISTORICAL_BYTES: Final = bytes(HISTORICAL_BYTES)
"""In the place of those that the chip has."""
_SPACE: Final = slice(6, 8)
"""Where CREATE FILE says how much space there shall be: behind the header, Lc and the type."""


def building_faults(order: CardOrder, records: Records) -> tuple[list[str], Plan | None]:
    """Everything that keeps these records from being put on such a chip, and the plan, if there is one."""
    encoder = ENCODERS.get(order.chip)
    if encoder is None:
        return [f"there is no chip {order.chip}; there are {', '.join(ENCODERS)}"], None
    try:
        plan = order.plan(order.historical_bytes or _ANY_HISTORICAL_BYTES, records)
    except PlanError as error:
        return str(error).split("; "), None
    faults = list(_encoding_faults(encoder, plan, len(order.pin)))
    if order.historical_bytes is not None:
        faults += _tried("historical bytes", encoder.serial, order.historical_bytes)
    return list(dict.fromkeys(faults)), plan


def _encoding_faults(encoder: Encoder, plan: Plan, pin_length: int) -> Iterator[str]:
    """What this system cannot be told, by making every command that needs no answer of the chip."""
    transport_key = Secret(bytes(encoder.transport_key_size))
    for directory, above in plan.mf.placed():
        parent = above[-1] if above else None
        name = directory.name
        yield from _tried(name, encoder.create_directory, directory, transport_key)
        yield from _tried(name, encoder.create_key_file, directory)
        yield from _tried(name, encoder.control_information, directory)
        for key in directory.keys:
            yield from _tried(f"{name}, key {key.name}", encoder.add_key, key, directory, plan)
        if directory.pin is not None and pin_length:
            yield from _tried(f"{name}, PIN", encoder.add_pin, pin_length, directory, plan)
        for file in directory.files:
            yield from _tried(f"{name}, file {file.name}", encoder.create_file, file, directory, parent)
        yield from _tried(name, encoder.replace_master, directory, plan)
        yield from _tried(name, encoder.end, directory)


def _tried(place: str, make: Callable[..., object], *what: object) -> Iterator[str]:
    try:
        make(*what)
    except PlanError as error:
        yield f"{place}: {error}"


def memory_of(plan: Plan) -> int:
    """About how many bytes a card takes on its chip (存储空间估算).

    It is what FMCOS is told, the only system whose manual says how much it needs; others are of the same order.
    """
    encoder = Fmcos()
    told = [
        encoder.create_key_file(plan.mf),
        *(encoder.create_directory(child, Secret(bytes(encoder.transport_key_size))) for child in plan.mf.children),
    ]
    return sum(int.from_bytes(command.to_bytes()[_SPACE], "big") for command in told)


def shape_of(order: CardOrder, records: Records) -> tuple[object, ...]:
    """What of an order decides whether it can be built: two of one template and shape can, or both cannot."""
    sizes = tuple((name, tuple(map(len, held))) for name, held in sorted(records.items()))
    return sizes, len(order.pin), len(order.historical_bytes or b"")
