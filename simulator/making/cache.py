"""Cards that were made once (卡片映像缓存): an image for a description, made only if nobody has made it before.

In this process by the description's digest, and for all of one user's in a directory, a file for each: SHA-256 of the
image, 32 bytes, ‖ image. Such a file has the keys of a card in it; only its owner may open it. Its name begins with
what tells this version of the software from others.
"""

import hashlib
import os
import re
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Final

from simulator.card import SoftwareCard
from simulator.descriptions import CardDescription
from simulator.image import image_for
from simulator.memory.image import CardImage, NoChipError
from simulator.memory.system import FORMAT

DIRECTORY_VARIABLE: Final = "SSCARD_CARD_CACHE"
"""Environment variable: another directory; empty: none, cards are made anew in each process."""

KEPT: Final = 256
"""Images that a process keeps, the latest used."""

OUTDATED: Final = 24 * 3600
"""Seconds after which images of other versions of this software are deleted; two versions may be used in turn."""

_CHECK: Final = 32
_SOURCES: Final = ("apdu", "cardlib", "simulator")
"""Packages that an image depends on besides its description: who develops one of them gets new images."""
_VERSION: Final = 16
"""Digits in the name of a file, before its own."""
_NAME: Final = re.compile(rf"([0-9a-f]{{{_VERSION}}}-)?[0-9a-f]{{64}}\.img")

_images: OrderedDict[str, CardImage] = OrderedDict()
_lock = threading.Lock()


def image_of(description: CardDescription) -> CardImage:
    """The image of the card that is described; errors as for :func:`simulator.image.image_for`.

    May be called from any thread. A cache directory that cannot be used is done without.
    """
    digest = description.digest
    with _lock:
        found = _images.get(digest)
        if found is not None:
            _images.move_to_end(digest)
            return found
    directory = cache_directory()
    file = directory / f"{_key(description)}.img" if directory else None
    image = _read(file) if file else None
    if image is None:
        image = image_for(description.profile, description.contents, description.issue, description.root_keys)
        if file is not None:
            with suppress(OSError):
                _write(file, image)
                _prune(file)
    with _lock:
        _images[digest] = image
        while len(_images) > KEPT:
            _images.popitem(last=False)
    return image


def card_of(description: CardDescription, *, t0: bool = True) -> SoftwareCard:
    """A new card as it is described, with its quirks; ``t0`` as for SoftwareCard, errors as for :func:`image_of`."""
    return SoftwareCard(image_of(description), t0=t0, quirks=description.quirks)


def cache_directory() -> Path | None:
    """Where images are kept: as :data:`DIRECTORY_VARIABLE` says, else below the user's cache directory; None: nowhere.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache``, and in it ``sscard/cards`` (XDG Base Directory Specification).
    """
    told = os.environ.get(DIRECTORY_VARIABLE)
    if told is not None:
        return Path(told) if told else None
    base = Path(os.environ.get("XDG_CACHE_HOME") or ".")
    if not base.is_absolute():  # such a value is to be ignored
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / "sscard" / "cards"


def forget() -> None:
    """Forget the images of this process; those in the directory stay."""
    with _lock:
        _images.clear()


def _key(description: CardDescription) -> str:
    software = _software()
    version = hashlib.sha256(software.encode()).hexdigest()[:_VERSION]
    own = "\0".join((description.digest, _rules(description), software))
    return f"{version}-{hashlib.sha256(own.encode()).hexdigest()}"


def _rules(description: CardDescription) -> str:
    """What the profile says about directories, files and keys, as far as a description's digest does not have it."""
    profile = description.profile
    said: list[object] = [
        (
            directory.df_name,
            file.name,
            file.fid,
            file.structure.name,
            file.size,
            str(file.read),
            str(file.update),
            file.secure_messaging,
        )
        for directory in profile.directories
        for file in directory.files
    ]
    return repr([*said, *profile.keys.values()])


@cache
def _software() -> str:
    """The version of this software and of its memory's layout, and a digest of the sources that cards depend on."""
    try:
        version = metadata.version("sscard")
    except metadata.PackageNotFoundError:  # run from its sources
        version = ""
    digest = hashlib.sha256()
    for text in _sources():
        digest.update(hashlib.sha256(text).digest())
    return f"{version} {FORMAT.hex()} {digest.hexdigest()}"


def _sources() -> Iterable[bytes]:
    for package in _SOURCES:
        folder = Path(str(resources.files(package)))
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{package}/{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes()


def _read(file: Path) -> CardImage | None:
    """The image in a file; None where there is none, or not as it was written."""
    try:
        held = file.read_bytes()
        check, content = held[:_CHECK], held[_CHECK:]
        return CardImage(content) if hashlib.sha256(content).digest() == check else None
    except (OSError, NoChipError):
        return None


def _write(file: Path, image: CardImage) -> None:
    """Whole or not at all, whoever else writes the same at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=file.parent)  # for its owner only
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(hashlib.sha256(image.content).digest() + image.content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _prune(written: Path) -> None:
    """Delete what other versions of the software have left beside this file; whoever misses it makes it anew."""
    version = written.name[: _VERSION + 1]
    for found in written.parent.iterdir():
        if _NAME.fullmatch(found.name) and not found.name.startswith(version):
            with suppress(OSError):
                if time.time() - found.stat().st_mtime > OUTDATED:
                    found.unlink()
