from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from cardlib.cos.encoder import Encoder
from cardlib.cos.plan import CardParameters, Plan, PlannedDirectory, plan_card
from cardlib.crypto import Algorithm
from cardlib.development_keys import load
from cardlib.keys import KeyDeclaration
from cardlib.model import CardProfile
from cardlib.profiles.v1 import V1
from cardlib.profiles.v2 import V2
from cardlib.profiles.v3 import V3

HISTORICAL = bytes.fromhex("00814E43238660990000002000")


class Planned:
    """A plan, its directories by name, and the bytes that an encoder makes of its files."""

    def __init__(self, profile: CardProfile, algorithm: Algorithm) -> None:
        parameters = CardParameters(algorithm=algorithm, historical_bytes=HISTORICAL)
        self.plan: Plan = plan_card(profile, parameters, load(profile.keys))
        self.directories: Mapping[str, PlannedDirectory] = {found.name: found for found in self.plan.mf.walk()}

    def parent(self, directory: PlannedDirectory) -> PlannedDirectory | None:
        return next((found for found in self.plan.mf.walk() if directory in found.children), None)

    def file(self, encoder: Encoder, directory: str, name: str) -> str:
        found = self.directories[directory]
        (file,) = (file for file in found.files if file.name == name)
        return encoder.create_file(file, found, self.parent(found)).to_bytes().hex().upper()

    def key(self, encoder: Encoder, directory: str, name: str, version: int = 1) -> str:
        """Header bytes of WRITE KEY, P1 P2 in front."""
        found = self.directories[directory]
        (key,) = (key for key in found.keys if key.name == name and key.version == version)
        loading = encoder.add_key(key, found, self.plan)
        return (bytes((loading.p1, loading.p2)) + loading.header).hex().upper()


@pytest.fixture(scope="module")
def v1() -> Planned:
    return Planned(V1, Algorithm.DES)


@pytest.fixture(scope="module")
def v2() -> Planned:
    return Planned(V2, Algorithm.DES)


@pytest.fixture(scope="module")
def v3() -> Planned:
    return Planned(V3, Algorithm.SM4)


def custom(*, keys: Mapping[str, KeyDeclaration] = MappingProxyType({}), **changes: object) -> Planned:
    """Version 2.0 with DF01/EF05 otherwise, and with further keys."""
    profile = V2.derive("2.x", household=changes)
    return Planned(replace(profile, keys={**profile.keys, **keys}), Algorithm.DES)


@pytest.fixture(scope="module")
def with_household():
    return custom
