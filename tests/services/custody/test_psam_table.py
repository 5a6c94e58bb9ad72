import re
from pathlib import Path

import pytest

from cardlib.psam import PsamKeyType
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId
from services.config import ConfigError
from services.custody import psam_table
from services.custody.psam_table import read_psam_table

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
IRK = PsamKeyId("IRK", PsamKeyType.ENCRYPT, 0x08, 3, 0x0011)


@pytest.fixture
def read(tmp_path):
    def of(*rows: str) -> tuple[PsamKeyId, ...]:
        path = tmp_path / "psam.toml"
        path.write_text("".join(rows), encoding="utf-8")
        return read_psam_table(path)

    return of


def row(name: str = "IRK", kind: str = "ENCRYPT", number: str = "08", levels: int = 3, file: str = "0011") -> str:
    return f'[[keys]]\nname = "{name}"\nkind = "{kind}"\nid = "{number}"\nlevels = {levels}\nfile = "{file}"\n'


def test_the_table_of_the_manual_and_that_of_the_modules_own_text(read):
    assert read(next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "kind" in block)) == (IRK,)
    assert read(psam_table.__doc__.split("::\n\n", 1)[1]) == (IRK,)


def test_the_test_psams_own_table_can_be_written_so(read):
    usable = [at for at in PSAM_KEYS if at.kind not in {PsamKeyType.LOAD, PsamKeyType.TAC}]
    rows = [row(at.name, at.kind.name, f"{at.id:02X}", at.levels, f"{at.file:04X}") for at in usable]
    assert read(*rows) == tuple(usable)


def test_a_purchase_key_stands_once_for_each_version(read):
    rows = [row("DPK", "PURCHASE", number) for number in ("01", "02", "03")]
    assert [at.id for at in read(*rows)] == [1, 2, 3]
    with pytest.raises(ConfigError, match=r"keys\[1\]: the key stands twice.*keys\[4\]: the key stands twice"):
        read(*rows, rows[0])


def test_everything_that_is_wrong_is_told_at_once(read):
    with pytest.raises(ConfigError) as raised:
        read(row("NONE", number="01"), row("PUK"), row(), row(number="09"), row("BK", number="17", file="0014"))
    assert [fault.partition(".toml: ")[2] for fault in str(raised.value).split("; ")] == [
        "keys[1]: there is no key NONE",
        "keys[3]: the key stands twice",
        "keys[4]: the key stands twice",
        "keys[2]: two keys of one type have this id",
        "keys[3]: two keys of one type have this id",
        "keys[5]: file is 0011, 0012 or 0013, not 0014",
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "keys: "),
        ("keys = []", "keys: "),
        (row(kind="TAC"), "keys[1].kind: "),
        (row(number="100"), "keys[1].id: takes hexadecimal"),
        (row(number="0100"), "keys[1].id: "),
        (row(levels=4), "keys[1].levels: "),
        (row() + "region = 1\n", "keys[1].region: "),
        ("keys = 5", "keys: "),
        ("[[keys]", "is no TOML file"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(read, text, place):
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert place in str(raised.value)
