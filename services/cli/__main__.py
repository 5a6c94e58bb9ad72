"""``python -m services.cli``: as ``sscard``."""

from services.cli import main

main()
