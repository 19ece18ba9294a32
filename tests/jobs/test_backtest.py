"""Backtest: the same as the daemon would have done row by row, or caught up on, and what a channel would have heard."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import book, rule, us_window
from tests.builders import rows as made
from tests.conftest import NOW
from tests.core.strategies import conditions, histories
from tests.end_to_end.live import ManualClock
from watcher.core.alert import Alert, Kind, Phase
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.book import ChannelPolicy
from watcher.core.language import parse
from watcher.core.market import Market, Position, Row, Symbol
from watcher.core.rule import Rule, Severity
from watcher.jobs.backtest import Load, backtest, loads, run, runs, watched
from watcher.jobs.fetch import fetch
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store

XRT, TENCENT = Symbol("US.XRT"), Symbol("HK.00700")


# live, caught up and backtested


@st.composite
def rules_of(draw: st.DrawFn, market: Market) -> Rule:
    """A rule of random conditions and counts on one symbol of a market."""
    texts = [draw(conditions(market)) for _ in range(2)]
    when, until = (text if parse(text)[0] else None for text in texts)
    symbol = TENCENT if market is Market.HK else XRT
    return rule(
        "r",
        when or "short_ratio > 15",
        draw(st.sampled_from([None, until])),
        [symbol],
        for_=draw(st.integers(1, 3)),
        until_for=draw(st.integers(1, 2)),
        remind=draw(st.integers(0, 2)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Rule, list[Row], list[Position], list[int]]:
    market = draw(st.sampled_from(list(Market)))
    of_market = draw(rules_of(market))
    rows, positions = draw(histories(market))
    cuts = draw(st.lists(st.integers(1, len(rows)), max_size=3))
    return of_market, rows, positions, sorted({*cuts, len(rows)})


def stored(
    of: Rule, rows: Sequence[Row], positions: Sequence[Position], cuts: Sequence[int]
) -> tuple[set[tuple[date, date | None]], set[tuple[date, date | None]]]:
    """Record rows in answers that end at each of `cuts`; return the episodes in the store, and those of a backtest.

    The rule is there before the first row, which comes alone: so nothing of it is folded silently.
    """
    (symbol,) = of.symbols
    rules = book(of, digest="b")
    with tempfile.TemporaryDirectory() as place:
        store = Store.open_for_writing(Path(place), "a test", NOW)
        try:
            take_up(store, rules, NOW)
            for end in dict.fromkeys((1, *cuts)):
                came = {each.trade_date for each in rows[:end]}
                record(store, rules, [Answered(symbol, tuple(rows[:end]))], NOW)
                for each in positions:
                    if each.trade_date in came:
                        record(store, rules, [Answered(symbol, (), each)], NOW)
            with store.read() as tx:
                told = tx.alerts.transitions()
                firing = tx.alerts.of([symbol]).get(symbol, {}).get("r", Alert("r", symbol))
            ended = {each.episode: each.trade_date for each in told if each.kind is Kind.RESOLVED}
            opened = {each.episode for each in told if each.kind is Kind.OPENED}
            live = {(day, ended.get(day)) for day in opened}
            assert {day for day in opened if day not in ended} == ({firing.episode} if firing.firing else set())
            return live, {(each.opened, each.resolved) for each in backtest(store, rules)}
        finally:
            store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_live_caught_up_and_backtested_are_the_same(
    case: tuple[Rule, list[Row], list[Position], list[int]],
) -> None:
    of, rows, positions, cuts = case
    if not of.reads_positions_only:
        positions = []  # a position that comes later than its row is judged with the next one
    every = list(range(1, len(rows) + 1))
    live, backtested = stored(of, rows, positions, every)
    caught_up, again = stored(of, rows, positions, cuts)
    assert live == caught_up == backtested == again


# what a run holds


def test_sessions_are_counted_by_the_phase_they_end_in() -> None:
    window = us_window(short_percent=[40, 60, 60, 60, 40, 60, 40, 40, None, 60])
    found = run(rule(for_=2, until_for=2), XRT, window)
    assert dict(found.sessions) == {Phase.QUIET: 3, Phase.PENDING: 2, Phase.FIRING: 3, Phase.RECOVERING: 2}
    assert sum(found.sessions.values()) == len(window.dates)
    assert not found.firing


def test_an_episode_knows_its_length_and_the_values_around_it() -> None:
    percents = [1, 2, 3, 4, 5, 6, 70, 80, 7, 8]
    (episode,) = run(rule(), XRT, us_window(short_percent=percents)).episodes
    assert (episode.sessions, episode.lead) == (2, 5)
    assert episode.trend == (2, 3, 4, 5, 6, 70, 80, 7)


def test_an_episode_that_goes_on_has_no_end() -> None:
    found = run(rule(), XRT, us_window(short_percent=[60, 70]))
    assert found.firing
    (episode,) = found.episodes
    assert (episode.resolved, episode.sessions, episode.lead, episode.trend) == (None, 2, 0, (60, 70))


def test_of_a_symbol_without_rows_there_is_nothing() -> None:
    found = run(rule(), XRT, us_window(short_percent=[]))
    assert (found.first, found.last, found.firing, found.episodes) == (None, None, False, ())


def test_rules_that_rest_and_symbols_not_asked_for_are_left_out(store: Store) -> None:
    rules = book(rule("a", symbols=["US.A", "US.B"]), rule("b", symbols=["US.C"], enabled=False))
    assert watched(rules) == ["US.A", "US.B"]
    assert watched(rules, [Symbol("US.B"), Symbol("US.C")]) == ["US.B"]
    assert [(each.rule.name, each.symbol) for each in runs(store, rules)] == [("a", "US.A"), ("a", "US.B")]


# how much is told


def _run(of: Rule, percents: Sequence[float | None], symbol: Symbol = XRT) -> object:
    return run(of, symbol, us_window(short_percent=percents))


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        pytest.param({}, {"console": 2}, id="an opening and its end"),
        pytest.param({"resolved": False}, {"console": 1}, id="ends are not told"),
        pytest.param({"remind": 2}, {"console": 4}, id="reminded twice"),
        pytest.param({"notify": ["console", "desk"]}, {"console": 2}, id="a channel that wants more"),
        pytest.param(
            {"notify": ["console", "desk"], "severity": Severity.CRITICAL}, {"console": 2, "desk": 2}, id="critical"
        ),
    ],
)
def test_a_channel_hears_what_it_would_hear_live(changed: dict[str, object], counts: dict[str, int]) -> None:
    of = rule(**changed)  # type: ignore[arg-type]  # a table of whatever a rule has
    rules = book(of, channels=[ChannelPolicy("desk", Severity.CRITICAL)])
    found = run(of, XRT, us_window(short_percent=[40, 60, 60, 60, 60, 60, 40]))
    assert {each.channel: each.notifications for each in loads([found], rules)} == counts


def test_all_that_one_session_of_a_market_brings_is_one_message() -> None:
    of = rule(symbols=["US.A", "US.B", "HK.00700"])
    window = us_window(short_percent=[40, 60, 40, 40, 40])
    found = [run(of, Symbol(symbol), window) for symbol in of.symbols]
    assert loads(found, book(of)) == (Load("console", 6, 4, 4.0),)


def test_messages_a_week_are_over_all_the_time_there_are_rows_of() -> None:
    of = rule()
    found = run(of, XRT, us_window(short_percent=[40, 60, 40, *[40] * 7]))
    assert loads([found], book(of)) == (Load("console", 2, 2, 2 / (12 / 7)),)
    assert loads([], book(of)) == ()


# fetching


class _Upstream:
    """Answers with what it is given, and remembers what it was asked."""

    def __init__(self, *answers: Answered | Refused) -> None:
        self.answers = {answer.symbol: answer for answer in answers}
        self.asked: list[tuple[Symbol, int]] = []

    async def ask(self, symbol: Symbol, count: int) -> Answered | Refused:
        self.asked.append((symbol, count))
        return self.answers[symbol]


async def _here(work: Callable[[], object]) -> object:
    return work()


def test_what_is_fetched_is_stored_and_nothing_is_told(store: Store) -> None:
    rules = book(rule(), digest="b")
    take_up(store, rules, NOW)
    rows = tuple(made(Market.US, short_percent=[40, 60]))
    upstream = _Upstream(Answered(XRT, rows), Refused(TENCENT, DataState.NO_DATA, "HK.00700: nothing"))
    advanced: list[None] = []
    states = asyncio.run(
        fetch([XRT, TENCENT], upstream, store, _here, ManualClock(NOW), lambda: advanced.append(None))  # type: ignore[arg-type]  # a writer that runs what it is given
    )
    assert upstream.asked == [(XRT, 90), (TENCENT, 90)]
    assert [(state.symbol, state.judged) for state in states] == [(XRT, rows[-1].trade_date), (TENCENT, None)]
    assert len(advanced) == 2
    assert [(each.opened, each.resolved) for each in backtest(store, rules)] == [(rows[1].trade_date, None)]
    with store.read() as tx:
        assert [each for each in tx.alerts.transitions() if each.symbol == XRT] == []
