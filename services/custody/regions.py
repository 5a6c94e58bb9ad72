"""Whose key a regional one is: which cards a region's key serves (密钥适用地区)."""

from cardlib.crypto.diversify import area


def serves(region: str, of_card: str) -> bool:
    """Whether the key of a region is one for this card; both begin as region codes do, "" is the whole country.

    Counties of a Zhejiang city have that city's keys [S3 §10.3].
    """
    return area(of_card).startswith(area(region))


def overlap(one: str, other: str) -> bool:
    """Whether keys of the two regions would compete for some card."""
    return serves(one, other) or serves(other, one)
