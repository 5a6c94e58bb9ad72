"""WRITE KEY as both operating systems have it: nothing else is a load."""

import pytest

from apdu.errors import MalformedError
from cardlib.cos.encoder import LOADING_HEADERS, KeyLoading, require_loading
from cardlib.cos.encoders import ENCODERS


def test_both_systems_load_in_the_forms_that_are_known_and_use_all_of_them(v2, v3) -> None:
    used = set()
    for planned in (v2, v3):
        for encoder in ENCODERS.values():
            for directory in planned.plan.mf.walk():
                loadings = [
                    load(key, directory, planned.plan)
                    for key in directory.keys
                    for load in (encoder.add_key, encoder.replace_key)
                ]
                if directory.pin is not None:
                    loadings.append(encoder.add_pin(3, directory, planned.plan))
                used |= {(loading.width, len(loading.header)) for loading in loadings}
    assert used == {(width, size) for width, sizes in LOADING_HEADERS.items() for size in sizes}


@pytest.mark.parametrize(
    ("size", "width"), [(0, 0), (4, 0), (7, 0), (8, 0), (5, 16), (7, 16), (9, 16), (8, 8), (5, -1), (5, 1)]
)
def test_no_other_form_is_a_load(size, width) -> None:
    for made in (require_loading, lambda header, width: KeyLoading(0, 0, header, width)):
        with pytest.raises(
            MalformedError, match=f"a header of {size} bytes before a key that is filled up to {width}$"
        ):
            made(bytes(size), width)
