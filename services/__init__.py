"""gRPC services over the readers of this machine, and the command line.

Start at :mod:`services.server`. The way of a call: :mod:`services.interceptors` (errors, access log) → a servicer
(:mod:`services.card_service`) → :mod:`services.readers` (holds the card) → a flow of :mod:`cardlib.flows` →
:mod:`services.mapping` (typed values to messages).
"""

import os
from typing import Final

VERBOSITY: Final = "GRPC_VERBOSITY"
"""Variable that gRPC reads once, when it is imported, which is after this."""

# Else its libraries write lines of their own between those of our log, one for each handshake that fails.
os.environ.setdefault(VERBOSITY, "ERROR")
