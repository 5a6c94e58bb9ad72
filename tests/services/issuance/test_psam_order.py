"""Files that say what a PSAM is to become."""

from pathlib import Path

import pytest

from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference
from cardlib.psam import CITY_KEYS, NATIONAL_KEYS, PsamKeyType
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId
from services.config import ConfigError
from services.issuance.psam_order import read_psam_order

ORDER = """
serial = "99010020260101000001"
terminal = "990100000001"
region = "990100"
algorithms = ["DES"]
levels = 2
keys = "ids.toml"
issuer = 0x99
fci_data = "F1F2"

[ministry]
purchase_index = 2
key_version = 3
valid_from = "20260101"
valid_until = "20301231"

[province]
valid_from = "20260201"
valid_until = "20311231"

[city]
valid_from = "20260301"
valid_until = "20321231"
"""
TABLE = """
[[keys]]
name = "IRK"
kind = "ENCRYPT"
id = "08"
levels = 3
file = "0011"

[[keys]]
name = "PUK"
kind = "ENCRYPT_AND_MAC"
id = "18"
levels = 1
file = "0013"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "ids.toml").write_text(TABLE)
    path = tmp_path / "psam.toml"
    path.write_text(ORDER)
    return path


def test_the_file_says_all_of_it(file) -> None:
    order = read_psam_order(file)
    assert (order.serial, order.terminal, order.region) == ("99010020260101000001", "990100000001", "990100")
    assert order.algorithms == (Algorithm.DES,)
    assert order.keys == (
        PsamKeyId("IRK", PsamKeyType.ENCRYPT, 8, 3, NATIONAL_KEYS),
        PsamKeyId("PUK", PsamKeyType.ENCRYPT_AND_MAC, 0x18, 1, CITY_KEYS),
    )
    assert order.information == (
        ApplicationInformation(2, 3, "20260101", "20301231"),
        ApplicationInformation(1, 1, "20260201", "20311231"),
        ApplicationInformation(1, 1, "20260301", "20321231"),
    )
    assert order.card_information.hex() == "99" + "99010020260101000001" + "0100f1f2"
    (irk,) = order.keys_of(NATIONAL_KEYS, Algorithm.DES)
    assert (irk.reference, irk.levels) == (KeyReference("IRK", 3), 2)


def test_numbers_may_be_said_outside_the_file(file) -> None:
    file.write_text(ORDER.replace('serial = "99010020260101000001"\n', "").replace("levels = 2\n", ""))
    order = read_psam_order(file, serial="99010020260101000002", terminal="990100000002")
    assert (order.serial, order.terminal, order.levels) == ("99010020260101000002", "990100000002", None)
    with pytest.raises(ConfigError, match="the serial number of a PSAM has 20 digits"):
        read_psam_order(file)


def test_the_table_may_be_that_of_the_service_or_of_software_psams(file, tmp_path) -> None:
    file.write_text(ORDER.replace('keys = "ids.toml"\n', ""))
    assert len(read_psam_order(file, table=tmp_path / "ids.toml", otherwise=PSAM_KEYS).keys) == 2
    assert read_psam_order(file, otherwise=PSAM_KEYS).keys == PSAM_KEYS
    with pytest.raises(ConfigError, match="name a table with `keys`, or set psam_keys"):
        read_psam_order(file)


WRONG = {
    "no file": (None, "cannot be read"),
    "no TOML": ("serial = ", "is no TOML file"),
    "no table": (ORDER.replace("ids.toml", "others.toml"), "others.toml cannot be read"),
    "unknown word": (ORDER.replace("issuer", "isuer"), "isuer: "),
    "no ministry": (ORDER.replace("[ministry]", "[minister]"), "ministry: "),
    "levels": (ORDER.replace("levels = 2", "levels = 4"), "levels: "),
    "algorithm": (ORDER.replace('["DES"]', '["SSF33"]'), r"algorithms\[1\]: "),
    "SM4 first": (ORDER.replace('["DES"]', '["SM4"]'), "its MF, is that of DES"),
    "terminal": (ORDER.replace('"990100000001"', '"110100000001"'), "must begin with the region"),
    "date": (ORDER.replace("20321231", "2032"), "a date of a PSAM has 8 digits"),
    "version": (ORDER.replace("key_version = 3", "key_version = 9"), "keys have versions 1, 2, 3"),
    "octets": (ORDER.replace("F1F2", "F1"), "FCI data two"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(file, text, said) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_psam_order(file)
    assert file.parent.name in str(caught.value)
