"""PIN, keys, their counters, the rights won with them, and blocking [S2.4 §5–8, S2.5 §6, S2.7 §5–6, §9, §13].

:class:`Safe` is the part that survives power-off, :class:`SecurityState` the part that does not.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn, TypeAlias

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import CipherSuite
from cardlib.rules import Rule
from simulator.command import SW, Refused
from simulator.credentials import KeyRecord, KeyUse, Permission, PinRecord, is_packed_pin
from simulator.files import Directory, Path

Rng: TypeAlias = Callable[[int], bytes]
"""Source of random bytes: that many."""

SPECIFIC_KEY = 0x80
"""Bit 8 of a card key id: a key of the current directory; clear: a key of its DDF [S2.5 T14]."""

DEFAULT_KEY_VERSION = 1
"""The version meant when a command names none (the text is silent; three versions are loaded, counted from 1)."""

WRONG_DATA: Final = 0x6A80
"""Status word: the data field does not hold what the command takes [S2.5 T5]."""

APPLICATION_BLOCKED: Final = 0x9303
"""Status word: the application is permanently blocked [S2.5 T5]."""


class TryCounter:
    """Tries left of one PIN or key (尝试计数器); ``maximum`` None: it never blocks."""

    __slots__ = ("left", "maximum")

    def __init__(self, maximum: int | None) -> None:
        self.maximum = maximum
        self.left = maximum

    @property
    def blocked(self) -> bool:
        """Whether no try is left."""
        return self.left == 0

    @property
    def status(self) -> int:
        """63Cx for the tries left; 63CF for a counter that never blocks."""
        return SW.TRIES_LEFT | (0x0F if self.left is None else self.left)

    def spend(self) -> None:
        """Take one try away; done before the comparison, so that no interruption gains a free one [S2.7 §14]."""
        if self.left is not None:
            self.left -= 1

    def give_back(self) -> None:
        """Return the try spent, when what failed was no wrong secret."""
        if self.left is not None:
            self.left += 1

    def restore(self) -> None:
        """After a success: back to the maximum [S2.7 §5.8, §6.6]."""
        self.left = self.maximum


class Safe:
    """What a card knows for good (not volatile): its suite, and a counter per PIN and per version of each key.

    ``keys`` are found by level, use, card id and version, ``maintenance`` keys by level and name. ``blocked``: the
    directories blocked for good; ``card_blocked``: the whole card is.
    """

    __slots__ = ("blocked", "card_blocked", "keys", "maintenance", "pins", "suite")

    def __init__(self, root: Directory, suite: CipherSuite) -> None:
        directories = [path[-1] for path in root.walk()]
        self.suite = suite
        self.pins = {level: (level.pin, TryCounter(level.pin.tries)) for level in directories if level.pin is not None}
        self.keys = {
            (level, key.use, key.card_id, key.version): (key, TryCounter(key.tries))
            for level in directories
            for key in level.keys
        }
        self.maintenance = {
            (level, key.name): key for level in directories for key in level.keys if key.use is KeyUse.MAINTENANCE
        }
        self.blocked: frozenset[Directory] = frozenset()
        self.card_blocked = False

    def store_pin(self, level: Directory, value: Secret) -> None:
        """Give a directory another PIN, packed, or none (empty); its counter stays as it is."""
        pin, counter = self.pins[level]
        self.pins[level] = (replace(pin, value=value), counter)

    def block(self, level: Directory) -> None:
        """Block a directory for good."""
        self.blocked |= {level}

    def block_card(self) -> None:
        """Block the card for good."""
        self.card_blocked = True


class SecurityState:
    """The rights a powered card has granted, and its challenge (安全状态).

    A right won with a key belongs to the directory the key lies in, and holds while that directory is the current one
    or above it; the PIN's holds until power-off; the challenge is lost with the current directory [S2.5 §6.5, §6.11,
    S2.7 §5.8, §6.6].
    """

    __slots__ = ("_challenge", "_granted", "_path", "_rng", "_safe", "_verified", "keys")

    def __init__(self, safe: Safe, path: Path, rng: Rng) -> None:
        self._safe = safe
        self._rng = rng
        self._path = path
        self._challenge = b""
        self._granted: dict[Directory, set[KeyRecord]] = {}
        self._verified: set[Directory] = set()
        self.keys: frozenset[str] = frozenset()
        """Names of the keys whose rights hold where the card stands now."""

    def enter(self, path: Path) -> None:
        """A directory was selected: rights of those left behind end."""
        if path == self._path:
            return
        self._path = path
        self._challenge = b""
        self._granted = {level: keys for level, keys in self._granted.items() if level in path}
        self._collect()

    @property
    def refusal(self) -> int | None:
        """The status word for every command here but SELECT, when the card or the application is blocked.

        A blocked directory blocks what lies below it too. 6A81 on a blocked card, also for SELECT; 9303 in a blocked
        application; else None [S2.5 §6.1, §6.2].
        """
        if self._safe.card_blocked:
            return SW.FUNCTION_UNSUPPORTED
        return None if self._safe.blocked.isdisjoint(self._path) else APPLICATION_BLOCKED

    def satisfied(self, rule: Rule) -> bool:
        """Whether an access rule allows what it guards, here and now."""
        return rule.satisfied(pin=self._pin_satisfied(), keys=self.keys)

    def new_challenge(self, size: int) -> bytes:
        """Random bytes, kept for one authentication; an earlier challenge is forgotten."""
        self._challenge = self._rng(size)
        return self._challenge

    def pin_status(self) -> int:
        """What VERIFY without data answers: 9000 no PIN is set, 6983 blocked, else 63Cx; 6A88 where there can be none.

        [S2.5 §6.14, S2.7 §5.8]
        """
        _, pin, counter = self._pin() or _key_not_found()
        if not len(pin.value):
            return SW.OK
        return SW.BLOCKED if counter.blocked else counter.status

    def verify(self, presented: Secret) -> None:
        """Compare the PIN, 2…8 packed bytes; a failure ends an earlier success. Refuses with 63Cx, 6983 or 6A88."""
        level, pin, counter = self._pin() or _key_not_found()
        if counter.blocked:
            raise Refused(SW.BLOCKED)
        self._verified.discard(level)
        counter.spend()
        if presented != pin.value:
            raise Refused(counter.status)
        counter.restore()
        self._verified.add(level)

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Replace the PIN by another, both packed, empty for none (更改个人密码) [S2.7 §9].

        Refuses with 6A81 where there can be none, 6983 and 63Cx; a failure ends an earlier success of VERIFY, a success
        leaves it as it is.
        """
        found = self._pin()
        if found is None:  # CHANGE PIN knows no status word for a PIN that is not there
            raise Refused(SW.FUNCTION_UNSUPPORTED)
        level, pin, counter = found
        if counter.blocked:
            raise Refused(SW.BLOCKED)
        counter.spend()
        if old != pin.value:
            self._verified.discard(level)
            raise Refused(counter.status)
        self._safe.store_pin(level, new)
        counter.restore()

    def unblock_pin(self, message: bytes, encrypted: bytes | None, mac: bytes) -> None:
        """Give the PIN its tries back, and another value if ``encrypted`` is one (个人密码修改/解锁) [S2.7 §13.3].

        ``message``: the command as far as its MAC covers it. ``encrypted``: the new PIN under the session key; b"" for
        no PIN, None to leave it as it is. Refuses with 6982 without the right of PUK, 6A88 no STK beside the PIN, 6984,
        6988 and 6A80. A wrong MAC costs a try of the PUK that gave the right; its last one ends the right.
        """
        _, puk = self._permission(Permission.UNBLOCK_PIN)
        level, _, counter = self._pin() or _key_not_found()
        session = self._maintenance_session(level)
        puk.spend()
        self._check(session, message, mac)
        if encrypted is not None:
            try:
                new = self._safe.suite.decrypt(session, encrypted) if encrypted else Secret(b"")
            except MalformedError:
                new = None
            if new is None or (len(new) and not is_packed_pin(new.reveal())):
                puk.give_back()
                raise Refused(WRONG_DATA)
            self._safe.store_pin(level, new)
        counter.restore()
        puk.restore()

    def block_application(self, message: bytes, mac: bytes) -> None:
        """Block the current directory for good (应用锁定) [S2.7 §13.2].

        By the right of its LK, or of BK where it has no LK; the MAC is under its own STK. Refuses with 6982, 6A88, 6984
        and 6988.
        """
        here = self._path[-1]
        own = any(key.permits is Permission.BLOCK_APPLICATION for key in here.keys)
        level, _ = self._permission(Permission.BLOCK_APPLICATION if own else Permission.BLOCK_CARD)
        if own and level is not here:
            raise Refused(SW.SECURITY_STATUS)
        self._check(self._maintenance_session(here), message, mac)
        self._safe.block(here)

    def block_card(self, message: bytes, mac: bytes) -> None:
        """Block the card for good (卡片锁定) by the right of BK, with a MAC under the STK beside it [S2.7 §13.1].

        Refuses with 6982, 6A88, 6984 and 6988.
        """
        level, _ = self._permission(Permission.BLOCK_CARD)
        self._check(self._maintenance_session(level), message, mac)
        self._safe.block_card()

    def authenticate_internally(self, version: int, factor: bytes, original: bytes) -> bytes:
        """The card's own cryptogram, 8 bytes, under its IRK (内部认证). Refuses with 6A88 [S2.5 §6.8]."""
        _, key, _ = self._key(KeyUse.INTERNAL, 0, version)
        return self._cryptogram(key, factor, original)

    def authenticate_externally(self, card_id: int, version: int, cryptogram: bytes, original: bytes) -> None:
        """Check the outside's cryptogram over the last challenge (外部认证); success grants the key's right.

        Refuses with 6A88 no such key, 6983 key blocked, 6984 no challenge, 63Cx wrong. The challenge is spent by the
        comparison, whatever comes of it [S2.5 §6.4, S2.7 §6.6].
        """
        level, key, counter = self._key(KeyUse.EXTERNAL, card_id, version)
        if counter.blocked:
            raise Refused(SW.BLOCKED)
        expected = Secret(self._cryptogram(key, self._spend_challenge(), original))
        counter.spend()
        if Secret(cryptogram) != expected:
            raise Refused(counter.status)
        counter.restore()
        self._granted.setdefault(level, set()).add(key)
        self._collect()

    def check_mac(self, key_name: str, message: bytes, mac: bytes) -> None:
        """Check the 4-byte MAC of a command, header and data, under this maintenance key and the last challenge.

        Refuses with 6984 no challenge, 6988 wrong; the challenge is spent in either case [S2.4 §8.2]. No counter
        belongs to such a key [S2.7 §13.1].
        """
        challenge = self._spend_challenge()
        found = (self._safe.maintenance.get((level, key_name)) for level in self._path)
        key = next(filter(None, found), None)
        # Without the key no MAC can be right; UPDATE knows no status word for a key that is not there [S2.5 T40].
        if key is None:
            raise Refused(SW.MAC_WRONG)
        self._check(self._safe.suite.session_key(key.value, challenge), message, mac)

    def _permission(self, permission: Permission) -> tuple[Directory, TryCounter]:
        """Where a key lies that granted this, and its counter; refuses with 6982, also once that key is blocked."""
        for level, keys in self._granted.items():
            for key in keys:
                _, counter = self._safe.keys[level, key.use, key.card_id, key.version]
                if key.permits is permission and not counter.blocked:
                    return level, counter
        raise Refused(SW.SECURITY_STATUS)

    def _maintenance_session(self, level: Directory) -> Secret:
        """The session key of a directory's STK and the last challenge, which is spent; refuses with 6A88 and 6984."""
        key = next((key for (at, _), key in self._safe.maintenance.items() if at is level), None) or _key_not_found()
        return self._safe.suite.session_key(key.value, self._spend_challenge())

    def _check(self, session: Secret, message: bytes, mac: bytes) -> None:
        if Secret(mac) != Secret(self._safe.suite.mac(session, message)):
            raise Refused(SW.MAC_WRONG)

    def _spend_challenge(self) -> bytes:
        challenge, self._challenge = self._challenge, b""
        # A suite with 8-byte blocks has no session key for a challenge of 16 bytes: as good as none [S2.4 §8.4].
        if not challenge or len(challenge) > self._safe.suite.block:
            raise Refused(SW.NO_CHALLENGE)
        return challenge

    def _cryptogram(self, key: KeyRecord, factor: bytes, original: bytes) -> bytes:
        suite = self._safe.suite
        return suite.cryptogram(suite.session_key(key.value, factor), original)

    def _collect(self) -> None:
        self.keys = frozenset(key.name for keys in self._granted.values() for key in keys)

    def _key(self, use: KeyUse, card_id: int, version: int) -> tuple[Directory, KeyRecord, TryCounter]:
        # A global key lies in the DDF (the directory below the MF); at the MF itself, in the MF [S2.4 §5.2, S2.5 T14].
        level = self._path[-1] if card_id & SPECIFIC_KEY else self._path[:2][-1]
        found = self._safe.keys.get((level, use, card_id, version))
        return (level, *found) if found else _key_not_found()

    def _pin(self) -> tuple[Directory, PinRecord, TryCounter] | None:
        # One PIN per DDF serves all directories below it [S2.7 §5.6].
        return next(
            ((level, *self._safe.pins[level]) for level in reversed(self._path) if level in self._safe.pins), None
        )

    def _pin_satisfied(self) -> bool:
        # Where no PIN is set there is nothing to ask for [S2.7 §5.6].
        found = self._pin()
        return found is not None and (found[0] in self._verified or not len(found[1].value))


def _key_not_found() -> NoReturn:
    raise Refused(SW.KEY_NOT_FOUND)
