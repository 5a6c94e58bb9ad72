"""What mkdocs asks for while it builds the manual: the generated pages, and the pages of a whole folder.

The card reference is made from the declarations of cardlib at every build (``services.reference.pages``), so it is
written nowhere twice.
"""

from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify

from services.reference.pages import pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder in the place of its entry in the navigation, which ends in "/"."""
    docs = Path(config.docs_dir)
    known = [*pages(), *(path.relative_to(docs).as_posix() for path in sorted(docs.rglob("*.md")))]
    config.nav = _expanded(config.nav, known)
    # Anchors as on code hosts, where the same pages are read: Chinese is kept.
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the card reference."""
    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def _expanded(entry: object, known: list[str]) -> object:
    match entry:
        case dict():
            return {title: _expanded(below, known) for title, below in entry.items()}
        case list():
            return [_expanded(below, known) for below in entry]
        case str() if entry.endswith("/"):
            return _folder(PurePosixPath(entry), [PurePosixPath(path) for path in known])
    return entry


def _folder(folder: PurePosixPath, known: list[PurePosixPath]) -> list[object]:
    """The pages of a folder, its first page (README.md, index.md) on top; the folders in it follow."""
    pages_here = [path for path in known if path.parent == folder]
    pages_here.sort(key=lambda path: path.stem not in {"README", "index"})
    folders = dict.fromkeys(path.parent for path in known if path.parent.parent == folder)
    return [*map(str, pages_here), *({below.name: _folder(below, known)} for below in folders)]
