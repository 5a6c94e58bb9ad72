import importlib
import pkgutil

import grpc
import pytest

import apdu
import cardlib
import services
import simulator
from apdu.errors import (
    AuthenticationBlockedError,
    CardError,
    FileNotFoundOnCardError,
    NoCardError,
    WrongPinError,
)
from apdu.status import error_for
from cardlib.errors import KeyUnavailableError
from services.catalogue import KEY_BLOCKED, REFUSALS, UNKNOWN, failure_of
from services.errors import ServiceError


def _load_everything() -> None:
    for package in (apdu, cardlib, services, simulator):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _tree(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(kind for child in root.__subclasses__() for kind in _tree(child))]


_load_everything()
KINDS = sorted({*_tree(CardError), *_tree(ServiceError)}, key=lambda kind: kind.__qualname__)
ROWS = [*REFUSALS.values(), KEY_BLOCKED, UNKNOWN]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_exception_has_a_row_of_its_own(kind: type[Exception]) -> None:
    assert kind in REFUSALS


def test_the_catalogue_lists_no_exception_that_is_not_raised_about_cards_or_calls() -> None:
    assert set(REFUSALS) <= set(KINDS)


def test_every_reason_is_unique_and_well_formed() -> None:
    reasons = [row.reason for row in ROWS]
    assert len(reasons) == len(set(reasons))
    # google.rpc.ErrorInfo: at most 63 characters of [A-Z][A-Z0-9_]+[A-Z0-9]
    assert all(reason.replace("_", "").isalpha() and reason.isupper() and len(reason) <= 63 for reason in reasons)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reason)
def test_every_row_says_in_both_languages_what_is_the_matter_and_what_to_do(row) -> None:
    assert row.english.endswith(".")
    assert row.remedy.endswith(".")
    assert row.chinese.endswith("。")
    assert row.remedy_chinese.endswith("。")


def test_no_row_is_about_who_the_caller_is() -> None:
    assert not [row for row in ROWS if row.code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNKNOWN}]


def test_a_subclass_without_a_row_counts_as_its_nearest_ancestor() -> None:
    odd = type("OddCardError", (FileNotFoundOnCardError,), {})
    assert failure_of(odd(0x6A82)).refusal.reason == "NOT_ON_CARD"


def test_an_exception_of_somebody_else_gets_no_details() -> None:
    failure = failure_of(ValueError("张三"))
    assert failure.refusal is UNKNOWN
    assert failure.metadata == {}
    assert "张三" not in str(failure.to_status())


@pytest.mark.parametrize(
    ("sw", "ins", "reason", "national", "tries"),
    [
        (0x63C2, 0x20, "PIN_WRONG", "-51", "2"),
        (0x63C0, 0x20, "PIN_BLOCKED", "-52", "0"),
        (0x6983, 0x20, "PIN_BLOCKED", "-52", None),
        (0x6983, 0x82, "KEY_BLOCKED", "-27011", None),
        (0x63C2, 0x82, "KEY_WRONG", "-25538", "2"),
        (0x6982, 0xB2, "ACCESS_RULE", "-27010", None),
        (0x6A82, 0xA4, "NOT_ON_CARD", "-27266", None),
        (0x6A88, 0x88, "NOT_ON_CARD", "-27272", None),
        (0x9302, 0x2A, "MAC_INVALID", "-37634", None),
        (0x9303, 0xA4, "APPLICATION_BLOCKED", "-37635", None),
        (0x6700, 0xB2, "CARD_ERROR", "-26368", None),
        (0x6901, 0x2C, "CARD_STATE", "-26881", None),
    ],
)
def test_a_status_word_becomes_reason_and_national_code(sw, ins, reason, national, tries) -> None:
    """The national codes are those that [S3 annex A] prints."""
    failure = failure_of(error_for(sw, ins))
    assert failure.refusal.reason == reason
    assert failure.metadata["national_code"] == national
    assert failure.metadata["sw"] == f"{sw:04X}"
    assert failure.metadata.get("tries_left") == tries


def test_names_travel_as_metadata() -> None:
    assert failure_of(NoCardError("empty", reader="left")).metadata == {"reader": "left", "national_code": "-2"}
    assert failure_of(KeyUnavailableError("RKSSSE")).metadata == {"key": "RKSSSE", "national_code": "-2201"}


def test_the_status_has_the_chinese_text_too() -> None:
    status = failure_of(NoCardError("empty")).to_status()
    assert "请插入卡片" in status.details[1].value.decode()


def test_pin_blocked_by_this_very_try_counts_as_blocked() -> None:
    assert failure_of(WrongPinError(0x63C0, "VERIFY")).refusal is REFUSALS[AuthenticationBlockedError]


def test_a_key_that_was_just_blocked_is_said_to_be_blocked() -> None:
    assert failure_of(error_for(0x63C0, 0x82)).refusal.reason == "KEY_BLOCKED"
    assert failure_of(error_for(0x63C1, 0x82)).refusal.reason == "KEY_WRONG"
