"""One logged-in session with a PKCS#11 token: finds keys, diversifies with them, and comes back after a failure."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import pkcs11
from pkcs11 import Attribute, Mechanism, MechanismFlag, ObjectClass, PKCS11Error, Session
from pkcs11.constants import DEFAULT
from pkcs11.mechanisms import GCMParams

from apdu.errors import MalformedError
from apdu.secret import Secret
from services.custody.pkcs11_vendor import CipherNumbers, StringData, attributes, key_type, mechanism

R = TypeVar("R")

_LOST: Final = (
    pkcs11.DeviceError,
    pkcs11.DeviceRemoved,
    pkcs11.FunctionFailed,
    pkcs11.GeneralError,
    pkcs11.KeyHandleInvalid,
    pkcs11.ObjectHandleInvalid,
    pkcs11.SessionClosed,
    pkcs11.SessionHandleInvalid,
    pkcs11.SlotIDInvalid,
    pkcs11.TokenNotPresent,
    pkcs11.UserNotLoggedIn,
)
"""After these a new session may do what the old one could not: the token was away, or is another one's of that name."""

_PIN: Final = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.UserPinNotInitialized,
)
"""The token does not take the PIN. It counts such tries, and locks itself: nobody asks it a second time."""

_GCM: Final = Mechanism.AES_GCM
_NOT_OPENED: Final = (
    pkcs11.DataInvalid,
    pkcs11.EncryptedDataInvalid,
    pkcs11.EncryptedDataLenRange,
    pkcs11.FunctionFailed,
    pkcs11.GeneralError,
    pkcs11.SignatureInvalid,
)
"""What tokens say of a ciphertext whose tag is wrong."""


class TokenError(Exception):
    """The token cannot do it now; the message says why and what to do. Stays within the custodian."""


Connect: TypeAlias = Callable[[], Session]
"""Opens a session in which the user is logged in; raises PKCS11Error."""


@dataclass(frozen=True, slots=True)
class KeyObject:
    """What finds one secret key on a token: CKA_LABEL, CKA_ID or both, and CKA_KEY_TYPE."""

    label: str
    identifier: bytes
    kind: int

    def __str__(self) -> str:
        marks = [f"label {self.label!r}"] if self.label else []
        marks += [f"id {self.identifier.hex()}"] if self.identifier else []
        return f"secret key of type {key_type(self.kind).name} with {' and '.join(marks)}"

    def found(self, session: Session) -> Any:
        """The key object, of the class that python-pkcs11 makes up for its abilities; raises :class:`TokenError`."""
        wanted: dict[Attribute, Any] = {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: key_type(self.kind),
        }
        if self.label:
            wanted[Attribute.LABEL] = self.label
        if self.identifier:
            wanted[Attribute.ID] = self.identifier
        _require_alive(session)
        keys = list(session.get_objects(wanted))
        if not keys:
            raise TokenError(f"the HSM has no {self}: load it, or correct the table of stored keys")
        if len(keys) > 1:
            raise TokenError(f"the HSM has {len(keys)} objects that are a {self}: tell them apart in the table")
        return keys[0]


def by_label(library: str, label: str, pin: Secret) -> Connect:
    """How a session is opened with the token of this label; nothing is opened yet.

    ``library``: path of the vendor's PKCS#11 library; ``pin``: the user's PIN, UTF-8, else MalformedError.
    """
    try:
        pin.reveal().decode()
    except UnicodeDecodeError:
        raise MalformedError("the PIN of the HSM is not UTF-8: correct it in the configuration") from None

    def connect() -> Session:
        token = pkcs11.lib(library).get_token(token_label=label)
        try:
            return token.open(user_pin=pin.reveal().decode(), attribute_mapper=attributes())
        except pkcs11.UserAlreadyLoggedIn:  # by another session of this process; a login counts for them all
            return token.open(attribute_mapper=attributes())

    return connect


class Token:
    """A token, reached when it is needed first. Calls wait for each other: there is one session, for all threads.

    A process needs one of these for each token: PKCS#11 logs in and out for the whole process, so that closing one
    logs out the others. Stored keys are looked for once in a session.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._keys: dict[KeyObject, Any] = {}
        self._refused = ""

    def diversified(self, stored: KeyObject, cipher: CipherNumbers, steps: Sequence[bytes]) -> Secret:
        """What ECB makes of the last of ``steps`` under the key that the steps before make of a stored one.

        Each step is 16 bytes. Keys on the way are objects of the session, sensitive and not extractable, and are
        destroyed before the answer. Raises :class:`TokenError`.
        """
        *derivations, last = steps

        def work(session: Session) -> Secret:
            key = self._found(session, stored)
            _require_guarded(key, derives=bool(derivations))
            with contextlib.ExitStack() as made:
                for at, step in enumerate(derivations, 1):
                    use = MechanismFlag.ENCRYPT if at == len(derivations) else MechanismFlag.DERIVE
                    key = _derived(key, cipher, step, use)
                    made.callback(key.destroy)
                return Secret(key.encrypt(last, mechanism=mechanism(cipher.encrypt)))

        return self._performed(work)

    def value(self, stored: KeyObject) -> Secret:
        """The value of a key that is stored readable; raises :class:`TokenError`."""

        def work(session: Session) -> Secret:
            try:
                return Secret(self._found(session, stored)[Attribute.VALUE])
            except pkcs11.AttributeSensitive:
                raise TokenError(
                    "chips are told its value in clear, and the HSM does not tell it: store it with CKA_SENSITIVE false"
                ) from None

        return self._performed(work)

    def sealed(self, stored: KeyObject, nonce: bytes, value: Secret, bound: bytes) -> bytes:
        """AES-GCM of a value under a stored key: ciphertext and tag of 16 bytes. Raises :class:`TokenError`.

        ``nonce``: 12 bytes that this key has not been given before; ``bound`` is authenticated with the value.
        """

        def work(session: Session) -> bytes:
            key = self._sealing(session, stored)
            return bytes(key.encrypt(value.reveal(), mechanism=_GCM, mechanism_param=GCMParams(nonce, bound)))

        return self._performed(work)

    def opened(self, stored: KeyObject, nonce: bytes, sealed: bytes, bound: bytes) -> Secret | None:
        """Undo :meth:`sealed`; None if anything differs. Raises :class:`TokenError`."""

        def work(session: Session) -> Secret | None:
            key = self._sealing(session, stored)
            try:
                return Secret(key.decrypt(sealed, mechanism=_GCM, mechanism_param=GCMParams(nonce, bound)))
            except _NOT_OPENED:
                # SoftHSM says of a wrong tag what it says of anything, also of a token that is gone.
                _require_alive(session)
                return None

        return self._performed(work)

    def _sealing(self, session: Session, stored: KeyObject) -> Any:
        key = self._found(session, stored)
        _require_inside(key)
        if not (key[Attribute.ENCRYPT] and key[Attribute.DECRYPT]):
            raise TokenError("other keys are wrapped with it: store it with CKA_ENCRYPT and CKA_DECRYPT true")
        return key

    def close(self) -> None:
        """Log out and forget the session; the next call opens another."""
        with self._lock:
            self._drop()

    def _performed(self, work: Callable[[Session], R]) -> R:
        with self._lock:
            try:
                try:
                    return work(self._opened())
                except _LOST:
                    self._drop()
                    return work(self._opened())
            except _LOST as error:
                self._drop()
                raise TokenError(
                    f"the HSM does not answer ({type(error).__name__}): see that it is connected and runs, then repeat"
                ) from error
            except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned) as error:
                raise TokenError(
                    "there is not exactly one token of the configured label: plug it in, or correct the label"
                ) from error
            except PKCS11Error as error:
                detail = f": {error}" if str(error) else ""
                raise TokenError(
                    f"the HSM refuses ({type(error).__name__}{detail}): compare its mechanisms and the attributes of "
                    "the stored key with what the custodian needs"
                ) from error

    def _found(self, session: Session, stored: KeyObject) -> Any:
        key = self._keys.get(stored)
        if key is None:
            key = self._keys[stored] = stored.found(session)
        return key

    def _opened(self) -> Session:
        if self._refused:
            raise TokenError(
                f"the HSM refused the PIN ({self._refused}) and is not asked again, lest it lock itself: correct the "
                "PIN in the configuration and start again"
            )
        if self._session is None:
            try:
                self._session = self._connect()
            except _PIN as error:
                self._refused = type(error).__name__
                return self._opened()
        return self._session

    def _drop(self) -> None:
        self._keys.clear()
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(PKCS11Error):  # it may be lost already
                session.close()


def _require_alive(session: Session) -> None:
    """Raise PKCS11Error if the session is lost: python-pkcs11's search would, too, but prints a traceback besides."""
    with contextlib.suppress(pkcs11.RandomNoRNG, pkcs11.FunctionNotSupported):
        session.generate_random(64)


def _require_inside(key: Any) -> None:
    """Refuse a stored key that could leave the token."""
    if not key[Attribute.SENSITIVE] or key[Attribute.EXTRACTABLE]:
        raise TokenError("the HSM would give it away: store it with CKA_SENSITIVE true and CKA_EXTRACTABLE false")


def _require_guarded(key: Any, *, derives: bool) -> None:
    """Refuse a stored key that could leave the token, or that shows the keys below it to who may encrypt."""
    _require_inside(key)
    if derives and (key[Attribute.ENCRYPT] or not key[Attribute.DERIVE]):
        raise TokenError(
            "other keys are derived from it, and encryption would show them: store it with CKA_DERIVE true and "
            "CKA_ENCRYPT false"
        )
    if not derives and not key[Attribute.ENCRYPT]:
        raise TokenError("cards' keys are encrypted factors under it: store it with CKA_ENCRYPT true")


def _derived(key: Any, cipher: CipherNumbers, step: bytes, use: MechanismFlag) -> Any:
    assert cipher.derive is not None, "callers ask first"
    data = StringData(step)
    derived = key.derive_key(
        key_type(cipher.key_type),
        len(step) * 8,
        mechanism=mechanism(cipher.derive),
        mechanism_param=data.parameter,
        capabilities=use,
        template={
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            **({} if cipher.tells_length else {Attribute.VALUE_LEN: DEFAULT}),
        },
    )
    del data  # it had to live until here
    return derived
