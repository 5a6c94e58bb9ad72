"""The codes of a PSAM: records as in the specification's worked examples, and the shape of the key table."""

import pytest

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.psam import DES_KEY, ENVIRONMENTS, SM4_KEY, PsamKey, PsamKeyType, usage
from cardlib.psam_keys import PSAM_KEYS

K = bytes(range(16))


@pytest.mark.parametrize(
    ("key", "record"),
    [
        pytest.param(PsamKey(PsamKeyType.ENCRYPT, 0x2D, 3, Secret(K)), "672D000000000000" + K.hex(), id="3DES"),
        pytest.param(
            PsamKey(PsamKeyType.MAC, 9, 1, Secret(K[:8]), DES_KEY), "2609000100000000" + K[:8].hex(), id="DES"
        ),
        pytest.param(PsamKey(PsamKeyType.ENCRYPT, 0x2D, 3, Secret(K), SM4_KEY), "672D000300000000" + K.hex(), id="SM4"),
    ],
)
def test_records(key: PsamKey, record: str) -> None:
    assert key.record.reveal() == bytes.fromhex(record)
    assert key.change.reveal() == bytes.fromhex(record)[:3] + key.value.reveal()
    assert key.value.reveal().hex() not in repr(key)


def test_a_value_has_the_length_of_its_algorithm() -> None:
    with pytest.raises(MalformedError, match="a key of 16 bytes is none of algorithm 01"):
        PsamKey(PsamKeyType.MAC, 9, 1, Secret(K), DES_KEY)
    with pytest.raises(MalformedError, match="algorithm 09"):
        PsamKey(PsamKeyType.MAC, 9, 1, Secret(K), 9)


@pytest.mark.parametrize(
    ("kind", "byte"), [("MAC", 0x66), ("ENCRYPT", 0x67), ("ENCRYPT_AND_MAC", 0x68), ("PURCHASE", 0x62)]
)
def test_usage_of_national_roots(kind: str, byte: int) -> None:
    assert usage(PsamKeyType[kind], 3) == byte


def test_names_of_the_environments() -> None:
    for algorithm, (_, name) in ENVIRONMENTS.items():
        assert name == f"sx{algorithm.value}.sh.社会保障".encode("gbk")
    assert set(ENVIRONMENTS) == set(Algorithm)


def test_files_of_keys_follow_the_ranges_of_the_published_ids() -> None:
    rows = {(row.kind, row.id): row for row in PSAM_KEYS}
    assert rows[PsamKeyType.ENCRYPT, 0x2D].file == 0x0011
    assert rows[PsamKeyType.ENCRYPT_AND_MAC, 0x42].file == 0x0012
    assert rows[PsamKeyType.ENCRYPT, 0x17].file == 0x0012
    assert rows[PsamKeyType.PURCHASE, 1].file == 0x0011
