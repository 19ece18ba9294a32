"""Which channels hear of a transition, and its number."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date

from watcher.core.alert import Kind
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Notification, Report
from watcher.core.rule import Rule


def channels_of(rule: Rule, kind: Kind, book: RuleBook, told: Iterable[str]) -> tuple[str, ...]:
    """Return the channels that are to be told of a transition of `rule`, in the order the rule names them.

    `told` are the channels that were told of the episode's opening, in their own place or in that of another, or are
    still owed it. They hear of its end, though the rule may name others by now: whoever was alarmed is to know that it
    is over. A reminder goes to those of them that the rule still names, or that such a channel falls back on.
    """
    if kind is Kind.OPENED:
        return tuple(
            name for name in dict.fromkeys(rule.notify) if rule.severity.rank >= book.channels[name].min_severity.rank
        )
    if kind is Kind.RESOLVED and not rule.resolved:
        return ()
    fallbacks = (fallback for name in rule.notify for fallback in _fallbacks(name, book))
    named = (*rule.notify, *fallbacks) if kind is Kind.REMINDED else (*rule.notify, *fallbacks, *book.channels)
    heard = set(told)
    return tuple(name for name in dict.fromkeys(named) if name in heard)


def _fallbacks(name: str, book: RuleBook) -> Iterator[str]:
    """Yield what `name` falls back on, and what that falls back on; the rule book has no rings."""
    while (fallback := book.channels[name].fallback) is not None:
        yield fallback
        name = fallback


def numbered(reports: Iterable[Report], last: Mapping[tuple[Symbol, str], int]) -> tuple[Report, ...]:
    """Give each report the next number of its symbol and rule, in the order they come in."""
    numbers = dict(last)
    given = []
    for report in reports:
        key = (report.symbol, report.rule)
        numbers[key] = numbers.get(key, 0) + 1
        given.append(replace(report, number=numbers[key]))
    return tuple(given)


def route(
    reports: Iterable[Report], book: RuleBook, told: Mapping[tuple[Symbol, str, date], Iterable[str]]
) -> tuple[Notification, ...]:
    """Return the notifications of numbered reports; `told` says who was told of the episodes opened earlier."""
    heard = {episode: set(channels) for episode, channels in told.items()}
    notifications = []
    for report in reports:
        rule = next((each for each in book.by_symbol.get(report.symbol, ()) if each.name == report.rule), None)
        if rule is None:  # no longer watched, the rule or its symbol gone: the end is recorded, and not told
            continue
        of_episode = heard.setdefault((report.symbol, report.rule, report.episode), set())
        channels = channels_of(rule, report.kind, book, of_episode)
        if report.kind is Kind.OPENED:
            of_episode.update(channels)
        facts = {each.name: getattr(report, each.name) for each in fields(Report)}
        notifications += [Notification(**facts, channel=channel) for channel in channels]
    return tuple(notifications)
