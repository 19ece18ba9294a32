"""What tests are built from: values that are complete, of which a test names only what matters to it."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from watcher.core.alert import Alert, Kind, Transition, replay
from watcher.core.book import CONSOLE, ChannelPolicy, RuleBook
from watcher.core.expression import Expression, Value
from watcher.core.language import parse
from watcher.core.market import HkRow, Market, Position, Row, Symbol, UsRow
from watcher.core.metrics import ROW_TYPES
from watcher.core.notification import Facts, Notification
from watcher.core.rule import Rule, Severity
from watcher.core.window import Window

RECORDED = Path(__file__).parent / "recorded"
"""Answers of the endpoint, `SYMBOL.json`, built from real exchange files."""
FIRST = date(2026, 1, 5)
"""A Monday."""

Figure = int | float | None


def day(when: date | str) -> date:
    """Return the date, which may be written 2026-01-05."""
    return when if isinstance(when, date) else date.fromisoformat(when)


def sessions(n: int, start: date | str = FIRST) -> list[date]:
    """Return n weekdays in a row, from `start` on."""
    dates: list[date] = []
    when = day(start)
    while len(dates) < n:
        if when.weekday() < 5:
            dates.append(when)
        when += timedelta(days=1)
    return dates


def hk_row(trade_date: date | str = FIRST, **fields: Figure) -> HkRow:
    """Return a row in which nothing but `fields` was published."""
    return HkRow(day(trade_date), **fields)


def us_row(trade_date: date | str = FIRST, **fields: Figure) -> UsRow:
    """Return a row in which nothing but `fields` was published."""
    return UsRow(day(trade_date), **fields)


def position(as_of: date | str, trade_date: date | str, short: Figure = None, ratio: Figure = None) -> Position:
    """Return the position held on `as_of`, which came with the row of `trade_date`."""
    return Position(day(as_of), day(trade_date), short, ratio)


def rows(market: Market, **columns: Sequence[Figure]) -> list[Row]:
    """Return rows of consecutive sessions from columns of equal length: `rows(Market.US, volume=[1, None])`."""
    values = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [ROW_TYPES[market](when, **row) for when, row in zip(sessions(len(values)), values, strict=True)]


def hk_window(*positions: Position, **columns: Sequence[Figure]) -> Window:
    """Return a window over consecutive sessions of a Hong Kong symbol: `hk_window(turnover=[1, None, 3])`."""
    return Window.of_rows(Market.HK, rows(Market.HK, **columns), positions)


def us_window(**columns: Sequence[Figure]) -> Window:
    """Return a window over consecutive sessions of a US symbol: `us_window(short_percent=[1, None, 3])`."""
    return Window.of_rows(Market.US, rows(Market.US, **columns))


def expression(text: str) -> Expression:
    """Return the expression written in `text`, which has no errors."""
    parsed, flaws = parse(text)
    assert parsed is not None, (text, flaws)
    return parsed


def verdicts(text: str, window: Window) -> list[bool | None]:
    """Return what the condition says of each row."""
    judged = expression(text)
    return [judged(window, index) for index in range(len(window.dates))]


def values(text: str, window: Window) -> list[Value]:
    """Return the value of a number, such as `mean(volume, 3)`, on each row."""
    number = expression(f"{text} != 0").first_comparison.value.number
    return [number(window, index) for index in range(len(window.dates))]


def rule(
    name: str = "r",
    when: str = "short_percent > 50",
    until: str | None = None,
    symbols: Sequence[str] = ("US.XRT",),
    *,
    for_: int = 1,
    until_for: int = 1,
    notify: Sequence[str] = (CONSOLE,),
    severity: Severity = Severity.WARNING,
    remind: int = 0,
    resolved: bool = True,
    message: str | None = None,
    enabled: bool = True,
) -> Rule:
    """Return a rule; its texts have no errors."""
    return Rule(
        name,
        tuple(Symbol.parse(symbol) for symbol in symbols),
        expression(when),
        None if until is None else expression(until),
        for_,
        until_for,
        tuple(notify),
        severity,
        remind,
        resolved,
        message,
        enabled,
    )


def book(
    *rules: Rule, channels: Sequence[ChannelPolicy | str] = (), operator: Sequence[str] = (CONSOLE,), digest: str = ""
) -> RuleBook:
    """Return the rule book of `rules`, with `console` and the given channels, of which a name is enough."""
    policies = [channel if isinstance(channel, ChannelPolicy) else ChannelPolicy(channel) for channel in channels]
    by_name = {policy.name: policy for policy in (ChannelPolicy(CONSOLE), *policies)}
    return RuleBook(rules, by_name, tuple(operator), digest)


def quiet_alert(of: Rule, symbol: str | None = None) -> Alert:
    """Return the alert of a rule, on its first symbol unless another is named, before any session."""
    return Alert(of.name, Symbol(symbol) if symbol else of.symbols[0])


def told(of: Rule, window: Window, alert: Alert | None = None) -> list[tuple[Kind, date]]:
    """Return kind and trade date of every transition that a rule makes over a window."""
    changes = (change for _, _, change in replay(of, alert or quiet_alert(of), window, 0))
    return [(change.kind, change.trade_date) for change in changes if change is not None]


def episodes(of: Rule, window: Window) -> list[tuple[date, date | None]]:
    """Return first trade date and trade date of the end, None while firing, of each episode of a rule over a window."""
    found: list[tuple[date, date | None]] = []
    for _, _, change in replay(of, quiet_alert(of), window, 0):
        match change:
            case Transition(kind=Kind.OPENED, episode=opened):
                found.append((opened, None))
            case Transition(kind=Kind.RESOLVED, episode=opened, trade_date=ended):
                assert found[-1] == (opened, None)
                found[-1] = (opened, ended)
    return found


def facts(**changes: object) -> Facts:
    """Return what a row said: short_percent 55 against a limit of 50, unless `changes` say otherwise."""
    of_row: dict[str, object] = {
        "metric": "short_percent",
        "operator": ">",
        "unit": "%",
        "value": 55.0,
        "limit": 50.0,
        "previous": 45.0,
        "trend": (45.0, 55.0),
    }
    return Facts(**(of_row | changes))  # type: ignore[arg-type]  # a builder: the test names what it changes


def notification(**changes: object) -> Notification:
    """Return the opening of `r` on US.XRT for the console, unless `changes` say otherwise."""
    opening: dict[str, object] = {
        "channel": CONSOLE,
        "rule": "r",
        "symbol": Symbol("US.XRT"),
        "number": 1,
        "kind": Kind.OPENED,
        "severity": Severity.WARNING,
        "episode": FIRST,
        "trade_date": FIRST,
        "facts": facts(),
    }
    return Notification(**(opening | changes))  # type: ignore[arg-type]  # a builder: the test names what it changes


def recorded(symbol: str) -> Mapping[str, object]:
    """Return the recorded answer for a symbol, as upstream wrote it."""
    answer: Mapping[str, object] = json.loads((RECORDED / f"{symbol}.json").read_text())
    return answer


def recorded_rows(symbol: str) -> list[Row]:
    """Return the rows of a recorded answer, oldest first."""
    row_type = ROW_TYPES[Symbol(symbol).market]
    data = recorded(symbol)["data"]
    assert isinstance(data, dict)
    published = sorted(data["items"], key=lambda item: str(item["timestamp_str"]))
    return [
        row_type(day(item["timestamp_str"]), **{name: item.get(name) for name in row_type._fields[1:]})
        for item in published
    ]
