"""Keys in files: made once, private, as OpenSSL has them."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from services.custody.signing import SigningKeyError, open_signing_key, read_public_key

ROOT = Path(__file__).parents[3]


def openssl(*arguments: object) -> bytes:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


def test_a_key_is_made_once_for_its_owner_only(tmp_path) -> None:
    path = tmp_path / "new" / "key"
    first, again = open_signing_key(path), open_signing_key(path)
    assert first.public.key_id == again.public.key_id
    assert again.public.verifies(first.sign(b"data"), b"data")
    assert not again.public.verifies(first.sign(b"data"), b"other")
    assert not again.public.verifies(b"", b"data")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_openssl_agrees_about_keys_and_signatures(tmp_path) -> None:
    """RFC 8032: a signature of Ed25519 is the same whoever makes it."""
    path = tmp_path / "key"
    openssl("genpkey", "-algorithm", "ed25519", "-out", path)
    key = open_signing_key(path)
    assert key.public.pem().encode() == openssl("pkey", "-in", path, "-pubout")
    (tmp_path / "data").write_bytes(b"some data")
    theirs = openssl("pkeyutl", "-sign", "-inkey", path, "-rawin", "-in", tmp_path / "data")
    assert key.sign(b"some data") == theirs
    (tmp_path / "public").write_text(key.public.pem())
    assert read_public_key(tmp_path / "public").key_id == key.public.key_id


def test_several_processes_that_want_a_key_get_the_same(tmp_path) -> None:
    program = (
        "import sys, pathlib; from services.custody.signing import *; o = open_signing_key(pathlib.Path(sys.argv[1]))"
    )
    program += "; print(o.public.key_id)"
    command = [sys.executable, "-c", program, str(tmp_path / "key")]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    told = {process.communicate(timeout=60)[0] for process in processes}
    assert len(told) == 1
    assert len(told.pop()) == 17


@pytest.mark.parametrize(
    ("content", "why"),
    [("no key", "no private key of Ed25519"), ("", "no private key of Ed25519")],
)
def test_what_is_no_key_is_refused(tmp_path, content, why) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(SigningKeyError, match=why):
        open_signing_key(path)
    with pytest.raises(SigningKeyError, match="no public key of Ed25519"):
        read_public_key(path)


def test_a_key_of_another_kind_is_refused(tmp_path) -> None:
    path = tmp_path / "key"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    with pytest.raises(SigningKeyError, match="another kind"):
        open_signing_key(path)
    (tmp_path / "public").write_bytes(openssl("pkey", "-in", path, "-pubout"))
    with pytest.raises(SigningKeyError, match="another kind"):
        read_public_key(tmp_path / "public")


def test_in_production_a_key_that_others_can_read_is_refused(tmp_path) -> None:
    open_signing_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(SigningKeyError, match="open to other users"):
        open_signing_key(tmp_path / "key")
    assert open_signing_key(tmp_path / "key", development_mode=True)


def test_a_place_that_cannot_be_used_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeyError):
        open_signing_key(tmp_path / "file" / "key")
    with pytest.raises(SigningKeyError, match="cannot be read"):
        read_public_key(tmp_path / "none")


def test_the_secret_is_shown_to_nobody(tmp_path) -> None:
    key = open_signing_key(tmp_path / "key")
    secret = "".join((tmp_path / "key").read_text().split("\n")[1:-2])
    assert len(secret) == 64
    assert secret not in repr(key) + str(key) + repr(vars(key))
