"""What the tests of `sscard keys` share."""

import hashlib
import os
import subprocess
from pathlib import Path

from typer.testing import CliRunner, Result

from apdu.secret import Secret
from services.cli import app
from services.custody.keystore import CredentialKey, open_keystore

PHRASES = ("first holder's passphrase", "第二位持有人的口令须够长𠮷")
PEOPLE = ("--custodian", "张三,密钥管理员", "--custodian", "李四,安全员")
CIPHERS = {"SM4": "sm4-ecb", "3DES": "des-ede-ecb", "AES-256": "aes-256-ecb"}


def sscard(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, arguments)], input=stdin)


def kcv(algorithm: str, value: bytes) -> str:
    """By the openssl command."""
    command = ["openssl", "enc", f"-{CIPHERS[algorithm]}", "-nopad", "-K", value.hex()]
    return subprocess.run(command, input=bytes(16), capture_output=True, check=True).stdout[:3].hex().upper()


def random_parts(count: int = 2, size: int = 16) -> tuple[list[bytes], bytes]:
    parts = [hashlib.sha256(f"part {number}".encode()).digest()[:size] for number in range(count)]
    whole = bytes(size)
    for part in parts:
        whole = bytes(a ^ b for a, b in zip(whole, part, strict=True))
    return parts, whole


def lines(parts: list[bytes], algorithm: str) -> str:
    return "".join(f"{part.hex()};{kcv(algorithm, part)}\n" for part in parts)


class Keystore:
    """A keystore that opens with a key, and what is done to it through descriptors."""

    def __init__(self, path: Path, fd) -> None:
        self.path, self.fd, self.key = path, fd, os.urandom(32)

    def do(self, command: str, *arguments: object, stdin: str | None = None) -> Result:
        return sscard(command, self.path, *arguments, "--key-fd", self.fd(self.key), stdin=stdin)

    def put(self, name: str, value: bytes, algorithm: str = "SM4", *arguments: object) -> Result:
        """By ceremony: a random component, and what is left of the value."""
        first = os.urandom(len(value))
        parts = [first, bytes(a ^ b for a, b in zip(first, value, strict=True))]
        result = self.do(
            "ceremony", name, "--algorithm", algorithm, *PEOPLE, "--components-fd", self.fd(lines(parts, algorithm)),
            "--check-value", kcv(algorithm, value), *arguments,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        return result

    def open(self):
        return open_keystore(self.path, CredentialKey(Secret(self.key)))
