"""A personalised card's contents: what a software card is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from apdu.secret import Secret
from apdu.tlv import parse_simple
from cardlib import model
from cardlib.crypto import Algorithm
from cardlib.keys import VERSIONS, CardFactors, KeyReference, Purpose
from simulator.credentials import KeyRecord, KeyUse, Permission, PinRecord
from simulator.files import MF_FID, Directory
from simulator.layout import Records, directory_file, elementary_files, internal_files, named_fci, ssse_fci
from simulator.security import DEFAULT_KEY_VERSION

SSSE_FID: Final = 0xDDF1
"""FID of the SSSE on one vendor's cards; the standard gives it none [S5]."""

BANK_MF_NAME: Final = b"1PAY.SYS.DDF01"
"""DF name of the MF of cards that are bank cards too."""

Contents: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Values by the profile's names of file and item, as the files' ``encode`` takes them; what is not there is blank."""

_NEVER_BLOCKS = frozenset({Purpose.INTERNAL_AUTHENTICATION, Purpose.CARD_BLOCK, Purpose.APPLICATION_BLOCK})
"""Keys whose failures are not counted [S2.7 §13.1, §13.2]."""

_USES = {Purpose.INTERNAL_AUTHENTICATION: KeyUse.INTERNAL, Purpose.MAINTENANCE: KeyUse.MAINTENANCE}
"""What keys are used for on the card; all others that authenticate do so externally."""

_PERMISSIONS = {
    Purpose.PIN_UNBLOCK: Permission.UNBLOCK_PIN,
    Purpose.APPLICATION_BLOCK: Permission.BLOCK_APPLICATION,
    Purpose.CARD_BLOCK: Permission.BLOCK_CARD,
}
"""What authentication with a key allows besides access to files."""


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
    profile: model.CardProfile, contents: Contents, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these values; other arguments and errors as for :func:`image_of_records`.

    Raises :class:`~cardlib.errors.ItemError` for a value that its item cannot hold, :class:`KeyError` for a file that
    the profile does not have.
    """
    records = encoded(profile, contents)
    return image_of_records(profile, records, issue, root_keys)


def encoded(profile: model.CardProfile, contents: Contents) -> Records:
    """The records of all files of a profile that hold these values; errors as for :func:`image_for`.

    Internal files without values are left out: the operating system begins with zeros.
    """
    for name in contents:
        profile.file_named(name)
    return {
        file.name: tuple(file.encode(contents.get(file.name, {})))
        for directory in profile.directories
        for file in directory.files
        if file.name in contents or not isinstance(file, model.InternalFile)
    }


def image_of_records(
    profile: model.CardProfile, records: Records, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these records as they are, right or wrong.

    Directories, files and access rules are those of ``profile``. ``root_keys``: first-level root keys, in as many
    versions as the card shall hold; they are diversified by the region in item 01 and by T6…TD. Raises
    :class:`~apdu.errors.MalformedError` where item 01 holds no region, or the historical bytes are too few.
    """
    environment, *applications = profile.directories
    keys = _card_keys(profile, _factors(profile, records, issue), root_keys, issue.key_tries)
    ssse = Directory(
        SSSE_FID,
        environment.df_name,
        ssse_fci(environment.df_name, issue.algorithm),
        files=(*elementary_files(environment, records), directory_file(applications)),
        internal=internal_files(environment, records),
        directories=tuple(_application(declared, records, keys) for declared in applications),
        pin=PinRecord(issue.pin, issue.pin_tries),
        keys=tuple(keys[environment.name]),
    )
    name = BANK_MF_NAME if issue.bank_combined else b""
    fci = named_fci(name) if name else b""
    return CardImage(issue.historical_bytes, issue.algorithm, Directory(MF_FID, name, fci, directories=(ssse,)))


def _application(declared: model.Directory, records: Records, keys: Mapping[str, Sequence[KeyRecord]]) -> Directory:
    if declared.fid is None:
        raise ValueError(f"{declared.name} has no file identifier")
    return Directory(
        declared.fid,
        declared.df_name,
        named_fci(declared.df_name),
        files=elementary_files(declared, records),
        internal=internal_files(declared, records),
        keys=tuple(keys[declared.name]),
    )


def _factors(profile: model.CardProfile, records: Records, issue: Issue) -> CardFactors:
    issuer = profile.file_named("issuer")
    tag = issuer.item_named("card_identifier").tag
    identifier = next((value for found, value in parse_simple(b"".join(records[issuer.name])) if found == tag), b"")
    return CardFactors(issue.algorithm, identifier[:3].hex(), issue.historical_bytes[5:13])


def _card_keys(
    profile: model.CardProfile, card: CardFactors, root_keys: Mapping[KeyReference, Secret], tries: int
) -> Mapping[str, Sequence[KeyRecord]]:
    """The keys that commands can use, as this card holds them, by directory; each has the name that rules call it."""
    found: dict[str, list[KeyRecord]] = {directory.name: [] for directory in profile.directories}
    for name, key in profile.keys.items():
        maintenance = key.purpose is Purpose.MAINTENANCE
        if key.directory not in found or not (maintenance or (key.authenticates and key.card_id is not None)):
            continue
        # STK is loaded in one version [S2.9 annex B], and is used without being named.
        versions = (DEFAULT_KEY_VERSION,) if maintenance else VERSIONS
        roots = {version: root_keys.get(KeyReference(key.name, version)) for version in versions}
        found[key.directory] += (
            KeyRecord(
                _USES.get(key.purpose, KeyUse.EXTERNAL),
                name,
                key.card_id,
                version,
                card.card_key(KeyReference(key.name, version), root, {key.name: key}),
                None if maintenance or key.purpose in _NEVER_BLOCKS else tries,
                _PERMISSIONS.get(key.purpose),
            )
            for version, root in roots.items()
            if root is not None
        )
    return found
