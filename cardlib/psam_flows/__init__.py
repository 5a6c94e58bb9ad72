"""Conversations with a PSAM (服务网点终端安全存取模块), for terminals that have one in a second reader.

What a real PSAM does beyond the PSAM text [S2.9] is not known: what is inference here is said so where it stands.
"""
