"""Building a card (建卡): what is to be built, and how each card operating system (COS) is told to.

:mod:`cardlib.cos.plan` says what: directories, files, keys, rights, without any value. :mod:`cardlib.cos.t514` and
:mod:`cardlib.cos.fmcos` say how, as bytes; :mod:`cardlib.cos.levels` has the codes that card and builder share.
Nothing here talks to a card.
"""
