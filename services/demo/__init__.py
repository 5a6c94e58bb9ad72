"""The demonstration: the story of three people's cards on software cards, each step a call of whoever does it."""
