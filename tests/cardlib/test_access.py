"""Which keys, and whether the PIN, it takes: against the rules of the specification's tables."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardlib.access import Need, Way, needed, pin_helps, ways
from cardlib.profiles import ALL
from cardlib.rules import FREE, NEVER, PIN, AllOf, AnyOf, Key, rule

PIN_OR_RK1 = rule("PIN|RK1DF01")
PIN_AND_RK1 = rule("PIN&RK1DF04")
RULES = sorted(
    {str(file.read) for p in ALL for d in p.directories for file in d.files}
    | {str(file.update) for p in ALL for d in p.directories for file in d.files}
)


def test_a_free_file_takes_nothing_and_a_closed_one_has_no_way():
    assert ways(FREE) == (Way(False, frozenset()),)
    assert ways(NEVER) == ()


def test_ways_are_minimal_and_those_with_fewest_keys_come_first():
    assert ways(PIN_OR_RK1) == (Way(True, frozenset()), Way(False, frozenset({"RK1DF01"})))
    assert ways(rule("(PIN&RK3DF03)|UK4DF03")) == (
        Way(True, frozenset({"RK3DF03"})),
        Way(False, frozenset({"UK4DF03"})),
    )


@pytest.mark.parametrize("notation", RULES)
def test_every_rule_of_every_profile_is_satisfied_by_its_ways_and_by_nothing_less(notation):
    found = ways(rule(notation))
    for way in found:
        assert rule(notation).satisfied(pin=way.pin, keys=way.keys)
        for key in way.keys:
            assert not rule(notation).satisfied(pin=way.pin, keys=way.keys - {key})
        if way.pin:
            assert not rule(notation).satisfied(pin=False, keys=way.keys)


@pytest.mark.parametrize(
    ("rules", "pin", "missing", "expected"),
    [
        pytest.param([FREE], False, (), Need(False, ()), id="free"),
        pytest.param([PIN_OR_RK1], False, (), Need(False, ("RK1DF01",)), id="a key where there is no PIN"),
        pytest.param([PIN_OR_RK1], True, (), Need(True, ()), id="the PIN instead of a key"),
        pytest.param([PIN_OR_RK1], False, ("RK1DF01",), Need(False, ()), id="a missing key is not asked for"),
        pytest.param([PIN_AND_RK1], False, (), Need(False, ()), id="no key for what the PIN is missing for"),
        pytest.param([PIN_AND_RK1], True, (), Need(True, ("RK1DF04",)), id="both"),
        pytest.param([PIN], False, (), Need(False, ()), id="nothing to be done"),
        pytest.param([Key("UK1DF01"), FREE], True, (), Need(False, ("UK1DF01",)), id="the PIN where it is no use"),
        pytest.param([NEVER], True, (), Need(False, ()), id="never"),
        pytest.param(
            [rule("PIN|RK1DF03"), rule("PIN|RK2DF03")], False, (), Need(False, ("RK1DF03", "RK2DF03")), id="two keys"
        ),
        pytest.param(
            [rule("RK1DF01|UK1DF01"), rule("RK2DF01|UK1DF01")], False, (), Need(False, ("UK1DF01",)), id="one for both"
        ),
        pytest.param([rule("RK1DF01|UK1DF01")], False, (), Need(False, ("RK1DF01",)), id="rather a key for reading"),
    ],
)
def test_the_fewest_keys_are_asked_for(rules, pin, missing, expected):
    assert needed(rules, pin=pin, missing=missing) == expected


def test_a_right_that_is_held_is_not_won_again():
    assert needed([PIN_OR_RK1], pin=False, held={"RK1DF01"}) == Need(False, ())
    assert needed([PIN_OR_RK1, Key("UK1DF01")], pin=False, held={"RK1DF01"}) == Need(False, ("UK1DF01",))


@pytest.mark.parametrize(
    ("rules", "missing", "expected"),
    [
        pytest.param({"SSSE": [FREE, Key("RKSSSE")]}, (), False, id="no file knows the PIN"),
        pytest.param({"DF01": [PIN_OR_RK1]}, (), True, id="it spares a key"),
        pytest.param({"DF04": [PIN]}, (), True, id="a file needs it"),
        pytest.param({"DF04": [PIN_OR_RK1, PIN_AND_RK1]}, ("RK1DF04",), True, id="one file at least"),
        pytest.param({"DF04": [PIN_AND_RK1]}, ("RK1DF04",), False, id="the key beside it is missing"),
        pytest.param({"DF04": [rule("PIN|RK1DF04"), Key("RK1DF04")]}, (), False, id="the key is needed anyway"),
        pytest.param({}, (), False, id="nothing is wanted"),
    ],
)
def test_the_pin_is_used_where_it_opens_a_file_or_spares_a_key(rules, missing, expected):
    assert pin_helps(rules, missing) is expected


KEYS = ("RK1DF01", "RK2DF01", "UK1DF01", "UK2DF01")
any_rule = st.recursive(
    st.sampled_from([FREE, NEVER, PIN, *map(Key, KEYS)]),
    lambda inner: st.builds(AllOf, inner, inner) | st.builds(AnyOf, inner, inner),
    max_leaves=4,
)


@given(st.lists(any_rule, min_size=1, max_size=4), st.booleans(), st.sets(st.sampled_from(KEYS)))
def test_no_smaller_set_of_keys_opens_as_much(rules, pin, missing):
    need = needed(rules, pin=pin, missing=missing)
    at_hand = set(KEYS) - missing
    every = chain.from_iterable(combinations(sorted(at_hand), size) for size in range(len(at_hand) + 1))
    opened = {keys: sum(one.satisfied(pin=pin, keys=keys) for one in rules) for keys in every}
    best = max(opened.values())
    assert not missing & set(need.keys)
    assert sum(one.satisfied(pin=pin, keys=need.keys) for one in rules) == best
    assert len(need.keys) == min(len(keys) for keys, count in opened.items() if count == best)
