"""The card's cryptography (密码算法): cipher suites, and the way from a root key to one card's key.

Pure computation on :class:`~apdu.secret.Secret` keys; which key is used for what, and who may, is decided elsewhere
(:mod:`cardlib.keys`, :mod:`cardlib.custody`).
"""

from cardlib.crypto.diversify import card_key, factors
from cardlib.crypto.medical import load_factor, purchase_factor
from cardlib.crypto.suite import SM4, TRIPLE_DES, Algorithm, CipherSuite, suite_for

__all__ = [
    "SM4",
    "TRIPLE_DES",
    "Algorithm",
    "CipherSuite",
    "card_key",
    "factors",
    "load_factor",
    "purchase_factor",
    "suite_for",
]
