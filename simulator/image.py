"""A personalised card's contents: what a software card is made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from apdu.secret import Secret
from apdu.tlv import encode
from cardlib.crypto import Algorithm
from cardlib.fci import ALGORITHM_ID, DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from cardlib.keys import KEYS, CardFactors, KeyReference, Purpose
from cardlib.model import CardProfile
from cardlib.values import Value
from simulator.credentials import KeyRecord, KeyUse, PinRecord
from simulator.files import MF_FID, Directory, RecordFile

SSSE_FID: Final = 0xDDF1
"""FID of the SSSE on one vendor's cards; the standard gives it none [S5]."""

DIR_SFI: Final = 0x1E
"""SFI of the DIR file as real cards name it in tag 88; this card has no DIR: all applications are then taken to be
there [S2.3 §5.1.4]."""

BANK_MF_NAME: Final = b"1PAY.SYS.DDF01"
"""DF name of the MF of cards that are bank cards too."""

Contents: TypeAlias = Mapping[str, Mapping[str, Value]]
"""Values by the profile's names of file and item; an item that is not there is blank on the card."""

Records: TypeAlias = Mapping[str, Sequence[bytes]]
"""Whole records, tag and length included, by the profile's name of the file; a file that is not there is empty."""

_SFI_OF_DIR = 0x88
_NEVER_BLOCKS = frozenset({Purpose.INTERNAL_AUTHENTICATION, Purpose.CARD_BLOCK, Purpose.APPLICATION_BLOCK})
"""Keys whose failures are not counted [S2.7 §13.1, §13.2]."""


@dataclass(frozen=True, slots=True)
class CardImage:
    """Everything a finished card holds (卡片映像); immutable, so any number of cards can be made from one.

    ``historical_bytes``: 13 bytes T1…TD of the ATR. ``root``: the MF with all below it.
    """

    historical_bytes: bytes
    algorithm: Algorithm
    root: Directory

    @property
    def atr(self) -> bytes:
        """Answer to reset: direct convention, TB1 and TC1 00, T=0 only, no TCK [S2.2 §8]."""
        return bytes((0x3B, 0x60 | len(self.historical_bytes), 0x00, 0x00)) + self.historical_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What an issuer decides about one card, besides its data (发卡参数).

    ``historical_bytes``: 13 bytes, of which the last eight, T6…TD, diversify the keys. ``pin``: packed, 2…8 bytes, or
    empty for none. ``pin_tries``, ``key_tries``: 1…15 wrong tries before blocking; the standard leaves them to the
    issuer. ``bank_combined``: the MF has the name of a bank card's MF, and answers SELECT with its FCI.
    """

    algorithm: Algorithm
    historical_bytes: bytes
    pin: Secret
    pin_tries: int = 6
    key_tries: int = 3
    bank_combined: bool = False


def image_for(
    profile: CardProfile, contents: Contents, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these values; other arguments and errors as for :func:`image_of_records`.

    Raises :class:`~cardlib.errors.ItemError` for a value that its item cannot hold, :class:`KeyError` for a file that
    the profile does not have.
    """
    records = {name: profile.file_named(name).encode(values) for name, values in contents.items()}
    return image_of_records(profile, records, issue, root_keys)


def image_of_records(
    profile: CardProfile, records: Records, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these records as they are, right or wrong.

    Files and access rules come from the SSSE of ``profile``. ``root_keys``: first-level root keys, in as many versions
    as the card shall hold; they are diversified by the region in item 01 and by T6…TD. Raises
    :class:`~apdu.errors.MalformedError` where item 01 holds no region, or the historical bytes are too few.
    """
    declared = profile.directories[0]
    ssse = Directory(
        SSSE_FID,
        declared.df_name,
        _ssse_fci(declared.df_name, issue.algorithm),
        files=tuple(RecordFile(file.fid, file.read, tuple(records.get(file.name, ()))) for file in declared.files),
        pin=PinRecord(issue.pin, issue.pin_tries),
        keys=tuple(_card_keys(declared.name, _factors(profile, records, issue), root_keys, issue.key_tries)),
    )
    name = BANK_MF_NAME if issue.bank_combined else b""
    fci = encode(FCI_TEMPLATE, encode(DF_NAME, name)) if name else b""
    return CardImage(issue.historical_bytes, issue.algorithm, Directory(MF_FID, name, fci, directories=(ssse,)))


def _ssse_fci(name: bytes, algorithm: Algorithm) -> bytes:
    """6F{84 name, A5{88 SFI of DIR, 9F0C{86 algorithm}}}; DES, the default, is not named [S2.5 T37, S3 §10.1]."""
    proprietary = encode(_SFI_OF_DIR, bytes((DIR_SFI,)))
    if algorithm is not Algorithm.DES:
        proprietary += encode(ISSUER_DISCRETIONARY, encode(ALGORITHM_ID, bytes((algorithm.value,))))
    return encode(FCI_TEMPLATE, encode(DF_NAME, name) + encode(PROPRIETARY, proprietary))


def _factors(profile: CardProfile, records: Records, issue: Issue) -> CardFactors:
    issuer = profile.file_named("issuer")
    identifier = issuer.split(b"".join(records[issuer.name])).get(issuer.item_named("card_identifier").tag, b"")
    return CardFactors(issue.algorithm, identifier[:3].hex(), issue.historical_bytes[5:13])


def _card_keys(
    directory: str, card: CardFactors, root_keys: Mapping[KeyReference, Secret], tries: int
) -> Iterator[KeyRecord]:
    """The directory's keys that authenticate, as this card holds them."""
    for reference, root in root_keys.items():
        key = KEYS[reference.name]
        if key.directory != directory or not key.authenticates or key.card_id is None:
            continue
        internal = key.purpose is Purpose.INTERNAL_AUTHENTICATION
        yield KeyRecord(
            KeyUse.INTERNAL if internal else KeyUse.EXTERNAL,
            key.name,
            key.card_id,
            reference.version,
            card.card_key(reference, root),
            None if key.purpose in _NEVER_BLOCKS else tries,
        )
