"""The profiles of 1.0, 2.0 and 3.0: vectors, differences, versions, and cards that were seen."""

import pytest

from cardlib.errors import ItemError, VersionUnsupportedError
from cardlib.model import RECORDS, CardProfile, CyclicFile, ElementaryFile, Item, Joined
from cardlib.profiles import ALL, LATEST, profile_for
from cardlib.schema import Parts
from cardlib.values import CardDate, CardIdentifier, Coded

V1, V2, V3 = ALL

FILES = [
    pytest.param(file, id=f"{profile.version}-{file.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
]
ITEMS = [
    pytest.param(item, id=f"{profile.version}-{file.name}-{item.name}")
    for profile in ALL
    for directory in profile.directories
    for file in directory.files
    for item in file.items
]


@pytest.mark.parametrize("item", ITEMS)
def test_an_items_vector_reads_and_is_written_as_it_stands(item: Item) -> None:
    stored, value = item.vector
    head = b"" if item.tag is None else bytes((item.tag, item.size))
    assert item.decode(bytes.fromhex(stored)) == value
    assert item.encode(value) == head + bytes.fromhex(stored)


@pytest.mark.parametrize("file", FILES)
def test_the_vectors_of_a_file_together_are_a_file_without_warnings(file: ElementaryFile) -> None:
    records = file.encode(file.sample)
    contents = file.parse(b"".join(records))
    assert sum(map(len, records)) == (file.record_size if isinstance(file, CyclicFile) else file.size)
    assert dict(contents.values) == file.sample
    assert contents.warnings == ()


@pytest.mark.parametrize("file", FILES)
def test_every_file_says_where_the_specification_has_it(file: ElementaryFile) -> None:
    assert file.clause.startswith("S")


@pytest.mark.parametrize("item", [param for param in ITEMS if isinstance(param.values[0].schema, Parts)])
def test_the_parts_of_an_item_have_chinese_names(item: Item) -> None:
    assert all(part.chinese for part in item.schema.parts)


@pytest.mark.parametrize("file", FILES)
def test_a_joined_items_vector_is_the_bytes_of_its_records(file: ElementaryFile) -> None:
    for field in file.fields:
        if isinstance(field, Joined):
            stored, value = field.vector
            assert b"".join(record[2:] for record in field.write({field.name: value})) == bytes.fromhex(stored)


@pytest.mark.parametrize(
    ("profile", "issuer", "holder"), [(V1, 0x40, 0x45), (V2, 0x40, 0x5B), (V3, 0x40, 0x5B)], ids=["1.0", "2.0", "3.0"]
)
def test_the_files_have_the_published_sizes(profile: CardProfile, issuer: int, holder: int) -> None:
    assert profile.file_named("issuer").size == issuer
    assert profile.file_named("holder").size == holder


def test_3_0_differs_from_2_0_in_the_holders_read_rule_alone() -> None:
    assert str(V3.file_named("holder").read) == "RKSSSE"
    for old, new in zip(V2.directories, V3.directories, strict=True):
        changed = [file.name for file, before in zip(new.files, old.files, strict=True) if file is not before]
        assert changed == (["issuer", "holder"] if old.name == "SSSE" else [])
    for name in ("issuer", "holder"):
        before, after = V2.file_named(name), V3.file_named(name)
        assert (str(after.update), after.file_class, after.clause) == (
            str(before.update),
            before.file_class,
            before.clause,
        )
        assert [(item.tag, item.name, item.schema) for item in after.items] == [
            (item.tag, item.name, item.schema) for item in before.items
        ]


def test_fingerprint_and_photo_are_behind_a_key_but_for_1_0() -> None:
    assert [file.name for file in V1.files("SSSE")] == ["issuer", "holder", "fingerprint"]
    assert str(V1.file_named("fingerprint").read) == "free"
    for profile in (V2, V3):
        assert [str(profile.file_named(name).read) for name in ("fingerprint", "photo")] == ["RKSSSE", "RKSSSE"]


def test_applications_are_selected_by_their_identifiers_and_those_of_annex_b_by_their_labels() -> None:
    names = {directory.name: directory.df_name for directory in LATEST.directories[1:]}
    assert names == {
        "DF01": bytes.fromhex("D15600000500"),
        "DF02": bytes.fromhex("D15600000501"),
        "DF03": bytes.fromhex("D15600000502"),
        "DF04": bytes.fromhex("D15600000503"),
        "DF05": "生命与健康信息区".encode("gbk"),
        "DF06": "救助与优抚信息区".encode("gbk"),
        "DF07": bytes.fromhex("D15600000504"),
    }
    assert [f"{directory.fid:04X}" for directory in LATEST.directories[1:]] == list(names)


def test_the_environment_is_selected_by_its_name_in_gbk() -> None:
    assert LATEST is V3
    assert {profile.name for profile in ALL} == {"sx1.sh.社会保障".encode("gbk")}
    assert V1.directory_with_name(V3.name) == "SSSE"


def test_a_file_that_belongs_to_the_holder_is_sensitive_throughout() -> None:
    for profile in ALL:
        for directory in profile.directories:
            for file in directory.files:
                if file.name != "issuer":
                    assert all(declared.sensitive for declared in (*file.items, *file.declarations)), file.name
        public = {declared.name for declared in profile.file_named("issuer").declarations if not declared.sensitive}
        assert not public & {"card_identifier", "card_number"}


def test_the_sample_people_live_in_a_region_that_does_not_exist() -> None:
    holder, issuer = LATEST.file_named("holder"), LATEST.file_named("issuer")
    assert holder.item_named("social_security_number").vector[1].startswith("990000")
    assert issuer.item_named("card_identifier").vector[1].region == "990000"


@pytest.mark.parametrize(
    ("stored", "version"),
    [
        (None, "1.0"),
        ("", "1.0"),
        ("00000000", "1.0"),
        ("FFFFFFFF", "1.0"),
        ("20202020", "1.0"),
        ("312E3030", "1.0"),
        ("322E3000", "2.0"),
        ("322E3030", "2.0"),
        ("322E3031", "2.0"),
        ("332E3030", "3.0"),
        ("332E30", "3.0"),
    ],
)
def test_the_first_three_characters_decide_the_version_and_empty_is_1_0(stored: str | None, version: str) -> None:
    assert profile_for(None if stored is None else bytes.fromhex(stored)).version == version


@pytest.mark.parametrize(("stored", "text"), [("342E3030", "4.00"), ("322E3130", "2.10"), ("00322E30", "\ufffd2.0")])
def test_another_version_is_refused_by_its_text(stored: str, text: str) -> None:
    with pytest.raises(VersionUnsupportedError) as caught:
        profile_for(bytes.fromhex(stored))
    assert caught.value.version == text


# Answers of two cards in the field, as published (the numbers of person and card replaced by their publisher).
ISSUER_OF_A_2012_CARD = bytes.fromhex(
    "0110430299D156000005000000133A05F2E30201330304322E3000040C9156000002430200430100D5050432303132"
    "06043230323207094230303030303133"
    "31"
)
HOLDER_OF_A_2018_CARD = bytes.fromhex(
    "0812313131313131313938313031303131313130"
    "091ED5C5C8FD0000000000000000000000000000000000000000000000000000"
    "4E140000000000000000000000000000000000000000"
)


def test_an_old_card_with_its_years_in_ascii_is_understood() -> None:
    issuer = V2.file_named("issuer")
    contents = issuer.parse(ISSUER_OF_A_2012_CARD)
    assert profile_for(contents.raw[0x03][0]) is V2
    assert contents.values["card_identifier"] == CardIdentifier("430299D156000005000000133A05F2E3")
    assert contents.values["spec_version"] == "2.0"
    assert contents.values["initialising_body"] == "9156000002430200430100D5"
    assert contents.values["issue_date"] == CardDate("2012", standard=False)
    assert contents.values["expiry_date"] == CardDate("2022", standard=False)
    assert contents.values["card_number"] == "B00000131"
    assert [(warning.code, warning.item) for warning in contents.warnings] == [
        ("DATE_NOT_STANDARD", "issue_date"),
        ("DATE_NOT_STANDARD", "expiry_date"),
    ]


def test_a_test_card_of_the_third_generation_is_understood() -> None:
    holder = V3.file_named("holder")
    contents = holder.parse(HOLDER_OF_A_2018_CARD)
    assert contents.values["social_security_number"] == "111111198101011110"
    assert contents.values["name"] == "张三"


def test_only_the_first_nine_characters_of_a_longer_card_number_count() -> None:
    issuer = V1.file_named("issuer")
    records = issuer.split(b"".join(issuer.encode({})))
    contents = issuer.decode({**records, 0x07: (b"T00000001123",)})
    assert contents.values["card_number"] == "T00000001"
    assert [(warning.code, warning.item) for warning in contents.warnings] == [("LENGTH_DIFFERS", "card_number")]


@pytest.mark.parametrize("file", FILES)
def test_neither_contents_nor_values_nor_refusals_show_personal_data(file: ElementaryFile) -> None:
    contents = file.parse(b"".join(file.encode(file.sample)))
    shown = [repr(contents), str(contents), repr(contents.warnings)]
    shown += [f"{value!r}{value}" for value in file.sample.values() if isinstance(value, CardDate | Coded)]
    for field in file.fields:
        for name in field.names:
            wrong = "1987" * 2000
            refused = {RECORDS: ({name: wrong},)} if isinstance(file, CyclicFile) else {name: wrong}
            with pytest.raises(ItemError) as caught:
                file.encode(refused)
            shown.append(f"{caught.value!r}{caught.value}")
    everything = " ".join(shown)
    assert not any(canary in everything for canary in ("990000", "T0000", "张三", "欧阳", "D5C5", "1990", "1987"))
    assert "男" not in everything
