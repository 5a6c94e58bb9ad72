"""What a card holds where its description says nothing: the profile's samples, as far as they go together."""

from collections.abc import Mapping
from typing import Final

from cardlib.issuance.person import told_by_number
from cardlib.model import CardProfile, ElementaryFile, FileClass
from cardlib.values import Value

ACCOUNT: Final = "medical_account"

_ALTERNATIVES: Final = ("employment", "unemployment_insurance")
_ITEM_OF_ONE_FILE: Final = "last_unemployment_registration_date"
"""Item 60 stands in exactly one of DF02/EF06 and DF03/EF05: unless stated in the former, in the latter [S1 T9]."""


def completed(
    profile: CardProfile, stated: Mapping[str, Mapping[str, Value]], *, samples: bool
) -> dict[str, Mapping[str, Value]]:
    """The values of all files that hold any: those stated, and in the place of others samples, if they are wanted.

    Reserved files have no samples. EF05 names the profile's version of the specification, samples or not: without it no
    reader would know the layout.
    """
    data: dict[str, Mapping[str, Value]] = dict(stated)
    if samples:
        files = (file for directory in profile.directories for file in directory.files)
        data |= {
            file.name: {**_samples(file, stated), **stated.get(file.name, {})}
            for file in files
            if file.file_class is not FileClass.RESERVED or file.name in stated
        }
    return data | {"issuer": {"spec_version": f"{profile.version}0", **_without_serial(data["issuer"], stated)}}


def _without_serial(issuer: Mapping[str, Value], stated: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """EF05 without samples of what follows from the card's serial number or from the version."""
    following = {"card_identifier", "initialising_body", "card_number", "spec_version"} - stated["issuer"].keys()
    return {name: value for name, value in issuer.items() if name not in following}


def _samples(file: ElementaryFile, stated: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """The samples of a file, as far as they do not contradict what is stated."""
    if file.file_class is FileClass.RESERVED:
        return {}
    named = stated.get(file.name, {})
    # Records that are understood together are stated together.
    taken = {name for field in file.fields if named.keys() & set(field.names) for name in field.names}
    found = {name: value for name, value in file.sample.items() if name not in taken}
    if file.name == "holder":
        found |= told_by_number(named.get("social_security_number"))
    first, second = _ALTERNATIVES
    if file.name == (second if _ITEM_OF_ONE_FILE in stated.get(first, {}) else first):
        found.pop(_ITEM_OF_ONE_FILE, None)
    return found
