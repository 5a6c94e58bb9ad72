"""What can go wrong with a keystore. No message holds a key, a component or a passphrase.

::

    CardError
    └─ KeystoreError
       ├─ KeystoreFileError         the file cannot be read or written, is not there, or is there already
       ├─ KeystoreLockedError       what should open it does not
       ├─ KeystoreDamagedError      it is not as this software wrote it
       ├─ KeystoreBusyError         somebody else is changing it
       ├─ DevelopmentKeystoreError  made for development, and this is production
       ├─ KeyRefusedError           a key, a component or a passphrase that is not taken
       ├─ WrappedKeysError          a file of wrapped keys that cannot be unwrapped
       └─ TerminalCounterError      the counter of terminal sequence numbers cannot be used
"""

from apdu.errors import CardError


class KeystoreError(CardError):
    """Root of what is wrong with a keystore (密钥库)."""


class KeystoreFileError(KeystoreError):
    """A file that is needed cannot be read or written, or one is in the way (文件不可用)."""


class KeystoreLockedError(KeystoreError):
    """The passphrases, or the key, do not open the keystore (口令或密钥错误)."""


class KeystoreDamagedError(KeystoreError):
    """The keystore is not as this software wrote it (密钥库损坏或被篡改); nothing in it is used."""


class KeystoreBusyError(KeystoreError):
    """Somebody else is changing the keystore (密钥库正被修改)."""


class DevelopmentKeystoreError(KeystoreError):
    """A keystore made for development, opened in production (生产环境禁用开发密钥库)."""


class KeyRefusedError(KeystoreError):
    """A key, a component or a passphrase that is not taken (密钥不予接受); the message says why."""


class WrappedKeysError(KeystoreError):
    """A file of wrapped keys cannot be unwrapped (密钥密文无法解开)."""


class TerminalCounterError(KeystoreError):
    """The counter of terminal sequence numbers cannot be used (终端交易序号不可用): no purchase without it."""
