"""A second implementation of the block ciphers: the OpenSSL command line."""

import shutil
import subprocess
from collections.abc import Callable

import pytest

from cardlib.crypto import Algorithm

ECB = {
    (Algorithm.DES, 8): ["-des-ecb", "-provider", "legacy", "-provider", "default"],
    (Algorithm.DES, 16): ["-des-ede-ecb"],
    (Algorithm.SM4, 16): ["-sm4-ecb"],
}


@pytest.fixture(scope="session")
def openssl() -> Callable[[Algorithm, bytes, bytes], bytes]:
    """``openssl(algorithm, key, blocks)`` encrypts whole blocks, each for itself."""
    program = shutil.which("openssl")
    if program is None:
        pytest.fail("the openssl command is missing, the second computation needs it: apt-get install openssl")

    def encrypt(algorithm: Algorithm, key: bytes, blocks: bytes) -> bytes:
        command = [program, "enc", *ECB[algorithm, len(key)], "-K", key.hex(), "-nopad"]
        done = subprocess.run(command, input=blocks, capture_output=True, check=False)
        if done.returncode:
            pytest.fail(f"openssl enc {ECB[algorithm, len(key)][0]} does not work here: {done.stderr.decode()}")
        return done.stdout

    return encrypt
