"""Secret: bytes that never show."""

import copy
import json
import pickle

import pytest

from apdu.secret import Secret

CANARY = b"\x13\x57\x9b\xdf"


@pytest.mark.parametrize("show", [repr, str, "{:>30}".format, "%s".__mod__, ascii], ids=lambda f: f.__name__)
def test_no_way_of_printing_shows_the_bytes(show: object) -> None:
    text = show(Secret(CANARY))  # type: ignore[operator]
    assert "4 secret bytes" in text
    assert CANARY.hex() not in text
    assert "x13" not in text


@pytest.mark.parametrize("leak", [pickle.dumps, json.dumps, copy.deepcopy], ids=lambda f: f.__qualname__)
def test_a_secret_cannot_be_serialised(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret(CANARY))  # type: ignore[operator]


def test_secrets_compare_by_value_and_only_with_secrets() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(b"other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1
    assert Secret(CANARY).reveal() == CANARY
