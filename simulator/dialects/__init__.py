"""The operating systems of chips: one module each, and the table of them all."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from simulator.dialect import Dialect
from simulator.dialects.fmcos import FMCOS
from simulator.dialects.psam import PSAM
from simulator.dialects.t514 import T514

_ALL: Final[tuple[Dialect, ...]] = (T514, FMCOS, PSAM)

DIALECTS: Final[Mapping[int, Dialect]] = MappingProxyType({dialect.code: dialect for dialect in _ALL})
"""By their number in a chip's memory."""

BY_NAME: Final[Mapping[str, Dialect]] = MappingProxyType({dialect.name: dialect for dialect in _ALL})
"""By the name that people use."""
