"""Conversations with the card, as flows: generators that yield scripts and key requests and do no I/O themselves."""
