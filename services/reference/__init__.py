"""The card reference (卡片参考): what the declarations of the card say, laid out for people.

``rows`` takes a profile apart into plain rows, which ``sscard profile`` prints and ``pages`` turns into the manual's
pages. Nothing is stated here that the declarations do not say.
"""
