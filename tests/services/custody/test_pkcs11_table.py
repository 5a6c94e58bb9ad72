import re
from pathlib import Path

import pytest

from cardlib.crypto import Algorithm
from cardlib.keys import KEYS, KeyDeclaration, KeyReference, Level, Purpose
from services.config import ConfigError
from services.custody import pkcs11_table
from services.custody.pkcs11 import StoredKey
from services.custody.pkcs11_table import HsmTable, read_hsm_table
from services.custody.pkcs11_vendor import CipherNumbers

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
SM4 = '[sm4]\nkey_type = "80000011"\nencrypt = "80000101"\n'


@pytest.fixture
def read(tmp_path):
    def of(text: str, **others) -> HsmTable:
        path = tmp_path / "hsm.toml"
        path.write_text(text, encoding="utf-8")
        return read_hsm_table(path, **others)

    return of


def test_the_table_of_the_manual(read):
    example = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[sm4]" in block)
    assert read(example) == HsmTable(
        (StoredKey(KeyReference("UKSSSE"), Algorithm.DES, "province 99", b"", 2, "99"),),
        CipherNumbers(0x80000011, 0x80000101, 0x80000102, tells_length=True),
    )


def test_the_table_of_the_modules_own_text(read):
    example = pkcs11_table.__doc__.split("::\n\n", 1)[1].rsplit("\n\n", 1)[0]
    assert read(example).stored == (StoredKey(KeyReference("UKSSSE"), Algorithm.DES, "province 99", b"", 2, "99"),)


def test_what_is_left_out_is_a_root_of_version_1_under_its_own_name(read):
    assert read("") == HsmTable()
    assert read('[[keys]]\nname = "IRK"\n') == HsmTable((StoredKey(KeyReference("IRK")),))
    table = read(SM4 + 'tells_length = false\n[[keys]]\nname = "IRK"\nalgorithm = "SM4"\nlevels = 1\nregion = "990100"')
    assert table.sm4 == CipherNumbers(0x80000011, 0x80000101, None, tells_length=False)


def test_one_key_may_stand_for_several_regions_and_a_lot_has_its_transport_key(read):
    rows = [f'[[keys]]\nname = "IRK"\nid = "{n:02X}"\nlevels = 2\nregion = "{n}"\n' for n in (11, 12)]
    lot = '[[keys]]\nname = "TRANSPORT"\nversion = 77\nlabel = "lot 77"\n'
    stored = read("".join(rows) + lot).stored
    assert [key.identifier for key in stored] == [b"\x0b", b"\x0c", b""]
    assert stored[2].key == KeyReference("TRANSPORT", 77)


def row(levels: int, region: str, more: str = "") -> str:
    return f'[[keys]]\nname = "UKSSSE"\nlabel = "of {region}"\nlevels = {levels}\nregion = "{region}"\n{more}'


ROOT, PROVINCE, CITY = row(3, ""), row(2, "99"), row(1, "990100")


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((ROOT, PROVINCE), id="root and province"),
        pytest.param((ROOT, CITY), id="root and city"),
        pytest.param((PROVINCE, CITY), id="province and city"),
        pytest.param((CITY, CITY), id="a city twice"),
        pytest.param((row(1, "330781"), row(1, "330782")), id="counties of one Zhejiang city"),
        pytest.param((row(1, "330700"), row(1, "330782")), id="a Zhejiang city and its county"),
    ],
)
@pytest.mark.parametrize("step", [1, -1], ids=["in order", "in reverse"])
def test_a_key_that_two_rows_have_for_some_card_is_refused_in_whatever_order(read, rows, step):
    with pytest.raises(ConfigError, match=r"keys\[1\]: .* in common with keys\[2\]; .*keys\[2\]: .*keys\[1\]"):
        read("".join(rows[::step]))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((PROVINCE, row(2, "98")), id="provinces"),
        pytest.param((CITY, row(1, "990200"), row(1, "990101")), id="cities"),
        pytest.param((row(1, "330700"), row(1, "330800")), id="Zhejiang cities"),
        pytest.param((ROOT, row(2, "99", "version = 2\n")), id="versions"),
        pytest.param((SM4 + 'derive = "80000102"\n' + ROOT, row(2, "99", 'algorithm = "SM4"\n')), id="ciphers"),
    ],
)
def test_rows_without_a_card_in_common_stand_together(read, rows):
    assert len(read("".join(rows)).stored) == len(rows)


def test_keys_of_regions_are_known(read):
    own = KeyDeclaration("UKREGION", Purpose.UPDATE, "DF0A", Level.ISSUER, 0x81)
    row = '[[keys]]\nname = "UKREGION"\n'
    assert read(row, keys={**KEYS, "UKREGION": own}).stored[0].key.name == "UKREGION"
    with pytest.raises(ConfigError, match=r"keys\[1\]: there is no key UKREGION"):
        read(row)


def test_everything_that_is_wrong_is_told_at_once(read):
    with pytest.raises(ConfigError) as raised:
        read(
            '[[keys]]\nname = "NONE"\n'
            '[[keys]]\nname = "IRK"\nversion = 4\n'
            '[[keys]]\nname = "BK"\nlevels = 2\nregion = "9901"\n'
            '[[keys]]\nname = "LKDF03"\nlevels = 4\n'
            '[[keys]]\nname = "PUK"\n[[keys]]\nname = "PUK"\nlabel = "again"\n'
            '[[keys]]\nname = "TRANSPORT"\nlevels = 2\nregion = "99"\n'
            '[[keys]]\nname = "DPK"\nalgorithm = "SM4"\n'
        )
    told = str(raised.value).split("; ")
    assert [fault.partition(".toml: ")[2] for fault in told] == [
        "keys[1]: there is no key NONE",
        "keys[5]: this version of the key has cards in common with keys[6]",
        "keys[6]: this version of the key has cards in common with keys[5]",
        "keys[2]: a key has versions 1, 2, 3, not 4",
        "keys[3]: a key 2 levels above a card belongs to a region of 2 digits",
        "keys[4]: a stored key is 3, 2 or 1 levels above a card, not 4",
        "keys[7]: a transport key is a 3DES root, whatever the chip's cipher is",
        "keys[8]: an SM4 key needs the vendor's numbers: add [sm4]",
    ]


def test_everything_that_is_wrong_with_the_form_is_told_at_once(read):
    with pytest.raises(ConfigError) as raised:
        read(
            '[sm4]\nkey_type = 17\nencrypt = "x"\nderive = "0100000000"\n'
            '[[keys]]\nversion = "1"\n[[keys]]\nname = "IRK"\nalgorithm = "DES"\nid = "0"\nlabels = "x"\n'
        )
    for place in (
        "sm4.key_type: takes hex", "sm4.encrypt: takes hex", "sm4.derive: ", "keys[1].name: ", "keys[1].version: ",
        "keys[2].algorithm: ", "keys[2].id: takes hex", "keys[2].labels: ",
    ):  # fmt: skip
        assert place in str(raised.value)


def test_without_a_derivation_sm4_keys_are_those_of_cities(read):
    with pytest.raises(ConfigError, match=r"keys\[1\]: without sm4\.derive the key must be a city's"):
        read(SM4 + '[[keys]]\nname = "IRK"\nalgorithm = "SM4"\n')


def test_what_is_no_toml_is_said(read, tmp_path):
    with pytest.raises(ConfigError, match=r"hsm\.toml is no TOML file in UTF-8"):
        read("keys = [")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_hsm_table(tmp_path)
