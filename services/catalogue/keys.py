"""Keystores: what opens them, what they hold, what they refuse."""

from typing import Final

from services.catalogue.refusal import Code, Fixer, Refusal
from services.custody.keystore import errors

KEYS: Final[dict[type[Exception], Refusal]] = {
    errors.KeystoreError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEYSTORE",
        "The keystore cannot be used.",
        "密钥库不可用。",
        "The administrator looks after the keystore.",
        "请管理员检查密钥库。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.KeystoreFileError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEYSTORE_FILE",
        "A file of the keystore cannot be read or written, or one is in the way.",
        "密钥库文件无法读写或已存在。",
        "The administrator corrects the path or the rights to it.",
        "请管理员检查文件路径和权限。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.KeystoreLockedError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEYSTORE_LOCKED",
        "What was given does not open the keystore.",
        "口令或密钥错误，无法打开密钥库。",
        "Every holder enters their passphrase again, in the order in which the keystore was made.",
        "请各口令持有人按建库时的顺序重新输入。",
        fixer=Fixer.OPERATOR,
    ),
    errors.KeystoreDamagedError: Refusal(
        Code.DATA_LOSS,
        "KEYSTORE_DAMAGED",
        "The keystore is damaged, or somebody has altered it; nothing in it is used.",
        "密钥库已损坏或被篡改，已停止使用。",
        "Keep the file for examination, find out who had access, and restore the last backup.",
        "请保留该文件备查，查明接触人员，并恢复最近的备份。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.KeystoreBusyError: Refusal(
        Code.UNAVAILABLE,
        "KEYSTORE_BUSY",
        "Somebody else is changing the keystore.",
        "密钥库正被他人修改。",
        "Wait until they are done, then try again.",
        "请待其完成后重试。",
        fixer=Fixer.OPERATOR,
    ),
    errors.DevelopmentKeystoreError: Refusal(
        Code.FAILED_PRECONDITION,
        "KEYSTORE_FOR_DEVELOPMENT",
        "The keystore was made for development and does not serve in production.",
        "该密钥库仅供开发使用，不得用于生产环境。",
        "The administrator makes a keystore for production and has the keys put into it by ceremony.",
        "请管理员建立生产密钥库，并通过密钥仪式录入密钥。",
        fixer=Fixer.ADMINISTRATOR,
    ),
    errors.KeyRefusedError: Refusal(
        Code.INVALID_ARGUMENT,
        "KEY_REFUSED",
        "A key, a component or a passphrase is not taken; nothing was changed.",
        "密钥、密钥分量或口令不予接受；未作任何修改。",
        "Correct what the message says, and begin again.",
        "请按提示更正后重新操作。",
        fixer=Fixer.OPERATOR,
    ),
    errors.WrappedKeysError: Refusal(
        Code.INVALID_ARGUMENT,
        "WRAPPED_KEYS",
        "The wrapped keys cannot be unwrapped.",
        "密钥密文无法解开。",
        "Check that the file arrived whole, and that it is for this wrapping key or passphrase.",
        "请确认文件完整，且与所用保护密钥或口令相符。",
        fixer=Fixer.OPERATOR,
    ),
    errors.TerminalCounterError: Refusal(
        Code.FAILED_PRECONDITION,
        "TERMINAL_COUNTER",
        "There is no terminal sequence number to be had, so no purchase is begun.",
        "终端交易序号不可用，无法发起消费。",
        "The administrator makes the counter file, with a start above every number already used.",
        "请管理员建立终端序号文件，起始值须大于已用序号。",
        fixer=Fixer.ADMINISTRATOR,
    ),
}
