"""The errors that only the card's own library can raise."""

import pytest

from apdu.errors import CardError, MalformedError, UnansweredError
from cardlib import errors


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (errors.ForeignCardError(), CardError),
        (errors.VersionUnsupportedError("4.0"), CardError),
        (errors.AlgorithmUnsupportedError("SSF33"), CardError),
        (errors.NotAuthenticError(), CardError),
        (errors.KeyUnavailableError("RKSSSE"), UnansweredError),
        (errors.ItemError("name", "takes text"), MalformedError),
        (errors.CardDataError("no card identifier"), MalformedError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_every_error_has_its_place_in_the_tree_and_a_message(error: CardError, parent: type[CardError]) -> None:
    assert isinstance(error, parent)
    assert str(error)


def test_item_error_names_file_and_item_once_the_file_is_known() -> None:
    error = errors.ItemError("name", "takes text")
    assert str(error) == "name: takes text"
    placed = error.within("holder")
    assert str(placed) == "holder.name: takes text"
    assert (placed.file, placed.item, placed.reason) == ("holder", "name", "takes text")


def test_key_unavailable_says_which_key_and_why() -> None:
    error = errors.KeyUnavailableError("IRK", "no such version")
    assert error.key == "IRK"
    assert str(error) == "key IRK is not available: no such version"


def test_an_unsupported_version_is_shown_without_line_breaks_of_its_own() -> None:
    assert "\n" not in str(errors.VersionUnsupportedError("9\n0"))
