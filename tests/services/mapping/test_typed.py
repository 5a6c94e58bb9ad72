"""The .proto files against the declarations of cardlib: whichever field or option is missing is named here."""

from types import MappingProxyType

import pytest

from cardlib.model import RECORDS, AddressableFile, CyclicFile, Item
from cardlib.profiles import ALL
from cardlib.schema import Binary, Code, Number, Parts
from cardlib.values import CardDate, Coded
from services.mapping import typed
from services.redaction import is_sensitive
from sscard.v1 import employment_pb2, files_pb2, identity_pb2, insurance_pb2

MESSAGES = files_pb2.CardFiles.DESCRIPTOR.fields_by_name
FILES = [
    pytest.param(file, id=f"{profile.version}-{file.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    if isinstance(file, AddressableFile)
]
ITEMS = [
    pytest.param(parameter.values[0], declared, id=f"{parameter.id}-{declared.name}")
    for parameter in FILES
    for declared in parameter.values[0].declarations
]


def descriptor_of(file):
    """The message that holds the file's items: the file's own, or that of a record."""
    assert file.name in MESSAGES, f"add to message CardFiles: a field `{file.name}`"
    message = MESSAGES[file.name].message_type
    return message.fields_by_name[RECORDS].message_type if isinstance(file, CyclicFile) else message


def field_of(file, declared):
    message = descriptor_of(file)
    assert declared.proto in message.fields_by_name, f"add to message {message.full_name}: a field `{declared.proto}`"
    return message.fields_by_name[declared.proto]


@pytest.mark.parametrize(("file", "declared"), ITEMS)
def test_every_item_has_a_field_of_its_name_and_kind(file, declared) -> None:
    assert declared.proto == declared.name
    assert_takes(field_of(file, declared), declared.schema, several=isinstance(declared, Item) and declared.repeat > 1)


def assert_takes(field, schema, *, several=False) -> None:
    assert field.is_repeated is several, f"{field.full_name}: repeated or not"
    if isinstance(schema, Parts):
        assert field.message_type is not None, f"{field.full_name} has to be a message"
        assert {part.name for part in field.message_type.fields} == {part.name for part in schema.parts}
        for part in schema.parts:
            assert_takes(field.message_type.fields_by_name[part.name], part.schema)
    elif isinstance(schema, Code):
        assert field.message_type.name == "CodedValue", f"{field.full_name} has to be a CodedValue"
    else:
        kinds = {field.CPPTYPE_STRING: "str", field.CPPTYPE_INT64: "int", field.CPPTYPE_UINT32: "int"}
        kind = "bytes" if field.type == field.TYPE_BYTES else kinds[field.cpp_type]
        assert kind == ("int" if isinstance(schema, Number) else "bytes" if isinstance(schema, Binary) else "str")
        assert field.has_presence, f"{field.full_name} has to be optional: a blank item has no value"


@pytest.mark.parametrize(("file", "declared"), ITEMS)
def test_the_option_sensitive_agrees_with_the_declaration(file, declared) -> None:
    field = field_of(file, declared)
    assert is_sensitive(field) is declared.sensitive, f"(sensitive) of {field.full_name}"
    if isinstance(declared.schema, Parts):
        assert {is_sensitive(part) for part in field.message_type.fields} == {declared.sensitive}


def test_no_field_is_without_an_item() -> None:
    for name, field in MESSAGES.items():
        files = [parameter.values[0] for parameter in FILES if parameter.values[0].name == name]
        assert files, f"message CardFiles: no file `{name}`"
        declared = {item.proto for file in files for item in file.declarations}
        assert {one.name for one in descriptor_of(files[0]).fields} == declared, field.message_type.name


@pytest.mark.parametrize("file", FILES)
def test_a_file_as_read_fills_its_message(file) -> None:
    contents = file.parse(b"".join(file.encode(file.sample)))
    message = getattr(files_pb2.CardFiles(), file.name)
    typed.fill(message, contents)
    expected = (
        {RECORDS}
        if isinstance(file, CyclicFile)
        else {declared.name for declared in file.declarations if contents.values[declared.name] is not None}
    )
    assert {field.name for field, _ in message.ListFields()} == expected


def test_blank_items_stay_unset() -> None:
    holder = identity_pb2.Holder()
    file = ALL[-1].file_named("holder")
    typed.fill(holder, file.parse(b"".join(file.encode(file.sample | {"birth_place": None}))))
    assert holder.name == file.sample["name"]
    assert not holder.HasField("birth_place")


def test_dates_are_iso_and_an_early_cards_year_stays_alone() -> None:
    issuer = identity_pb2.Issuer()
    typed.put(issuer, "issue_date", CardDate("20120230"))
    assert issuer.issue_date == "2012-02-30"
    typed.put(issuer, "issue_date", CardDate("2012", standard=False))
    assert issuer.issue_date == "2012"


def test_an_unknown_code_is_kept_and_said_to_be_unknown() -> None:
    holder = identity_pb2.Holder()
    typed.put(holder, "sex", Coded("7"))
    assert (holder.sex.code, holder.sex.chinese, holder.sex.known) == ("7", "", False)


def test_text_where_a_number_should_be_leaves_the_field_unset() -> None:
    message = insurance_pb2.UnemploymentInsurance()
    typed.put(message, "benefit_months_received", "1O3")
    assert not message.HasField("benefit_months_received")


def test_a_blank_record_between_others_keeps_its_place() -> None:
    message = insurance_pb2.InsuranceCertificate()
    record = MappingProxyType({"insurance_type": Coded("210"), "contribution_months": 12})
    typed.put(message, "certificates", (None, None, record, None))
    months = [certificate.contribution_months for certificate in message.certificates]
    assert months == [0, 0, 12]
    assert not message.certificates[0].ListFields()


def test_a_kind_of_value_without_a_form_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"bytes in field name"):
        typed.put(identity_pb2.Holder(), "name", b"\x00")
    with pytest.raises(TypeError, match=r"str in field employment_registration"):
        typed.put(employment_pb2.Employment(), "employment_registration", "10")
