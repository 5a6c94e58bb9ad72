"""The invented holders of the ready-made cards. Nobody is meant: region 990000 was never issued."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from cardlib.crypto import Algorithm
from cardlib.model import CardProfile
from cardlib.values import Value
from simulator.card import SoftwareCard
from simulator.descriptions import CardDescription, parse
from simulator.descriptions.description import Contents
from simulator.image import CardImage, image_for
from simulator.quirks import CONFORMING, Quirks
from simulator.security import Rng


@dataclass(frozen=True, slots=True)
class ReadyCard:
    """A ready-made card of an invented holder; its ``repr`` shows no data.

    ``holder``, ``issuer``: values of EF06, and of EF05 as far as they do not follow from the serial number.
    """

    description: CardDescription
    holder: Mapping[str, Value] = field(repr=False)
    issuer: Mapping[str, Value] = field(repr=False)

    @property
    def profile(self) -> CardProfile:
        """The layout."""
        return self.description.profile

    @property
    def algorithm(self) -> Algorithm:
        """The cipher of keys and secure messaging."""
        return self.description.algorithm

    @property
    def serial(self) -> int:
        """Serial number of the first such card, 0…9 999 999."""
        return self.description.serial

    def contents(self, serial: int) -> Contents:
        """The data of the card with this serial number: issuer's, holder's, and the profile's samples."""
        data = {**self.description.data, "holder": self.holder, "issuer": self.issuer}
        return replace(self.description, data=data).with_serial(serial).contents

    def historical_bytes(self, serial: int) -> bytes:
        """T1…TD of the card with this serial number."""
        return self.description.with_serial(serial).historical_bytes


def _ready(version: str) -> ReadyCard:
    name = f"ready-{version}.toml"
    text = files("simulator").joinpath("descriptions", "data", name).read_text(encoding="utf-8")
    description = parse(text, where=name)
    return ReadyCard(description, description.data["holder"], description.data["issuer"])


READY: Final[Mapping[str, ReadyCard]] = MappingProxyType(
    {version: _ready(version) for version in ("1.0", "2.0", "3.0")}
)
"""Ready-made cards by the version of the specification they follow."""

INITIAL_PIN: Final = READY["2.0"].description.pin
"""What the cards of most regions are issued with, and all ready-made ones [S10]."""


@lru_cache(maxsize=256)
def ready_image(name: str, copy: int = 0) -> CardImage:
    """The image of a ready-made card under the development keys; raises :class:`KeyError` for a name not in READY.

    ``copy`` counts cards of the same holder: each has a serial number, and so keys, of its own.
    """
    first = READY[name].description
    description = first.with_serial(first.serial + copy)
    return image_for(description.profile, description.contents, description.issue, description.root_keys)


def ready_card(
    name: str, *, copy: int = 0, t0: bool = True, rng: Rng = secrets.token_bytes, quirks: Quirks = CONFORMING
) -> SoftwareCard:
    """A new ready-made card; ``name`` and ``copy`` as for :func:`ready_image`, the rest as for SoftwareCard."""
    return SoftwareCard(ready_image(name, copy), t0=t0, rng=rng, quirks=quirks)
