"""Short forms for the declarations of the profiles: what nearly all items have in common is said once."""

from cardlib.model import Item
from cardlib.schema import Schema
from cardlib.values import Value


def personal(  # noqa: PLR0913  # what items differ in
    tag: int,
    name: str,
    chinese: str,
    schema: Schema,
    vector: tuple[str, Value],
    *,
    repeat: int = 1,
    optional: bool = False,
) -> Item:
    """An item that says something about a person; its field in messages has its name."""
    return Item(
        tag=tag,
        name=name,
        chinese=chinese,
        schema=schema,
        vector=vector,
        proto=name,
        sensitive=True,
        repeat=repeat,
        optional=optional,
    )


def untagged(name: str, chinese: str, schema: Schema, vector: tuple[str, Value]) -> Item:
    """As :func:`personal`: a field of a cyclic or an internal file's records, or what a transparent file holds."""
    return Item(tag=None, name=name, chinese=chinese, schema=schema, vector=vector, proto=name, sensitive=True)


def padded(stored: str, size: int, filler: str = "00") -> str:
    """Hex digits of ``size`` bytes: ``stored``, which is shorter, and fillers behind it; for vectors of long texts."""
    return stored.replace(" ", "") + filler * (size - len(bytes.fromhex(stored)))
