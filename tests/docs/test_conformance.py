"""The page about the conformance suite names every group, and its example runs."""

import re
from pathlib import Path

from cardlib.conformance import GROUPS

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text("utf-8")


def test_every_group_is_in_the_table_and_no_other() -> None:
    (table,) = re.findall(r"^\| Group \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    first_column = "".join(line.split("|")[1] for line in table.splitlines() if line)
    assert re.findall("`([^`]+)`", first_column) == list(GROUPS)


def test_the_example_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "docs/conformance.md", "exec"), names)
    assert names["results"]
    assert names["failed"] == []
