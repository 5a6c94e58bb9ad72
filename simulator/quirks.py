"""Defects of cards in the field, as switches, so that what copes with them can be tested."""

from dataclasses import dataclass
from typing import Literal


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
    ``pin_query_locked``: what VERIFY without data answers for a blocked PIN, 6983 or 63C0 [S2.5 §6.14, S2.7 §5.8].
    ``card_block_scope``: CARD BLOCK blocks the whole card, or the SSSE with all below it and not, say, the bank's
    applications [S2.5 §6.2, S2.4 §5.5].
    ``load_tac_balance``: the balance in the TAC of a load, that after or before the credit [S2.7 §11.8].
    ``log_number``, ``proof_number``: whether the counter before or after a transaction numbers it in the log, and in
    GET TRANSACTION PROOF [S2.7 §11.8, S2.5 §7.4].
    ``settlement_year``: what year the totals start in: the accounting year of the transaction's date, or its calendar
    year, which is wrong before the starting day [S2.7 §12.6].
    ``lenient_proof_type``: GET TRANSACTION PROOF takes 01 and 02 for a load and a purchase, besides 31 and 32.
    ``drop_on_receipt``: a proof is dropped as soon as the next CREDIT or DEBIT arrives, whatever comes of it; False:
    only the next transaction carried out replaces it [S2.7 §14].
    ``sloppy``: power that is lost while files or keys are written leaves torn bytes; only the medical account is all or
    nothing [S2.7 §14 demands it of everything].
    """

    sfi: bool = True
    whole_file: bool = True
    by_tag: bool = True
    exact_le: bool = True
    ef_p1: frozenset[int] = frozenset({0x00, 0x02})
    select_mf_first: bool = False
    lenient_append: bool = False
    key_version_required: bool = False
    pin_query_locked: Literal[0x6983, 0x63C0] = 0x6983
    card_block_scope: Literal["card", "ssse"] = "card"
    load_tac_balance: Literal["after", "before"] = "after"
    log_number: Literal["after", "before"] = "after"
    proof_number: Literal["after", "before"] = "after"
    settlement_year: Literal["accounting", "calendar"] = "accounting"
    lenient_proof_type: bool = False
    drop_on_receipt: bool = False
    sloppy: bool = False


CONFORMING = Quirks()
