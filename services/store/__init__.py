"""What outlives a process: the journal of issuance and the certificates of cards, in a database (存储)."""
