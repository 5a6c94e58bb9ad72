"""The chip operating systems that cards can be built on, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cardlib.cos.encoder import Encoder
from cardlib.cos.fmcos import Fmcos
from cardlib.cos.t514 import T514

ENCODERS: Final[Mapping[str, Encoder]] = MappingProxyType({encoder.name: encoder for encoder in (T514(), Fmcos())})
"""How each operating system is told to build a card, by its name."""
