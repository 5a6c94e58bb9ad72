"""Regional profiles as declarations: what they add, to which cards, and the profile that results."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from cardlib.files import AddressableFile
from cardlib.items import Item
from cardlib.keys import KEYS, KeyDeclaration
from cardlib.model import CardProfile, Directory
from cardlib.profiles import ALL, profile_for


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionalProfile:
    """What the cards of some regions have beyond the standard (地方扩展).

    ``regions``: the first two, four or six digits of the region in the card identifier (卡的识别码); ``versions``: of
    the specification. ``files`` by directory; ``items`` and ``records`` by the name of a standard file.
    """

    title: str
    regions: tuple[str, ...]
    versions: tuple[str, ...]
    keys: Mapping[str, KeyDeclaration]
    directories: tuple[Directory, ...]
    files: Mapping[str, tuple[AddressableFile, ...]]
    items: Mapping[str, tuple[Item, ...]]
    records: Mapping[str, int]

    def applies(self, version: str, region: str) -> bool:
        """Whether it is about cards of this version from this region, six digits."""
        return version in self.versions and region.startswith(self.regions)

    def extend(self, profile: CardProfile) -> CardProfile:
        """The profile with everything that is added to it."""
        changes: dict[str, dict[str, Any]] = {name: {"records": number} for name, number in self.records.items()}
        for name, items in self.items.items():
            changes[name] = {"items": (*profile.file_named(name).items, *items)}
        roomy = replace(profile, directories=(*profile.directories, *self.directories))
        return replace(
            roomy.derive(profile.version, add=self.files, **changes),
            keys=MappingProxyType({**profile.keys, **self.keys}),
        )


@dataclass(frozen=True)
class RegionalProfiles:
    """All regional profiles of a deployment; no two of them are about the same card."""

    profiles: tuple[RegionalProfile, ...] = ()

    @property
    def keys(self) -> Mapping[str, KeyDeclaration]:
        """Every key by its name: the standard's and those of the regions."""
        return MappingProxyType({**KEYS, **{name: key for one in self.profiles for name, key in one.keys.items()}})

    @property
    def every(self) -> tuple[CardProfile, ...]:
        """All profiles that a card may follow: the standard's, the oldest first, then each with what a region adds."""
        return (*ALL, *(one.extend(base) for one in self.profiles for base in ALL if base.version in one.versions))

    def of_card(self, version_item: bytes | None, region: str | None) -> CardProfile:
        """The profile of the card with this item 03, from this region; raises VersionUnsupportedError."""
        return self.profile_for(profile_for(version_item), region)

    def profile_for(self, profile: CardProfile, region: str | None) -> CardProfile:
        """The profile of a card of this region: ``profile`` with what its region adds, if anything.

        ``region``: the first six digits of the card identifier; None if the card does not tell.
        """
        for regional in self.profiles:
            if region is not None and regional.applies(profile.version, region):
                return regional.extend(profile)
        return profile
