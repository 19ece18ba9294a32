"""The clock jumps, stands, or changes with the season: cycles neither stop nor double, and nothing is made up."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from apscheduler.triggers.date import DateTrigger

from tests.builders import book, rule
from tests.core.timetables import at
from tests.end_to_end.live import ManualClock, rules, settings
from tests.jobs.publisher import Publisher, Watching, watched
from tests.waiting import until_async
from watcher.calendar import sessions, timetable
from watcher.core.market import Market
from watcher.core.sessions import Timetable
from watcher.daemon import Daemon, clock_watch
from watcher.reloading import Reloading
from watcher.rulebook import start
from watcher.wiring import live

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
MONDAY, TUESDAY, WEDNESDAY = "2026-01-12", "2026-01-13", "2026-01-14"
BEFORE, DUE, NEXT = at("01-13 05:00"), at("01-13 08:30"), at("01-14 08:30")
HK = [f"HK.{n:05}" for n in range(1, 5)]


def _timetable(market: Market, now: datetime) -> Timetable:
    return timetable(market, now, timedelta(minutes=30) if market is Market.HK else timedelta(hours=2))


def _dues(market: Market, first: datetime, last: datetime) -> Iterator[tuple[date, datetime]]:
    """Yield each session and when it comes due, by going from one look to the next as the daemon does."""
    now = first
    while (following := _timetable(market, now).next_due(now)) is not None and following <= last:
        assert following > now, "a look that is planned for now would be planned for ever"
        before = _timetable(market, following - timedelta(seconds=1)).due(following - timedelta(seconds=1))
        now = following
        due = _timetable(market, now).due(now)
        assert due is not None
        assert before is not None
        assert before.trade_date < due.trade_date
        assert due.at == now < due.until
        yield due.trade_date, now


@pytest.mark.parametrize("market", Market)
@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("2026-03-02", "2026-03-20", id="the spring change of New York"),
        pytest.param("2026-10-26", "2026-11-13", id="the autumn change of New York"),
        pytest.param("2028-02-21", "2028-03-10", id="a leap day"),
        pytest.param("2027-02-22", "2027-03-05", id="no leap day"),
        pytest.param("2026-12-18", "2027-01-08", id="the turn of the year"),
    ],
)
def test_every_session_comes_due_once_and_in_order(market: Market, first: str, last: str) -> None:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, last))
    dues = list(_dues(market, begin, end))
    expected = [each.trade_date for each in sessions(market, (begin - 4 * DAY).date(), end.date())]
    assert [trade_date for trade_date, _ in dues] == [each for each in expected if each in {due for due, _ in dues}]
    assert len(dues) >= len([each for each in expected if begin.date() < each < end.date()])
    assert [moment for _, moment in dues] == sorted({moment for _, moment in dues})


@pytest.mark.parametrize(
    ("trade_date", "due"),
    [
        pytest.param("2026-03-06", "2026-03-06 23:00", id="winter, the last Friday"),
        pytest.param("2026-03-09", "2026-03-09 22:00", id="summer, the first Monday"),
        pytest.param("2026-10-30", "2026-10-30 22:00", id="summer, the last Friday"),
        pytest.param("2026-11-02", "2026-11-02 23:00", id="winter, the first Monday"),
        pytest.param("2028-02-29", "2028-02-29 23:00", id="the leap day is a session"),
    ],
)
def test_new_yorks_rows_are_due_two_hours_after_its_own_close(trade_date: str, due: str) -> None:
    moment = datetime.fromisoformat(due).replace(tzinfo=UTC)
    found = _timetable(Market.US, moment).due(moment)
    assert found is not None
    assert (found.trade_date, found.at) == (date.fromisoformat(trade_date), moment)


def _transitions(at_work: Watching) -> list[str]:
    with at_work.parts.store.read() as tx:
        return [f"{each.report.kind} {each.report.symbol}" for each in tx.history.recorded(HK, None)]


async def _began(at_work: Watching) -> list[str]:
    """Ask for everything by a rule that fires on all; return what was told of it."""
    await at_work.take_up(book(rule("level", "daily_trade_avg_ratio > 5", symbols=HK), digest="loud"))
    _, asked = await at_work.look(BEFORE)
    assert sorted(asked) == HK
    told = _transitions(at_work)
    assert len(told) == len(HK)
    return told


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_a_clock_set_back_asks_nothing_twice_and_stops_nothing(tmp_path: Path, back: timedelta) -> None:
    async def run() -> None:
        publisher = Publisher(MONDAY)
        async with watched(publisher, tmp_path, BEFORE, HK) as at_work:
            told = await _began(at_work)
            publisher.publish(TUESDAY)
            _, asked = await at_work.look(DUE)
            assert sorted(asked) == HK
            for moment in (DUE - back, DUE - back + HOUR / 2, DUE):
                assert (await at_work.look(moment))[1] == [], "what is there is there"
            publisher.publish(WEDNESDAY)
            _, asked = await at_work.look(NEXT)
            assert sorted(asked) == HK
            assert _transitions(at_work) == told

    asyncio.run(run())


def test_a_probe_that_is_of_the_future_now_binds_nobody(tmp_path: Path) -> None:
    """Set back between two probes, the clock would let the next one wait for as long as it was set back."""

    async def run() -> None:
        publisher = Publisher(MONDAY)
        async with watched(publisher, tmp_path, BEFORE, HK) as at_work:
            await _began(at_work)
            for moment in (DUE + HOUR, DUE + HOUR + timedelta(minutes=5)):
                assert len((await at_work.look(moment))[1]) == 1
            publisher.publish(TUESDAY)
            _, asked = await at_work.look(DUE + timedelta(minutes=1))
            assert sorted(asked) == HK

    asyncio.run(run())


def test_a_row_that_is_of_tomorrow_while_the_clock_is_behind_is_judged_once_it_is_right_again(tmp_path: Path) -> None:
    async def run() -> None:
        publisher = Publisher(MONDAY)
        async with watched(publisher, tmp_path, BEFORE, HK) as at_work:
            told = await _began(at_work)
            publisher.publish("2026-01-16")  # our clock is three days behind
            await at_work.look(DUE)
            right = at("01-16 08:30")
            for moment in (right, right + timedelta(minutes=1), right + HOUR):
                await at_work.look(moment)
            with at_work.parts.store.read() as tx:
                assert {state.judged for state in tx.rows.states().values()} == {date(2026, 1, 16)}
            assert _transitions(at_work) == told

    asyncio.run(run())


def test_a_year_ahead_by_mistake_ends_no_alert_and_is_over_when_the_clock_is_right_again(tmp_path: Path) -> None:
    async def run() -> None:
        publisher = Publisher(MONDAY)
        async with watched(publisher, tmp_path, BEFORE, HK) as at_work:
            told = await _began(at_work)
            _, asked = await at_work.look(BEFORE + YEAR)
            assert len(asked) <= len(HK), "251 sessions are missing, and asked for once"
            assert (await at_work.look(BEFORE + YEAR + timedelta(minutes=1)))[1] == []
            assert _transitions(at_work) == told
            publisher.publish(TUESDAY)
            _, asked = await at_work.look(DUE)
            assert sorted(asked) == HK
            assert _transitions(at_work) == told

    asyncio.run(run())


async def _polls(directory: Path, jumps: list[timedelta]) -> list[int]:
    """Run a daemon that polls every two days; return how often it asked at its start, and after each jump."""
    publisher, counts = Publisher(MONDAY), []
    async with watched(publisher, directory / "other", BEFORE, HK[:1]) as at_work:
        url = at_work.parts.settings.upstream.url
        assert url is not None
        text = f'[[rule]]\nname = "level"\nsymbols = ["{HK[0]}"]\nwhen = "daily_trade_avg_ratio > 5"\n'
        async with live(settings(url, directory / "state"), rules(text), StringIO()) as parts:
            parts.clock = clock = ManualClock(BEFORE)
            file, state = directory / "rules.toml", directory / "state"
            file.write_text(text)
            daemon = Daemon(parts, Reloading(parts, file, state, start(file, state)), timedelta(days=2))
            task = asyncio.create_task(daemon.run())
            for jump in (timedelta(), *jumps):
                clock.pass_by(jump)
                await until_async(lambda: publisher.asked)
                await asyncio.sleep(0.3)
                counts.append(len(publisher.taken()))
                jobs = daemon._turns._scheduler.get_jobs()
                assert sorted(job.id for job in jobs) == ["turn", "upkeep"], "nothing was piled up"
                assert {type(job.trigger) for job in jobs} == {DateTrigger}
            with parts.store.read() as tx:
                assert len(tx.history.recorded(HK, None)) == 1, "told once, whatever the clock says"
            daemon.stop()
            await task
    return counts


def test_the_daemon_takes_one_turn_after_each_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the wall clock alone, as when it is set, and as when the machine slept."""
    monkeypatch.setattr(clock_watch, "EVERY", timedelta(seconds=0.1))
    jumps = [-HOUR, 8 * HOUR, YEAR, -YEAR, timedelta(days=29)]
    assert asyncio.run(_polls(tmp_path, jumps)) == [1] * (1 + len(jumps))
