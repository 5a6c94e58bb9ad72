"""The report for machines: JUnit XML, as continuous integration reads it."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from cardlib.conformance.case import GROUPS, Outcome, Result, Subject


def junit(subject: Subject, results: Sequence[Result]) -> bytes:
    """A report in UTF-8: one test suite for each group, one test case for each case.

    A case that was not run is skipped, with the reason. The version of the specification is all it says about the card,
    and that only of a card that was recognised: the ATR would tell which card it is.
    """
    root = ET.Element("testsuites", {"name": "sscard conformance"} | _counts(results))
    for group, title in GROUPS.items():
        found = [result for result in results if result.case.group == group]
        if not found:
            continue
        suite = ET.SubElement(root, "testsuite", {"name": group} | _counts(found))
        properties = ET.SubElement(suite, "properties")
        if not subject.unrecognised:
            ET.SubElement(properties, "property", name="card_version", value=subject.profile.version)
        ET.SubElement(properties, "property", name="group", value=title)
        for result in found:
            _case(suite, result)
    ET.indent(root)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n").encode()


def _case(suite: ET.Element, result: Result) -> None:
    case = result.case
    element = ET.SubElement(suite, "testcase", classname=case.group, name=case.id, time=f"{result.seconds:.3f}")
    if result.outcome is Outcome.NOT_RUN:
        ET.SubElement(element, "skipped", message=result.detail)
    elif result.outcome is Outcome.FAILED:
        failure = ET.SubElement(element, "failure", message=result.detail)
        failure.text = f"{case.title} [{case.clause}]; allowed: {case.expected}"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    def count(outcome: Outcome) -> str:
        return str(sum(result.outcome is outcome for result in results))

    return {
        "tests": str(len(results)),
        "failures": count(Outcome.FAILED),
        "errors": "0",
        "skipped": count(Outcome.NOT_RUN),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
