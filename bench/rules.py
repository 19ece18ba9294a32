"""Rules: microseconds per judgement of ours beside plain Python closures, the rule-engine library and Prometheus.

Ten thousand symbols, thirty rows each, ten rules: five plain limits and five with windows. A judgement is one rule on
one symbol's newest row. Ours begins with the rows as the store returns them, as in the daemon; the closures say the
same, written by hand for these ten. All verdicts are compared before anything is timed.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from bench.rules_elsewhere import prometheus_seconds, rule_engine_seconds
from watcher.core.book import RuleBook
from watcher.core.market import Market, Symbol, UsRow
from watcher.core.window import Window
from watcher.jobs.backtest import run
from watcher.rulebook import read

SYMBOLS, ROWS, ROUNDS = 10_000, 30, 5
BACKTESTED, SESSIONS = 100, 5 * 250
Rows = tuple[UsRow, ...]
Plain = Callable[[Rows], bool | None]

WHEN = (
    "short_percent > 70",
    "daily_trade_avg_ratio > 55",
    "volume > 50_000_000",
    "close_price < 10",
    "total_shares_short >= 20_000_000",
    "short_percent > 1.25 * mean(short_percent, 20)",
    "volume > 2 * median(volume, 20)",
    "close_price >= max(close_price, 20)",
    "zscore(short_percent, 20) > 2",
    "crosses_above(short_percent, 60) and change(close_price, 5) > 0",
)


def newest(field: str, verdict: Callable[[float], bool]) -> Plain:
    place = UsRow._fields.index(field)

    def judge(rows: Rows) -> bool | None:
        value = rows[-1][place]
        return None if value is None else verdict(value)

    return judge


def over(field: str, n: int, verdict: Callable[[list[float]], bool | None]) -> Plain:
    place = UsRow._fields.index(field)

    def judge(rows: Rows) -> bool | None:
        values = [row[place] for row in rows[-n:]]
        return None if len(values) < n or None in values else verdict(values)

    return judge


def zscore(values: list[float]) -> bool | None:
    before = values[:-1]
    mean = math.fsum(before) / len(before)
    deviation = math.sqrt(math.fsum([(value - mean) ** 2 for value in before]) / (len(before) - 1))
    return (values[-1] - mean) / deviation > 2 if deviation else None


def crossing(rows: Rows) -> bool | None:
    before, now = rows[-2].short_percent, rows[-1].short_percent
    close, earlier = rows[-1].close_price, rows[-6].close_price
    if before is None or now is None or close is None or earlier is None:
        return None
    return before <= 60 and now > 60 and close - earlier > 0


PLAIN: tuple[Plain, ...] = (
    newest("short_percent", lambda value: value > 70),
    newest("daily_trade_avg_ratio", lambda value: value > 55),
    newest("volume", lambda value: value > 50_000_000),
    newest("close_price", lambda value: value < 10),
    newest("total_shares_short", lambda value: value >= 20_000_000),
    over("short_percent", 20, lambda values: values[-1] > 1.25 * (math.fsum(values) / 20)),
    over("volume", 20, lambda values: values[-1] > sum(sorted(values)[9:11])),
    over("close_price", 20, lambda values: values[-1] >= max(values)),
    over("short_percent", 21, zscore),
    crossing,
)


def market(symbols: int, rows: int) -> list[Rows]:
    """Rows as the store returns them: floats, oldest first."""
    draw = random.Random(7)
    dates = [date(2021, 1, 4) + timedelta(days=i) for i in range(rows)]
    found = []
    for _ in range(symbols):
        volume, price, short = draw.lognormvariate(15, 2), draw.uniform(5, 400), draw.uniform(20, 70)
        history = []
        for day in dates:
            price *= draw.lognormvariate(0, 0.02)
            percent, shares = min(max(draw.gauss(short, 8), 1), 99), float(round(volume * draw.lognormvariate(0, 0.4)))
            sold = float(round(shares * percent / 100))
            history.append(UsRow(day, sold, None, None, percent, shares, round(price, 2), None, short))
        found.append(tuple(history))
    return found


def book() -> RuleBook:
    text = "".join(f'[[rule]]\nname = "rule-{n}"\nsymbols = ["US.S0"]\nwhen = "{w}"\n' for n, w in enumerate(WHEN))
    loaded = read({"bench.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


def ours(histories: Sequence[Rows], rules: RuleBook) -> list[bool | None]:
    verdicts = []
    for rows in histories:
        window, index = Window.of_rows(Market.US, rows), len(rows) - 1
        verdicts += [rule.verdict(False, window, index) for rule in rules.rules]
    return verdicts


def plain(histories: Sequence[Rows]) -> list[bool | None]:
    return [judge(rows) for rows in histories for judge in PLAIN]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def backtested(rules: RuleBook) -> float:
    histories = market(BACKTESTED, SESSIONS)
    symbol = Symbol("US.S0")

    def fold() -> None:
        for rows in histories:
            window = Window.of_rows(Market.US, rows)
            for rule in rules.rules:
                run(rule, symbol, window)

    return seconds(fold)


def main() -> None:
    histories, rules = market(SYMBOLS, ROWS), book()
    assert ours(histories, rules) == plain(histories), "the closures say something else"
    rounds = [(seconds(lambda: plain(histories)), seconds(lambda: ours(histories, rules))) for _ in range(ROUNDS)]
    theirs, mine = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in rounds)
    judgements = SYMBOLS * len(WHEN)
    unit = 1e6 / judgements
    print(f"rules: {SYMBOLS} symbols × {len(WHEN)} rules, µs per judgement ({ROUNDS} rounds, medians)")
    print(f"  plain Python closures  {theirs * unit:8.2f}")
    print(f"  watcher                {mine * unit:8.2f}   {ratio:.2f} × the closures (aim: 2 or less)")
    for name, measured in (
        ("rule-engine", rule_engine_seconds(histories)),
        ("Prometheus", prometheus_seconds(histories)),
    ):
        if isinstance(measured, str):
            print(f"  {name:22s} not measured: {measured}")
            continue
        each = measured * 1e6
        print(f"  {name:22s} {each:8.2f}   {each / (mine * unit):.1f} × ours (aim: 10 or more)")
    print(f"  {SESSIONS} sessions of {BACKTESTED} symbols backtested in {backtested(rules):.1f} s (aim: 5 or less)")
