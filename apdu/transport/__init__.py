"""Transports: PC/SC, in-process readers, transcripts, and the wrappers around any of them."""
