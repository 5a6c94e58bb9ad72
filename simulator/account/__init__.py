"""The medical account on the card (医疗个人账户) as its operating system computes it [S2.7 §10–12, §14].

Amounts, transactions, and what they leave behind; nothing here stores anything. Amounts are fen, binary big-endian.
"""
