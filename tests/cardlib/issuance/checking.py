"""Templates, records and what a check of them tells."""

from importlib import resources

from cardlib.issuance.checker import Checked, check
from cardlib.issuance.record import PersonRecord, parse_json
from cardlib.issuance.template import Template, parse

DATA = resources.files("cardlib.issuance").joinpath("data")
HEAD = 'version = "2.0"\nregion = "990000"\nchip = "t514"\n'
NUMBER = "990000198503120027"
CARD = "T00000028"


def shipped(name: str = "template-2.0.toml") -> Template:
    return parse(DATA.joinpath(name).read_text(encoding="utf-8"))


def person(**changes: object) -> PersonRecord:
    record = parse_json(DATA.joinpath("person.json").read_bytes())
    return PersonRecord(record.place, {**record.values, **changes})


def told(checked: Checked) -> list[str]:
    return [str(fault) for fault in checked.faults]


def warned(checked: Checked) -> list[str]:
    return [str(warning) for warning in checked.warnings]


def with_items(items: str, **values: object) -> Checked:
    """A template of these items, and a record of these values."""
    return check(parse(HEAD + items), [PersonRecord("record", values)])
