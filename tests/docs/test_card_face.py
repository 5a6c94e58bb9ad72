"""What the page about the card's face shows is tried, and it tells all names that there are."""

import re
from pathlib import Path

import pytest
from PIL import Image

from services.face.template import Item, layout, load_template

PAGE = (Path(__file__).parents[2] / "docs" / "card-face.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    return re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the page's examples expect to find."""
    (tmp_path / "face.toml").write_text(_block("toml"), encoding="utf-8")
    (tmp_path / "marks").mkdir()
    for name in ("bank", "partner", "seal"):
        Image.new("RGB", (100, 100), "grey").save(tmp_path / "marks" / f"{name}.png")
    Image.new("RGB", (358, 441), "grey").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_s_example_prints(folder) -> None:
    exec(compile(_block("python"), "card-face.md", "exec"), {})
    with Image.open(folder / "back.png") as back:
        assert back.size == (1011, 638)
    assert (folder / "face.pdf").read_bytes().startswith(b"%PDF")


def test_the_page_s_template_is_ready_for_production(folder) -> None:
    assert load_template(folder / "face.toml").missing() == []


def test_the_page_names_every_mark_text_and_item() -> None:
    for name in ("F", "T"):
        template = layout(name)
        parts = [
            *template.front.marks,
            *template.back.marks,
            *(words for words in template.back.words if not words.text),
        ]
        assert not [part.name for part in parts if part.name not in PAGE]
    assert not [item for item in Item if f'"{item}"' not in PAGE]
