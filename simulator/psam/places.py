"""Where things are on a PSAM: environments, the application in them, and its keys [S2.9 §5, §6].

An environment is a directory with a DIR file: the byte for its SFI is not 00 in what created it. The bytes that the
kernel keeps of a directory are the first 16 of that command, the 13th replaced by the algorithm of its master key.
"""

from typing import Final

from cardlib.crypto import Algorithm, CipherSuite, suite_for
from cardlib.errors import AlgorithmUnsupportedError
from cardlib.psam import ALGORITHMS
from simulator.command import SW, Refused
from simulator.credentials import Key, KeyUse
from simulator.files import Directory, File, Kind, Path
from simulator.session import Session

DIR_SFI_AT: Final = 6
ALGORITHM_AT: Final = 12


def is_environment(directory: Directory) -> bool:
    """Whether it is one, and not an application."""
    return directory.parameters[DIR_SFI_AT] != 0


def environments(root: Directory) -> list[Path]:
    """The way to each one (算法环境), the MF first."""
    return [(root,), *((root, below) for below in root.directories if is_environment(below))]


def environment(session: Session) -> Path:
    """The way to the current one; refuses with 6985 on a chip without an MF."""
    path = session.selection.path
    if not path:
        raise Refused(SW.CONDITIONS)
    depth = max(index for index, level in enumerate(path) if index == 0 or is_environment(level))
    return path[: depth + 1]


def algorithm(session: Session) -> Algorithm:
    """That of the current environment; refuses with 6985 as above."""
    return ALGORITHMS[environment(session)[-1].parameters[ALGORITHM_AT]]


def suite(session: Session) -> CipherSuite:
    """The cipher of the current environment; refuses with 6A81 where it is SSF33, whose cipher is not public."""
    try:
        return suite_for(algorithm(session))
    except AlgorithmUnsupportedError:
        raise Refused(SW.FUNCTION_UNSUPPORTED) from None


def application(session: Session) -> Directory:
    """The current directory, when it is an application; else refuses with 6985."""
    path = session.selection.path
    if len(path) < 2 or is_environment(path[-1]):
        raise Refused(SW.CONDITIONS)
    return path[-1]


def key_file(directory: Directory, low: int) -> File | None:
    """The key file whose FID is 00 ‖ ``low``; None where there is none. Own keys lie in a place without a FID."""
    return next((file for file in directory.internal if file.kind is Kind.KEYS and file.fid == low != 0), None)


def application_key(session: Session, directory: Directory, kind: int, number: int) -> Key | None:
    """The key with this type and id (of a purchase key: version) in any of the key files, or None."""
    for file in directory.internal:
        if file.fid:
            for key in session.store.keys(file):
                if (key.type, key.id) == (kind, number):
                    return key
    return None


def levels(key: Key) -> int:
    """Factors from an application key to a card's (分散级数)."""
    return key.first


def master_key(session: Session) -> Key | None:
    """The master key (主控密钥) of the current directory."""
    path = session.selection.path
    return session.security.find(path[-1], KeyUse.MASTER) if path else None
