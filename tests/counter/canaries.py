"""What must not be seen, in every form that it may take in a text, in a file, in a database."""

import base64
from collections.abc import Iterable, Iterator


class Canaries:
    """Texts (names, numbers, PINs) and bytes (keys) by what they are called.

    Texts are looked for as they are, escaped, and in each coding of a card or a database: in bytes and in hexadecimal.
    A text of digits alone is looked for in packed BCD as well.
    """

    def __init__(self, texts: dict[str, str], keys: dict[str, bytes]) -> None:
        self._texts = texts
        self._keys = keys

    def seen_in(self, *haystacks: str | bytes) -> list[str]:
        """What is found, by name; hexadecimal digits in either case."""
        parts = {each.encode("utf-8", "backslashreplace") if isinstance(each, str) else each for each in haystacks}
        data = b"\n".join(parts)
        lowered = data.lower()
        exact = {what for what, value in self._values() if any(form in data for form in _written(value))}
        digits = {what for what, value in self._values() if any(form in lowered for form in _hexadecimal(value))}
        escaped = {what for what, text in self._texts.items() if ascii(text)[1:-1].encode().lower() in lowered}
        return sorted(exact | digits | escaped)

    def _values(self) -> Iterator[tuple[str, bytes]]:
        for what, text in self._texts.items():
            yield from ((what, value) for value in _encoded(text))
        yield from self._keys.items()


def _encoded(text: str) -> Iterable[bytes]:
    found = {text.encode("utf-8"), text.encode("gb18030"), text.encode("utf-16-le"), text.encode("utf-16-be")}
    if text.isascii() and text.isdecimal() and len(text) % 2 == 0:
        found.add(bytes.fromhex(text))
    return found


def _hexadecimal(value: bytes) -> Iterable[bytes]:
    return value.hex().encode(), value.hex(" ").encode()


def _written(value: bytes) -> Iterable[bytes]:
    return {
        value,
        repr(value)[2:-1].encode(),
        str(list(value))[1:-1].encode(),
        base64.b64encode(value).rstrip(b"=")[:-1],
        "".join(f"\\{byte:03o}" for byte in value).encode(),  # as protobuf's text format writes bytes
    }
