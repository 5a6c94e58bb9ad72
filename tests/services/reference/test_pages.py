"""The card reference of the manual has everything that is declared."""

import re

import pytest

from cardlib.codes import ALL as CODE_TABLES
from cardlib.codes import CodeTable
from cardlib.keys import KEYS
from cardlib.model import CardProfile, Directory
from cardlib.profiles import ALL
from cardlib.schema import Code, Parts
from services.reference.markdown import anchor, code, plain
from services.reference.pages import pages

PAGES = pages()
DIRECTORIES = [
    pytest.param(profile, directory, id=f"{profile.version}-{directory.name}")
    for profile in ALL
    for directory in profile.directories
]


def rows(page: str) -> list[list[str]]:
    """The cells of all rows of the page's tables."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    # A bar within `code` or after a backslash does not part cells.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|(?=(?:[^`]*`[^`]*`)*[^`]*$)", line)[1:-1]] for line in lines]


def section(page: str, name: str) -> str:
    """What stands below the heading with the anchor of ``name``."""
    return re.split(r"^## ", page.split(f"{{ #{anchor(name)} }}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(("profile", "directory"), DIRECTORIES)
def test_every_file_is_on_the_page_of_its_directory_with_its_rules(profile: CardProfile, directory: Directory) -> None:
    page = PAGES[f"card/{profile.version}/{directory.name.lower()}.md"]
    for file in directory.files:
        head = rows(section(page, file.name))[2]
        assert code(str(file.read)) in head, file.name
        assert code(str(file.update)) in head, file.name
        assert code(file.structure.value) in head, file.name
        assert file.file_class.value in head, file.name


@pytest.mark.parametrize(("profile", "directory"), DIRECTORIES)
def test_every_item_is_in_its_file_with_tag_names_type_length_and_codes(
    profile: CardProfile, directory: Directory
) -> None:
    page = PAGES[f"card/{profile.version}/{directory.name.lower()}.md"]
    for file in directory.files:
        table = rows(section(page, file.name))
        for item in (*file.items, *file.declarations):
            schema = item.schema  # type: ignore[attr-defined]  # every declaration has one
            tags = code(" ".join(f"{tag:02X}" for tag in item.tags))
            wanted = {tags, code(item.name), plain(item.chinese), code(schema.notation)}
            wanted.add(f"{schema.size} ({schema.size:02X})")
            if isinstance(schema, Code):
                wanted.add(f"[{plain(schema.table.name)}](../codes.md#{anchor(schema.table.name)})")
            assert any((wanted - {""}) <= set(row) for row in table), (file.name, item.name)
            for part in schema.parts if isinstance(schema, Parts) else ():
                assert any(code(part.name) in row for row in table), (file.name, part.name)


@pytest.mark.parametrize("table", [pytest.param(table, id=table.name) for table in CODE_TABLES])
def test_every_code_is_in_the_section_of_its_table(table: CodeTable) -> None:
    found = rows(section(PAGES["card/codes.md"], table.name))
    assert found[2:] == [[code(number), plain(zh), plain(en)] for number, zh, en in table.rows]


def test_code_tables_have_anchors_of_their_own() -> None:
    anchors = re.findall(r"\{ #(\S+) \}", PAGES["card/codes.md"])
    assert len(anchors) == len(set(anchors)) == len(CODE_TABLES)


def test_every_key_is_in_the_list_with_its_identifier() -> None:
    listed = {row[0]: row for row in rows(PAGES["card/keys.md"])}
    for key in KEYS.values():
        assert code(key.name) in listed, key.name
        assert key.card_id is None or code(f"{key.card_id:02X}") in listed[code(key.name)], key.name


def test_the_keys_of_a_rule_lead_to_the_files_they_open() -> None:
    listed = {row[0]: row for row in rows(PAGES["card/keys.md"])}
    assert "`unemployment_insurance` read" in listed["`RK2DF03`"][-1]


def test_an_example_is_shown_as_people_read_it_and_as_it_is_stored() -> None:
    # 张三 in GBK, as the specification itself writes it.
    row = next(row for row in rows(section(PAGES["card/2.0/ssse.md"], "holder")) if "`09`" in row)
    assert "张三" in row
    assert code("D5C5C8FD" + "00" * 26) in row


def test_text_that_means_something_in_markdown_is_shown_as_it_is() -> None:
    assert plain("a|b_c*[d]<e>`f`") == r"a\|b\_c\*\[d\]\<e\>\`f\`"


def test_the_same_declarations_make_the_same_pages() -> None:
    assert pages() == PAGES
