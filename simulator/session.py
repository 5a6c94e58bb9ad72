"""What a card's commands work on while it has power."""

from typing import TYPE_CHECKING

from simulator.files import Directory, File, Path, Selection
from simulator.memory.store import Store
from simulator.quirks import Quirks
from simulator.security import Rng, SecurityState

if TYPE_CHECKING:
    from simulator.dialect import Dialect


class Session:
    """One card from power-on or reset to the next: what is selected, and the rights won. Handlers work on it.

    ``store``: what the card remembers; unlike the rest it outlives the session. ``transaction``: a load or purchase
    that was initialised, of the medical account; any command that does not keep it ends it. ``extension``: what the
    dialect remembers while powered.
    """

    __slots__ = ("dialect", "extension", "quirks", "security", "selection", "store", "transaction")

    def __init__(self, store: Store, dialect: "Dialect", quirks: Quirks, rng: Rng) -> None:
        self.store = store
        self.dialect = dialect
        self.quirks = quirks
        self.selection = Selection(store.root)
        self.security = SecurityState(store, dialect, self.selection.path, rng, quirks)
        self.transaction: object | None = None
        self.extension: object | None = None
        dialect.begin(self)

    def enter(self, path: Path) -> bytes:
        """Select a directory; returns its FCI."""
        self.selection.enter(path)
        self.security.enter(path)
        self.dialect.entered(self)
        return self.dialect.fci(self.store, path)

    def rebuilt(self) -> None:
        """Look at the structure anew, after a command has changed it; the selection stays as far as it can."""
        self.selection.rebuilt(self.store.root)
        self.security.rebuilt(self.selection.path)

    def may_read(self, file: File) -> bool:
        """Whether the file's rule allows reading, here and now."""
        return file.rights.read.allows(self.security) or self.dialect.unrestricted(self)

    def may_update(self, file: File) -> bool:
        """Whether the file's rule allows updating, here and now."""
        return file.rights.update.allows(self.security) or self.dialect.unrestricted(self)

    @property
    def directory(self) -> Directory:
        """The current directory; refuses with 6A82 on a chip without an MF."""
        return self.selection.directory
