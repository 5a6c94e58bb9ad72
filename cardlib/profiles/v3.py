"""Version 3.0, the third generation (第三代社会保障卡), as its difference from 2.0 [S3 §10.2, S4]."""

from dataclasses import replace
from typing import Final

from cardlib.profiles import v2
from cardlib.rules import Key

SPEC_VERSION: Final = replace(v2.SPEC_VERSION, vector=("332E3030", "3.00"))

V3: Final = v2.V2.derive(
    "3.0",
    issuer={"items": v2.V2.file_named("issuer").replacing(SPEC_VERSION)},
    holder={"read": Key("RKSSSE")},
)
