"""The PSAM (服务网点终端安全存取模块): its commands, its state, and how one is made [S2.9].

A second kind of card on the kernel of :mod:`simulator`: memory, keys, files, power and T=0 are shared. What the text
leaves open is inference here, each in the docstring of what does it; a real PSAM may choose otherwise.
"""
