"""Revisions are read with what they changed, those seen last first."""

from datetime import timedelta

import pytest

from tests.builders import position, us_row
from tests.conftest import NOW
from watcher.core.judgement import News
from watcher.core.market import Symbol
from watcher.store.store import Store

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
DAY = timedelta(days=1)


def test_revisions_of_a_symbol_come_newest_first_with_old_and_new_values(store: Store) -> None:
    first, second, third = (us_row("2026-01-05", volume=volume, close_price=5.0) for volume in (1.0, 2.0, None))
    with store.write() as tx:
        tx.rows.put_news([(US, News((first,)))], NOW)
        tx.rows.put_news([(US, News((), ((first, second),)))], NOW + DAY)
        tx.rows.put_news([(US, News((), ((second, third),)))], NOW + 2 * DAY)
        tx.rows.put_news([(HK, News((), (), (), ((position("2026-01-02", "2026-01-09", 5),) * 2,)))], NOW)
    with store.read() as tx:
        total, newest = tx.revisions.newest(US, 1)
        assert (total, [(each.number, each.seen_at, each.changes) for each in newest]) == (
            2,
            [(2, NOW + 2 * DAY, (("volume", 2.0, None),))],
        )
        assert [each.changes for each in tx.revisions.newest(US, 9)[1]][1:] == [(("volume", 1.0, 2.0),)]
        assert [(each.kind, each.changes) for each in tx.revisions.newest(HK, 9)[1]] == [("position", ())]


@pytest.mark.parametrize("symbol", [HK, US])
def test_of_most_symbols_nothing_was_revised(store: Store, symbol: Symbol) -> None:
    with store.read() as tx:
        assert tx.revisions.newest(symbol, 9) == (0, [])
