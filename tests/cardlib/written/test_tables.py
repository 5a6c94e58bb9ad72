"""Which table is about which file."""

from cardlib.profiles.v2 import V2
from cardlib.written.tables import OF_ITEMS, place_of, table, written_files


def test_files_are_found_in_their_tables_and_others_are_told():
    mistakes: list[str] = []
    tables = {
        "person": {"name": "示例"},
        "files": {"photo": {}, "holder": {}, "pensions": {}, "medical_account": {}},
    }
    found = [
        (file.name, place, written)
        for file, place, written in written_files(V2, tables, mistakes, {"medical_account": "balances"})
    ]
    assert found == [("holder", "person", {"name": "示例"}), ("photo", "files.photo", {})]
    assert [line.split(":")[0] for line in mistakes] == ["files.holder", "files.pensions", "files.medical_account"]
    assert mistakes[0] == "files.holder: is written as [person]"
    assert mistakes[2] == "files.medical_account: is written as [balances]"


def test_what_is_no_table_holds_nothing():
    assert table({"files": 7}, "files") == {}
    assert [place_of(name) for name in ("holder", "issuer", "photo")] == ["person", "issuer", "files.photo"]
    assert OF_ITEMS == ("person", "issuer", "files")
