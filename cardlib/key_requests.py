"""What a flow asks of who keeps the keys (密钥请求): results of keys of one card, never the keys of a finished card.

Every task names its keys; who answers knows the values (:mod:`cardlib.custody`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from apdu.flow import Question
from apdu.secret import Secret
from cardlib.crypto import Algorithm, card_key, factors, suite_for
from cardlib.keys import KEYS, KeyDeclaration, KeyReference


@dataclass(frozen=True, slots=True)
class CardFactors:
    """What makes a card's keys its own: arguments as for :func:`cardlib.crypto.factors`.

    ``region``: first six digits of item 01 (卡的识别码). ``card_factor``: historical bytes T6…TD, 8 bytes. Raises
    :class:`~apdu.errors.MalformedError` when they cannot be that, as with a card whose item 01 is blank.
    """

    algorithm: Algorithm
    region: str
    card_factor: bytes = field(repr=False)

    def __post_init__(self) -> None:
        factors(self.region, self.card_factor)

    def card_key(self, key: KeyReference, root: Secret, keys: Mapping[str, KeyDeclaration] = KEYS) -> Secret:
        """This card's own key under the first-level root key (一级根密钥) ``root``, in the length it has on this card.

        ``keys``: what is known of keys by their name. A root that is longer is cut: single DES takes the left half.
        """
        return self.key_above(key, root, 0, keys)

    def key_above(
        self, key: KeyReference, root: Secret, levels: int, keys: Mapping[str, KeyDeclaration] = KEYS
    ) -> Secret:
        """The key so many diversifications above this card's: 3 ``root`` itself, 2 its province's, 1 its city's."""
        size = keys[key.name].size(self.algorithm) if key.name in keys else len(root)
        cut = Secret(root.reveal()[:size])
        return card_key(suite_for(self.algorithm), cut, self.region, self.card_factor, levels=levels)


@dataclass(frozen=True, slots=True)
class Cryptogram:
    """One authentication cryptogram to compute (鉴别数据) [S2.4 §8.4, §4]: auth8 of ``original`` under a session key.

    ``factor`` makes the session key, 4 or 8 bytes: the card's challenge for EXTERNAL AUTHENTICATION, bytes 1–8 of the
    command for INTERNAL AUTHENTICATION. ``original`` is what is encrypted, 8 bytes. Both cards and terminals compute
    the same.
    """

    key: KeyReference
    factor: bytes = field(repr=False)
    original: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mac:
    """One message authentication code to compute (报文鉴别码) [S2.4 §8.2, S2.7 §11–12]: 4 bytes.

    Of a command: ``key`` is a maintenance key (STK); ``factor`` makes the session key: the card's last challenge, 4 or
    8 bytes. ``data``: header with the Lc that counts the MAC, and command data
    (:func:`cardlib.commands.authenticated`). MAC1 and MAC2 of a load or purchase: ``key`` is DLK or DPK, ``factor`` the
    8 bytes of :func:`cardlib.crypto.load_factor` or :func:`cardlib.crypto.purchase_factor`; ``data`` has no header.
    """

    key: KeyReference
    factor: bytes = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tac:
    """One transaction authentication code of the medical account to compute (交易验证码) [S2.7 §15]: 4 bytes.

    ``key`` is DTK, of which no session key is made; ``data`` has no header.
    """

    key: KeyReference
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PinBlock:
    """A PIN to encrypt for PIN CHANGE (密码密文) [S2.4 §8.3, S2.5 §6.6]: LD ‖ PIN ‖ 80 00…, 8 or 16 bytes.

    ``key`` is a maintenance key (STK), ``factor`` the card's last challenge, 4 or 8 bytes; ``pin`` is packed.
    """

    key: KeyReference
    factor: bytes = field(repr=False)
    pin: Secret


@dataclass(frozen=True, slots=True)
class Encipherment:
    """One block under a key itself, by 3DES whatever the card's cipher is (单步鉴别): 8 bytes.

    What a transport key shows a chip, and a master key outside the social security application: ``key`` is TRANSPORT,
    TMK or a master key; ``block`` has 8 bytes, or is a challenge of 4, filled with 00.
    """

    key: KeyReference
    block: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key or PIN on its way into a chip by WRITE KEY (密钥装载): the encrypted block ‖ its MAC of 4 bytes.

    ``value``: which of the card's keys, or a PIN that the asker knows, packed. ``under``: what protects it, TMK.
    ``header``: what stands before the value in the block; ``width``: bytes that the value is filled up to with FF, 0
    for none, both as :func:`cardlib.cos.encoder.require_loading` knows them. ``head``: CLA, INS, P1 and P2 of the
    command; ``challenge``: 4 or 8 bytes, the chip's last; b"" for a load without a MAC, whose answer is the block
    alone. See :mod:`cardlib.cos.protection`.
    """

    value: KeyReference | Secret
    under: KeyReference
    header: bytes
    width: int
    head: bytes
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PsamKeyLoad:
    """A key on its way into a PSAM by CREATE KEY or CHANGE KEY (PSAM密钥装载): encrypted record ‖ MAC of 4 bytes.

    [S2.9 §9.5, §9.6]. The request's card is the PSAM: its factor makes the PSAM's own keys, its region is the one whose
    keys it gets.

    ``key``: what is loaded: with ``levels`` 1…3 a key of cards, so many diversifications above theirs: 3 the
    first-level root, 2 the province's, 1 the city's; with 0 one of the PSAM's own keys. ``under``: the master key that
    protects it, a PSAM's own; TMK for the PSAM's own keys only, since everybody at the chip knows it. ``header``: what
    stands before the value in the record, its first byte the usage, which tells the levels; ``head``: CLA, INS, P1 and
    P2 of the command; ``challenge``: 4 or 8 bytes, the PSAM's last.
    """

    key: KeyReference
    levels: int
    under: KeyReference
    header: bytes
    head: bytes
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The value of a key that comes to a chip in clear by the chip's own commands: TMK of one chip, or TRANSPORT.

    Custodians refuse it for every other key.
    """

    key: KeyReference


@dataclass(frozen=True, slots=True)
class CheckValue:
    """The check value of one of the card's keys (密钥校验值): the first 3 bytes of a block of zeros under it."""

    key: KeyReference


@dataclass(frozen=True, slots=True)
class CodeOfCard:
    """The last four bytes of item 01 (卡的识别码中的认证码): a MAC under IRK itself, as far as anything is public.

    ``data``: the first twelve bytes; CBC from a zero block, 80 00… always, DES finished with 3DES (inference).
    """

    key: KeyReference
    data: bytes = field(repr=False)


OTHER_TERMINAL: Final = (
    "the card was told the terminal number of somebody else, who alone can make its MAC1: ask for the terminal number "
    "here, and begin the purchase anew"
)
"""Why a :class:`Purchase` is refused by whom it does not belong to."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a card that shall pay is told (终端机编号、密钥索引号): terminal number, 6 bytes ‖ key index, 1.

    Both are those of whoever answers, who can then make MAC1. Asked before every purchase, because the card is told
    both in INITIALIZE FOR PURCHASE, and MAC1 is over the number [S2.9 §5.2, S2.5 §7.6]. ``key`` is DPK in the version
    that is wanted; the index may be another one, where whoever answers has no choice: the card's answer then says which
    version that is.
    """

    key: KeyReference


@dataclass(frozen=True, slots=True)
class Purchase:
    """MAC1 of a purchase, made with a terminal's own numbers (医疗消费MAC1) [S2.9 §9.9].

    The answer: terminal number, 6 bytes ‖ terminal sequence number, 4 ‖ MAC1, 4. ``key`` is DPK. ``random``: 4 bytes
    and ``sequence``: the purchase counter, both from INITIALIZE FOR PURCHASE.
    ``amounts``: account, self-paid and pooled, in fen. ``kind``: transaction type, one byte. ``time``: 7 bytes,
    YYYYMMDDhhmmss packed. ``terminal``: the terminal number that the card was told, 6 bytes, from :class:`Terminal`;
    whoever has another one refuses with :class:`~cardlib.errors.KeyUnavailableError`, for the card would refuse his
    MAC1. A terminal sequence number is given out once, whatever becomes of the purchase.
    """

    key: KeyReference
    random: bytes = field(repr=False)
    sequence: int
    amounts: tuple[int, int, int] = field(repr=False)
    kind: int
    time: bytes
    terminal: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether an answer of the card is the right one for a task (验证): one byte, 01 if it is, else 00.

    So MAC2 and TAC are checked without anybody else learning what they should have been.
    """

    task: Cryptogram | Mac | Tac
    answer: bytes = field(repr=False)


KeyTask: TypeAlias = (
    Cryptogram
    | Mac
    | Tac
    | PinBlock
    | Encipherment
    | LoadedKey
    | PsamKeyLoad
    | Disclosure
    | CheckValue
    | CodeOfCard
    | Terminal
    | Purchase
    | Verification
)
"""One thing to compute, or to tell, with keys of one card."""


@dataclass(frozen=True)
class KeyRequest(Question[tuple[bytes, ...]]):
    """A flow asks a key custodian for what takes keys of one card; the answers come in the same order, as bytes.

    Each task's docstring says what its answer is.
    """

    card: CardFactors
    tasks: tuple[KeyTask, ...]


def key_names(task: KeyTask) -> tuple[str, ...]:
    """The names of the keys that a task needs."""
    match task:
        case LoadedKey(value=KeyReference(name=name)):
            return name, task.under.name
        case LoadedKey():
            return (task.under.name,)
        case PsamKeyLoad():
            return task.key.name, task.under.name
        case Verification():
            return key_names(task.task)
        case _:
            return (task.key.name,)
