"""What a powered card has granted, and where the card stands (安全状态): volatile, and gone with the power."""

from collections.abc import Iterator

from simulator.command import SW
from simulator.credentials import Key, KeyUse
from simulator.files import Directory, Path
from simulator.memory.store import Store


class HeldRights:
    """Levels won in directories, security registers and verified PINs: these are :class:`simulator.access.Rights`.

    A right won with a key is a level in the directory the key lies in, and holds while that directory is the current
    one or above it; the PIN's holds until power-off [S2.5 §6.11, S2.7 §5.8, §6.6].
    """

    __slots__ = ("_granted", "_path", "_registers", "_store", "_verified")

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._granted: dict[int, dict[int, Key | None]] = {}
        self._registers: dict[int, int] = {}
        self._verified: set[int] = set()

    def enter(self, path: Path) -> None:
        """A directory was selected: rights of those left behind end."""
        if len(path) > 1:
            self._registers.pop(path[-1].at, None)
        if [level.at for level in path] == [level.at for level in self._path]:
            return
        self._path = path
        places = {level.at for level in path}
        self._granted = {at: levels for at, levels in self._granted.items() if at in places}
        self._registers = {at: value for at, value in self._registers.items() if at == path[0].at}

    def rebuilt(self, path: Path) -> None:
        """The structure has changed around the current directory: rights won in what is gone are gone."""
        self._path = path
        there = {level[-1].at for level in path[0].walk()} if path else set()
        self._granted = {at: levels for at, levels in self._granted.items() if at in there}
        self._registers = {at: value for at, value in self._registers.items() if at in there}
        self._verified &= there

    def own(self, level: int) -> bool:
        """Whether this level was won in the current directory."""
        return bool(self._path) and self.holds(self._path[-1], level)

    def parents(self, level: int) -> bool:
        """Whether it was won in the directory above."""
        return len(self._path) > 1 and self.holds(self._path[-2], level)

    def register(self, *, mf: bool) -> int:
        """The security state 0…F of the current directory, or of the MF."""
        if not self._path:
            return 0
        return self._registers.get((self._path[0] if mf else self._path[-1]).at, 0)

    def holds(self, directory: Directory, level: int) -> bool:
        """Whether a level was won there; where no PIN is set there is nothing to ask for [S2.7 §5.6]."""
        if level in self._granted.get(directory.at, ()):
            return True
        pin = next((key for key in self._store.keys(directory) if key.use is KeyUse.PIN and key.level == level), None)
        return pin is not None and (directory.at in self._verified or not len(pin.value))

    @property
    def refusal(self) -> int | None:
        """The status word for every command here but SELECT, when the card or the application is blocked.

        A blocked directory blocks what lies below it too. 6A81 on a blocked card, also for SELECT; 9303 in a blocked
        application; else None [S2.5 §6.1, §6.2].
        """
        if self._store.system.blocked:
            return SW.FUNCTION_UNSUPPORTED
        for level in self._path:
            if level.blocked:
                return SW.APPLICATION_BLOCKED
        return None

    def seen_from(self, path: Path) -> "HeldRights":
        """The same rights as they stand at another directory on the way here, ``path``."""
        seen = HeldRights(self._store, path)
        seen._granted, seen._registers, seen._verified = self._granted, self._registers, self._verified
        return seen

    def grant(self, directory: Directory, level: int, key: Key | None = None) -> None:
        """A right was won, with this key."""
        self._granted.setdefault(directory.at, {})[level] = key

    def revoke(self, directory: Directory, level: int) -> None:
        """A right is held no more."""
        self._granted.get(directory.at, {}).pop(level, None)

    def revoke_elsewhere(self, path: Path) -> None:
        """Rights won with keys hold on at the end of this path only, as on a PSAM; nowhere if it is empty."""
        at = path[-1].at if path else None
        self._granted = {place: levels for place, levels in self._granted.items() if place == at}

    def set_register(self, value: int, *, mf: bool) -> None:
        """Another security state, 0…F, of the current directory or the MF."""
        if self._path:
            self._registers[(self._path[0] if mf else self._path[-1]).at] = value

    def mark_verified(self, directory: Directory) -> None:
        """The PIN of a directory was verified."""
        self._verified.add(directory.at)

    def revoke_verified(self, directory: Directory) -> None:
        """It is so no more."""
        self._verified.discard(directory.at)

    def find(
        self, directory: Directory, use: KeyUse, number: int | None = None, version: int | None = None
    ) -> Key | None:
        """The first key of a directory with this use, id and version; None for either: any."""
        return next(self.matching(directory, use, number, version), None)

    def matching(
        self, directory: Directory, use: KeyUse, number: int | None = None, version: int | None = None
    ) -> Iterator[Key]:
        """All of them."""
        for key in self._store.keys(directory):
            if key.use is use and number in {None, key.id} and version in {None, key.version}:
                yield key
