"""gRPC services over the readers of this machine, and the command line.

Start at :mod:`services.server`. The way of a call: :mod:`services.interceptors` (errors, access log) → a servicer
(:mod:`services.card_service`) → :mod:`services.readers` (holds the card) → a flow of :mod:`cardlib.flows` →
:mod:`services.mapping` (typed values to messages).
"""
