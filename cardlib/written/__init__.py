"""What people write by hand, in TOML, JSON or tables: how it becomes values of items, and how mistakes are told.

Card descriptions of the simulator, templates and persons' records of issuing are read by the same rules.
"""
