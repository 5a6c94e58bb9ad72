"""From a profile's declarations to the files that a card holds, and to what its directories answer when selected."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from apdu.tlv import encode
from cardlib import model
from cardlib.crypto import Algorithm
from cardlib.fci import ALGORITHM_ID, DF_NAME, FCI_TEMPLATE, ISSUER_DISCRETIONARY, PROPRIETARY
from cardlib.rules import FREE
from cardlib.text import encode_text
from simulator.files import CyclicFile, File, InternalFile, LinearFile, TransparentFile

Records: TypeAlias = Mapping[str, Sequence[bytes]]
"""What files hold, by the profile's name of the file; a file that is not there is empty.

Linear: whole records, tag and length included; cyclic: bare records, the newest first; transparent and internal: all
bytes as one.
"""

DIR_SFI: Final = 0x1E
"""SFI of the DIR file (目录数据文件) as real cards name it in tag 88 of the SSSE's FCI [S5; S2.3 §6 says 5…15]."""

_DIR_FID: Final = 0xEF00 | DIR_SFI
_SFI_OF_DIR: Final = 0x88
_APPLICATION_TEMPLATE: Final = 0x61
_APPLICATION_ID: Final = 0x4F
_APPLICATION_LABEL: Final = 0x50
_MAX_LABEL: Final = 16


def elementary_files(directory: model.Directory, records: Records) -> tuple[File, ...]:
    """The directory's files that commands can reach, holding ``records``, under the profile's access rules."""
    return tuple(
        _elementary_file(file, records.get(file.name, ()))
        for file in directory.files
        if isinstance(file, model.AddressableFile)
    )


def internal_files(directory: model.Directory, records: Records) -> tuple[InternalFile, ...]:
    """The directory's files that no command can reach; blank bytes are 00."""
    return tuple(
        InternalFile(file.name, _filled(records.get(file.name, ()), file.size))
        for file in directory.files
        if isinstance(file, model.InternalFile)
    )


def directory_file(applications: Iterable[model.Directory]) -> LinearFile:
    """The DIR file: one record 61{4F AID, 50 label} for each application below a DDF [S2.3 §6.3].

    An application without an AID is found by its DF name, which stands in place of one.
    """
    entries = (
        encode(_APPLICATION_ID, application.df_name) + encode(_APPLICATION_LABEL, _label(application.chinese))
        for application in applications
    )
    return LinearFile(_DIR_FID, FREE, tuple(encode(_APPLICATION_TEMPLATE, entry) for entry in entries))


def ssse_fci(name: bytes, algorithm: Algorithm) -> bytes:
    """6F{84 name, A5{88 SFI of DIR, 9F0C{86 algorithm}}}; DES, the default, is not named [S2.5 T37, S3 §10.1]."""
    proprietary = encode(_SFI_OF_DIR, bytes((DIR_SFI,)))
    if algorithm is not Algorithm.DES:
        proprietary += encode(ISSUER_DISCRETIONARY, encode(ALGORITHM_ID, bytes((algorithm.value,))))
    return encode(FCI_TEMPLATE, encode(DF_NAME, name) + encode(PROPRIETARY, proprietary))


def named_fci(name: bytes) -> bytes:
    """6F{84 name}: what an application answers, and the MF of a bank card [S2.5 T38]."""
    return encode(FCI_TEMPLATE, encode(DF_NAME, name))


def _elementary_file(file: model.AddressableFile, held: Sequence[bytes]) -> File:
    match file:
        case model.CyclicFile():
            return CyclicFile(
                file.fid,
                file.read,
                tuple(held),
                update=file.update,
                secure_messaging=file.secure_messaging,
                size=file.record_size,
                capacity=max(file.records, len(held)),
            )
        case model.TransparentFile():
            return TransparentFile(
                file.fid,
                file.read,
                _filled(held, file.size),
                update=file.update,
                secure_messaging=file.secure_messaging,
            )
        case _:
            return LinearFile(
                file.fid,
                file.read,
                tuple(held),
                update=file.update,
                secure_messaging=file.secure_messaging,
                space=max(file.size, sum(map(len, held))),
                fixed=file.structure is model.Structure.LINEAR_FIXED,
            )


def _filled(held: Sequence[bytes], size: int) -> bytes:
    return b"".join(held).ljust(size, b"\x00")


def _label(chinese: str) -> bytes:
    """As many characters as fit into an application label."""
    while len(encoded := encode_text(chinese)) > _MAX_LABEL:
        chinese = chinese[:-1]
    return encoded
