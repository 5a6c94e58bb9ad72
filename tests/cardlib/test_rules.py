"""Access rules: what grants access, and how the specification writes it."""

import csv
from pathlib import Path

import pytest

from cardlib.rules import COS, FREE, NEVER, NONE, PIN, AllOf, AnyOf, Key, Rule, rule

ITEMS = Path(__file__).parents[1] / "vectors" / "items"

RULES = {
    "free": FREE,
    "PIN": PIN,
    "RKSSSE": Key("RKSSSE"),
    "PIN|RK1DF01": AnyOf(PIN, Key("RK1DF01")),
    "PIN&RK1DF04": AllOf(PIN, Key("RK1DF04")),
    "(PIN&RK3DF03)|UK4DF03": AnyOf(AllOf(PIN, Key("RK3DF03")), Key("UK4DF03")),
}


@pytest.mark.parametrize("notation", RULES)
def test_a_rule_is_written_as_the_specification_writes_it(notation: str) -> None:
    assert str(RULES[notation]) == notation


@pytest.mark.parametrize("notation", RULES)
def test_the_notation_occurs_in_the_published_tables(notation: str) -> None:
    published = set()
    for path in ITEMS.glob("items-*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            published |= {row["read_rule"] for row in csv.DictReader(lines)}
    assert notation in published | {"RKSSSE"}


@pytest.mark.parametrize(
    ("notation", "pin", "keys", "granted"),
    [
        ("free", False, (), True),
        ("PIN", False, ("RKSSSE",), False),
        ("PIN", True, (), True),
        ("RKSSSE", True, ("UKSSSE",), False),
        ("RKSSSE", False, ("UKSSSE", "RKSSSE"), True),
        ("PIN|RK1DF01", False, (), False),
        ("PIN|RK1DF01", True, (), True),
        ("PIN|RK1DF01", False, ("RK1DF01",), True),
        ("PIN&RK1DF04", True, (), False),
        ("PIN&RK1DF04", False, ("RK1DF04",), False),
        ("PIN&RK1DF04", True, ("RK1DF04",), True),
        ("(PIN&RK3DF03)|UK4DF03", False, ("RK3DF03",), False),
        ("(PIN&RK3DF03)|UK4DF03", True, ("RK3DF03",), True),
        ("(PIN&RK3DF03)|UK4DF03", False, ("UK4DF03",), True),
    ],
)
def test_access_is_granted_as_the_rule_says(notation: str, *, pin: bool, keys: tuple[str, ...], granted: bool) -> None:
    assert RULES[notation].satisfied(pin=pin, keys=keys) is granted


@pytest.mark.parametrize(
    ("rule", "keys"),
    [(FREE, set()), (PIN, set()), (RULES["(PIN&RK3DF03)|UK4DF03"], {"RK3DF03", "UK4DF03"})],
    ids=["free", "PIN", "compound"],
)
def test_a_rule_names_its_keys(rule: Rule, keys: set[str]) -> None:
    assert rule.keys == keys


def test_rules_that_say_the_same_are_equal() -> None:
    assert AnyOf(PIN, Key("RK1DF01")) == AnyOf(PIN, Key("RK1DF01"))
    assert AnyOf(PIN, Key("RK1DF01")) != AllOf(PIN, Key("RK1DF01"))


@pytest.mark.parametrize("notation", [*RULES, "never", "none", "COS", "A|B|C", "A&(B|C)", "(A|B)&(C|D)"])
def test_a_rule_is_made_from_its_notation(notation: str) -> None:
    made = rule(notation)
    assert str(made) == notation
    assert made == RULES.get(notation, made)


@pytest.mark.parametrize("notation", ["", "A|B&C", "A|", "|A", "(A", "A)", "A B", "A||B", "()", "A-B"])
def test_what_is_no_rule_is_refused(notation: str) -> None:
    with pytest.raises(ValueError, match=r"access rule|parenthesis"):
        rule(notation)


@pytest.mark.parametrize("closed", [NEVER, NONE, COS], ids=str)
def test_nothing_opens_what_is_closed_to_commands(closed: Rule) -> None:
    assert not closed.satisfied(pin=True, keys=("UKSSSE",))
    assert closed.keys == set()
