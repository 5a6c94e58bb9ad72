"""Session factors of the medical account; inputs and outputs are those of the published vectors."""

import pytest

from apdu.errors import MalformedError
from cardlib.crypto import load_factor, purchase_factor

RANDOM = bytes.fromhex("A1B2C3D4")


def test_load_factor_ends_in_8000():
    assert load_factor(RANDOM, 1) == bytes.fromhex("A1B2C3D4 0001 8000")


def test_purchase_factor_takes_the_low_half_of_the_terminals_number():
    assert purchase_factor(RANDOM, 0x0102, 0xAABBCCDD) == bytes.fromhex("A1B2C3D4 0102 CCDD")


@pytest.mark.parametrize(("random", "sequence"), [(b"", 1), (bytes(8), 1), (RANDOM, -1), (RANDOM, 0x10000)])
def test_other_lengths_are_refused(random, sequence):
    with pytest.raises(MalformedError, match="session factor"):
        load_factor(random, sequence)
