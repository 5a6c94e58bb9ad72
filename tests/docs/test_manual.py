"""The manual is built as `make docs` builds it, with nothing left to warn of, and needs no other site."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.reference.pages import pages

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="site")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "error", "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return site


def test_every_page_of_the_card_reference_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    for path in pages():
        page = str(Path(path).with_suffix(".html"))
        assert (site / page).is_file(), page
        assert f'href="{page}"' in front, page


def test_every_written_page_is_in_the_site(site: Path) -> None:
    written = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert Path("index.md") in written
    for path in written:
        page = path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html")
        assert (site / page).is_file(), page


def test_a_rule_with_a_bar_stays_in_its_cell(site: Path) -> None:
    assert "<td><code>PIN|RK1DF01</code></td>" in (site / "card" / "2.0" / "df01.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_another_site_when_a_page_is_read(site: Path) -> None:
    fetched = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
    found = {str(page): fetched.findall(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    assert len(found) > len(pages())
    assert not {page: elements for page, elements in found.items() if elements}
