"""The profiles of all versions of the card, and which one a card follows."""

from typing import Final

from cardlib.errors import VersionUnsupportedError
from cardlib.model import CardProfile
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3
from cardlib.schema import PADDING
from cardlib.text import decode_text_leniently

ALL: Final[tuple[CardProfile, ...]] = (V1, V2, V3)
"""Every profile, the oldest first."""

LATEST: Final[CardProfile] = V3
"""The newest profile: for what is the same in all of them, before the version is known."""


def profile_for(version_item: bytes | None) -> CardProfile:
    """The profile of a card whose item 03 (规范版本) holds these bytes, None when it has no such item.

    Only the first three characters count; an empty item means 1.0 [S3 §10.2]. Raises
    :class:`~cardlib.errors.VersionUnsupportedError`.
    """
    text = decode_text_leniently((version_item or b"").rstrip(PADDING))
    if not text:
        return V1
    for profile in ALL:
        if text.startswith(profile.version):
            return profile
    raise VersionUnsupportedError(text[:4])
