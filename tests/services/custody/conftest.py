"""A SoftHSM of the tests' own, with the published development keys on one of its tokens."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass, Session

from apdu.secret import Secret
from cardlib.crypto import Algorithm
from cardlib.keys import KeyReference
from services.custody.pkcs11 import default_label
from services.custody.pkcs11_token import Connect, by_label
from tests.services.custody.tasks import ALL_KEYS, ROOTS

PIN = "648219"
DEVELOPMENT, OTHER, LOCKED = "sscard development", "sscard other", "sscard locked"


@dataclass
class SoftHsm:
    """``library``: path; ``pin``: of every token. Opens sessions, and stores keys as an operator would."""

    library: str
    pin: Secret = field(default_factory=lambda: Secret(PIN.encode()))

    def connect(self, label: str = DEVELOPMENT, *, pin: Secret | None = None) -> Connect:
        return by_label(self.library, label, pin or self.pin)

    def session(self, label: str) -> Session:
        """A session that may write."""
        token = pkcs11.lib(self.library).get_token(token_label=label)
        try:
            return token.open(rw=True, user_pin=PIN)
        except pkcs11.UserAlreadyLoggedIn:
            return token.open(rw=True)

    def store(self, label: str, keys: Mapping[str, bytes], kind: int = KeyType.DES2, **attributes: Any) -> None:
        """Put key objects, by their labels, on a token; ``attributes`` are changes to what a root key has."""
        session = self.session(label)
        for name, value in keys.items():
            template: dict[Attribute, Any] = {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: kind,
                Attribute.LABEL: name,
                Attribute.VALUE: value,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: True,
                Attribute.SENSITIVE: True,
                Attribute.EXTRACTABLE: False,
                Attribute.DERIVE: True,
                Attribute.ENCRYPT: False,
            }
            session.create_object(template | {Attribute[each]: what for each, what in attributes.items()})
        session.close()

    def store_roots(self, label: str, roots: Mapping[KeyReference, Secret], prefix: str = "") -> None:
        """Store root keys for DES cards as the custodian's module says: STK is the left half twice."""
        des, transport = {}, {}
        for key, root in roots.items():
            value, single = root.reveal(), ALL_KEYS[key.name].size(Algorithm.DES) == 8
            name = prefix + default_label(key, Algorithm.DES, single=single)
            if key.name == "TRANSPORT":
                transport[name] = value
            else:
                des[name] = value[:8] * 2 if single else value
        self.store(label, des)
        self.store(label, transport, KeyType.GENERIC_SECRET, SENSITIVE=False, EXTRACTABLE=True)


@pytest.fixture(scope="session")
def softhsm() -> Iterator[SoftHsm]:
    """SoftHSM with three tokens; one per test process, which loads the library once and with one configuration."""
    places = (Path("/usr/lib/softhsm"), *Path("/usr/lib").glob("*/softhsm"), *Path("/usr/lib").glob("*/pkcs11"))
    library = next((place / "libsofthsm2.so" for place in places if (place / "libsofthsm2.so").exists()), None)
    if library is None:
        pytest.fail("SoftHSM is missing, the PKCS#11 custodian is tested with it: apt-get install softhsm2")
    # SoftHSM waits for the disk after every attribute that it stores: half a minute on a busy one, in memory nothing.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as home:
        (Path(home) / "tokens").mkdir()
        configuration = Path(home) / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        for label in (DEVELOPMENT, OTHER, LOCKED):
            new = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321"]
            subprocess.run(["softhsm2-util", *new], check=True, capture_output=True)
        hsm = SoftHsm(str(library))
        hsm.store_roots(DEVELOPMENT, ROOTS)
        yield hsm
        del os.environ["SOFTHSM2_CONF"]
