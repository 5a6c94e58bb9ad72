"""How 1.0 is said as a difference from 2.0: items that stayed, were renamed, or are no more."""

from collections.abc import Mapping
from dataclasses import replace

from cardlib.model import ElementaryFile, Item
from cardlib.schema import Btlv, Schema, btlv
from cardlib.values import Value


def kept(file: ElementaryFile, *names: str) -> tuple[Item, ...]:
    """The items of these names, as 2.0 has them."""
    return tuple(file.item_named(name) for name in names)


def called(file: ElementaryFile, name: str, chinese: str, parts: Mapping[int, str] | None = None) -> Item:
    """An item as 2.0 has it, under the Chinese name it had; ``parts``: those of inner items, by tag."""
    item = file.item_named(name)
    if parts is None or not isinstance(item.schema, Btlv):
        return replace(item, chinese=chinese)
    inner = {tag: (part.name, part.schema, parts.get(tag, part.chinese)) for tag, part in item.schema.inner.items()}
    return replace(item, chinese=chinese, schema=btlv(inner))


def former(  # noqa: PLR0913  # what items differ in
    tag: int, name: str, chinese: str, schema: Schema, vector: tuple[str, Value], *, repeat: int = 1
) -> Item:
    """An item about a person that 1.0 alone has."""
    return Item(
        tag=tag,
        name=name,
        chinese=chinese,
        schema=schema,
        vector=vector,
        proto=name,
        sensitive=True,
        repeat=repeat,
    )
