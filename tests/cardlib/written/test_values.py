"""What people write as values; the kinds of items are tried out with whole card descriptions."""

from types import MappingProxyType

import pytest

from cardlib.profiles.v2 import V2
from cardlib.schema import Schema, SchemaError, an, binary, count
from cardlib.values import Value
from cardlib.written.values import Leaf, file_values, read


class Known(Leaf):
    """A leaf that repeats what it is asked."""

    def value(self, schema: Schema, fill: int) -> Value:
        return f"{schema.notation}{schema.size} {fill}"


def test_a_leaf_is_asked_for_a_value_of_the_type():
    assert read(an(9), Known()) == "an9 0"
    assert read(binary(4096), Known(), 4096) == "b4096 4096"


def test_a_leaf_stands_for_one_value_of_several():
    mistakes: list[str] = []
    file = V2.file_named("skills")
    file_values(file, {"worker_qualifications": Known()}, "here", mistakes)
    assert mistakes[0].startswith("here.worker_qualifications: takes a list of up to ")


def test_parts_that_are_all_blank_are_a_blank():
    schema = V2.file_named("medical_insurance").item_named("insurance_type_and_marks").schema
    assert read(schema, {"insurance_type": ""}) is None
    assert isinstance(read(schema, {"insurance_type": "310"}), MappingProxyType)


def test_a_number_is_no_text():
    with pytest.raises(SchemaError, match="without quotation marks"):
        read(count(2), "7")
