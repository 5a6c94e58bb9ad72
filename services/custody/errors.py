"""What can go wrong on the way to the keys; grafted on the tree of :mod:`cardlib.errors`.

::

    KeyUnavailableError
    ├─ CentreAwayError            the centre that has the keys cannot be reached, or does not answer in time
    ├─ KeyUnknownError            a request names a key that nobody here knows
    └─ VerificationsBlockedError  too many answers for this key of this card were wrong
"""

from cardlib.errors import KeyUnavailableError


class CentreAwayError(KeyUnavailableError):
    """The centre that has the key cannot be reached, or did not answer in time (密钥中心无应答).

    The same call can be repeated as it is: asking changes nothing, but that a purchase may have used up a number.
    """


class KeyUnknownError(KeyUnavailableError):
    """A request names a key that nobody here knows (密钥名称未知); ``field`` is its place in the request.

    The name itself is not repeated: what is no key may be anything that a caller took for one.
    """

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"at {field}", "no key of this name is known here")
        self.key = ""


class VerificationsBlockedError(KeyUnavailableError):
    """Too many answers for this key of this card were wrong, or are being checked still (验证次数过多)."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "too many answers of this card were wrong, so none is checked for a quarter of an hour")
