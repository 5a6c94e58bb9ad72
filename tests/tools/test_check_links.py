import subprocess
import sys
from pathlib import Path

import pytest

CHECK_LINKS = Path(__file__).parents[2] / "tools" / "check_links.py"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK_LINKS, root], capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def documentation(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "cards.md").write_text("# Cards 卡\n\n## `EF05`, again\n\n## `EF05`, again", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("docs/cards.md", id="a file"),
        pytest.param("docs", id="a folder"),
        pytest.param("docs/cards.md#cards-卡", id="a heading"),
        pytest.param("docs/cards.md#ef05-again-1", id="the second heading of the same words"),
        pytest.param("#here", id="a heading of the same file"),
        pytest.param("https://example.org/missing", id="another site"),
        pytest.param("docs/card/2.0/df01.md", id="a page of the card reference, which mkdocs makes"),
    ],
)
def test_a_link_that_leads_somewhere_passes(documentation: Path, link: str) -> None:
    (documentation / "README.md").write_text(f"# Here\n\n| table |\n|---|\n| [link]({link}) |\n", encoding="utf-8")
    assert check(documentation).returncode == 0


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        pytest.param("docs/readers.md", "there is no such file", id="no such file"),
        pytest.param("docs/cards.md#readers", "there is no such heading", id="no such heading"),
        pytest.param("docs/cards.md#ef05-again-2", "there is no such heading", id="no third heading of these words"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(documentation: Path, link: str, reason: str) -> None:
    (documentation / "README.md").write_text(f"# Here\n\n[link]({link})\n", encoding="utf-8")
    answer = check(documentation)
    assert answer.returncode == 1
    assert answer.stdout == f"README.md: {link}: {reason}\n"


def test_a_link_in_an_example_of_code_is_not_followed(documentation: Path) -> None:
    (documentation / "README.md").write_text("`[a](b.md)`\n\n```\n[a](b.md)\n```\n", encoding="utf-8")
    assert check(documentation).returncode == 0
