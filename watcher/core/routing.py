"""Which channels hear of a transition."""

from collections.abc import Iterable

from watcher.core.alert import Kind
from watcher.core.book import RuleBook
from watcher.core.rule import Rule


def channels_of(rule: Rule, kind: Kind, book: RuleBook, told: Iterable[str]) -> tuple[str, ...]:
    """Return the channels that are to be told of a transition of `rule`, in the order the rule names them.

    `told` are the channels that were told of the episode's opening, or are still owed it: ends, reminders and
    retractions go to no other.
    """
    if kind is Kind.RESOLVED and not rule.resolved:
        return ()
    heard = set(told)
    return tuple(
        name
        for name in dict.fromkeys(rule.notify)
        if rule.severity.rank >= book.channels[name].min_severity.rank and (kind is Kind.OPENED or name in heard)
    )
