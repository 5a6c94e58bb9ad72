"""SM3 against the vectors of the standard and against the OpenSSL command line."""

import subprocess

import pytest

from cardlib.crypto.sm3 import SM3_SIZE, sm3

VECTORS = [
    pytest.param(b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", id="GB/T 32905 A.1"),
    pytest.param(b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732", id="GB/T 32905 A.2"),
]


@pytest.mark.parametrize(("data", "expected"), VECTORS)
def test_the_vectors_of_the_standard(data, expected) -> None:
    assert sm3(data).hex() == expected


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 1000])
def test_as_openssl_has_it(size) -> None:
    data = bytes(number * 7 % 256 for number in range(size))
    told = subprocess.run(
        ["openssl", "dgst", "-sm3", "-binary"], input=data, capture_output=True, check=True, timeout=30
    )
    assert sm3(data) == told.stdout
    assert len(told.stdout) == SM3_SIZE
