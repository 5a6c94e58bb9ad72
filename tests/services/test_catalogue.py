import importlib
import pkgutil
import re
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pool

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
from cardlib.values import Concern
from services.catalogue import KEY_BLOCKED, REFUSALS, UNKNOWN, failure_of
from services.catalogue.callers import CALLERS
from services.catalogue.refusal import Fixer, Retry
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
REASONS = {row.reason for row in ROWS}
ROOT = Path(__file__).parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]+ (?!access)[a-z]{3,}")
SAID = re.compile(r"""\b[Rr]easons?(?::? [`"']{0,2}|(?:\(\w*\))? ?[!=]==? ?["'])([A-Z][A-Z0-9_]{3,})\b""")
ACTORS = {
    "The holder ": Fixer.HOLDER,
    "The administrator ": Fixer.ADMINISTRATOR,
    "The issuer ": Fixer.ISSUER,
    "The caller": Fixer.DEVELOPER,
    "Tell support": Fixer.SUPPORT,
    "Nothing is to be done": Fixer.NOBODY,
}


def _names_of_values() -> set[str]:
    """Of all enumerations of the .proto files, with their prefix and without; and the words for concerns."""
    pool = descriptor_pool.Default()
    files = [pool.FindFileByName(f"sscard/v1/{file.name}") for file in (ROOT / "proto/sscard/v1").glob("*.proto")]
    messages = [message for file in files for message in file.message_types_by_name.values()]
    for message in messages:
        messages.extend(message.nested_types)
    enumerations = [each for part in (*files, *messages) for each in part.enum_types_by_name.values()]
    names = {name for each in enumerations for name in each.values_by_name}
    return (
        names | {name.split("_", parts)[-1] for name in names for parts in (1, 2, 3)} | {each.name for each in Concern}
    )


VALUES = _names_of_values()


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
    for english in (row.english, row.remedy):
        assert english.endswith(".")
        assert english.isascii(), "no Chinese in English"
        assert english[0].isupper()
    for chinese in (row.chinese, row.remedy_chinese):
        assert chinese.endswith("。")
        assert len(HAN.findall(chinese)) >= 4, "Chinese in Chinese"
        assert not ENGLISH.search(chinese), "no English in Chinese, but names"


def test_only_rows_about_callers_are_about_who_the_caller_is() -> None:
    of_callers = [row for row in ROWS if row.code is grpc.StatusCode.UNAUTHENTICATED]
    assert of_callers
    assert all(row in CALLERS.values() for row in of_callers)
    assert not [row for row in ROWS if row.code in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK}]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reason)
def test_what_helps_is_for_who_is_named(row) -> None:
    """Where the English text names somebody who acts first, that is who the row is for."""
    named = [fixer for words, fixer in ACTORS.items() if row.remedy.startswith(words)]
    assert named in ([], [row.fixer])


def test_every_fixer_and_retry_is_said_in_both_languages_and_used() -> None:
    for kind, used in ((Fixer, {row.fixer for row in ROWS}), (Retry, {row.retry for row in ROWS})):
        assert used == set(kind)
        assert all(one.english.isascii() and HAN.search(one.chinese) for one in kind)


@pytest.mark.parametrize(
    ("reason", "retry"),
    [
        ("TRANSPORT", Retry.AS_IT_IS),
        ("AUDIT", Retry.AS_IT_IS),
        ("CARD_REMOVED", Retry.FROM_THE_START),
        ("DEADLINE", Retry.FROM_THE_START),
        ("PIN_WRONG", Retry.AFTERWARDS),
        ("PIN_REPEATED", Retry.AFTERWARDS),
        ("KEY_WRONG", Retry.AFTERWARDS),
        ("INTERNAL", Retry.AFTERWARDS),
    ],
)
def test_whether_a_call_may_be_made_again_is_what_its_code_says(reason, retry) -> None:
    assert next(row for row in ROWS if row.reason == reason).retry is retry


def test_whoever_may_repeat_a_call_is_not_told_to_stop() -> None:
    repeatable = [row for row in ROWS if row.retry is Retry.AS_IT_IS]
    assert not [row.reason for row in repeatable if re.search(r"\b(Stop|Do not repeat|never)\b", row.remedy)]


@pytest.mark.parametrize("file", sorted((ROOT / "proto/sscard/v1").glob("*.proto")), ids=lambda file: file.name)
def test_whatever_a_proto_file_calls_a_reason_is_one(file) -> None:
    """Every word of this form in a comment is a reason of the catalogue, or the name of a value."""
    comments = "\n".join(line.partition("//")[2] for line in file.read_text(encoding="utf-8").splitlines())
    words = set(re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", comments))
    words |= set(re.findall(r"\b[Rr]easons?:? ([A-Z][A-Z0-9_]+)\b", comments))
    assert sorted(words - REASONS - VALUES) == []


@pytest.mark.parametrize(
    "text",
    [
        "reason PIN_WRONG",
        "with the reasons ``PIN_WRONG``",
        'if info.reason == "PIN_WRONG"',
        "reason(error) === 'PIN_WRONG'",
    ],
)
def test_reasons_are_recognised(text) -> None:
    assert SAID.findall(text) == ["PIN_WRONG"]


@pytest.mark.parametrize("place", ["apdu", "cardlib", "services", "simulator", "examples", "docs", "README.md"])
def test_whatever_code_and_manual_call_a_reason_is_one(place) -> None:
    files = [ROOT / place] if place.endswith(".md") else sorted((ROOT / place).rglob("*"))
    files = [file for file in files if file.suffix in {".py", ".md", ".js"} and "node_modules" not in file.parts]
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    assert texts
    said = {word: file.name for file, text in texts.items() for word in SAID.findall(text)}
    assert {word: file for word, file in said.items() if word not in REASONS} == {}


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
