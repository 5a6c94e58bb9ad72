"""What can go wrong between this software and a card: one tree, rooted in :class:`CardError`.

::

    CardError
    ├─ StatusWordError            the card answered, and refused
    │  ├─ WrongPinError           63Cx to VERIFY, CHANGE PIN: tries left
    │  ├─ WrongKeyError           63Cx to EXTERNAL AUTHENTICATE: tries left
    │  ├─ AuthenticationBlockedError
    │  ├─ SecurityStatusError     access rule not satisfied
    │  ├─ ConditionsError         wrong state, no challenge, no current file
    │  ├─ FileNotFoundOnCardError file, record or key is not there
    │  ├─ ApplicationBlockedError permanently
    │  ├─ FunctionUnsupportedError 6A81: not offered, or the card is blocked
    │  ├─ SecureMessagingError    MAC missing or wrong
    │  ├─ InsufficientBalanceError
    │  └─ CardMemoryError         EEPROM broken or full
    ├─ TransportError             no answer from a card came about
    │  ├─ NoServiceError          the PC/SC daemon is away
    │  ├─ ReaderNotFoundError
    │  ├─ ReaderError             the reader fails
    │  ├─ NoCardError             the slot is empty
    │  ├─ CardRemovedError        the card went away, or was reset by somebody, half-way
    │  ├─ MuteCardError           there is a card, but it does not talk
    │  ├─ CardInUseError          another program holds the card
    │  ├─ ProtocolError           the card answers 61xx/6Cxx without end, or not by ISO/IEC 7816-3
    │  └─ TranscriptMismatchError a replayed conversation took another turn
    ├─ PinPadError                a PIN did not get from the reader's own pad to the card
    │  ├─ NoPinPadError           the reader has none
    │  ├─ PadUnsuitableError      the pad cannot do what this card needs
    │  ├─ PinEntryCancelledError
    │  ├─ PinEntryTimeoutError
    │  ├─ PinEntryLengthError     too few digits, or too many
    │  └─ PinEntryMismatchError   the new PIN was not the same twice
    ├─ UnansweredError            a flow asked something (a key, a PIN) and nobody could answer
    └─ MalformedError             bytes that are not what they should be
       ├─ ApduFormatError
       ├─ TlvError
       └─ AtrError

Messages never contain command or response data: they travel into logs.
"""


class CardError(Exception):
    """Root of everything raised about cards and readers."""


class StatusWordError(CardError):
    """The card answered a status word that the caller did not expect (状态字).

    ``sw`` is the status word, 0…FFFF; ``command`` the ISO/IEC 7816-4 name of the command;
    ``tries_left`` the counter that a 63Cx carries, else None.
    """

    def __init__(self, sw: int, command: str = "", meaning: str = "") -> None:
        self.sw = sw
        self.command = command
        self.tries_left: int | None = sw & 0x0F if sw & 0xFFF0 == 0x63C0 else None
        text = f"{command or 'command'}: status word {sw:04X}"
        super().__init__(f"{text} ({meaning})" if meaning else text)


class WrongPinError(StatusWordError):
    """The PIN was wrong (密码错误); ``tries_left`` tries remain, 0 = it has just been blocked."""


class WrongKeyError(StatusWordError):
    """An external authentication failed (外部认证失败); ``tries_left`` tries of that key remain."""


class AuthenticationBlockedError(StatusWordError):
    """The PIN or key is blocked (认证方法锁定); nothing was compared."""


class SecurityStatusError(StatusWordError):
    """The file's access rule is not satisfied (安全状态不满足)."""


class ConditionsError(StatusWordError):
    """The card is not in a state for this command (使用条件不满足)."""


class FileNotFoundOnCardError(StatusWordError):
    """File, record or key does not exist on the card (未找到文件、记录或密钥)."""


class ApplicationBlockedError(StatusWordError):
    """The application is blocked for ever (应用永久锁定)."""


class FunctionUnsupportedError(StatusWordError):
    """6A81: the card does not offer this function, or the whole card is blocked (卡片锁定)."""


class SecureMessagingError(StatusWordError):
    """A MAC or secure-messaging data object is missing or wrong (安全报文错误)."""


class InsufficientBalanceError(StatusWordError):
    """The personal account holds less than the amount asked for (余额不足)."""


class CardMemoryError(StatusWordError):
    """The card could not write, or has no space left (存储器错误或空间不足)."""


class TransportError(CardError):
    """The command did not get an answer; ``reader`` is the reader's name, "" when unknown."""

    def __init__(self, message: str, *, reader: str = "") -> None:
        self.reader = reader
        super().__init__(f"{message} (reader {reader!r})" if reader else message)


class NoServiceError(TransportError):
    """The PC/SC daemon (pcscd) does not run or does not answer."""


class ReaderNotFoundError(TransportError):
    """No reader of this name is connected."""


class ReaderError(TransportError):
    """The reader is there but fails (unplugged half-way, driver fault)."""


class NoCardError(TransportError):
    """The slot is empty."""


class CardRemovedError(TransportError):
    """The card was taken out, or reset by another program, during the conversation."""


class MuteCardError(TransportError):
    """A card is in the slot but gives no answer to reset, or none to a command (卡无响应)."""


class CardInUseError(TransportError):
    """Somebody else holds the card exclusively.

    ``held_by``: who; another program, as PC/SC tells no more. ``free_within``: whole seconds after which that one has
    let it go at the latest, None where nobody knows.
    """

    def __init__(
        self, message: str, *, reader: str = "", held_by: str = "another program", free_within: int | None = None
    ) -> None:
        self.held_by = held_by
        self.free_within = free_within
        super().__init__(message, reader=reader)


class ProtocolError(TransportError):
    """The card or reader breaks the protocol: too many 61xx/6Cxx rounds, an answer without status word."""


class TranscriptMismatchError(TransportError):
    """A replayed transcript met a command that was not recorded at this place."""


class PinPadError(CardError):
    """A PIN did not get from the reader's own pad to the card (密码键盘错误); no try was spent."""


class NoPinPadError(PinPadError):
    """The reader has no PIN pad (无密码键盘)."""

    def __init__(self, message: str = "the reader has no PIN pad") -> None:
        super().__init__(message)


class PadUnsuitableError(PinPadError):
    """The pad cannot put a PIN into the command as this card needs it; the message says what it lacks."""


class PinEntryCancelledError(PinPadError):
    """The holder pressed the cancel key, or the entry was called off (用户取消)."""

    def __init__(self, message: str = "the entry of the PIN was cancelled") -> None:
        super().__init__(message)


class PinEntryTimeoutError(PinPadError):
    """Nobody typed a PIN, or went on typing, in time (密码输入超时)."""

    def __init__(self, message: str = "the time for the entry of the PIN is over") -> None:
        super().__init__(message)


class PinEntryLengthError(PinPadError):
    """What was typed has too few digits or too many (密码长度错误)."""

    def __init__(self, message: str = "what was typed at the PIN pad has too few digits, or too many") -> None:
        super().__init__(message)


class PinEntryMismatchError(PinPadError):
    """The new PIN was typed twice, and not the same (两次新密码不一致)."""

    def __init__(self, message: str = "the new PIN was not typed the same twice") -> None:
        super().__init__(message)


class UnansweredError(CardError):
    """A flow asked something that is not the card's to answer, and there is nobody to answer it."""


class MalformedError(CardError):
    """Bytes that do not have the form they should have; what they hold is never part of the message."""


class ApduFormatError(MalformedError):
    """A command or response APDU whose lengths contradict each other (ISO/IEC 7816-4 §5)."""


class TlvError(MalformedError):
    """A truncated, oversized or too deeply nested TLV object."""


class AtrError(MalformedError):
    """An answer to reset that ISO/IEC 7816-3 §8 does not allow."""
