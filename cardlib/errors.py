"""What can go wrong that only somebody who knows the card can say; grafted on the tree of :mod:`apdu.errors`.

::

    CardError
    ├─ ForeignCardError           a card, but not a social security card
    ├─ VersionUnsupportedError    a version of the specification that no profile describes
    ├─ AlgorithmUnsupportedError  a cipher that cannot be computed here (SSF33 is unpublished)
    ├─ NotAuthenticError          the card's cryptogram is not that of a genuine card
    ├─ NotInProfileError          this version of the card has no such file or item
    ├─ AccessForbiddenError       no PIN and no key opens this file to a command
    ├─ PinRequiredError           the file wants the PIN, and none was given
    ├─ LastPinTryError            one try is left, and the caller did not allow it to be used
    ├─ PinNotSetError             the card has no PIN that could be verified
    ├─ PinRepeatedError           the card has refused this very PIN
    ├─ InitialPinError            the initial PIN of a region, on a card that is not known to be new
    ├─ InitialPinChosenError      the initial PIN of a region cannot be chosen
    ├─ PinUnprovenError           the card took a new PIN, and then refused it
    ├─ ReadBackError              what was written does not stand on the card
    ├─ OtherHolderError           the card is not of the record that it is compared with
    ├─ ChipError                  a chip cannot become the card that was ordered
    │  ├─ WrongChipError          another operating system, or no such chip at all
    │  ├─ UsedChipError           something was built on it already, and not by this order
    │  ├─ BlankChipError          there is no card on it yet
    │  ├─ PremadeCardError        it is not the pre-made card that the order is for
    │  ├─ TransportKeyError       the transport key is not the chip's
    │  ├─ ChipFullError           it has not the room
    │  ├─ BuildingError           it refused a step
    │  ├─ KeyProofError           a key that was loaded does not prove itself
    │  └─ LostChipError           nothing can be done with it any more
    ├─ StatusWordError
    │  └─ PinStatusUnknownError   the card does not say how its PIN stands
    ├─ UnansweredError
    │  └─ KeyUnavailableError     the key custodian has not got the key, or will not use it
    └─ MalformedError
       ├─ ChangesError            values that cannot be written, all of them named
       ├─ ItemError               an item that cannot be read or written as its schema says
       └─ CardDataError           what a card holds does not allow going on

Messages never contain what stands in an item.
"""

from collections.abc import Sequence

from apdu.errors import CardError, MalformedError, StatusWordError, UnansweredError


class ForeignCardError(CardError):
    """The card has no social security application, SSSE (非社会保障卡)."""

    def __init__(self, message: str = "the card has no social security application (SSSE)") -> None:
        super().__init__(message)


class VersionUnsupportedError(CardError):
    """No profile describes this version of the specification (规范版本不支持).

    ``version`` is the text of item 03, unprintable characters replaced: nobody's personal data, safe to show.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(f"no profile for version {version!r} of the card specification")


class AlgorithmUnsupportedError(CardError):
    """The card works with a cipher that cannot be computed here (算法不支持); ``algorithm`` is its name."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        super().__init__(f"the algorithm {algorithm} is not supported")


class NotAuthenticError(CardError):
    """The card's answer to INTERNAL AUTHENTICATION is not that of a card with our key (内部认证失败)."""

    def __init__(self, message: str = "the card did not prove that it is genuine") -> None:
        super().__init__(message)


class NotInProfileError(CardError):
    """This version of the card has no such file or item (卡片无此文件或数据项); ``name`` is what was asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"this version of the card has no {name!r}")


class AccessForbiddenError(CardError):
    """No PIN and no key opens the file to this command (禁止访问): it is the card's own business."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"the file {file} is closed to this command")


class PinRequiredError(CardError):
    """The file asks for the holder's PIN, and none was given (需要校验密码)."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"the file {file} asks for the PIN")


class LastPinTryError(CardError):
    """One try of the PIN is left; it is not used unless the caller says so (密码仅剩最后一次机会)."""

    tries_left = 1

    def __init__(self) -> None:
        super().__init__("one try of the PIN is left, and the caller did not allow its use")


class PinStatusUnknownError(StatusWordError):
    """The card does not say how its PIN stands: no PIN is sent to it (密码状态不明)."""

    def __init__(self, sw: int) -> None:
        super().__init__(sw, "VERIFY", "the card does not say how its PIN stands")


class PinNotSetError(CardError):
    """The card has no PIN (卡片未设密码): none is sent to it."""

    def __init__(self) -> None:
        super().__init__("the card has no PIN")


class PinRepeatedError(CardError):
    """The card has refused this PIN, and it was not sent again (重复的错误密码); ``tries_left`` tries are left."""

    def __init__(self, tries_left: int) -> None:
        self.tries_left = tries_left
        super().__init__("the card has refused this PIN before: it was not sent again")


class InitialPinError(CardError):
    """It is the initial PIN of a region, and the card is activated, or not known to be new (初始密码不得使用).

    It was not sent; ``tries_left`` tries are left.
    """

    def __init__(self, tries_left: int) -> None:
        self.tries_left = tries_left
        super().__init__("this is an initial PIN, and the card is not known to be new: it was not sent")


class InitialPinChosenError(CardError):
    """The initial PIN of a region was chosen as the new one (新密码不得为初始密码); nothing was done."""

    def __init__(self) -> None:
        super().__init__("an initial PIN cannot be chosen as the new one")


class PinUnprovenError(CardError):
    """The card took a new PIN, and refused it when it was verified (新密码验证失败); ``tries_left`` tries are left."""

    def __init__(self, tries_left: int) -> None:
        self.tries_left = tries_left
        super().__init__("the card took the new PIN, and then refused it")


class ReadBackError(CardError):
    """The card took the update, and does not hold what was written (回读不一致)."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"the file {file} does not hold what was written to it")


class OtherHolderError(CardError):
    """The card holds another holder than the record that it is compared with (卡片与制卡数据不是同一人)."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"this card is not of this record: the file {file} holds somebody else")


class ChipError(CardError):
    """A chip cannot become the card that was ordered (制卡失败).

    ``untouched``: it was seen that neither this attempt nor an earlier one of the same order has written to it.
    """

    untouched = False


class WrongChipError(ChipError):
    """The chip does not understand the operating system that the order names (芯片类型不符)."""

    def __init__(self, chip: str, sw: int) -> None:
        self.chip = chip
        self.sw = sw
        super().__init__(f"the chip does not answer as one with {chip} does (status word {sw:04X})")


class UsedChipError(ChipError):
    """The chip is not blank, and this order was not begun on it (芯片已被使用)."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the chip is not blank: {what}")


class BlankChipError(ChipError):
    """A card is to be examined, and none was made on the chip yet (空白芯片)."""

    def __init__(self) -> None:
        super().__init__("there is no card on the chip yet")


class PremadeCardError(ChipError):
    """The card is not the pre-made card that the order is for, or has a holder already (预制卡不符)."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the card is not the pre-made card of this order: {what}")


class TransportKeyError(ChipError):
    """The transport key is not the chip's (传输密钥错误); after ``tries_left`` more wrong ones the chip is lost."""

    def __init__(self, tries_left: int) -> None:
        self.tries_left = tries_left
        super().__init__(f"the transport key is not the chip's; tries left: {tries_left}")


class ChipFullError(ChipError):
    """The chip has not the room for what is to be built (芯片空间不足); ``step`` is where it ended."""

    def __init__(self, step: str) -> None:
        self.step = step
        super().__init__(f"{step}: the chip has no room left")


class BuildingError(ChipError):
    """The chip refused a step of the building (建卡失败).

    ``step`` names it, and the directory, file or key; ``sw`` is the status word. Nothing that was sent is in it.
    """

    def __init__(self, step: str, sw: int, meaning: str = "") -> None:
        self.step = step
        self.sw = sw
        super().__init__(f"{step}: status word {sw:04X}" + (f" ({meaning})" if meaning else ""))


class KeyProofError(ChipError):
    """A key on the card is not the one that was loaded, or does not show itself (密钥验证失败).

    ``key`` is its name, ``version`` its version; ``sw`` the status word, 9000 where the answer was wrong.
    """

    def __init__(self, key: str, version: int, sw: int) -> None:
        self.key = key
        self.key_version = version
        self.sw = sw
        super().__init__(f"key {key} version {version} does not prove itself (status word {sw:04X})")


class LostChipError(ChipError):
    """Nothing can be done with the chip any more: put it to the spoiled ones (芯片报废)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the chip is lost: {reason}")


class KeyUnavailableError(UnansweredError):
    """The key custodian has not got this key or this version of it, or refuses to use it (密钥不可用).

    ``key`` is the name of the key in the specification, such as ``RKSSSE``.
    """

    def __init__(self, key: str, reason: str = "") -> None:
        self.key = key
        text = f"key {key} is not available"
        super().__init__(f"{text}: {reason}" if reason else text)


class ItemError(MalformedError):
    """An item cannot be read or written as its schema says (数据项错误).

    ``file`` and ``item`` are names of the profile, ``file`` "" when not known yet; ``reason`` says which rule is
    broken, never with which value.
    """

    def __init__(self, item: str, reason: str, *, file: str = "") -> None:
        self.file = file
        self.item = item
        self.reason = reason
        super().__init__(f"{file}.{item}: {reason}" if file else f"{item}: {reason}")

    def within(self, file: str) -> "ItemError":
        """The same error, said of an item of this file."""
        return ItemError(self.item, self.reason, file=file)


class ChangesError(MalformedError):
    """Values that an update asks for cannot be written (更新内容错误); ``faults`` names each of them.

    Each fault is an :class:`ItemError`, :class:`NotInProfileError` or :class:`AccessForbiddenError`.
    """

    def __init__(self, faults: Sequence[CardError]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in faults))


class CardDataError(MalformedError):
    """What a card holds does not allow going on: an item that everything else rests on is blank (卡内数据错误)."""
