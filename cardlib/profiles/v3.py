"""Version 3.0, the third generation (第三代社会保障卡), as its difference from 2.0 [S3 §10.2, S4]."""

from dataclasses import replace
from typing import Final

from cardlib.profiles import ssse
from cardlib.profiles.v2 import V2
from cardlib.rules import rule

SPEC_VERSION: Final = replace(ssse.SPEC_VERSION, vector=("332E3030", "3.00"))

V3: Final = V2.derive(
    "3.0",
    issuer={"items": ssse.ISSUER.replacing(SPEC_VERSION)},
    holder={"read": rule("RKSSSE")},
)
