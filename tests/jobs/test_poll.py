"""Polling by hand: everything is asked for, whatever the calendar says, and what it brings is committed in batches."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.jobs.publisher import BROKEN, NO_DATA, Publisher, Watching, watched, watching
from watcher.calendar import latest_sessions
from watcher.core.answer import DataState
from watcher.core.book import RuleBook
from watcher.core.market import Market, Symbol
from watcher.jobs.poll import BATCH, Cycle, poll
from watcher.store.file import FILE

pytestmark = pytest.mark.anyio

SUNDAY = datetime(2026, 1, 18, 12, 0, tzinfo=UTC)


async def _poll(at_work: Watching, *, away: bool = False) -> Cycle:
    parts = at_work.parts
    symbols = list(parts.book.by_symbol)
    return await poll(symbols, parts.current_book, parts.upstream, parts.store, parts.writer, at_work.clock, away=away)


async def test_everything_is_asked_for_every_time_in_the_order_of_the_rules(tmp_path: Path) -> None:
    publisher = Publisher("2026-01-16")
    async with watched(publisher, tmp_path, SUNDAY, ["US.XRT", "HK.00700"]) as at_work:
        for counts in ([90, 90], [30, 30]):
            publisher.counts.clear()
            cycle = await _poll(at_work)
            assert publisher.taken() == ["US.XRT", "HK.00700"]
            assert publisher.counts == counts
            assert {state.symbol: state.state for state in cycle.states} == dict.fromkeys(
                ["US.XRT", "HK.00700"], DataState.OK
            )


async def test_a_second_time_writes_nothing(tmp_path: Path) -> None:
    publisher = Publisher("2026-01-16")
    publisher.of_symbol |= {"HK.00001": NO_DATA}
    async with watched(publisher, tmp_path, SUNDAY, ["US.XRT", "HK.00700", "HK.00001"]) as at_work:
        await _poll(at_work)
        before = (tmp_path / FILE).read_bytes()
        await _poll(at_work)
        assert (tmp_path / FILE).read_bytes() == before


async def test_after_months_without_a_poll_no_session_in_between_is_left_out(tmp_path: Path) -> None:
    """What a poll asks for ordinarily does not reach back so far; then it asks once more, for all there is."""
    publisher = Publisher("2025-11-03")
    async with watched(publisher, tmp_path, SUNDAY, ["US.XRT", "HK.00700"]) as at_work:
        await _poll(at_work)
        publisher.publish("2026-01-16")
        publisher.counts.clear()
        await _poll(at_work, away=True)
        assert publisher.counts == [30, 30, 90, 90]
        with at_work.parts.store.read() as tx:
            stored = tx.rows.newest([Symbol("US.XRT")])[Symbol("US.XRT")]
        dates = [each.trade_date for each in latest_sessions(Market.US, len(stored), date(2026, 1, 16))]
        assert [row.trade_date for row in stored] == dates
        assert len(stored) > 90


async def test_it_asks_on_though_upstream_answers_nobody(tmp_path: Path) -> None:
    """Who asks by hand wants to know of each symbol."""
    publisher = Publisher("2026-01-16")
    publisher.down = BROKEN
    symbols = [f"HK.{n:05}" for n in range(1, 30)]
    async with watched(publisher, tmp_path, SUNDAY, symbols) as at_work:
        cycle = await _poll(at_work)
    assert sorted(publisher.taken()) == symbols
    assert len(cycle.troubled) == len(symbols)


async def test_a_reload_in_the_middle_of_a_cycle_counts_from_the_next_batch_on(tmp_path: Path) -> None:
    publisher = Publisher("2026-01-16")
    symbols = [f"HK.{n:05}" for n in range(1, 3 * BATCH)]
    async with watched(publisher, tmp_path, SUNDAY, symbols) as at_work:
        asked: list[RuleBook] = []

        def current_book() -> RuleBook:
            asked.append(at_work.parts.book)
            if len(asked) == 3:
                at_work.parts.book = watching(*symbols, "US.XRT")
            return asked[-1]

        parts = at_work.parts
        await poll(list(map(Symbol, symbols)), current_book, parts.upstream, parts.store, parts.writer, at_work.clock)
    assert len({book.digest for book in asked}) == 2
