"""Command APDU: the seven encodings of ISO/IEC 7816-4 §5.1 and §12.1.1."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from apdu.errors import ApduFormatError
from apdu.secret import Secret
from apdu.status import command_name

MAX_SHORT_NC, MAX_SHORT_NE = 255, 256
MAX_EXTENDED_NC, MAX_EXTENDED_NE = 65_535, 65_536


@dataclass(frozen=True, slots=True)
class CommandAPDU:
    """One command to a card (命令 APDU).

    ``cla ins p1 p2``: one byte each, 0…FF. ``data``: the command data field, Nc = its length (0…65 535); a
    :class:`Secret` where nobody may see it. ``ne``: the greatest number of response bytes expected, 1…65 536, or None
    when no Le field is sent. ``extended`` asks for the three-byte length fields where one byte would do.

    Raises :class:`ApduFormatError` when a value is out of range. Its ``repr`` shows header and lengths, never data.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes | Secret = b""
    ne: int | None = None
    extended: bool = False

    def __post_init__(self) -> None:
        if any(not 0 <= byte <= 0xFF for byte in (self.cla, self.ins, self.p1, self.p2)):
            msg = "CLA, INS, P1 and P2 are one byte each"
            raise ApduFormatError(msg)
        if self.nc > MAX_EXTENDED_NC:
            msg = f"{self.nc} data bytes do not fit an APDU"
            raise ApduFormatError(msg)
        if self.ne is not None and not 1 <= self.ne <= MAX_EXTENDED_NE:
            msg = f"Ne is 1 to {MAX_EXTENDED_NE}, or None for no Le field; not {self.ne}"
            raise ApduFormatError(msg)

    @property
    def nc(self) -> int:
        """Nc: number of bytes in the command data field."""
        return len(self.data)

    @property
    def name(self) -> str:
        """The command's name by its instruction byte, e.g. ``READ RECORD``."""
        return command_name(self.ins)

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def is_extended(self) -> bool:
        """Whether the length fields take the extended form."""
        return self.extended or self.nc > MAX_SHORT_NC or (self.ne or 0) > MAX_SHORT_NE

    @property
    def case(self) -> str:
        """``1``, ``2S``, ``3S``, ``4S``, ``2E``, ``3E`` or ``4E`` (ISO/IEC 7816-3 §12.1.2)."""
        number = 1 + (2 if self.nc else 0) + (1 if self.ne is not None else 0)
        return "1" if number == 1 else f"{number}{'E' if self.is_extended else 'S'}"

    def to_bytes(self) -> bytes:
        """The command as it goes over the wire. A :class:`Secret` data field is revealed here."""
        data = self.data.reveal() if isinstance(self.data, Secret) else self.data
        parts = [self.header]
        if self.is_extended:
            if data or self.ne is not None:
                parts.append(b"\x00")
            if data:
                parts += [len(data).to_bytes(2, "big"), data]
            if self.ne is not None:
                parts.append((self.ne & 0xFFFF).to_bytes(2, "big"))
        else:
            if data:
                parts += [bytes((len(data),)), data]
            if self.ne is not None:
                parts.append(bytes((self.ne & 0xFF,)))
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Parse a command from the wire; raises :class:`ApduFormatError` when its lengths contradict each other.

        An extended case 1 does not exist; a short ``Lc`` of 00 followed by nothing is Le = 256 (case 2S).
        """
        if len(raw) < 4:
            msg = f"a command has at least 4 bytes, not {len(raw)}"
            raise ApduFormatError(msg)
        body = raw[4:]
        command = partial(cls, raw[0], raw[1], raw[2], raw[3])
        if not body:
            return command()
        if len(body) == 1:
            return command(ne=body[0] or MAX_SHORT_NE)
        if body[0]:
            data, ne = cls._split(body[1:], body[0], le_size=1)
            return command(data=data, ne=ne)
        if len(body) == 3:
            return command(ne=int.from_bytes(body[1:], "big") or MAX_EXTENDED_NE, extended=True)
        nc = int.from_bytes(body[1:3], "big")
        if len(body) == 2 or nc == 0:
            msg = "extended length field is cut off or zero"
            raise ApduFormatError(msg)
        data, ne = cls._split(body[3:], nc, le_size=2)
        return command(data=data, ne=ne, extended=True)

    @staticmethod
    def _split(rest: bytes, nc: int, *, le_size: int) -> tuple[bytes, int | None]:
        data, le = rest[:nc], rest[nc:]
        if len(data) != nc or len(le) not in {0, le_size}:
            msg = f"Lc says {nc} bytes, {len(rest)} follow"
            raise ApduFormatError(msg)
        return data, (int.from_bytes(le, "big") or 256**le_size) if le else None

    def __repr__(self) -> str:
        lengths = ([f"Nc {self.nc}"] if self.nc else []) + ([f"Ne {self.ne}"] if self.ne is not None else [])
        return f"<{self.name} {self.header.hex(' ').upper()}{''.join(', ' + text for text in lengths)}>"
