"""A validation's result as text, JSON and JUnit."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from dean_airflow.deployment.result import SUMMED, ValidationResult


def as_text(result: ValidationResult) -> str:
    """For a terminal: a finding is three lines, what and where, why, how to mend it."""
    lines = [f"{result.directory}, environment {result.environment} ({result.environment_from})", ""]
    for change in result.changes:
        lines += [f"repaired {change.check} {change.what}", *(f"    {row}" for row in change.diff.splitlines())]
    if result.changes:
        lines.append("")
    for finding in result.findings:
        lines.append(f"{finding.severity:7} {finding.id}  {finding.place}  {finding.what}")
        if finding.also:
            lines.append(f"        see also {', '.join(str(place) for place in finding.also)}")
        lines += [f"        why  {finding.why}", f"        fix  {finding.fix}"]
    for ignored in result.ignored:
        lines.append(f"ignored {ignored.finding.id}  {ignored.finding.place}  until {ignored.until}: {ignored.reason}")
    lines += [f"not checked  {each.id}  {each.name}: {each.message}" for each in result.not_checked]
    return "\n".join([*lines, "", result.summary]).replace("\n\n\n", "\n\n")


def as_json(result: ValidationResult) -> str:
    return json.dumps(result.as_json(), indent=2)


def as_junit(result: ValidationResult) -> str:
    """A test case a check, without those that only sum others up.

    Errors are failures, warnings its output, and what could not be checked is skipped.
    """
    checks = {name: each for name, each in result.checks.items() if name not in SUMMED}
    suite = ElementTree.Element("testsuite", name="deployment", tests=str(len(checks)))
    failures = skipped = 0
    for name, each in checks.items():
        case = ElementTree.SubElement(suite, "testcase", classname=f"deployment.{each.id}", name=name)
        if each.status == "not checked":
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=each.message)
        elif each.status == "failed" and each.severity == "error":
            failures += 1
            failure = ElementTree.SubElement(case, "failure", message=each.message, type=each.id)
            failure.text = "\n".join(f"{f.place}: {f.what} {f.fix}" for f in each.findings)
        elif each.status == "failed":
            ElementTree.SubElement(case, "system-out").text = each.message
    suite.set("failures", str(failures))
    suite.set("skipped", str(skipped))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
