"""A social security card in software (软件卡): in process, or behind a real PC/SC daemon.

It follows the specification, not what our own middleware happens to send. Start at :mod:`simulator.card`;
:func:`simulator.people.ready_card` makes one of an invented person.
"""

from simulator.card import SoftwareCard
from simulator.image import CardImage, Issue, image_for
from simulator.people import READY, ready_card
from simulator.quirks import Quirks

__all__ = ["READY", "CardImage", "Issue", "Quirks", "SoftwareCard", "image_for", "ready_card"]
