"""Custodians: who holds a deployment's keys (密钥托管), behind the port :class:`cardlib.custody.KeyCustodian`."""
