"""Version 1.0: what cards were before the notice of 2012, as its difference from 2.0 [S2.6, S1 annex C and attachment].

LB002-2000 itself is not public. What it had is known from what 2.0 changed, so the order of records is not: items are
found by tag. Items of which neither tag nor length is published are named where their file is declared; what a card has
under unknown tags comes back raw. Files keep their name of 2.0 where they keep their identifier, or their subject.

Records that 2.0 uses for something else may have been rewritten: :mod:`cardlib.reused`.
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from cardlib.keys import KEYS
from cardlib.model import CardProfile, FileClass
from cardlib.profiles import df05, df06, ssse
from cardlib.profiles.v1.common import called, kept
from cardlib.profiles.v1.df01 import DF01
from cardlib.profiles.v1.df02 import DF02
from cardlib.profiles.v1.df03 import DF03
from cardlib.profiles.v1.df04 import DF04
from cardlib.rules import FREE, rule

_CLAUSE: Final = "S2.6 T4"

ISSUER: Final = replace(
    ssse.ISSUER,
    update=rule("UKMF"),
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=ssse.ISSUER.replacing(replace(ssse.SPEC_VERSION, vector=("312E3030", "1.00"))),
)

HOLDER: Final = replace(
    ssse.HOLDER,
    update=rule("UKMF"),
    file_class=FileClass.MANDATORY,
    clause=_CLAUSE,
    items=(
        called(ssse.HOLDER, "social_security_number", "公民身份号码"),
        *kept(ssse.HOLDER, "name", "sex", "ethnicity", "birth_place", "birth_date"),
    ),
    views=(),
)

FINGERPRINT: Final = replace(
    ssse.FINGERPRINT, read=FREE, update=rule("UKMF"), file_class=FileClass.MANDATORY, clause=_CLAUSE
)

HEALTH: Final = replace(
    df05.HEALTH,
    items=kept(
        df05.HEALTH,
        "health_status",
        "disability_category",
        "abo_blood_group",
        "contraindicated_drugs",
        "major_diseases",
    ),
)

V1: Final = CardProfile(
    version="1.0",
    # The key that later is UKSSSE, under its former name [S2.6 T4]; it is the same key on the card.
    keys=MappingProxyType({"UKMF" if name == "UKSSSE" else name: key for name, key in KEYS.items()}),
    directories=(
        replace(ssse.SSSE, files=(ISSUER, HOLDER, FINGERPRINT)),
        DF01,
        DF02,
        DF03,
        DF04,
        replace(df05.DF05, files=(HEALTH,)),
        df06.DF06,
    ),
)
