"""Where the simulator's cards come from: ready-made ones, descriptions, and card files that outlive it."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from apdu.errors import CardError
from cardlib.flows.read_number import NumberLayout
from simulator.blanks import BLANKS
from simulator.card import SoftwareCard
from simulator.descriptions import CardDescription, DescriptionError, load, parse
from simulator.making.cache import image_of
from simulator.memory.cardfile import (
    SUFFIX,
    CardFile,
    CardFileError,
    open_card_file,
    telling_damage,
    warn_of_others,
)
from simulator.memory.image import CardImage
from simulator.memory.system import LifeCycle
from simulator.memory_card import MemoryCard
from simulator.people import READY
from simulator.psam.ready import ready_psam
from simulator.quirks import CONFORMING, Quirks
from simulator.rack import CardSourceError, NewCard
from simulator.security import Rng
from simulator.seeds import seeded_rng
from simulator.survey import Survey, survey

DESCRIPTION_SUFFIX = ".toml"

PSAM = "psam"
"""A PSAM of the development keys (安全存取模块)."""
MEMORY_CARD = "memory-card"
"""An original medical card that is a memory card, with a number of an invented holder (原医疗卡)."""
KINDS = (*READY, PSAM, MEMORY_CARD, *BLANKS)
"""What cards can be had by name."""

MEMORY_CARD_LAYOUT = NumberLayout(offset=0x20, length=18)
"""Where the social security number of the 2.0 card's holder stands; every deployment has its own place."""

_CHIPS: Final[Mapping[str, Callable[[int], CardImage]]] = {PSAM: lambda _: ready_psam(), **BLANKS}
"""Kinds that are no card of a holder; images from a number, counted from 0."""
_DIGEST: Final = 8
"""Digits of a description's digest in the name of a card file: enough to tell those in one directory apart."""

T = TypeVar("T")


def image_named(named: str) -> CardImage:
    """What the first card of a kind, or of the description in a file, begins with; raises CardSourceError."""
    if named == MEMORY_CARD:
        raise CardSourceError([f"a {MEMORY_CARD} lives in no file: it can only be read, and never changes"])
    if named in _CHIPS:
        return _CHIPS[named](0)
    described = READY[named].description if named in READY else _tried(lambda: load(Path(named)))
    return _tried(lambda: image_of(described))


def label_of(found: Survey) -> str:
    """What kind of card it is, for people."""
    if found.life_cycle is LifeCycle.BLANK:
        return f"blank chip of {found.cos}"
    if found.cos == PSAM:
        return "PSAM"
    return f"{found.version} card of {found.algorithm.name}" if found.version else f"card of {found.algorithm.name}"


class Cards:
    """Makes cards of what people name them by; a context manager that gives card files back at its end.

    :meth:`kind`, :meth:`description` and :meth:`file` are each a :data:`~simulator.rack.CardSource`; calling it takes
    the name of a kind, or the path of a description or card file. Several cards of one kind or description differ in
    serial number and keys. May be called from any thread. Raises :class:`~simulator.rack.CardSourceError`.

    ``keep``: a directory, made if need be, in which all cards but those of card files live on as card files:
    ``2.0-1.card`` is the first 2.0 card, made in the first run and found in the next; ``a-5f0c2e71-1.card`` the first
    of the description in ``a.toml``, as long as that means the same card. ``seed``: what their random bytes
    follow from, each card's from its number too; None: nothing.
    """

    def __init__(self, keep: Path | None = None, seed: str | None = None) -> None:
        self._keep = keep
        self._seed = seed
        self._made = 0
        self._copies: Counter[str] = Counter()
        self._open: list[CardFile] = []
        self._lock = threading.Lock()
        if keep is not None:
            _tried(lambda: keep.mkdir(parents=True, exist_ok=True, mode=0o700))
            _tried(lambda: warn_of_others(keep))

    def __call__(self, named: str) -> NewCard:
        """A new card of a kind, of the description in a file ``….toml``, or of a card file ``….card``."""
        path = Path(named)
        if named in KINDS:
            return self.kind(named)
        if path.suffix == SUFFIX:
            return self.file(named)
        if path.suffix == DESCRIPTION_SUFFIX:
            return self._described(_tried(lambda: load(path)), path.stem)
        known = ", ".join(KINDS)
        raise CardSourceError(
            [f"there is no software card {named!r}; there are {known}, descriptions *.toml and card files *.card"]
        )

    def kind(self, name: str) -> NewCard:
        """A new ready-made card."""
        if name not in KINDS:
            raise CardSourceError([f"there is no software card {name!r}; there are {', '.join(KINDS)}"])
        if name == MEMORY_CARD:
            number = str(READY["2.0"].holder["social_security_number"])
            return NewCard(chip=MemoryCard(number, MEMORY_CARD_LAYOUT), label="memory card")
        if name in _CHIPS:
            return self._chip(name, _CHIPS[name])
        return self._copy(READY[name].description, name)

    def description(self, text: str) -> NewCard:
        """A new card of a description, the TOML text itself."""
        described = _tried(lambda: parse(text, where="description"))
        return self._described(described, f"described-{described.profile.version}")

    def file(self, path: str) -> NewCard:
        """The card in a card file; what it learns, it keeps there."""
        return self._card_in(Path(path), None, CONFORMING)

    def close(self) -> None:
        """Give all card files back."""
        with self._lock:
            while self._open:
                self._open.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _described(self, first: CardDescription, stem: str) -> NewCard:
        """The next card of a description; ``stem`` begins names of card files."""
        digest = first.digest[:_DIGEST]
        return self._copy(first, digest, f"{stem}-{digest}")

    def _copy(self, first: CardDescription, counted: str, stem: str = "") -> NewCard:
        """The next of those counted together, whose serial number is that of the first and their number."""
        number = self._next(counted)
        described = _tried(lambda: first.with_serial(first.serial + number))
        image = partial(_tried, lambda: image_of(described))
        return self._new(f"{stem or counted}-{number + 1}", image, described.quirks)

    def _chip(self, kind: str, image: Callable[[int], CardImage]) -> NewCard:
        """The next chip of a kind that is no card of a holder; ``image``: from its number, counted from 0."""
        number = self._next(kind)
        return self._new(f"{kind}-{number + 1}", lambda: image(number), CONFORMING)

    def _new(self, name: str, create: Callable[[], CardImage], quirks: Quirks) -> NewCard:
        """A card that is made, unless it is kept already in a file of this name."""
        if self._keep is not None:
            return self._card_in(self._keep / f"{name}{SUFFIX}", create, quirks)
        image = create()
        found = survey(image)
        chip = SoftwareCard(image, rng=self._rng(), quirks=quirks)
        return NewCard(chip=chip, label=label_of(found), algorithm=found.algorithm)

    def _rng(self) -> Rng:
        with self._lock:
            number = self._made
            self._made += 1
        return secrets.token_bytes if self._seed is None else seeded_rng(self._seed, slot=number)

    def _next(self, counted: str) -> int:
        """How many of these there were before."""
        with self._lock:
            self._copies[counted] += 1
            return self._copies[counted] - 1

    def _card_in(self, path: Path, create: Callable[[], CardImage] | None, quirks: Quirks) -> NewCard:
        held = _tried(lambda: open_card_file(path, create=create))
        try:
            with telling_damage(path):
                card = SoftwareCard(held.eeprom, rng=self._rng(), quirks=quirks)
                found = survey(card.image)
        except CardFileError as error:
            held.close()
            raise CardSourceError([str(error)]) from error
        except BaseException:
            held.close()
            raise
        with self._lock:
            self._open.append(held)
        label = f"{label_of(found)}, {path.name}"
        return NewCard(chip=card, label=label, algorithm=found.algorithm, close=lambda: self._give_back(held))

    def _give_back(self, held: CardFile) -> None:
        with self._lock:
            if held in self._open:
                self._open.remove(held)
        held.close()


def _tried(make: Callable[[], T]) -> T:
    """What cannot be done is told as the source of cards tells it."""
    try:
        return make()
    except DescriptionError as error:
        raise CardSourceError(error.mistakes) from error
    except (CardFileError, CardError, ValueError) as error:
        raise CardSourceError([str(error)]) from error
    except OSError as error:
        raise CardSourceError([f"{error.filename or 'a card file'}: {error.strerror}"]) from error
