"""Between the card's typed values and messages, by name: the declarations of cardlib are the mapping.

Out: :mod:`~services.mapping.typed` fills the message of a file, :mod:`~services.mapping.generic` its list of items,
:mod:`~services.mapping.answers` the answers of calls, :mod:`~services.mapping.readers` those about readers. In, for
updates: :mod:`~services.mapping.incoming`.
"""
