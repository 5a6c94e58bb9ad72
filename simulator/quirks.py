"""Defects of cards in the field, as switches, so that what copes with them can be tested."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a card deviates from the standard (卡片差异); by default it does not.

    ``sfi``: READ commands understand a short file identifier; False: they answer 6A86, the file must be selected.
    ``whole_file``: READ RECORD modes 5 and 6 are understood; False: 6A86.
    ``by_tag``: READ RECORD modes 0…3 are understood; False: 6A86.
    ``exact_le``: with T=0 an Le that is not the answer's length is answered 6Cxx; False: the answer is sent, cut to Le.
    ``ef_p1``: the P1 with which SELECT finds an elementary file; for the other one 6A82.
    ``select_mf_first``: an application is found by its name only after SELECT MF in the same session (one card maker's
    cards); before that 6A82.
    ``lenient_append``: UPDATE RECORD of number 1 of a cyclic file appends, as does the standard's form, mode 3 with
    P1 00; False: cyclic files take no number [S5 against S8].
    ``key_version_required``: INTERNAL and EXTERNAL AUTHENTICATE demand the key version byte; 6700 without.
    """

    sfi: bool = True
    whole_file: bool = True
    by_tag: bool = True
    exact_le: bool = True
    ef_p1: frozenset[int] = frozenset({0x00, 0x02})
    select_mf_first: bool = False
    lenient_append: bool = False
    key_version_required: bool = False


CONFORMING = Quirks()
