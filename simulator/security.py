"""How rights are won on a powered card: its challenge, what PIN and keys do [S2.4 §5–8, S2.5 §6, S2.7 §5–6, §9, §13].

Everything here is volatile; what lasts, values and counters, is in the :class:`~simulator.memory.store.Store`.
"""

from collections.abc import Callable
from typing import Final, NoReturn, Protocol, TypeAlias

from apdu.errors import MalformedError
from apdu.secret import Secret
from cardlib.crypto import CipherSuite
from simulator.command import SW, Refused
from simulator.credentials import Key, KeyUse, is_packed_pin
from simulator.files import Directory, Path
from simulator.memory.store import Store
from simulator.quirks import CONFORMING, Quirks
from simulator.rights import HeldRights

Rng: TypeAlias = Callable[[int], bytes]
"""Source of random bytes: that many."""

SPECIFIC_KEY: Final = 0x80
"""Bit 8 of a card key id: a key of the current directory; clear: a key of its DDF [S2.5 T14]."""

DEFAULT_KEY_VERSION: Final = 1
"""The version meant when a command names none (the text is silent; three versions are loaded, counted from 1)."""


class KeyCoding(Protocol):
    """What a dialect's key records say beyond what every key record does."""

    def suite(self, key: Key) -> CipherSuite:
        """The cipher that a key is for."""
        ...

    def unblocking_level(self, pin: Key) -> int:
        """The right, won beside the PIN, by which it may be unblocked; 0: none."""
        ...


class SecurityState(HeldRights):
    """The rights a powered card has granted, its challenge, and how rights are won (安全状态).

    The challenge is lost with the current directory [S2.5 §6.5].
    """

    __slots__ = ("_challenge", "_coding", "_quirks", "_rng")

    def __init__(self, store: Store, coding: KeyCoding, path: Path, rng: Rng, quirks: Quirks = CONFORMING) -> None:
        super().__init__(store, path)
        self._quirks = quirks
        self._coding = coding
        self._rng = rng
        self._challenge = b""

    def enter(self, path: Path) -> None:
        """A directory was selected: rights of those left behind end, and the challenge with them."""
        if [level.at for level in path] != [level.at for level in self._path]:
            self._challenge = b""
        super().enter(path)

    # Challenge and counters

    def random(self, size: int) -> bytes:
        """Random bytes that are no challenge."""
        return self._rng(size)

    def new_challenge(self, size: int) -> bytes:
        """Random bytes, kept for one authentication; an earlier challenge is forgotten."""
        self._challenge = self._rng(size)
        return self._challenge

    def drop_challenge(self) -> None:
        """Forget the last challenge."""
        self._challenge = b""

    def spend_challenge(self, most: int = 16) -> bytes:
        """The last challenge, which is no more after this; refuses with 6984 without one, or one of more bytes.

        A suite with 8-byte blocks has no session key for a challenge of 16 bytes: as good as none [S2.4 §8.4].
        """
        challenge, self._challenge = self._challenge, b""
        if not challenge or len(challenge) > most:
            raise Refused(SW.NO_CHALLENGE)
        return challenge

    def is_blocked(self, key: Key) -> bool:
        """Whether no try is left for a key or PIN."""
        return self._store.tries_left(key) == 0

    def status(self, key: Key) -> int:
        """63Cx for the tries left; 63CF for a key that never blocks."""
        left = self._store.tries_left(key)
        return SW.TRIES_LEFT | (0x0F if left is None else min(left, 0x0F))

    def spend_try(self, key: Key) -> None:
        """Take one try away for good, before the comparison: no interruption gains a free one [S2.7 §14]."""
        left = self._store.tries_left(key)
        if left is not None:
            self._store.write_tries(key, left - 1)
            self._store.commit()

    def restore_tries(self, key: Key) -> None:
        """After a success: back to the maximum [S2.7 §5.8, §6.6]."""
        if key.tries is not None:
            self._store.write_tries(key, key.tries)

    # PIN

    @property
    def pin_satisfied(self) -> bool:
        """Whether the PIN that belongs here was verified, or there is none to verify [S2.7 §5.6]."""
        found = self._pin()
        return found is None or found[0].at in self._verified or not len(found[1].value)

    def pin_status(self) -> int:
        """What VERIFY without data answers: 9000 no PIN is set, 6983 blocked, else 63Cx; 6A88 where there can be none.

        Some cards answer 63C0 for a blocked one [S2.5 §6.14, S2.7 §5.8].
        """
        _, pin = self._pin() or _key_not_found()
        if not len(pin.value):
            return SW.OK
        return self._quirks.pin_query_locked if self.is_blocked(pin) else self.status(pin)

    def verify(self, presented: Secret) -> None:
        """Compare the PIN, 2…8 packed bytes; a failure ends an earlier success. Refuses with 63Cx, 6983 or 6A88."""
        directory, pin = self._pin() or _key_not_found()
        if self.is_blocked(pin):
            raise Refused(SW.BLOCKED)
        self.revoke_verified(directory)
        self.spend_try(pin)
        if presented != pin.value:
            raise Refused(self.status(pin))
        self.restore_tries(pin)
        self.mark_verified(directory)

    def change_pin(self, old: Secret, new: Secret) -> None:
        """Replace the PIN by another, both packed, empty for none (更改个人密码) [S2.7 §9].

        Refuses with 6A81 where there can be none, 6983 and 63Cx; a failure ends an earlier success of VERIFY, a success
        leaves it as it is.
        """
        found = self._pin()
        if found is None:  # CHANGE PIN knows no status word for a PIN that is not there
            raise Refused(SW.FUNCTION_UNSUPPORTED)
        directory, pin = found
        if self.is_blocked(pin):
            raise Refused(SW.BLOCKED)
        self.spend_try(pin)
        if old != pin.value:
            self.revoke_verified(directory)
            raise Refused(self.status(pin))
        self._store.write_value(directory, pin, new)
        self.restore_tries(pin)

    def unblock_pin(self, message: bytes, encrypted: bytes | None, mac: bytes) -> None:
        """Give the PIN its tries back, and another value if ``encrypted`` is one (个人密码修改/解锁) [S2.7 §13.3].

        ``message``: the command as far as its MAC covers it. ``encrypted``: the new PIN under the session key; b"" for
        no PIN, None to leave it as it is. Refuses with 6982 without the right of PUK, 6A88 no STK beside the PIN, 6984,
        6988 and 6A80. A wrong MAC costs a try of the PUK that gave the right; its last one ends the right.
        """
        directory, pin = self._pin() or (None, None)
        if directory is None or pin is None:
            raise Refused(SW.SECURITY_STATUS)
        puk = self._permission(directory, self._coding.unblocking_level(pin))
        suite, session = self._maintenance_session(directory)
        self.spend_try(puk)
        _check(suite, session, message, mac)
        if encrypted is not None:
            try:
                new = suite.decrypt(session, encrypted) if encrypted else Secret(b"")
            except MalformedError:
                new = None
            if new is None or (len(new) and not is_packed_pin(new.reveal())):
                self._give_back(puk)
                raise Refused(SW.WRONG_DATA)
            self._store.write_value(directory, pin, new)
        self.restore_tries(pin)
        self.restore_tries(puk)

    # Blocking

    def block_application(self, message: bytes, mac: bytes) -> None:
        """Block the current directory for good (应用锁定) [S2.7 §13.2].

        By the right of its LK, or of BK where it has no LK; the MAC is under its own STK. Refuses with 6982, 6A88, 6984
        and 6988.
        """
        here = self._here()
        self._permission(*((here, here.lock_level) if here.lock_level else (self._ddf(), self._ddf().lock_level)))
        suite, session = self._maintenance_session(here)
        _check(suite, session, message, mac)
        self._store.block(here)

    def block_card(self, message: bytes, mac: bytes) -> None:
        """Block the card for good (卡片锁定) by the right of BK, with a MAC under the STK beside it [S2.7 §13.1].

        Refuses with 6982, 6A88, 6984 and 6988.
        """
        ddf = self._ddf()
        self._permission(ddf, ddf.lock_level)
        suite, session = self._maintenance_session(ddf)
        _check(suite, session, message, mac)
        self.lock_card()

    def lock_card(self) -> None:
        """Block for good all that card blocking means here: the card, or on some the SSSE alone [S2.4 §5.5]."""
        if self._quirks.card_block_scope == "card":
            self._store.block_card()
        else:
            self._store.block(self._ddf())

    # Keys

    def authenticate_internally(self, version: int, factor: bytes, original: bytes) -> bytes:
        """The card's own cryptogram, 8 bytes, under its IRK (内部认证). Refuses with 6A88 [S2.5 §6.8]."""
        key = self.find(self._ddf(), KeyUse.INTERNAL, 0, version) or _key_not_found()
        return self._cryptogram(key, factor, original)

    def authenticate_externally(self, card_id: int, version: int, cryptogram: bytes, original: bytes) -> None:
        """Check the outside's cryptogram over the last challenge (外部认证); success grants the key's level.

        Refuses with 6A88 no such key, 6983 key blocked, 6984 no challenge, 63Cx wrong. The challenge is spent by the
        comparison, whatever comes of it [S2.5 §6.4, S2.7 §6.6].
        """
        # A global key lies in the DDF (the directory below the MF); at the MF itself, in the MF [S2.4 §5.2, S2.5 T14].
        directory = self._here() if card_id & SPECIFIC_KEY else self._ddf()
        self.authenticate(directory, self.find(directory, KeyUse.EXTERNAL, card_id, version), cryptogram, original)

    def authenticate(self, directory: Directory, key: Key | None, cryptogram: bytes, original: bytes) -> None:
        """The same with a key of a directory that was found, or not; refusals as above."""
        key = key or _key_not_found()
        if self.is_blocked(key):
            raise Refused(SW.BLOCKED)
        challenge = self.spend_challenge(self._coding.suite(key).block)
        expected = Secret(self._cryptogram(key, challenge, original))
        self.spend_try(key)
        if Secret(cryptogram) != expected:
            raise Refused(self.status(key))
        self.restore_tries(key)
        self.grant(directory, key.level, key)

    def check_mac(self, message: bytes, mac: bytes) -> None:
        """Check the 4-byte MAC of a command, header and data, under the nearest STK and the last challenge.

        Refuses with 6984 no challenge, 6988 wrong; the challenge is spent in either case [S2.4 §8.2]. No counter
        belongs to such a key [S2.7 §13.1].
        """
        challenge = self.spend_challenge()
        found = (self.find(directory, KeyUse.MAINTENANCE) for directory in reversed(self._path))
        key = next(filter(None, found), None)
        # Without the key no MAC can be right; UPDATE knows no status word for a key that is not there [S2.5 T40].
        if key is None:
            raise Refused(SW.MAC_WRONG)
        suite = self._coding.suite(key)
        if len(challenge) > suite.block:
            raise Refused(SW.NO_CHALLENGE)
        _check(suite, suite.session_key(key.value, challenge), message, mac)

    def suite(self, key: Key) -> CipherSuite:
        """The cipher that a key is for."""
        return self._coding.suite(key)

    def _permission(self, directory: Directory, level: int) -> Key:
        """The key that won this right; refuses with 6982 without it, also once that key is blocked."""
        key = self._granted.get(directory.at, {}).get(level) if level else None
        if key is None or self.is_blocked(key):
            raise Refused(SW.SECURITY_STATUS)
        return key

    def _maintenance_session(self, directory: Directory) -> tuple[CipherSuite, Secret]:
        """The session key of a directory's STK and the last challenge, which is spent; refuses with 6A88 and 6984."""
        key = self.find(directory, KeyUse.MAINTENANCE) or _key_not_found()
        suite = self._coding.suite(key)
        return suite, suite.session_key(key.value, self.spend_challenge(suite.block))

    def _give_back(self, key: Key) -> None:
        """Return the try spent, when what failed was no wrong secret; for good, though the command is refused."""
        left = self._store.tries_left(key)
        if left is not None:
            self._store.write_tries(key, left + 1)
            self._store.commit()

    def _cryptogram(self, key: Key, factor: bytes, original: bytes) -> bytes:
        suite = self._coding.suite(key)
        return suite.cryptogram(suite.session_key(key.value, factor), original)

    def _here(self) -> Directory:
        return self._path[-1] if self._path else _key_not_found()

    def _ddf(self) -> Directory:
        return self._path[:2][-1] if self._path else _key_not_found()

    def _pin(self) -> tuple[Directory, Key] | None:
        # One PIN per DDF serves all directories below it [S2.7 §5.6].
        for directory in reversed(self._path):
            pin = self.find(directory, KeyUse.PIN)
            if pin is not None:
                return directory, pin
        return None


def _check(suite: CipherSuite, session: Secret, message: bytes, mac: bytes) -> None:
    if Secret(mac) != Secret(suite.mac(session, message)):
        raise Refused(SW.MAC_WRONG)


def _key_not_found() -> NoReturn:
    raise Refused(SW.KEY_NOT_FOUND)
