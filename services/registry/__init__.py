"""The registry (持卡库): people, cards with their life cycle, original medical cards, institutions, activations."""
