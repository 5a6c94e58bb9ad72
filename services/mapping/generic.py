"""From the card's typed values to the list of items, which has a place for what a region added."""

from collections.abc import Mapping

from cardlib.model import RECORDS, CardProfile, CyclicFile, Declared, FileContents, Item, Joined
from cardlib.schema import Btlv, Number, Parts, Schema
from cardlib.values import CardDate, CardIdentifier, Coded, Value
from services.mapping.typed import coded, without_blank_end
from sscard.v1 import items_pb2


def item_file(profile: CardProfile, contents: FileContents) -> items_pb2.ItemFile:
    """A file as a list of the items that its contents have values for, be it None."""
    file = contents.file
    if isinstance(file, CyclicFile):
        items = [items_pb2.Item(name=RECORDS, chinese=file.chinese, value=_records(file, contents.values[RECORDS]))]
    else:
        found = [declared for declared in file.declarations if declared.name in contents.values]
        items = [_item(declared, contents.values[declared.name]) for declared in found]
    return items_pb2.ItemFile(
        file=file.name,
        chinese=file.chinese,
        directory=profile.directory_of(file.name).name,
        fid=file.fid or 0,
        items=items,
    )


def item_value(  # noqa: PLR0911  # one for each kind
    value: Value, schema: Schema | None = None
) -> items_pb2.ItemValue | None:
    """A value in its kind, None for a blank; ``schema`` knows the parts of a constructed item."""
    match value:
        case Coded():
            return items_pb2.ItemValue(coded=coded(value))
        case CardDate():
            return items_pb2.ItemValue(date=value.iso)
        case CardIdentifier():
            return items_pb2.ItemValue(text=value.digits)
        case str():
            return items_pb2.ItemValue(text=value)
        case int():
            is_money = isinstance(schema, Number) and schema.money
            return items_pb2.ItemValue(fen=value) if is_money else items_pb2.ItemValue(number=value)
        case bytes():
            return items_pb2.ItemValue(data=value)
        case tuple():
            several = [item_value(one, schema) or items_pb2.ItemValue() for one in without_blank_end(value)]
            return items_pb2.ItemValue(list=items_pb2.ItemList(values=several))
        case Mapping():
            assert isinstance(schema, Parts), "what has parts says which"
            return items_pb2.ItemValue(group=items_pb2.ItemGroup(items=_parts(schema, value)))
    return None


def _item(declared: Declared, value: Value) -> items_pb2.Item:
    assert isinstance(declared, Item | Joined), "these have a schema"
    return items_pb2.Item(
        tag=declared.tag if isinstance(declared, Item) else None,
        name=declared.name,
        chinese=declared.chinese,
        value=item_value(value, declared.schema),
    )


def _parts(schema: Parts, values: Mapping[str, Value]) -> list[items_pb2.Item]:
    tags = {part.name: tag for tag, part in schema.inner.items()} if isinstance(schema, Btlv) else {}
    return [
        items_pb2.Item(
            tag=tags.get(part.name),
            name=part.name,
            chinese=part.chinese,
            value=item_value(values.get(part.name), part.schema),
        )
        for part in schema.parts
    ]


def _records(file: CyclicFile, records: Value) -> items_pb2.ItemValue:
    assert isinstance(records, tuple), "the value of a cyclic file"
    groups = [
        items_pb2.ItemGroup(items=[_item(item, record.get(item.name)) for item in file.items])
        for record in records
        if isinstance(record, Mapping)
    ]
    return items_pb2.ItemValue(list=items_pb2.ItemList(values=[items_pb2.ItemValue(group=group) for group in groups]))
