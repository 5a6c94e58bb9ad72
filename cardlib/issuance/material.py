"""What the key custodian prepares for one chip: temporary master keys, and every key encrypted under them.

The keys of the finished card are never seen here. The temporary master key is: it comes to the chip in clear anyway, so
the MAC of a load, which needs the chip's challenge, is computed beside the chip, and a far custodian is asked once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from apdu.command import CommandAPDU
from apdu.secret import Secret
from cardlib.cos.encoder import KeyLoading
from cardlib.cos.plan import PlannedDirectory, PlannedKey
from cardlib.cos.protection import encrypted_key, loading_mac
from cardlib.crypto import Algorithm
from cardlib.issuance.talk import BuildingTalk, Conversation
from cardlib.key_requests import Disclosure, KeyTask, LoadedKey
from cardlib.keys import KeyReference

TEMPORARY: Final = KeyReference("TMK")


@dataclass(frozen=True, slots=True)
class Load:
    """The command that loads one key, but for its MAC."""

    loading: KeyLoading
    cipher: bytes = field(repr=False)


@dataclass(frozen=True)
class Material:
    """``temporary``: temporary master key by cipher; ``loads``: by directory's name and key."""

    temporary: Mapping[Algorithm, Secret]
    loads: Mapping[tuple[str, KeyReference], Load]

    def protected(self, load: Load, algorithm: Algorithm, challenge: bytes) -> CommandAPDU:
        """WRITE KEY with its MAC over the chip's challenge."""
        mac = loading_mac(algorithm, self.temporary[algorithm], challenge, load.loading.message(load.cipher))
        return load.loading.protected(load.cipher, mac)

    def of_pin(self, loading: KeyLoading, pin: Secret, algorithm: Algorithm) -> Load:
        """The load of a PIN, whose value is known here."""
        return Load(loading, encrypted_key(algorithm, self.temporary[algorithm], loading.block(pin)))


def prepared(talk: BuildingTalk, *besides: KeyTask) -> Conversation[tuple[Material, tuple[bytes, ...]]]:
    """Everything for the chip, and the answers to what is asked ``besides`` under the plan's cipher.

    One request for each cipher that the chip knows: one in all, with SM4 on FMCOS, whose MF knows 3DES, two.
    """
    others: tuple[bytes, ...] = ()
    temporary: dict[Algorithm, Secret] = {}
    loads: dict[tuple[str, KeyReference], Load] = {}
    by_cipher: dict[Algorithm, list[tuple[str, KeyReference, KeyLoading]]] = {}
    for directory, key in _keys(talk.plan.mf):
        loading = talk.encoder.replace_key(key, directory, talk.plan)
        algorithm = talk.encoder.algorithm(directory, talk.plan)
        by_cipher.setdefault(algorithm, []).append((directory.name, key.reference, loading))
    for algorithm, wanted in by_cipher.items():
        tasks = (_task(reference, loading) for _, reference, loading in wanted)
        extra = besides if algorithm is talk.plan.algorithm else ()
        value, *ciphers = yield from talk.keys(Disclosure(TEMPORARY), *tasks, *extra, algorithm=algorithm)
        if extra:
            ciphers, others = ciphers[: -len(extra)], tuple(ciphers[-len(extra) :])
        temporary[algorithm] = Secret(value)
        for (name, reference, loading), cipher in zip(wanted, ciphers, strict=True):
            loads[name, reference] = Load(loading, cipher)
    return Material(temporary, loads), others


def _keys(mf: PlannedDirectory) -> Iterator[tuple[PlannedDirectory, PlannedKey]]:
    for directory in mf.walk():
        for key in directory.keys:
            yield directory, key


def _task(reference: KeyReference, loading: KeyLoading) -> LoadedKey:
    return LoadedKey(reference, TEMPORARY, loading.header, loading.width, b"", b"")
