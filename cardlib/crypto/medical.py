"""Session factors of the medical account (医疗个人账户): what a card and its partner both put into the session key.

Give them to :meth:`~cardlib.crypto.suite.CipherSuite.session_key` together with DLK or DPK, and the result to
:meth:`~cardlib.crypto.suite.CipherSuite.mac` for MAC1 and MAC2 (no header bytes). A TAC is a
:meth:`~cardlib.crypto.suite.CipherSuite.mac` under the :meth:`~cardlib.crypto.suite.CipherSuite.tac_key` of DTK.
"""

from apdu.errors import MalformedError


def load_factor(random: bytes, load_sequence: int) -> bytes:
    """Of a load (医疗划入) [S2.7 §11]: the card's 4 random bytes ‖ its 2-byte load counter ‖ 80 00."""
    return _session_factor(random, load_sequence, b"\x80\x00")


def purchase_factor(random: bytes, purchase_sequence: int, terminal_sequence: int) -> bytes:
    """Of a purchase (医疗消费) [S2.7 §12]: 4 random bytes ‖ purchase counter ‖ low 2 bytes of the terminal's number."""
    return _session_factor(random, purchase_sequence, (terminal_sequence & 0xFFFF).to_bytes(2, "big"))


def _session_factor(random: bytes, sequence: int, tail: bytes) -> bytes:
    if len(random) != 4 or not 0 <= sequence <= 0xFFFF:
        raise MalformedError("a session factor takes 4 random bytes and a 2-byte counter")
    return random + sequence.to_bytes(2, "big") + tail
