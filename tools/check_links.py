"""Check that the links in the Markdown files lead somewhere: ``python tools/check_links.py [ROOT]``.

A relative link must name a file or folder that exists and, after ``#``, one of its headings. Other sites are not
visited. Links to the card reference, whose pages are made when the manual is built, are mkdocs' to check.
"""

import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark").enable("table")
GENERATED = Path("docs", "card")


def documents(root: Path) -> Iterator[Path]:
    """Every Markdown file below ``root`` that belongs to the project."""
    for folder, children, files in os.walk(root):
        children[:] = [name for name in children if not name.startswith(".") and name != "node_modules"]
        yield from (Path(folder, name) for name in files if name.endswith(".md"))


def links(document: Path) -> Iterator[str]:
    """The targets of the links and images in ``document``."""
    for block in MARKDOWN.parse(document.read_text(encoding="utf-8")):
        for token in block.children or ():
            target = token.attrGet("href") or token.attrGet("src")
            if target is not None:
                yield str(target)


def anchors(document: Path) -> set[str]:
    """The names under which a link reaches the headings of ``document``, as code hosts make them."""
    found: set[str] = set()
    tokens = MARKDOWN.parse(document.read_text(encoding="utf-8"))
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            found.add(_free(re.sub(r"[^\w\- ]", "", _text(content).lower()).replace(" ", "-"), found))
    return found


def broken_links(root: Path) -> Iterator[str]:
    """One line for each link that leads nowhere."""
    for document in sorted(documents(root)):
        for link in links(document):
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = document.parent / path if path else document
            if target.resolve().is_relative_to(root / GENERATED):
                continue
            if not target.exists():
                yield f"{document.relative_to(root)}: {link}: there is no such file"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield f"{document.relative_to(root)}: {link}: there is no such heading"


def _text(heading: Token) -> str:
    return "".join(token.content for token in heading.children or ())


def _free(anchor: str, taken: set[str]) -> str:
    """``anchor``, or for a heading that repeats an earlier one ``anchor`` with the next number."""
    number, name = 0, anchor
    while name in taken:
        number += 1
        name = f"{anchor}-{number}"
    return name


def main(root: Path) -> int:
    """Print the broken links; the exit code says whether there are any."""
    broken = list(broken_links(root))
    print(*(broken or ["Every link in the documentation leads somewhere."]), sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
