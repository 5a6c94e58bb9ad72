"""The social security card (社会保障卡): its items, files, profiles, keys, commands and conversations.

Knows no reader and no network: bytes come in, typed values go out. See :mod:`cardlib.profiles` for what is declared
about the card, :mod:`cardlib.flows` for what is done with it.
"""
