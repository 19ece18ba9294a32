"""Backtest: what rules would have made of stored rows, by the same step as the daemon's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from watcher.core.alert import Alert, Kind, Phase, Transition, replay
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.routing import channels_of
from watcher.core.rule import Rule
from watcher.core.window import Window
from watcher.jobs.ports import Store

LEAD = 5
"""Sessions before an episode that its trend begins with."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One unbroken firing run of a rule on a symbol."""

    rule: str
    symbol: Symbol
    opened: date
    resolved: date | None
    """Trade date of the row that ended it; None while firing."""
    sessions: int = 0
    """Rows from the one that opened it to the one before its end."""
    trend: tuple[float | None, ...] = ()
    """Values of the rule's first comparison: over some rows before it, then all of it, and the one that ended it."""
    lead: int = 0
    """How many of these are from before it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One rule folded over the stored sessions of one symbol."""

    rule: Rule
    symbol: Symbol
    first: date | None
    """Date of the oldest session; None if there is none."""
    last: date | None
    sessions: Mapping[Phase, int]
    """How many the alert ended in each phase."""
    changes: tuple[Transition, ...]
    episodes: tuple[Episode, ...]
    """Oldest first."""

    @property
    def firing(self) -> bool:
        """True if the rule fires on the newest row."""
        return bool(self.episodes) and self.episodes[-1].resolved is None


@dataclass(frozen=True, slots=True)
class Load:
    """What one channel would have been told."""

    channel: str
    notifications: int
    messages: int
    """Of all that a market's session brings, a channel is told in one."""
    per_week: float
    """Messages."""


def backtest(store: Store, book: RuleBook, symbols: Sequence[Symbol] | None = None) -> Iterator[Episode]:
    """Yield the episodes of each rule on each of its symbols, all of them or those given, oldest first."""
    for run in runs(store, book, symbols):
        yield from run.episodes


def runs(store: Store, book: RuleBook, symbols: Sequence[Symbol] | None = None) -> Iterator[Run]:
    """Yield what each rule makes of each of its symbols, all of them or those given; rules that rest are left out."""
    for symbol in watched(book, symbols):
        with store.read() as tx:
            rows, positions = tx.rows.newest([symbol]), tx.rows.positions([symbol])
        of_rows = Window.of_rows(symbol.market, rows.get(symbol, ()), positions.get(symbol, ()))
        of_positions = Window.of_positions(positions.get(symbol, ()))
        for rule in book.by_symbol[symbol]:
            yield run(rule, symbol, of_positions if rule.reads_positions_only else of_rows)


def watched(book: RuleBook, symbols: Sequence[Symbol] | None = None) -> list[Symbol]:
    """Return the symbols that rules are folded over: all of the book's, or those of them that are given."""
    return [symbol for symbol, rules in book.by_symbol.items() if rules and (symbols is None or symbol in symbols)]


def run(rule: Rule, symbol: Symbol, window: Window) -> Run:
    """Return what one rule makes of the sessions of a window."""
    phases: Counter[Phase] = Counter()
    changes: list[Transition] = []
    phase, since = Phase.QUIET, 0
    for index, alert, change in replay(rule, Alert(rule.name, symbol), window, 0):
        if alert.phase is not phase:
            phases[phase] += index - since
            phase, since = alert.phase, index
        if change is not None:
            changes.append(change)
    phases[phase] += len(window.dates) - since
    first, last = (window.dates[0], window.dates[-1]) if window.dates else (None, None)
    return Run(rule, symbol, first, last, phases, tuple(changes), tuple(_episodes(rule, window, changes)))


def loads(found: Iterable[Run], book: RuleBook) -> tuple[Load, ...]:
    """Return what each channel of the book would have been told, those that are told something, by name."""
    notifications: Counter[str] = Counter()
    messages: defaultdict[str, set[tuple[str, date]]] = defaultdict(set)
    days: list[date] = []
    for each in found:
        days += [day for day in (each.first, each.last) if day]
        heard: tuple[str, ...] = ()
        for change in each.changes:
            channels = channels_of(each.rule, change.kind, book, heard)
            heard = channels if change.kind is Kind.OPENED else heard
            for channel in channels:
                notifications[channel] += 1
                messages[channel].add((each.symbol.market, change.trade_date))
    weeks = max(((max(days) - min(days)).days + 1) / 7, 1.0) if days else 1.0
    return tuple(
        Load(channel, count, len(messages[channel]), len(messages[channel]) / weeks)
        for channel, count in sorted(notifications.items())
    )


def _episodes(rule: Rule, window: Window, changes: Iterable[Transition]) -> Iterator[Episode]:
    """Yield the episodes that the transitions of one rule make."""
    index = {day: i for i, day in enumerate(window.dates)}
    ends = {change.episode: change.trade_date for change in changes if change.kind is Kind.RESOLVED}
    for change in changes:
        if change.kind is not Kind.OPENED:
            continue
        start, resolved = index[change.episode], ends.get(change.episode)
        end = len(window.dates) if resolved is None else index[resolved]
        value = rule.when.first_comparison.value.number
        shown = range(max(start - LEAD, 0), min(end + 1, len(window.dates)))
        trend = tuple(value(window, i) for i in shown)
        yield Episode(rule.name, change.symbol, change.episode, resolved, end - start, trend, start - shown.start)
