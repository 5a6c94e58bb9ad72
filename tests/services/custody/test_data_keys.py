"""What wraps data keys: keys in this process, and in files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apdu.secret import Secret
from services.custody.data_keys import (
    AesWrapper,
    DataKey,
    NotSealedHereError,
    NotWrappedHereError,
    WrapperError,
)
from services.custody.data_keys_file import file_wrapper

ROOT = Path(__file__).parents[3]
KEK, VALUE = Secret(bytes(range(32))), Secret(bytes(range(100, 132)))


def hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 by the openssl command."""
    options = ("digest:SHA256", f"hexkey:{key.hex()}", f"hexsalt:{b'sscard database'.hex()}", f"hexinfo:{info.hex()}")
    command = [
        "openssl",
        "kdf",
        "-keylen",
        "32",
        *(part for each in options for part in ("-kdfopt", each)),
        "-binary",
        "HKDF",
    ]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_a_value_is_sealed_for_one_place() -> None:
    key = DataKey(KEK)
    sealed = key.seal(VALUE, b"here")
    assert AESGCM(bytes(range(32))).decrypt(sealed[:12], sealed[12:], b"here") == VALUE.reveal()
    assert key.open(sealed, b"here") == VALUE
    assert key.seal(VALUE, b"here") != sealed
    for other, bound in ((sealed, b"there"), (sealed[:-1], b"here"), (sealed[:27], b"here"), (b"", b"here")):
        with pytest.raises(NotSealedHereError):
            key.open(other, bound)
    with pytest.raises(NotSealedHereError):
        DataKey(Secret(bytes(32))).open(sealed, b"here")


def test_a_data_key_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DataKey(Secret(bytes(16)))


def test_a_key_is_wrapped_under_a_key_of_its_own_for_that() -> None:
    wrapper = AesWrapper(KEK, "file")
    wrapped = wrapper.wrap(VALUE, b"data 1")
    key = hkdf(KEK.reveal(), b"wrapping data keys")
    assert AESGCM(key).decrypt(wrapped[:12], wrapped[12:], b"data 1") == VALUE.reveal()
    assert wrapper.key_id == f"file {hkdf(KEK.reveal(), b'key id').hex()[:16]}"
    assert wrapper.unwrap(wrapped, b"data 1") == VALUE


def test_what_was_not_wrapped_so_does_not_unwrap() -> None:
    wrapper, other = AesWrapper(KEK, "file"), AesWrapper(Secret(bytes(32)), "file")
    wrapped = wrapper.wrap(VALUE, b"data 1")
    assert wrapper.key_id != other.key_id
    for whose, bytes_, bound in (
        (other, wrapped, b"data 1"),
        (wrapper, wrapped, b"data 2"),
        (wrapper, wrapped[:-1], b"data 1"),
        (wrapper, b"", b"data 1"),
    ):
        with pytest.raises(NotWrappedHereError, match="does not unwrap the database's data keys: configure") as raised:
            whose.unwrap(bytes_, bound)
        assert whose.key_id in str(raised.value)


def test_nothing_is_told_of_keys_by_what_is_printed() -> None:
    told = f"{DataKey(KEK)!r} {AesWrapper(KEK, 'file')!r}"
    assert KEK.reveal().hex() not in told
    assert KEK.reveal().hex()[:8] not in told


def test_the_file_is_made_once_for_nobody_else_to_read(tmp_path) -> None:
    path = tmp_path / "new" / "sscard.data-key"
    wrapped = file_wrapper(path, make=True).wrap(VALUE, b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    assert [each.name for each in path.parent.iterdir()] == ["sscard.data-key"], "no draft is left behind"
    assert file_wrapper(path, make=True).unwrap(wrapped, b"x") == VALUE


def test_several_processes_may_make_it_at_once(tmp_path) -> None:
    program = (
        "import sys; from pathlib import Path; from services.custody.data_keys_file import file_wrapper; "
        "print(file_wrapper(Path(sys.argv[1]), make=True).key_id)"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    command = [sys.executable, "-c", program, str(tmp_path / "key")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0] * 3


def test_a_file_that_is_not_to_be_made_is_missed(tmp_path) -> None:
    with pytest.raises(WrapperError, match=r"there is no .*sscard\.data-key, the key of the personal.*restore it"):
        file_wrapper(tmp_path / "sscard.data-key", make=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_key_is_refused(tmp_path) -> None:
    (tmp_path / "key").touch(mode=0o600)
    (tmp_path / "key").write_bytes(b"short")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(WrapperError, match="file has 5 bytes, and a key that wraps data keys has 32"):
        file_wrapper(tmp_path / "key", make=True)
    with pytest.raises(WrapperError, match=r"the key of personal values: .* cannot be read: Is a directory"):
        file_wrapper(tmp_path, make=True)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_in_production_nobody_else_gets_at_the_file(tmp_path, mode) -> None:
    key_id = file_wrapper(tmp_path / "key", make=True).key_id
    (tmp_path / "key").chmod(mode)
    with pytest.raises(WrapperError, match="open to other users than the service's: chmod 0400"):
        file_wrapper(tmp_path / "key", make=True)
    assert file_wrapper(tmp_path / "key", make=True, development_mode=True).key_id == key_id
