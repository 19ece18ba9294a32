"""The simulated market is the same everywhere, looks like a real one, and has its oddities."""

import hashlib
from datetime import date, timedelta
from itertools import pairwise
from math import fsum

import pytest

from tests.builders import sessions
from tests.upstream.answers import NOW
from watcher.core.answer import Answered
from watcher.core.market import HkRow, Market, Row, Symbol, UsRow
from watcher.upstream.plausible import implausible
from watcher.upstream.refusal import RetCode
from watcher.upstream.simulator import SimulatedArchive
from watcher.upstream.wire import body_of, read

DATES = sessions(400, "2024-06-03")
FIRST = DATES[89]


def archive(seed: int = 7, as_of: date = FIRST, extra: int = 0, dates: list[date] = DATES) -> SimulatedArchive:
    # Hong Kong closes on a day that New York does not, and the other way round
    hong_kong = [when for when in dates if when != DATES[95]]
    america = [when for when in dates if when != DATES[97]]
    return SimulatedArchive(seed, {Market.HK: hong_kong, Market.US: america}, as_of, extra)


def answered(market: SimulatedArchive, symbol: str, count: int = 90) -> Answered:
    answer = market.answer(Symbol(symbol), count)
    assert isinstance(answer, Answered), answer
    return answer


def everything(market: SimulatedArchive) -> dict[Symbol, tuple[Row, ...]]:
    """All rows that are published, by symbol; of those that have any."""
    answers = {symbol: market.answer(symbol, 1000) for symbol in market.symbols}
    return {symbol: answer.rows for symbol, answer in answers.items() if isinstance(answer, Answered)}


def figures(row: Row) -> tuple[int, int]:
    """Shares sold short, and traded."""
    if isinstance(row, HkRow):
        return int(row.short_sell_shares_traded or 0), int(row.shares_traded or 0)
    return int(row.total_shares_short or 0), int(row.volume or 0)


ALL = everything(archive(as_of=DATES[-1]))


def digest(market: SimulatedArchive) -> str:
    bodies = hashlib.sha256()
    for symbol in market.symbols:
        answer = market.answer(symbol, 90)
        if isinstance(answer, Answered):
            bodies.update(body_of(symbol.market, reversed(answer.rows), answer.position))
    return bodies.hexdigest()


def test_an_equal_seed_gives_equal_answers_on_every_machine() -> None:
    """Whoever changes the figure changes what every example shows."""
    assert digest(archive(as_of=DATES[-1])) == "e833c08b2f8ac5ed58527da32ed3863fce22536dd5075e15b9fde299a46b6de8"


def test_another_seed_gives_another_market() -> None:
    assert digest(archive(seed=8)) != digest(archive(seed=7))


def test_the_order_of_questions_does_not_matter() -> None:
    forwards, backwards = archive(), archive()
    asked = [forwards.answer(symbol, 90) for symbol in forwards.symbols]
    assert [backwards.answer(symbol, 90) for symbol in reversed(backwards.symbols)][::-1] == asked


def test_what_is_published_does_not_depend_on_sessions_to_come() -> None:
    shorter = archive(dates=DATES[:140])
    assert all(shorter.answer(symbol, 90) == archive().answer(symbol, 90) for symbol in shorter.symbols)


def test_ninety_rows_are_there_from_the_start() -> None:
    market = archive()
    full = [symbol for symbol in market.symbols if len(everything(market).get(symbol, ())) == 90]
    assert len(full) == len(market.symbols) - 3
    assert answered(market, "HK.00700", 30).rows == answered(market, "HK.00700").rows[-30:]


def test_about_twenty_symbols_of_both_markets() -> None:
    symbols = archive().symbols
    assert {"HK.00700", "HK.09988", "HK.03690", "HK.02800", "US.AAPL", "US.NVDA", "US.TSLA", "US.GME", "US.XRT"} < set(
        symbols
    )
    assert "US.BRK.B" in symbols
    assert all(Symbol.parse(symbol) == symbol for symbol in symbols)
    assert 18 <= len(symbols) <= 24


@pytest.mark.parametrize("symbol", ALL)
def test_every_row_is_possible_and_its_identities_hold(symbol: Symbol) -> None:
    rows = ALL[symbol]
    for before, row in pairwise(rows):
        assert implausible(row, None, symbol.market.zone, date.max) is None
        short, traded = figures(row)
        assert 0 <= short <= traded
        assert traded > 0
        assert row.last_close_price == before.close_price
        assert row.close_price
        assert row.close_price == round(row.close_price, 3)
        if isinstance(row, HkRow):
            assert row.open_price
            assert row.turnover
            assert row.short_sell_turnover is not None
            low, high = sorted((row.open_price, row.close_price))
            assert low - 1e-6 <= row.turnover / traded <= high + 1e-6
            assert row.short_sell_turnover <= row.turnover
            assert traded % 100 == short % 100 == 0
        else:
            assert (row.nasdaq_shares_short or 0) + (row.nyse_shares_short or 0) == short
            assert row.short_percent == short * 100_000 // traded / 1000


@pytest.mark.parametrize("symbol", ALL)
def test_the_average_is_the_average_of_twenty_sessions(symbol: Symbol) -> None:
    ratios = [short / traded * 100 for short, traded in map(figures, ALL[symbol])]
    averages = [fsum(ratios[end - 20 : end]) / 20 for end in range(20, len(ratios) + 1)]
    published = [row.daily_trade_avg_ratio for row in ALL[symbol]]
    assert None not in published
    assert published[19:] == [round(average, 2) for average in averages]


@pytest.mark.parametrize(
    ("symbol", "low", "high"),
    [
        pytest.param("HK.00700", 5, 18, id="Tencent"),
        pytest.param("HK.09988", 11, 22, id="a Hong Kong share"),
        pytest.param("HK.02800", 30, 65, id="an index fund"),
        pytest.param("US.XRT", 30, 80, id="a US fund"),
        pytest.param("US.AAPL", 9, 22, id="a US share"),
    ],
)
def test_ratios_are_ordinary(symbol: str, low: float, high: float) -> None:
    """Nine of ten averages; squeezes go beyond."""
    averages = sorted(row.daily_trade_avg_ratio or 0 for row in ALL[Symbol(symbol)])
    assert low <= averages[len(averages) // 20]
    assert averages[-len(averages) // 20] <= high


def test_there_are_squeezes_and_the_ratio_trends() -> None:
    ratios = [short / traded for short, traded in map(figures, ALL[Symbol("US.GME")])]
    mean = fsum(ratios) / len(ratios)
    assert max(ratios) > 1.5 * mean
    together = fsum((a - mean) * (b - mean) for a, b in pairwise(ratios))
    assert together / fsum((ratio - mean) ** 2 for ratio in ratios) > 0.5


def test_hong_kong_positions_are_weekly_and_one_to_two_weeks_old() -> None:
    market = archive()
    held = set()
    while market.advance():
        answer = answered(market, "HK.00700", 1)
        assert answer.position is not None
        assert answer.position.trade_date == answer.rows[0].trade_date
        age = answer.rows[0].trade_date - answer.position.as_of
        assert timedelta(days=7) <= age <= timedelta(days=14)
        held.add(answer.position)
        assert answered(market, "US.AAPL", 1).position is None
    dates = {position.as_of for position in held}
    assert len({when.isocalendar()[:2] for when in dates}) == len(dates) == 63


def test_advance_publishes_one_date_at_a_time_of_either_market() -> None:
    market = archive(as_of=DATES[94])
    seen = []
    for _ in range(3):
        seen.append(market.advance())
        newest = [answered(market, symbol, 1).rows[0].trade_date for symbol in ("HK.00700", "US.AAPL")]
        assert newest == [
            max(when for when in DATES[:96] if when <= market.as_of and when != DATES[95])
            if market.as_of < DATES[96]
            else market.as_of,
            market.as_of if market.as_of != DATES[97] else DATES[96],
        ]
    assert seen == DATES[95:98]
    assert archive(as_of=DATES[-1]).advance() is None


def test_one_symbol_has_no_data_and_what_is_not_listed_is_told_apart() -> None:
    market = archive()
    assert market.answer(Symbol("HK.08005"), 5) is RetCode.NO_DATA
    assert market.answer(Symbol("US.ZZZZ"), 5) is RetCode.INVALID_SYMBOL
    assert market.answer(Symbol("HK.13579"), 5) is RetCode.UNSUPPORTED


def test_one_symbol_is_a_session_late() -> None:
    market = archive()
    for _ in range(12):
        market.advance()
        late, others = answered(market, "US.AMC", 1).rows[0], answered(market, "US.AAPL", 2).rows
        assert late.trade_date == others[0].trade_date


def test_who_is_late_for_the_first_session_has_no_data_yet() -> None:
    market = archive(as_of=DATES[0])
    assert market.answer(Symbol("US.AMC"), 5) is RetCode.NO_DATA
    market.advance()
    assert len(answered(market, "US.AMC").rows) == 1


def test_one_symbol_is_not_traded_in_every_session() -> None:
    assert 100 < len(ALL[Symbol("HK.82800")]) < 250


def test_one_row_is_revised_some_sessions_after_it_came() -> None:
    market = archive()
    symbol = Symbol("HK.00388")
    changed: dict[date, list[date]] = {}
    before = {row.trade_date: row for row in answered(market, symbol).rows}
    for _ in range(12):
        market.advance()
        rows = {row.trade_date: row for row in answered(market, symbol).rows}
        different = [when for when, row in rows.items() if before.get(when, row) != row]
        if different:
            changed[market.as_of] = different
        before |= rows
    assert len(changed) == 1
    ((when, dates),) = changed.items()
    # the row itself, and the averages of those that came after it
    assert dates == [session for session in rows if dates[0] <= session < when]
    assert len(dates) == 3


def test_it_makes_as_many_symbols_as_wanted() -> None:
    market = archive(extra=1000)
    assert len(set(market.symbols)) == len(archive().symbols) + 1000
    generated = market.symbols[-1000:]
    assert sum(symbol.market is Market.HK for symbol in generated) in range(490, 511)
    assert all(Symbol.parse(symbol) == symbol for symbol in generated)
    assert len(answered(market, generated[-1]).rows) == len(answered(market, generated[-2]).rows) == 90
    assert answered(market, "HK.00700") == answered(archive(), "HK.00700")


def test_there_are_no_more_symbols_than_codes() -> None:
    assert len(archive(extra=20_100).symbols) == len(archive().symbols) + 20_100
    with pytest.raises(ValueError, match="more than there are codes"):
        archive(extra=600_000)


def test_a_market_without_a_session_is_refused() -> None:
    with pytest.raises(ValueError, match="no session up to 2020-01-01"):
        archive(as_of=date(2020, 1, 1))


def test_one_market_alone_is_one() -> None:
    market = SimulatedArchive(1, {Market.US: DATES, Market.HK: ()}, FIRST)
    assert {symbol.market for symbol in market.symbols} == {Market.US}
    assert isinstance(answered(market, "US.SPY").rows[0], UsRow)


def test_our_own_client_reads_all_of_it() -> None:
    market = archive()
    for symbol in market.symbols:
        answer = market.answer(symbol, 90)
        if isinstance(answer, Answered):
            body = body_of(symbol.market, reversed(answer.rows), answer.position)
            assert read(symbol, 200, body, None, NOW) == answer
