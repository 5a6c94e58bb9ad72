"""Personalised cards as images: a blank chip is built and written to by its own commands, and what it holds is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apdu.secret import Secret
from apdu.tlv import parse_simple
from cardlib import model
from cardlib.cos.encoders import ENCODERS
from cardlib.cos.plan import CardParameters, Records, plan_card
from cardlib.crypto import Algorithm
from cardlib.issuance.order import Contents, records_of
from cardlib.key_requests import CardFactors
from cardlib.keys import KeyReference
from simulator.card import SoftwareCard
from simulator.dialects import BY_NAME
from simulator.making.maker import TEMPORARY_KEY, make
from simulator.memory.image import CardImage
from simulator.neighbours import bank_application, certificate_area

__all__ = ["CardImage", "Contents", "Issue", "image_for", "image_of_records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What an issuer decides about one card, besides its data (发卡参数).

    ``historical_bytes``: 13 bytes, of which the last eight, T6…TD, diversify the keys. ``pin``: packed, 2…8 bytes, or
    empty for none. ``pin_tries``, ``key_tries``: 1…15 wrong tries before blocking; the standard leaves them to the
    issuer. ``bank_combined``: the MF has the name of a bank card's MF, and answers SELECT with its FCI. ``cos``: name
    of the chip's operating system in :data:`simulator.dialects.BY_NAME`. ``bank_card_number``: 16…19 digits, of the
    bank application beside; "": none. ``pki``: whether there is an area for certificates.
    """

    algorithm: Algorithm
    historical_bytes: bytes
    pin: Secret
    pin_tries: int = 6
    key_tries: int = 3
    bank_combined: bool = False
    cos: str = "t514"
    bank_card_number: str = field(default="", repr=False)
    pki: bool = False


def image_for(
    profile: model.CardProfile, contents: Contents, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these values; other arguments and errors as for :func:`image_of_records`.

    Raises :class:`~cardlib.errors.ItemError` for a value that its item cannot hold, :class:`KeyError` for a file that
    the profile does not have.
    """
    return image_of_records(profile, records_of(profile, contents), issue, root_keys)


def image_of_records(
    profile: model.CardProfile, records: Records, issue: Issue, root_keys: Mapping[KeyReference, Secret]
) -> CardImage:
    """The image of a card that holds these records as they are, right or wrong.

    Directories, files and access rules are those of ``profile``. ``root_keys``: first-level root keys, in as many
    versions as the card shall hold; they are diversified by the region in item 01 and by T6…TD. A directory whose
    master key is not among them keeps the one it was built with; no command takes that any more.

    Raises :class:`~apdu.errors.MalformedError` where item 01 holds no region, or the historical bytes are too few, and
    :class:`~cardlib.cos.plan.PlanError` for what the operating system cannot express.
    """
    parameters = CardParameters(
        algorithm=issue.algorithm,
        historical_bytes=issue.historical_bytes,
        pin_tries=issue.pin_tries,
        key_tries=issue.key_tries,
        bank_combined=issue.bank_combined,
    )
    neighbours = []
    if issue.bank_card_number:
        neighbours.append(bank_application(issue.bank_card_number))
    if issue.pki:
        neighbours.append(certificate_area())
    plan = plan_card(profile, parameters, root_keys.keys(), records, tuple(neighbours))
    factors = _factors(profile, records, issue)
    values = {
        reference: factors.card_key(reference, root_keys[reference], profile.keys)
        if reference in root_keys
        else TEMPORARY_KEY
        for reference in plan.references
    }
    encoder = ENCODERS[issue.cos]
    transport_key = Secret(b"\xff" * encoder.transport_key_size)
    blank = BY_NAME[issue.cos].blank(
        historical_bytes=issue.historical_bytes, serial=issue.historical_bytes[5:], transport_key=transport_key
    )
    chip = SoftwareCard(blank)
    make(chip, plan, records, values, issue.pin, transport_key, encoder)
    return chip.image


def _factors(profile: model.CardProfile, records: Records, issue: Issue) -> CardFactors:
    issuer = profile.file_named("issuer")
    tag = issuer.item_named("card_identifier").tag
    identifier = next((value for found, value in parse_simple(b"".join(records[issuer.name])) if found == tag), b"")
    return CardFactors(issue.algorithm, identifier[:3].hex(), issue.historical_bytes[5:13])
