"""What can go wrong on the way to the keys; grafted on the tree of :mod:`cardlib.errors`.

::

    KeyUnavailableError
    └─ CentreAwayError  the centre that has the keys cannot be reached, or does not answer in time
"""

from cardlib.errors import KeyUnavailableError


class CentreAwayError(KeyUnavailableError):
    """The centre that has the key cannot be reached, or did not answer in time (密钥中心无应答).

    The same call can be repeated as it is: asking changes nothing, but that a purchase may have used up a number.
    """
