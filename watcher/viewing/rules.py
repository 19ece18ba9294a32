"""A rule in force, where it is written, and what it says now."""

from watcher.core.alert import Alert, Phase
from watcher.core.rule import Rule
from watcher.viewing.glance import Glance
from watcher.viewing.lines import PHASES
from watcher.viewing.paging import part
from watcher.viewing.rules_file import RulesOnDisk
from watcher.web.pages import RuleView

_LOUD = 8
"""Symbols that are named of one rule."""


def rule_view(rule: Rule, seen: Glance, file: RulesOnDisk) -> RuleView:
    """Return a rule with its text, and the symbols on which it is not quiet."""
    alerts = [
        seen.alerts.get(symbol, {}).get(rule.name) or Alert(rule.name, symbol)
        for symbol in rule.symbols
        if rule.enabled or rule.name in seen.alerts.get(symbol, {})
    ]
    loud = [each for each in alerts if each.phase is not Phase.QUIET]
    loud.sort(key=lambda each: (PHASES.index(each.phase), each.symbol))
    written = file.written.get(rule.name)
    return RuleView(
        name=rule.name,
        place=written.place if written else None,
        text=written.text if written else "",
        enabled=rule.enabled,
        severity=rule.severity,
        notify=rule.notify,
        symbols=len(rule.symbols),
        counts={phase: sum(each.phase is phase for each in alerts) for phase in PHASES},
        loud=part([(each.symbol, each.phase, each.since) for each in loud], _LOUD, 1),
    )


def condition(rule: Rule) -> str:
    """Return all of what fires a rule, and what ends it, on one line."""
    sessions = f" for {rule.for_} sessions" if rule.for_ > 1 else ""
    ends = f"; until {' '.join(rule.until.text.split())}" if rule.until else ""
    ends += f" for {rule.until_for} sessions" if rule.until_for > 1 else ""
    return f"{' '.join(rule.when.text.split())}{sessions}{ends}"
