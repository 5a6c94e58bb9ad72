"""Readers of the PC/SC daemon, by pyscard: the only module that knows it, and none of its types leaves here.

pyscard is the extra ``sscard[pcsc]``. Used is its lowest layer, the PC/SC functions themselves: its card monitor never
recovers where 16 readers are. A PC/SC context serves one call at a time, so every call here opens its own: it costs a
fraction of a millisecond, any thread may call, and a daemon that comes back is found again.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from apdu.errors import (
    ApduFormatError,
    CardInUseError,
    CardRemovedError,
    MuteCardError,
    NoCardError,
    NoServiceError,
    ProtocolError,
    ReaderError,
    ReaderNotFoundError,
    TlvError,
    TransportError,
)
from apdu.part10 import FEATURE_REQUEST_FUNCTION, Feature, parse_features
from apdu.readers import ReaderState

MAX_READERS: Final = 16
"""States that PC/SC-lite's SCardGetStatusChange takes in one call, as many as it has readers."""

NOTIFICATION: Final = r"\\?PnP?\Notification"
"""The pseudo reader whose state changes when readers come and go."""

LOOK_AGAIN: Final = 1.0
"""Seconds after which a wait lists the readers again: for what the pseudo reader cannot tell or was asked too late."""

SETTLE: Final = 1.0
"""Seconds that pcscd, which looks every 0.4 s, is given to notice why a card stopped answering."""

_RETRY: Final = 0.05

_ERRORS: Final[dict[str, tuple[type[TransportError], str]]] = {
    "SCARD_E_NO_SERVICE": (NoServiceError, "the PC/SC service (pcscd) does not run"),
    "SCARD_E_SERVICE_STOPPED": (NoServiceError, "the PC/SC service was stopped"),
    "SCARD_E_SERVER_TOO_BUSY": (NoServiceError, "the PC/SC service is too busy"),
    "SCARD_F_COMM_ERROR": (NoServiceError, "the PC/SC service hung up"),
    "SCARD_E_INVALID_HANDLE": (NoServiceError, "the PC/SC service no longer knows this connection"),
    "SCARD_E_UNKNOWN_READER": (ReaderNotFoundError, "there is no such reader"),
    "SCARD_E_NO_READERS_AVAILABLE": (ReaderNotFoundError, "there is no reader"),
    "SCARD_E_READER_UNAVAILABLE": (ReaderError, "the reader was unplugged"),
    "SCARD_E_UNSUPPORTED_FEATURE": (ReaderError, "the reader's driver does not do this"),
    "SCARD_E_NO_SMARTCARD": (CardRemovedError, "the card was taken out"),
    "SCARD_W_REMOVED_CARD": (CardRemovedError, "the card was taken out"),
    "SCARD_W_RESET_CARD": (CardRemovedError, "the card was reset by another program"),
    "SCARD_W_UNRESPONSIVE_CARD": (MuteCardError, "the card does not answer to reset"),
    "SCARD_W_UNPOWERED_CARD": (MuteCardError, "the card has no power"),
    "SCARD_E_NOT_TRANSACTED": (MuteCardError, "the card did not answer the command"),
    "SCARD_E_COMM_DATA_LOST": (MuteCardError, "the card's answer was lost"),
    "SCARD_E_SHARING_VIOLATION": (CardInUseError, "another program holds the card"),
    "SCARD_E_PROTO_MISMATCH": (ProtocolError, "the card offers neither T=0 nor T=1"),
    "SCARD_W_UNSUPPORTED_CARD": (ProtocolError, "the reader cannot work with this card's ATR"),
    "SCARD_E_INSUFFICIENT_BUFFER": (ProtocolError, "the answer is longer than an APDU can be"),
}
"""What each PC/SC code becomes; any other is a ReaderError that names it."""

_WAKINGS: Final = ("SCARD_S_SUCCESS", "SCARD_E_TIMEOUT", "SCARD_E_CANCELLED", "SCARD_E_UNKNOWN_READER")
"""Ways for a wait to end that are no error; the last: a reader has just gone."""

_Look: TypeAlias = tuple[str, int, bytes]


def _load() -> Any:
    try:
        from smartcard import scard  # noqa: PLC0415  # optional
    except ImportError as error:
        raise NoServiceError(
            "PC/SC needs pyscard: pip install 'sscard[pcsc]'; to build it, Debian needs the packages "
            "swig, libpcsclite-dev, gcc and python3-dev"
        ) from error
    return scard


class _Api:
    """The PC/SC functions: an answer, or the error its code stands for."""

    def __init__(self, scard: Any) -> None:
        self.scard = scard
        self._errors = {getattr(scard, name) & 0xFFFF_FFFF: outcome for name, outcome in _ERRORS.items()}
        self.wakings = frozenset(getattr(scard, name) & 0xFFFF_FFFF for name in _WAKINGS)

    def __call__(self, function: str, *arguments: Any, reader: str = "") -> list[Any]:
        code, *results = self._invoke(function, *arguments)
        if code:
            raise self.error(code, reader)
        return results

    def code(self, function: str, *arguments: Any) -> int:
        """The code alone, for calls whose failure is no error."""
        return int(self._invoke(function, *arguments)[0])

    def error(self, code: int, reader: str) -> TransportError:
        kind, text = self._errors.get(code, (ReaderError, f"PC/SC error {code:08X}"))
        return kind(text, reader=reader)

    def _invoke(self, function: str, *arguments: Any) -> list[Any]:
        answer = getattr(self.scard, function)(*arguments)
        code, *results = answer if isinstance(answer, (list, tuple)) else [answer]
        return [code & 0xFFFF_FFFF, *results]

    @contextmanager
    def context(self) -> Iterator[int]:
        """A PC/SC context of one's own."""
        (handle,) = self("SCardEstablishContext", self.scard.SCARD_SCOPE_SYSTEM)
        try:
            yield int(handle)
        finally:
            self.code("SCardReleaseContext", handle)


class PcscConnection:
    """A card held exclusively: an :class:`apdu.readers.CardConnection`. Made by :meth:`PcscReaders.connect`."""

    def __init__(self, api: _Api, reader: str, holders: "set[PcscConnection]") -> None:
        self._api = api
        self._reader = reader
        self._holders = holders
        self._lock = threading.Lock()
        scard = api.scard
        self._sharing = scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        (self._context,) = api("SCardEstablishContext", scard.SCARD_SCOPE_SYSTEM)
        self._open = True
        try:
            self._card, self._protocol = api("SCardConnect", self._context, reader, *self._sharing, reader=reader)
            self._atr = self._read_atr()
        except BaseException:
            api.code("SCardReleaseContext", self._context)
            raise
        holders.add(self)

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2…33 bytes."""
        return self._atr

    @property
    def t0(self) -> bool:
        """Whether reader and card agreed on T=0."""
        return bool(self._protocol == self._api.scard.SCARD_PROTOCOL_T0)

    def transmit(self, commands: Sequence[bytes]) -> list[bytes]:
        """Send commands in order, return the answers; raises :class:`~apdu.errors.TransportError`.

        Raises :class:`~apdu.errors.ApduFormatError` for less than four bytes: drivers hang on them.
        """
        return [self._exchange(command) for command in commands]

    def features(self) -> Mapping[Feature, int]:
        """Control codes of what the reader can do besides moving commands.

        Empty where the driver offers nothing, or answers with what is no list of features; raises
        :class:`~apdu.errors.TransportError` when card or service is gone.
        """
        try:
            return parse_features(self.control(self._api.scard.SCARD_CTL_CODE(FEATURE_REQUEST_FUNCTION), b""))
        except (ReaderError, TlvError):
            return {}

    def control(self, code: int, data: bytes) -> bytes:
        """Have the reader do something; see :meth:`apdu.readers.CardConnection.control`."""
        with self._lock:
            self._check()
            (answer,) = self._api("SCardControl", self._card, code, list(data), reader=self._reader)
            return bytes(answer)

    def reset(self) -> bytes:
        """Warm reset; raises :class:`~apdu.errors.TransportError`."""
        with self._lock:
            self._check()
            reset = self._api.scard.SCARD_RESET_CARD
            (self._protocol,) = self._api("SCardReconnect", self._card, *self._sharing, reset, reader=self._reader)
            self._atr = self._read_atr()
            return self._atr

    def close(self, *, reset: bool = True) -> None:
        """Let the card go, by default reset."""
        with self._lock:
            if self._open:
                self._open = False
                self._holders.discard(self)
                scard = self._api.scard
                self._api.code(
                    "SCardDisconnect", self._card, scard.SCARD_RESET_CARD if reset else scard.SCARD_LEAVE_CARD
                )
                self._api.code("SCardReleaseContext", self._context)

    def _exchange(self, command: bytes) -> bytes:
        if len(command) < 4:
            raise ApduFormatError(f"a command has at least 4 bytes, not {len(command)}")
        with self._lock:
            self._check()
            try:
                return self._send(command)
            except MuteCardError:
                self._settle()
                raise

    def _send(self, command: bytes) -> bytes:
        (answer,) = self._api("SCardTransmit", self._card, self._protocol, list(command), reader=self._reader)
        if not answer:  # the way vpcd's driver tells that the card was pulled out
            raise MuteCardError("the card did not answer the command", reader=self._reader)
        return bytes(answer)

    def _settle(self) -> None:
        """Raise why the card is silent, should there be more to it: a card just taken out looks mute at first."""
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            self._read_atr()
            time.sleep(_RETRY)

    def _read_atr(self) -> bytes:
        *_, atr = self._api("SCardStatus", self._card, reader=self._reader)
        return bytes(atr)

    def _check(self) -> None:
        if not self._open:
            raise CardRemovedError("the card is no longer held", reader=self._reader)


class PcscReaders:
    """The readers of the PC/SC daemon: an :class:`apdu.readers.Readers`.

    The daemon need not run yet. Raises :class:`~apdu.errors.NoServiceError` when pyscard is not installed, with what to
    install. May be used from any thread; every wait and every connection belongs on a thread that may block.
    """

    def __init__(self) -> None:
        self._api = _Api(_load())
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._waiting: set[int] = set()
        self._connections: set[PcscConnection] = set()

    def states(self) -> tuple[ReaderState, ...]:
        """Every reader, in the daemon's order; raises :class:`~apdu.errors.NoServiceError`."""
        with self._api.context() as context:
            return self._states(self._look(context))

    def wait(self, known: Sequence[ReaderState], timeout: float) -> tuple[ReaderState, ...]:
        """Block until the states differ from ``known``, ``timeout`` seconds passed or :meth:`close` was called.

        Raises :class:`~apdu.errors.NoServiceError` as soon as the daemon is away.
        """
        deadline = time.monotonic() + timeout
        with self._api.context() as context, self._cancellable(context):
            while True:
                looked = self._look(context)
                states = self._states(looked)
                left = deadline - time.monotonic()
                if states != tuple(known) or left <= 0 or self._closed.is_set():
                    return states
                self._sleep(context, looked, min(left, LOOK_AGAIN))

    def connect(self, reader: str, *, timeout: float = 5.0) -> PcscConnection:
        """Power the card and hold it exclusively; see :meth:`apdu.readers.Readers.connect`."""
        deadline = time.monotonic() + timeout
        while True:
            if self._closed.is_set():
                raise NoServiceError("these readers were closed", reader=reader)
            try:
                return PcscConnection(self._api, reader, self._connections)
            except CardRemovedError as error:
                raise NoCardError("there is no card in the slot", reader=reader) from error
            except CardInUseError:
                if time.monotonic() >= deadline:
                    raise
                self._closed.wait(_RETRY)

    def close(self) -> None:
        """Wake every :meth:`wait` and close every connection. Idempotent."""
        self._closed.set()
        with self._lock:
            for context in self._waiting:
                self._api.code("SCardCancel", context)
        for connection in tuple(self._connections):
            connection.close()

    def _look(self, context: int) -> list[_Look]:
        """Name, state bits and ATR of every reader, now."""
        scard = self._api.scard
        for _ in range(MAX_READERS):
            try:
                (names,) = self._api("SCardListReaders", context, [])
            except ReaderNotFoundError:
                break
            unaware = [(name, scard.SCARD_STATE_UNAWARE) for name in names[:MAX_READERS]]
            try:
                (looked,) = self._api("SCardGetStatusChange", context, 0, unaware)
            except ReaderNotFoundError:
                continue  # one went between the two calls
            return [(name, state & ~scard.SCARD_STATE_CHANGED, bytes(atr)) for name, state, atr in looked]
        return []

    def _sleep(self, context: int, looked: Sequence[_Look], seconds: float) -> None:
        """Until something may have changed."""
        watched = [(name, state) for name, state, _ in looked]
        if len(watched) < MAX_READERS:
            watched.append((NOTIFICATION, self._api.scard.SCARD_STATE_UNAWARE))
        code = self._api.code("SCardGetStatusChange", context, int(seconds * 1000) + 1, watched)
        if code not in self._api.wakings:
            raise self._api.error(code, "")

    def _states(self, looked: Sequence[_Look]) -> tuple[ReaderState, ...]:
        scard = self._api.scard
        return tuple(
            ReaderState(
                name,
                present=bool(state & scard.SCARD_STATE_PRESENT),
                atr=atr if state & scard.SCARD_STATE_PRESENT and atr else None,
                mute=bool(state & scard.SCARD_STATE_MUTE),
                in_use=bool(state & (scard.SCARD_STATE_EXCLUSIVE | scard.SCARD_STATE_INUSE)),
                insertions=state >> 16,
            )
            for name, state, atr in looked
        )

    @contextmanager
    def _cancellable(self, context: int) -> Iterator[None]:
        with self._lock:
            self._waiting.add(context)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.discard(context)
