"""The conformance suite (符合性测试): the standard's rules as test cases, for any card in any reader.

The groups have the names of LD/T 6001.3. ``recognise`` a connected card, choose among its ``cases``, ``conduct`` them::

    subject = recognise(card)
    results = list(conduct(card, subject, cases(subject.profile), custodian))

Cases that harm the card are run when asked for, those that end its life when asked for once more
(:class:`~cardlib.conformance.case.Harm`). Where the standard leaves room, a case allows a set of answers. What could
not be decided is "not run", with the reason.
"""

from cardlib.conformance.case import GROUPS, Case, Harm, Outcome, Result, Subject
from cardlib.conformance.junit import junit
from cardlib.conformance.replay import ReplayedCard
from cardlib.conformance.suite import cases, conduct, recognise

__all__ = [
    "GROUPS",
    "Case",
    "Harm",
    "Outcome",
    "ReplayedCard",
    "Result",
    "Subject",
    "cases",
    "conduct",
    "junit",
    "recognise",
]
