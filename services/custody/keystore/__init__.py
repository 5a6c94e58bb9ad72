"""A software keystore (软件密钥库): one file with sealed keys, and the custodian that works with it.

The file
========
JSON in ASCII, mode 0600, always rewritten whole (:mod:`~services.custody.keystore.files`). Base64 where it holds bytes.

``format``, ``format_version``
    "sscard keystore", 1.
``id``
    16 random bytes in hex, the file's own name for ever.
``mode``
    "production" or "development". In production two people open the file, or a key from a file descriptor; in
    development one passphrase may do, and one value may serve 3DES and SM4.
``created``
    UTC, ISO 8601.
``lock``
    How it opens: ``{"method": "passphrases", "argon2id": {"iterations", "lanes", "memory_kib"}, "salts": […]}``, one
    salt of 16 bytes for each holder in their order; or ``{"method": "key"}``, 32 bytes from a file descriptor.
``data_key``
    A random key of 32 bytes under the key that follows from the lock (:mod:`~services.custody.keystore.sealing`; info
    of HKDF "sscard keystore 1"): ``nonce`` of 12 bytes, ``sealed``. Associated data: all the fields above.
``generation``
    How often the file has been written.
``keys``
    One entry for each key: the fields of :class:`KeyRecord` in clear, and ``nonce`` and ``sealed``: the value under the
    data key. Associated data: the file's ``id`` as ``of``, and all fields of the record. So a value cannot be moved to
    another entry or file, nor can anything be changed that says what it is good for.
``whole``
    ``nonce`` and ``sealed`` of nothing under the data key. Associated data: everything else in the file. So an entry
    that is added, removed or put in another order is noticed.

Sealing is AES-256-GCM; associated data is canonical JSON: keys sorted, no white space, ASCII. What no file can notice
by itself is that it was put back as a whole to how it once was: compare ``generation`` and the digest with the last
printed record.

A new lock (``sscard keys relock``) comes with a new data key, under which everything is sealed anew: who opened an old
copy has not got what opens this one. ``id``, ``created`` and the keys stay, the retired ones with them.

In memory, keys are :class:`~apdu.secret.Secret` while the keystore is open; Python cannot wipe them. So the process
dumps no core (:mod:`services.memory`), and its unit has it not swapped (``MemorySwapMax=0``).
"""

from services.custody.keystore.custodian import KeystoreCustodian
from services.custody.keystore.records import KeyAlgorithm, KeyPlan, KeyRecord, State, check_values
from services.custody.keystore.sealing import Costs, CredentialKey, Opener, Passphrases, passphrase
from services.custody.keystore.store import (
    Keystore,
    changing,
    create_keystore,
    open_keystore,
    passphrases_of,
    public_records,
)
from services.custody.keystore.terminal import TerminalCounter

__all__ = [
    "Costs",
    "CredentialKey",
    "KeyAlgorithm",
    "KeyPlan",
    "KeyRecord",
    "Keystore",
    "KeystoreCustodian",
    "Opener",
    "Passphrases",
    "State",
    "TerminalCounter",
    "changing",
    "check_values",
    "create_keystore",
    "open_keystore",
    "passphrase",
    "passphrases_of",
    "public_records",
]
