"""The algorithm that a card names in its FCI, or that its region stands for [S2.3 §6.4, S3 §10.1]."""

import pytest

from cardlib.crypto import Algorithm
from cardlib.errors import AlgorithmUnsupportedError, CardDataError
from cardlib.fci import algorithm_of

NAME = "840F7378312E73682EC9E7BBE1B1A3D5CF"
# Answers to SELECT SSSE: of the public traces A and D; the others are the first with one byte changed.
SM4_CARD = f"6F1C{NAME}A50988011E9F0C03860103"
NO_ALGORITHM = f"6F16{NAME}A50388011E"

NAMED = {
    "trace A": (SM4_CARD, "519900", Algorithm.SM4),
    "trace D, not from Beijing": (NO_ALGORITHM, "430299", Algorithm.DES),
    "no algorithm, from Beijing": (NO_ALGORITHM, "110100", Algorithm.SSF33),
    "no algorithm, region unknown": (NO_ALGORITHM, None, Algorithm.DES),
    "DES by name, from Beijing": (f"6F1C{NAME}A50988011E9F0C03860101", "110100", Algorithm.DES),
    "SSF33 by name": (f"6F1C{NAME}A50988011E9F0C03860102", "430299", Algorithm.SSF33),
    "no FCI at all": ("", "110100", Algorithm.SSF33),
}


@pytest.mark.parametrize(("fci", "region", "algorithm"), NAMED.values(), ids=NAMED)
def test_the_fci_decides_and_the_region_where_it_is_silent(fci: str, region: str | None, algorithm: Algorithm) -> None:
    assert algorithm_of(bytes.fromhex(fci), region) is algorithm


def test_an_unknown_algorithm_is_named_in_the_error() -> None:
    with pytest.raises(AlgorithmUnsupportedError, match="7F"):
        algorithm_of(bytes.fromhex(f"6F1C{NAME}A50988011E9F0C0386017F"), "430299")


@pytest.mark.parametrize("fci", ["6F", "6F7F8400", f"6F1C{NAME}A50988011E9F0C038601"])
def test_a_broken_fci_is_an_error_of_the_card(fci: str) -> None:
    with pytest.raises(CardDataError):
        algorithm_of(bytes.fromhex(fci), "430299")
