"""Holders of passphrases, asked at a terminal."""

import os
import pty
import subprocess
import sys

from services.cli.entering import asked_opener
from tests.services.custody.opening.conftest import PHRASES, config

ASK = """
import sys
from services.cli.entering import asked_opener
from services.config import Config
from services.custody.opening import open_custodian
config = Config.load()
print("opened", open_custodian(config, opener=asked_opener(config)))
"""


def test_holders_are_asked_at_a_terminal_each_unseen(locked) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"SSCARD_KEYSTORE": str(locked), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    for number, phrase in enumerate(PHRASES, 1):
        while f"口令持有人{number}: ".encode() not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, phrase.encode() + b"\n")
    while b">\r\n" not in shown:
        shown += os.read(ours, 4096)
    assert process.wait(30) == 0
    os.close(ours)
    assert b"holder 1 of 2" in shown
    assert b"<KeystoreCustodian of 2 keys>" in shown
    assert not any(phrase.encode() in shown for phrase in PHRASES)


def test_nobody_is_asked_without_a_terminal_or_where_the_settings_say_all(locked, keystore, key, monkeypatch) -> None:
    assert asked_opener(config(keystore=locked)) is None  # pytest has no terminal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert asked_opener(config()) is None
    assert asked_opener(config(keystore=keystore)) is None
    assert asked_opener(config(keystore=keystore, keystore_key=key)) is None
    assert asked_opener(config(keystore=locked, keystore_passphrase_fds=(8, 9))) is None
