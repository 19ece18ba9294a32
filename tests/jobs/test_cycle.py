"""Cycles over a real socket and a real store: what is asked when, and what of it is kept."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.core.timetables import at
from tests.jobs.publisher import BROKEN, DENIED, INVALID, NO_DATA, Publisher, minutes, watched, watching
from watcher.core.alert import Kind
from watcher.core.answer import DataState
from watcher.core.market import Market, Symbol
from watcher.core.notice import WATCHER
from watcher.jobs.asked import circuit
from watcher.jobs.cycle import states_now
from watcher.store.file import FILE
from watcher.store.store import Store
from watcher.wiring import schedule

pytestmark = pytest.mark.anyio

# Monday 12th of January 2026; Tuesday's rows are due at 08:30 UTC in Hong Kong, at 23:00 in New York
MONDAY, TUESDAY = "2026-01-12", "2026-01-13"
BEFORE, DUE = at("01-13 05:00"), at("01-13 08:30")
SYMBOLS = [f"HK.{n:05}" for n in range(1, 8)] + ["US.XRT"]
HK = SYMBOLS[:-1]


@pytest.fixture
def publisher() -> Publisher:
    return Publisher(MONDAY)


def _told(store: Store) -> list[tuple[Kind, str]]:
    with store.read() as tx:
        return [(each.report.kind, each.report.rule) for each in tx.history.recorded([WATCHER], None)]


async def test_a_day(tmp_path: Path, publisher: Publisher) -> None:
    """All at first, then one until the session is there, then all others, then nobody."""
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        _, asked = await at_work.look(BEFORE)
        assert sorted(asked) == SYMBOLS
        done, asked = await at_work.look(DUE - minutes(1))
        assert (asked, done.wake) == ([], DUE)
        done, (first,) = await at_work.look(DUE)
        assert done.wake == DUE + minutes(5)
        done, (second,) = await at_work.look(DUE + minutes(5))
        assert second != first
        publisher.publish(TUESDAY, Market.HK)
        done, asked = await at_work.look(DUE + minutes(15))
        # the two that were asked in vain have waited half an hour before they are asked again
        assert sorted([*asked, first, second]) == HK
        _, asked = await at_work.look(DUE + minutes(35))
        assert sorted(asked) == sorted([first, second])
        done, asked = await at_work.look(DUE + minutes(36))
        assert (asked, done.wake) == ([], at("01-13 23:00"))


async def test_a_symbols_first_answer_is_ninety_rows_and_the_next_ones_a_window(
    tmp_path: Path, publisher: Publisher
) -> None:
    async with watched(publisher, tmp_path, BEFORE, ["US.XRT"]) as at_work:
        await at_work.look(BEFORE)
        publisher.publish(TUESDAY)
        await at_work.look(at("01-13 23:00"))
        publisher.publish("2026-03-13")
        await at_work.look(at("03-14 12:00"))
    assert publisher.counts == [90, 30, 41 + 21]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(BEFORE + minutes(1), id="before a session is due"),
        pytest.param(DUE + minutes(1), id="between two probes"),
        pytest.param(at("01-18 12:00"), id="on a Sunday"),
    ],
)
async def test_a_restart_asks_nothing(tmp_path: Path, publisher: Publisher, moment: datetime) -> None:
    publisher.of_symbol |= {"HK.00003": NO_DATA, "HK.00004": INVALID}
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        await at_work.look(BEFORE)
        before, _ = await at_work.look(moment)
    async with watched(publisher, tmp_path, moment, SYMBOLS) as at_work:
        after, asked = await at_work.look(moment)
    assert (asked, after.wake) == ([], before.wake)


async def test_a_cycle_that_asks_nothing_writes_nothing(tmp_path: Path, publisher: Publisher) -> None:
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        await at_work.look(BEFORE)
        before = (tmp_path / FILE).read_bytes()
        await at_work.look(BEFORE + minutes(1))
        assert (tmp_path / FILE).read_bytes() == before


async def test_an_edited_rule_asks_nothing_and_a_new_symbol_is_asked_for_at_once(
    tmp_path: Path, publisher: Publisher
) -> None:
    async with watched(publisher, tmp_path, BEFORE, ["US.XRT"]) as at_work:
        await at_work.look(BEFORE)
        await at_work.take_up(watching("US.XRT", "US.NEW"))
        assert (await at_work.look(BEFORE + minutes(1)))[1] == ["US.NEW"]


async def test_a_symbol_that_is_invalid_is_asked_for_again_when_it_is_named_anew(
    tmp_path: Path, publisher: Publisher
) -> None:
    publisher.of_symbol["US.BAD"] = INVALID
    async with watched(publisher, tmp_path, BEFORE, ["US.XRT", "US.BAD"]) as at_work:
        await at_work.look(BEFORE)
        assert _told(at_work.parts.store) == [(Kind.OPENED, "symbol US.BAD")]
        await at_work.take_up(watching("US.XRT"))
        assert (await at_work.look(BEFORE + minutes(1)))[1] == []
        assert _told(at_work.parts.store) == [(Kind.OPENED, "symbol US.BAD"), (Kind.RESOLVED, "symbol US.BAD")]
        await at_work.take_up(watching("US.XRT", "US.BAD"))
        assert (await at_work.look(BEFORE + minutes(2)))[1] == ["US.BAD"]


async def test_one_symbol_that_fails_is_tried_again_later_and_costs_the_others_nothing(
    tmp_path: Path, publisher: Publisher
) -> None:
    publisher.of_symbol["HK.00002"] = BROKEN
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        done, asked = await at_work.look(BEFORE)
        assert sorted(asked) == SYMBOLS
        assert (done.troubled, done.waiting, done.down) == (1, 0, False)
        assert done.wake is not None
        assert done.wake <= BEFORE + minutes(1)
        del publisher.of_symbol["HK.00002"]
        assert (await at_work.look(BEFORE + minutes(1)))[1] == ["HK.00002"]
        assert _told(at_work.parts.store) == []


async def test_a_symbol_that_stays_denied_is_told_once_and_back(tmp_path: Path, publisher: Publisher) -> None:
    publisher.of_symbol["HK.00002"] = DENIED
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        now = BEFORE
        for _ in range(9):
            done, _ = await at_work.look(now)
            assert done.wake is not None
            now = done.wake
        assert _told(at_work.parts.store) == [(Kind.OPENED, "symbol HK.00002")]
        del publisher.of_symbol["HK.00002"]
        await at_work.look(now + timedelta(hours=4))
        assert _told(at_work.parts.store) == [(Kind.OPENED, "symbol HK.00002"), (Kind.RESOLVED, "symbol HK.00002")]


async def test_when_upstream_is_down_the_rest_waits_and_one_at_a_time_finds_out(
    tmp_path: Path, publisher: Publisher
) -> None:
    symbols = [f"HK.{n:05}" for n in range(1, 100)]
    async with watched(publisher, tmp_path, BEFORE, symbols) as at_work:
        publisher.down = BROKEN
        done, asked = await at_work.look(BEFORE)
        assert len(asked) <= 12, "three in vain, and those that were under way"
        assert done.waiting >= 87
        now, probes = BEFORE, 0
        while now < BEFORE + timedelta(hours=3):
            assert done.wake is not None
            now = done.wake
            done, asked = await at_work.look(now)
            assert len(asked) <= 1
            probes += len(asked)
        assert 5 < probes < 40
        assert done.down
        assert _told(at_work.parts.store) == [(Kind.OPENED, "upstream")]
        publisher.down = None
        done, asked = await at_work.look(now + minutes(30))
        assert sorted(asked) == symbols
        assert (done.waiting, done.troubled, done.down) == (0, 0, False)
        assert _told(at_work.parts.store) == [(Kind.OPENED, "upstream"), (Kind.RESOLVED, "upstream")]


async def test_an_outage_outlives_a_restart(tmp_path: Path, publisher: Publisher) -> None:
    publisher.down = BROKEN
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        before, _ = await at_work.look(BEFORE)
    async with watched(publisher, tmp_path, BEFORE, SYMBOLS) as at_work:
        after, asked = await at_work.look(BEFORE)
        assert (asked, after.wake) == ([], before.wake)
        with at_work.parts.store.read() as tx:
            assert circuit(tx).open


async def test_a_market_that_is_denied_keeps_no_other_waiting(tmp_path: Path, publisher: Publisher) -> None:
    symbols = [*(f"HK.{n:05}" for n in range(1, 13)), *(f"US.A{n}" for n in range(1, 13))]
    publisher.of_symbol |= {symbol: DENIED for symbol in symbols if symbol < "US"}
    async with watched(publisher, tmp_path, BEFORE, symbols) as at_work:
        now, asked = BEFORE, set[str]()
        while now < BEFORE + minutes(5):
            done, of_look = await at_work.look(now)
            asked |= set(of_look)
            assert done.wake is not None
            now = done.wake
        assert asked == set(symbols)
        assert (Kind.OPENED, "upstream") not in _told(at_work.parts.store)


async def test_after_a_week_off_every_missed_session_is_one_request_and_marked(
    tmp_path: Path, publisher: Publisher
) -> None:
    async with watched(publisher, tmp_path, BEFORE, ["US.XRT", "US.SPY"]) as at_work:
        await at_work.look(BEFORE)
        publisher.publish("2026-01-21")
        _, asked = await at_work.look(at("01-22 12:00"), away=True)
        assert sorted(asked) == ["US.SPY", "US.XRT"]
        with at_work.parts.store.read() as tx:
            rows = tx.rows.newest([Symbol("US.XRT")])[Symbol("US.XRT")]
        assert [row.trade_date.day for row in rows[-7:]] == [12, 13, 14, 15, 16, 20, 21], "the 19th is a holiday"


async def test_whether_sessions_were_missed(tmp_path: Path, publisher: Publisher) -> None:
    async with watched(publisher, tmp_path, BEFORE, ["US.XRT"]) as at_work:
        planned = schedule(at_work.parts.settings)
    assert not planned.missed(None, at("01-22 12:00"))
    assert not planned.missed(at("01-13 23:05"), at("01-14 12:00"))
    assert not planned.missed(at("01-16 23:05"), at("01-19 01:00")), "a weekend"
    assert planned.missed(at("01-13 08:00"), at("01-14 12:00")), "Hong Kong's Tuesday"


async def test_what_the_calendar_says_of_rows_that_are_not_here(tmp_path: Path, publisher: Publisher) -> None:
    symbols = ["HK.00001", "HK.00002", "HK.00003", "HK.00009"]
    publisher.of_symbol |= {"HK.00003": NO_DATA}
    async with watched(publisher, tmp_path, BEFORE, symbols) as at_work:
        await at_work.look(BEFORE)
        publisher.of_symbol |= {"HK.00002": publisher.newest[Market.HK]}
        publisher.publish(TUESDAY)
        await at_work.look(DUE)
        await at_work.look(DUE + minutes(15))
        await at_work.take_up(watching(*symbols[:3]))

        def states(now: datetime) -> dict[str, tuple[DataState, datetime]]:
            parts = at_work.parts
            with parts.store.read() as tx:
                found = states_now(tx, parts.book.by_symbol, schedule(parts.settings), now)
            return {symbol: (each.state, each.since) for symbol, each in found.items() if each.state != "ok"}

        no_data = {"HK.00003": (DataState.NO_DATA, BEFORE)}
        assert states(at("01-13 12:00")) == no_data | {"HK.00002": (DataState.LATE, DUE)}
        assert states(at("01-14 05:00")) == no_data | {"HK.00002": (DataState.MISSING, at("01-14 01:30"))}
        publisher.publish("2026-01-14")
        await at_work.look(at("01-14 08:30"))
        await at_work.look(at("01-14 10:00"))
        assert states(at("01-14 12:00")) == no_data | {"HK.00002": (DataState.MISSING, at("01-14 01:30"))}
        del publisher.of_symbol["HK.00002"]
        await at_work.look(at("01-14 15:00"))
        assert states(at("01-14 15:00")) == no_data
