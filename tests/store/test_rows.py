"""Rows, positions, revisions and symbol states come back as they were put in."""

import json
from datetime import timedelta

import pytest

from tests.builders import day, hk_row, position, sessions, us_row
from tests.conftest import NOW
from watcher.core.answer import DataState, SymbolState
from watcher.core.judgement import News
from watcher.core.market import Symbol
from watcher.store.store import Store
from watcher.store.tables import revisions

HK, US = Symbol("HK.00700"), Symbol("US.XRT")


def _state(symbol: Symbol, **changes: object) -> SymbolState:
    return SymbolState(symbol, DataState.OK, NOW, **changes)  # type: ignore[arg-type]  # the test names what it changes


def test_rows_of_both_markets_come_back_to_the_last_digit(store: Store) -> None:
    theirs = hk_row("2026-06-05", turnover=14465428854.749, shares_traded=31649780, daily_trade_avg_ratio=10.51)
    ours = us_row("2026-06-05", short_percent=13.785, volume=38649398)
    with store.write() as tx:
        tx.rows.put_news([(HK, News((theirs,))), (US, News((ours,)))], NOW)
    with store.read() as tx:
        assert tx.rows.newest([US, HK]) == {HK: (theirs,), US: (ours,)}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(None, 5, id="all of them"),
        pytest.param(2, 2, id="the newest two"),
        pytest.param(5, 5, id="as many as there are"),
        pytest.param(9, 5, id="more than there are"),
    ],
)
def test_the_newest_rows_come_oldest_first(store: Store, count: int | None, expected: int) -> None:
    rows = tuple(us_row(when, volume=n) for n, when in enumerate(sessions(5)))
    with store.write() as tx:
        tx.rows.put_states([_state(US), _state(HK)])
        tx.rows.put_news([(US, News(rows))], NOW)
    with store.read() as tx:
        assert tx.rows.newest([HK, US], count) == {US: rows[-expected:]}


def test_a_revision_keeps_old_and_new_values_under_its_number(store: Store) -> None:
    first, second, third = (us_row("2026-01-05", volume=volume) for volume in (1.0, 2.0, 3.0))
    with store.write() as tx:
        tx.rows.put_news([(US, News((first,)))], NOW)
        tx.rows.put_news([(US, News((), ((first, second),)))], NOW + timedelta(days=1))
        tx.rows.put_news([(US, News((), ((second, third),)))], NOW + timedelta(days=2))
    with store.read() as tx:
        assert tx.rows.newest([US]) == {US: (third,)}
        kept = tx._connection.execute(revisions.select().order_by(revisions.c.revision)).all()
    assert [(each.revision, json.loads(each.old)["volume"], json.loads(each.new)["volume"]) for each in kept] == [
        (1, 1.0, 2.0),
        (2, 2.0, 3.0),
    ]
    assert [each.seen_at for each in kept] == [NOW + timedelta(days=1), NOW + timedelta(days=2)]


def test_positions_come_back_oldest_first_and_can_be_revised(store: Store) -> None:
    older, newer = position("2026-01-09", "2026-01-20", 5), position("2026-01-16", "2026-01-27", 6, 0.5)
    revised = newer._replace(aggregated_short=7.0)
    with store.write() as tx:
        tx.rows.put_news([(HK, News(positions=(newer,)))], NOW)
        tx.rows.put_news([(HK, News(positions=(older,)))], NOW)
        tx.rows.put_news([(HK, News(revised_positions=((newer, revised),)))], NOW)
    with store.read() as tx:
        assert tx.rows.positions([HK, US, Symbol("HK.00001")]) == {HK: (older, revised)}
        assert tx.rows.positions([US]) == {}


def test_states_come_back_and_are_replaced(store: Store) -> None:
    late = SymbolState(HK, DataState.ERROR, NOW, "HK.00700: 502", day("2026-01-05"), day("2026-01-02"))
    with store.write() as tx:
        tx.rows.put_states([_state(HK), _state(US)])
        tx.rows.put_states([late])
        tx.rows.put_states([])
    with store.read() as tx:
        assert tx.rows.states() == {HK: late, US: _state(US)}
        assert tx.rows.states([HK]) == {HK: late}
