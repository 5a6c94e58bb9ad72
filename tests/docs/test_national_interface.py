"""What the page about the national interface promises is tried."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "national-interface.md"


def test_the_example_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    assert {"selection", "contents", "update"} <= names.keys()
