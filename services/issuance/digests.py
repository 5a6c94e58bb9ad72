"""Digests that say whether two things are the same, and from which nobody guesses what they are.

A plain SHA-256 of a card's data could be tried out with the names and numbers of everybody who may be meant. So these
are keyed; the key is kept in a file of its own beside the database, not in it.
"""

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from apdu.secret import Secret
from cardlib.issuance.order import CardOrder, records_of
from cardlib.profiles.ssse import ISSUER
from services.custody.data_keys_file import make_key_file
from services.custody.keystore import files
from services.custody.keystore.errors import KeystoreFileError

_CARD_NUMBER: Final = ISSUER.item_named("card_number").name
SIZE: Final = 32
"""Bytes of the key, and of every digest."""


class DigestKeyError(Exception):
    """The file of the digest key cannot be used; the message says why, in a sentence."""


class Digests:
    """Makes digests under one key of 32 bytes: HMAC-SHA-256."""

    def __init__(self, key: Secret) -> None:
        if len(key) != SIZE:
            raise DigestKeyError(f"a digest key has {SIZE} bytes, not {len(key)}")
        self._key = key

    @property
    def key_id(self) -> str:
        """Tells keys apart, says nothing about them: 16 hexadecimal digits."""
        return self._mac(b"key id", b"").hex()[:16]

    def of_order(self, order: CardOrder) -> bytes:
        """What a card is to become, all of it: the same for the same order alone. Raises what ``records_of`` does."""
        records = records_of(order.profile, order.contents)
        told = {
            "profile": order.profile.version,
            "algorithm": order.algorithm.name,
            "chip": order.chip,
            "region": order.region,
            "records": {name: [record.hex() for record in records[name]] for name in sorted(records)},
            "pin": order.pin.reveal().hex(),
            "pin_tries": order.pin_tries,
            "key_tries": order.key_tries,
            "key_versions": list(order.key_versions),
            "bank_combined": order.bank_combined,
            "historical_bytes": order.historical_bytes.hex() if order.historical_bytes is not None else None,
            "identification_code": order.identification_code.name,
            "transport_lot": order.transport_lot,
            "premade": order.premade,
        }
        return self._mac(b"order", json.dumps(told, sort_keys=True).encode())

    def of_card_number(self, order: CardOrder) -> bytes | None:
        """The number of the card (卡号) within its region; None where the order has none."""
        number = order.contents.get(ISSUER.name, {}).get(_CARD_NUMBER)
        if not isinstance(number, str) or not number.strip():
            return None
        return self._mac(b"card number", f"{order.region}{number.strip()}".encode())

    def of_file(self, name: str, digest: bytes) -> bytes:
        """A file of a card, from the SHA-256 over its records."""
        return self._mac(b"file", name.encode() + b"\0" + digest)

    def of_request(self, told: bytes) -> bytes:
        """A request, or a part of it, from all that makes it this one."""
        return self._mac(b"request", told)

    def _mac(self, use: bytes, data: bytes) -> bytes:
        return hmac.new(self._key.reveal(), use + b"\0" + data, sha256).digest()

    def __repr__(self) -> str:
        return f"<Digests under key {self.key_id}>"


def open_digests(path: Path, *, development_mode: bool = False) -> Digests:
    """Digests under the key in a file, which is made, readable by nobody else, when it is not there.

    Two processes may do so at once. Raises :class:`DigestKeyError`, in production also where others can get at the
    file.
    """
    try:
        if not path.exists():
            make_key_file(path)
        key, others = files.read_with_access(path)
    except KeystoreFileError as error:
        raise DigestKeyError(f"the file of the digest key: {error}") from None
    except OSError as error:
        raise DigestKeyError(f"the file of the digest key, {path}, cannot be used: {error.strerror}") from None
    if others and not development_mode:
        # Not "make a new one": the database was made with this one.
        raise DigestKeyError(
            f"{path}, the digest key, is open to other users than the service's: chmod 0400. Who has read it can try "
            "out what the digests in the database are of"
        )
    try:
        return Digests(Secret(key))
    except DigestKeyError as error:
        raise DigestKeyError(f"{path}: {error}") from None
