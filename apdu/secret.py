"""Bytes that must not be seen: PINs, keys, cryptograms in clear."""

import hmac


class Secret:
    """Bytes whose ``repr``, ``str`` and format never show them; :meth:`reveal` is the only way in.

    Not picklable, so that it cannot leave the process by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves. Call it where they are used, and nowhere else."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"<{len(self._value)} secret bytes>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str | tuple[object, ...]:
        msg = "a Secret cannot be serialised"
        raise TypeError(msg)
