"""A ready-made test PSAM under the published development keys, for the invented city 990000 (测试PSAM)."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final

from apdu.secret import Secret
from cardlib import development_keys
from cardlib.crypto import Algorithm, card_key, suite_for
from cardlib.crypto.suite import FACTOR_SIZE
from cardlib.keys import CHIP_KEYS, KEYS, PSAM_OWN_KEYS, KeyReference, Purpose
from cardlib.psam import PsamKey, PsamKeyType, algorithm_byte
from cardlib.psam_building import ApplicationInformation
from cardlib.psam_keys import PSAM_KEYS, PsamKeyId
from simulator.memory.image import CardImage
from simulator.psam.making import EnvironmentDescription, PsamDescription, make

TEST_REGION: Final = "990000"


def own_keys() -> tuple[Secret, ...]:
    """The development keys of :data:`~cardlib.keys.PSAM_OWN_KEYS`, version 1, 16 bytes each, the same in every PSAM.

    Not diversified by its serial number, as those of an issued PSAM are; worthless by design.
    """
    values = development_keys.load(CHIP_KEYS)
    return tuple(values[KeyReference(name)] for name in PSAM_OWN_KEYS)


def root_at(algorithm: Algorithm, root: Secret, region: str, levels: int) -> Secret:
    """What a PSAM holds ``levels`` (1…3) factors above a card, from a first-level root; ``region``: six digits."""
    return card_key(suite_for(algorithm), root, region, bytes(FACTOR_SIZE), levels=levels)


def ready_description(  # noqa: PLR0913 - what test PSAMs differ in
    *,
    region: str = TEST_REGION,
    algorithms: tuple[Algorithm, ...] = (Algorithm.DES, Algorithm.SM4),
    without: Collection[str] = (),
    key_version: int = 1,
    maintenance: PsamKeyType = PsamKeyType.MAC,
    terminal: str = "",
) -> PsamDescription:
    """What :func:`ready_psam` makes; arguments as there."""
    ddf, adf, *loaders = own_keys()
    roots = development_keys.load()
    information = ApplicationInformation(key_version=key_version)
    kept = tuple(row for row in PSAM_KEYS if row.name not in without)
    environments = tuple(
        EnvironmentDescription(
            algorithm,
            ddf,
            adf,
            (loaders[0], loaders[1], loaders[2]),
            tuple(_keys(kept, algorithm, roots, region, key_version, maintenance)),
            (information, information, information),
        )
        for algorithm in algorithms
    )
    serial = f"{region}20200101000001"
    return PsamDescription(serial, terminal or f"{region}000001", environments, issuer=int(region[:2], 16))


@cache
def ready_psam(  # noqa: PLR0913 - what test PSAMs differ in
    *,
    region: str = TEST_REGION,
    algorithms: tuple[Algorithm, ...] = (Algorithm.DES, Algorithm.SM4),
    without: frozenset[str] = frozenset(),
    key_version: int = 1,
    maintenance: PsamKeyType = PsamKeyType.MAC,
    terminal: str = "",
) -> CardImage:
    """A finished PSAM with the keys of :data:`cardlib.psam_keys.PSAM_KEYS`; made once, as cards are, by commands.

    ``region``: the city's six digits, for whose cards the keys below the first level are. ``algorithms``: its
    environments, DES first. ``without``: names of keys that it lacks. ``key_version``: of all keys that have versions
    on a card. ``maintenance``: type of the STK: MAC as in the text, with which no PIN can be encrypted, or
    ENCRYPT_AND_MAC as PSAMs in the field have it. ``terminal``: 12 digits, else the region ‖ 000001.
    """
    return make(
        ready_description(
            region=region,
            algorithms=algorithms,
            without=without,
            key_version=key_version,
            maintenance=maintenance,
            terminal=terminal,
        )
    )


def _keys(  # noqa: PLR0913, PLR0917 - a row, and all that decides on its value
    rows: tuple[PsamKeyId, ...],
    algorithm: Algorithm,
    roots: Mapping[KeyReference, Secret],
    region: str,
    key_version: int,
    maintenance: PsamKeyType,
) -> Iterator[PsamKey]:
    for row in () if algorithm is Algorithm.SSF33 else rows:
        declaration = KEYS[row.name]
        is_stk = declaration.purpose is Purpose.MAINTENANCE
        version = row.id if row.kind is PsamKeyType.PURCHASE else 1 if is_stk else key_version
        size = declaration.size(algorithm)
        root = Secret(roots[KeyReference(row.name, version)].reveal()[:size])
        value = root_at(algorithm, root, region, row.levels)
        code = algorithm_byte(algorithm, size)
        yield PsamKey(maintenance if is_stk else row.kind, row.id, row.levels, value, code, row.file)
