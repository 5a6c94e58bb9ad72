"""The key that wraps data keys, in a file of its own (数据密钥文件).

Apart from :mod:`services.custody.data_keys`, which keystores import.
"""

import os
import secrets
from pathlib import Path

from apdu.secret import Secret
from services.custody.data_keys import KEY, AesWrapper, WrapperError
from services.custody.keystore import files
from services.custody.keystore.errors import KeystoreFileError


def file_wrapper(path: Path, *, make: bool, development_mode: bool = False) -> AesWrapper:
    """The key in a file of 32 bytes; it is made, readable by nobody else, when it is not there and ``make``.

    Two processes may do so at once. Raises :class:`WrapperError`, in production also where others can get at the file.
    """
    try:
        if make and not path.exists():
            make_key_file(path)
        if not path.exists():
            raise WrapperError(
                f"there is no {path}, the key of the personal values in the database: restore it from the backup; "
                "without it nobody can read them"
            )
        return AesWrapper(Secret(files.read_secret(path, development_mode=development_mode)), "file")
    except KeystoreFileError as error:
        raise WrapperError(f"the key of personal values: {error}") from None
    except OSError as error:
        raise WrapperError(f"the key of personal values, {path}, cannot be used: {error.strerror}") from None


def make_key_file(path: Path) -> None:
    """32 random bytes in a file that nobody else can read, whole or not at all: the first process wins.

    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(number, "wb") as file:  # noqa: PTH123  a file number
            file.write(secrets.token_bytes(KEY))
            file.flush()
            os.fsync(number)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
