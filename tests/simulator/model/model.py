"""A card of the standard as plain values: what it remembers, what it grants, what it answers.

Written from the specification, and from nothing of the simulator's. Each method is one command and returns the answer,
data and status word; commands whose answer holds the card's own random bytes are told which. The cryptography is the
terminal's (``outside``), and whether what the terminal sent is ``right`` is its business too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, NamedTuple, TypeAlias

PIN_TRIES, KEY_TRIES = 6, 3
VERSIONS = (1, 2, 3)

NAMES = {
    "SSSE": bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF"),
    "DF01": bytes.fromhex("D15600000500"),
    "DF03": bytes.fromhex("D15600000502"),
    "DF04": bytes.fromhex("D15600000503"),
}
SSSE_FCI = {"2.0": bytes.fromhex("88011E"), "3.0": bytes.fromhex("88011E9F0C03860103")}

KEYS = {
    "SSSE": {0x04: "UKSSSE", 0x05: "BK", 0x06: "PUK", 0x0A: "RKSSSE"},
    "DF01": {0x83: "UK1DF01", 0x84: "UK2DF01", 0x88: "RK1DF01", 0x8A: "UK7DF01"},
    "DF03": {0x83: "LKDF03", 0x84: "RK1DF03", 0x85: "RK2DF03", 0x86: "UK1DF03", 0x88: "UK3DF03"},
    "DF04": {0x83: "LKDF04", 0x84: "RK1DF04", 0x85: "UK1DF04", 0x86: "UK2DF04", 0x87: "DSK"},
}
"""Keys for EXTERNAL AUTHENTICATE that the model knows of, by directory and card id."""
ABSENT = {"SSSE": (0x01, 0x02, 0x0F), "DF01": (0x81, 0x82, 0x8F), "DF03": (0x81, 0x82), "DF04": (0x82, 0x88)}
"""Ids of no such key; 02 and 82 are those of the STK, which serves no authentication."""
UNLIMITED = {"BK", "LKDF03", "LKDF04"}
PUK, BK, LK = 0x06, 0x05, 0x83


class File(NamedTuple):
    """``kind``: V linear, C cyclic, T transparent. ``read``, ``update``: rights joined by & and |; ids hexadecimal."""

    kind: str
    read: str
    update: str
    capacity: int = 0


FILES = {
    ("SSSE", 0x05): File("V", "free", "04"),
    ("SSSE", 0x06): File("V", "free", "04"),
    ("SSSE", 0x07): File("T", "0A", "04"),
    ("DF01", 0x05): File("V", "PIN|88", "83"),
    ("DF01", 0x07): File("V", "PIN|88", "84"),
    ("DF01", 0x16): File("T", "free", "8A"),
    ("DF03", 0x05): File("V", "PIN|85", "86"),
    ("DF03", 0x07): File("V", "PIN|84", "88"),
    ("DF04", 0x05): File("V", "PIN|84", "85"),
    ("DF04", 0x06): File("V", "PIN&84", "86"),
    ("DF04", 0x08): File("C", "PIN", "never", 30),
    ("DF04", 0x15): File("C", "PIN|84", "86", 8),
}
"""Files by directory and SFI, as in a 2.0 card; records are whole, tag and length included."""
LOG = ("DF04", 0x08)


class Key(NamedTuple):
    where: str
    id: int
    version: int

    @property
    def name(self) -> str:
        return KEYS[self.where][self.id]


class Refusal(Exception):  # noqa: N818 - an answer, no fault
    pass


@dataclass
class Lasting:
    """What outlives power. ``spent``: tries gone, of keys that lost any. ``files``: records, of T the bytes as one."""

    pin: bytes
    files: dict[tuple[str, int], tuple[bytes, ...]]
    amounts: Any
    pin_tries: int = PIN_TRIES
    spent: dict[Key, int] = field(default_factory=dict)
    proof: tuple[int, int, bytes] | None = None
    blocked: frozenset[str] = frozenset()
    dead: bool = False

    def copy(self) -> "Lasting":
        return replace(self, files=dict(self.files), spent=dict(self.spent))


@dataclass
class Volatile:
    """What is gone with power. ``rights``: the key that won each, by directory and id. ``pending``: a transaction."""

    where: str = "MF"
    challenge: bytes = b""
    rights: dict[tuple[str, int], Key] = field(default_factory=dict)
    verified: bool = False
    pending: Any = None


Answering: TypeAlias = Callable[..., bytes]


def command(*, keeps: bool = False, always: bool = False) -> Callable[[Answering], Answering]:
    """A command: refused where card or application is blocked (``always``: only the card); ``keeps`` a transaction."""

    def decorate(method: Answering) -> Answering:
        @wraps(method)
        def guarded(self: "Model", *arguments: Any, **options: Any) -> bytes:
            now = self.now
            now.pending = now.pending if keeps else None
            try:
                refuse("6A81", self.lasting.dead)
                refuse("9303", not always and self.is_blocked(now.where))
                return method(self, *arguments, **options) + b"\x90\x00"
            except Refusal as refusal:
                now.pending = None
                return bytes.fromhex(str(refusal))

        return guarded

    return decorate


def refuse(sw: str, condition: object = True) -> None:
    if condition:
        raise Refusal(sw)


@dataclass
class Model:
    """``version``: of the card. ``block``: of its cipher. ``midway``: after a try was spent, before the comparison."""

    version: str
    block: int
    lasting: Lasting
    outside: Any
    now: Volatile = field(default_factory=Volatile)
    midway: Lasting | None = None

    # Power and selection (§3.1 SELECT, §2.4 of the flows)

    def reset(self) -> None:
        self.now = Volatile()

    def is_blocked(self, where: str) -> bool:
        return where in self.lasting.blocked or (where != "MF" and "SSSE" in self.lasting.blocked)

    @command(always=True)
    def select(self, where: str, *, by_fid: bool = False) -> bytes:
        """Rights of what is left behind end, the PIN's does not; the same directory again changes nothing."""
        refuse("6A82", (where != "MF" and where not in NAMES) or (by_fid and self.now.where == "MF"))
        if where != self.now.where:
            self.now.challenge = b""
            left = {"MF": (), "SSSE": ("SSSE",)}.get(where, ("SSSE", where))
            self.now.rights = {right: key for right, key in self.now.rights.items() if right[0] in left}
        self.now.where = where
        refuse("9303", self.is_blocked(where))
        if where == "MF":
            return b""
        name = bytes((0x84, len(NAMES[where]))) + NAMES[where]
        proprietary = SSSE_FCI[self.version] if where == "SSSE" else b""
        whole = name + (bytes((0xA5, len(proprietary))) + proprietary if proprietary else b"")
        return bytes((0x6F, len(whole))) + whole

    # PIN (§3.1 VERIFY, §4.7; flows §1.4, §3.1, §3.2)

    @property
    def pin_satisfied(self) -> bool:
        return self.now.where != "MF" and (self.now.verified or not self.lasting.pin)

    @command()
    def verify(self, pin: bytes) -> bytes:
        lasting = self.lasting
        refuse("6700", pin and not 2 <= len(pin) <= 8)
        refuse("6A88", self.now.where == "MF")
        if not pin:
            refuse(f"63C{lasting.pin_tries}" if lasting.pin_tries else "6983", lasting.pin)
            return b""
        self._compare_pin(pin, change=False)
        self.now.verified = True
        return b""

    @command()
    def change_pin(self, data: bytes) -> bytes:
        old, separator, new = data.partition(b"\xff")
        refuse("6700", not 3 <= len(data) <= 17)
        refuse("6A80", not separator or not all(is_pin(pin) or not pin for pin in (old, new)))
        refuse("6A81", self.now.where == "MF")
        self._compare_pin(old, change=True)
        self.lasting.pin = new
        return b""

    def _compare_pin(self, pin: bytes, *, change: bool) -> None:
        lasting = self.lasting
        refuse("6983", not lasting.pin_tries)
        lasting.pin_tries -= 1
        self.midway = lasting.copy()
        if pin != lasting.pin:
            self.now.verified = False
            refuse(f"63C{lasting.pin_tries}")
        self.now.verified = self.now.verified if change else True
        lasting.pin_tries = PIN_TRIES

    @command()
    def unblock_pin(self, p2: int, size: int, new: bytes | None, *, right: bool) -> bytes:
        """``size``: of what stands before the MAC; ``new``: the PIN encrypted in it, None where there is no such."""
        refuse("6700", size not in ((0,) if p2 == 0 else (0, 8, 16)))
        puk = self.now.rights.get(("SSSE", PUK))
        refuse("6982", puk is None or not self.tries(puk))
        self._use_challenge()
        assert puk is not None
        before = self._spend(puk)
        refuse("6988", not right)
        if p2 and new is not None and new and not is_pin(new):
            self.lasting.spent = before
            refuse("6A80")
        self.lasting.pin = self.lasting.pin if new is None else new
        self.lasting.pin_tries = PIN_TRIES
        self.lasting.spent.pop(puk, None)
        return b""

    # Challenge and keys (§3.1, §4.1, §4.4; flows §2.1, §3.4)

    @command()
    def get_challenge(self, size: int, random: bytes) -> bytes:
        refuse("6700", size not in (4, 8, 16))
        self.now.challenge = random[:size].ljust(size, b"\x00")
        return self.now.challenge

    def _use_challenge(self) -> None:
        """It is gone after this; one longer than the cipher's block makes no session key."""
        challenge, self.now.challenge = self.now.challenge, b""
        refuse("6984", not 0 < len(challenge) <= self.block)

    def tries(self, key: Key) -> int:
        return KEY_TRIES - self.lasting.spent.get(key, 0)

    def _spend(self, key: Key) -> dict[Key, int]:
        before = dict(self.lasting.spent)
        self.lasting.spent[key] = before.get(key, 0) + 1
        self.midway = self.lasting.copy()
        return before

    def has(self, card_id: int) -> bool:
        return (self.now.where if card_id & 0x80 else "SSSE", card_id) in self.now.rights

    @command()
    def external_authenticate(self, card_id: int, version: int, *, right: bool) -> bytes:
        refuse("6A86", card_id & 0x70 or not card_id & 0x0F)
        place = self.now.where if card_id & 0x80 or self.now.where == "MF" else "SSSE"
        refuse("6A88", card_id not in KEYS.get(place, ()) or version not in VERSIONS)
        key = Key(place, card_id, version)
        refuse("6983", not self.tries(key))
        self._use_challenge()
        if key.name in UNLIMITED:
            refuse("63CF", not right)
        else:
            self._spend(key)
            refuse(f"63C{self.tries(key)}", not right)
            del self.lasting.spent[key]
        self.now.rights[place, card_id] = key
        return b""

    # Blocking (flows §3.3)

    @command()
    def block_application(self, *, right: bool) -> bytes:
        refuse("6982", not self.has(LK if self.now.where in {"DF03", "DF04"} else BK))
        self._use_challenge()
        refuse("6988", not right)
        self.lasting.blocked |= {self.now.where}
        return b""

    @command()
    def block_card(self, *, right: bool) -> bytes:
        refuse("6982", not self.has(BK))
        self._use_challenge()
        refuse("6988", not right)
        self.lasting.dead = True
        return b""

    # Files (§1.2, §2.2–2.4)

    def may(self, rule: str) -> bool:
        """Whether a rule's rights are there."""
        return any(all(map(self._term, group.split("&"))) for group in rule.split("|"))

    def _term(self, term: str) -> bool:
        known = {"free": True, "never": False, "PIN": self.pin_satisfied}
        return known[term] if term in known else self.has(int(term, 16))

    def _file(self, sfi: int) -> tuple[tuple[str, int], File]:
        place = (self.now.where, sfi)
        refuse("6A82", place not in FILES)
        file = FILES[place]
        if place == ("SSSE", 0x06) and self.version == "3.0":
            file = file._replace(read="0A")
        return place, file

    @command()
    def read_record(self, sfi: int, number: int, *, rest: bool = False) -> bytes:
        place, file = self._file(sfi)
        refuse("6981", file.kind == "T")
        refuse("6982", not self.may(file.read))
        found = self.lasting.files[place][number - 1 :]
        refuse("6A83", not found)
        answer = b"".join(found if rest else found[:1])
        refuse("6A81", len(answer) > 256)
        return answer

    @command()
    def update_record(self, sfi: int, number: int, data: bytes) -> bytes:
        """By number in a linear file; of a cyclic one it becomes the newest."""
        place, file = self._file(sfi)
        refuse("6981", file.kind == "T")
        refuse("6982", not self.may(file.update))
        records = self.lasting.files[place]
        refuse("6700", not data)
        if file.kind == "C":
            refuse("6700", len(data) != len(records[0]))
            self.lasting.files[place] = (data, *records)[: file.capacity]
            return b""
        refuse("6A85", len(data) < 2 or data[1] != len(data) - 2)
        refuse("6A83", number > len(records) + 1)
        refuse("6A84", number > len(records))
        self.lasting.files[place] = (*records[: number - 1], data, *records[number:])
        return b""

    @command()
    def read_binary(self, sfi: int, offset: int, size: int) -> bytes:
        place, file = self._file(sfi)
        refuse("6981", file.kind != "T")
        refuse("6982", not self.may(file.read))
        return self.lasting.files[place][0][offset:][:size]

    @command()
    def update_binary(self, sfi: int, offset: int, data: bytes) -> bytes:
        place, file = self._file(sfi)
        refuse("6981", file.kind != "T")
        refuse("6982", not self.may(file.update))
        refuse("6700", not data)
        (content,) = self.lasting.files[place]
        refuse("6700", offset + len(data) > len(content))
        self.lasting.files[place] = (content[:offset] + data + content[offset + len(data) :],)
        return b""


def is_pin(packed: bytes) -> bool:
    """2…8 bytes of decimal digits, an odd one filled with F: 4…16 digits."""
    digits = packed.hex()
    digits = digits.removesuffix("f")
    return 4 <= len(digits) <= 16 and len(packed) <= 8 and digits.isdecimal()
