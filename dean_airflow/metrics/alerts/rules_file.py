"""Reads a file of alert rules. Either all of it is right, or every mistake in it is listed with its line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dean_airflow.errors import RulesError
from dean_airflow.metrics.alerts.fields import Fields
from dean_airflow.metrics.alerts.located import Located, Problem, read_yaml
from dean_airflow.metrics.alerts.rule_fields import read_rule
from dean_airflow.metrics.alerts.rules import ALERT_NAME, Inhibition, Rule, RuleSet

TOP_FIELDS = ("groups", "inhibit", "group_by", "default_rules")
GROUP_FIELDS = ("name", "rules")
INHIBIT_FIELDS = ("source", "target", "equal")

RULES_AT_MOST = 1000
"""A minute must suffice to evaluate them."""

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DEFAULT_RULES = Path(__file__).with_name("default_rules.yaml")


@dataclass(frozen=True)
class RulesFile:
    """`rules` is None exactly when there are problems. `default_rules`: are the shipped ones wanted as well?"""

    rules: RuleSet | None
    problems: list[Problem] = field(default_factory=list)
    default_rules: bool = True


def parse_rules(text: str) -> RulesFile:
    """The rules of one file's text. Never raises."""
    problems: list[Problem] = []
    root = read_yaml(text, problems)
    if root is None:
        if not problems:
            problems.append(Problem(1, "the file is empty; it needs `groups`"))
        return RulesFile(None, sorted(problems))
    top = Fields(root, TOP_FIELDS, "the file", problems)
    rules = _read_groups(top)
    inhibitions = tuple(_read_inhibition(item, problems) for item in top.list_of("inhibit"))
    group_by = top.label_names("group_by") or (ALERT_NAME,)
    default_rules = _read_flag(top, "default_rules")
    if problems:
        return RulesFile(None, sorted(set(problems)))
    return RulesFile(RuleSet(tuple(rules), inhibitions, group_by), [], default_rules)


def load_rules(path: Path) -> RuleSet:
    """The rules of a file, with the shipped ones unless it declines them.

    Raises RulesError with every mistake of the file, one a line, or with why it cannot be read.
    """
    return rules_of(read_rules_text(path), str(path))


def rules_of(text: str, name: str) -> RuleSet:
    """The rules in force for the text of the file `name`. Raises RulesError with every mistake."""
    parsed = parse_rules(text)
    if parsed.rules is None:
        raise RulesError(describe(parsed.problems, name))
    return with_default_rules(parsed.rules) if parsed.default_rules else parsed.rules


def read_rules_text(path: Path) -> str:
    """Raises RulesError for a file that is not there or is not UTF-8 text."""
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
    except OSError as error:
        raise RulesError(f"The rules file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RulesError(f"{path} line {line} is not UTF-8 text.") from None


def describe(problems: list[Problem], name: str) -> str:
    """Every mistake on a line of its own: file, line, what is wrong."""
    return "\n".join(f"{name} line {problem.line}: {problem.message}." for problem in problems)


def default_rules_text() -> str:
    return _DEFAULT_RULES.read_text(encoding="utf-8")


@cache
def default_rules() -> RuleSet:
    """The rules that are shipped."""
    parsed = parse_rules(default_rules_text())
    if parsed.rules is None:  # held by a test
        raise RulesError(describe(parsed.problems, str(_DEFAULT_RULES)))
    return parsed.rules


def with_default_rules(own: RuleSet) -> RuleSet:
    """A user's rules and the shipped ones; of two with the same name the user's counts."""
    shipped = default_rules()
    taken = {rule.name for rule in own.rules}
    kept = tuple(rule for rule in shipped.rules if rule.name not in taken)
    return RuleSet((*kept, *own.rules), (*shipped.inhibitions, *own.inhibitions), own.group_by)


def unknown_metrics(rules: RuleSet, known: Collection[str]) -> list[Problem]:
    """Rules that read a metric nobody has collected: a warning, because it may yet come."""
    import difflib

    problems = []
    for rule in rules.rules:
        for metric in RuleSet((rule,)).metrics():
            if metric not in known:
                close = difflib.get_close_matches(metric, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                problems.append(Problem(rule.line, f"{rule.name}: no sample of {metric} was ever collected{hint}"))
    return problems


def _read_groups(top: Fields) -> list[Rule]:
    rules: list[Rule] = []
    groups: dict[str, int] = {}
    names: dict[str, int] = {}
    if "groups" not in top:
        top.problem("the file needs `groups`, a list of rule groups")
    for item in top.list_of("groups"):
        group = Fields(item, GROUP_FIELDS, "a group", top.problems)
        name = group.text("name", required=True) or ""
        if name in groups:
            group.problem(f"the group {name!r} is there already, in line {groups[name]}", "name")
        groups.setdefault(name, item.line)
        if "rules" not in group:
            group.problem(f"the group {name!r} needs `rules`, a list")
        for entry in group.list_of("rules"):
            rule = read_rule(entry, name, top.problems)
            if rule.name and rule.name in names:
                top.problems.append(
                    Problem(entry.line, f"the alert {rule.name} is there already, in line {names[rule.name]}")
                )
            names.setdefault(rule.name, entry.line)
            rules.append(rule)
    if len(rules) > RULES_AT_MOST:
        top.problem(f"the file has {len(rules)} rules; at most {RULES_AT_MOST} are allowed")
    return rules


def _read_inhibition(item: Located, problems: list[Problem]) -> Inhibition:
    fields = Fields(item, INHIBIT_FIELDS, "an inhibition", problems)
    source, target = (fields.texts(name, required=True) for name in ("source", "target"))
    return Inhibition(source, target, fields.label_names("equal") or ())


def _read_flag(top: Fields, name: str) -> bool:
    text = top.text(name)
    if text is None:
        return True
    if text.lower() not in _WORDS:
        top.problem(f"`{name}` must be true or false, not {text!r}", name)
    return _WORDS.get(text.lower(), True)
