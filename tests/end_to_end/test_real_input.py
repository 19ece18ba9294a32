"""Real figures, served by the real server and polled day by day: every episode, each told once."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED, recorded_rows
from tests.end_to_end.live import cycle, environment, printed, rules, settings, watcher
from tests.upstream.servers import serving
from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Enqueued
from watcher.jobs.backtest import backtest
from watcher.store.store import Store
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

XRT = Symbol("US.XRT")
RULES = """
[[rule]]
name = "level"
symbols = ["US.XRT"]
when = "short_percent > 80"

[[rule]]
name = "average"
symbols = ["US.XRT"]
when = "daily_trade_avg_ratio > 67"
until = "daily_trade_avg_ratio < 65"
for = 2

[[rule]]
name = "above-mean"
symbols = ["US.XRT"]
when = "short_ratio > 1.25 * mean(short_ratio, 20)"
"""
EPISODES = {
    "level": "02-12..02-16 02-18..02-19 03-26..03-29 04-06..04-07 04-13..04-15 04-28..04-29 07-01..07-02",
    "average": "02-16..03-15 04-14..05-12",
    "above-mean": "03-26..03-29 04-06..04-07 04-13..04-14 07-01..07-02 07-12..07-13",
}
EXPECTED = {
    (rule, *(date.fromisoformat(f"2021-{end}") for end in episode.split("..")))
    for rule, episodes in EPISODES.items()
    for episode in episodes.split()
}


def test_polled_five_times_a_day_with_a_restart_between_each_tells_every_episode_once(tmp_path: Path) -> None:
    """Each cycle opens client, store and channels anew: between any two polls lies a restart."""
    book = rules(RULES)
    archive = RecordedArchive(RECORDED, date(2021, 1, 4))
    told: Counter[tuple[str, Kind, date, date]] = Counter()
    with serving(create_app(archive)) as url:
        configured = settings(url, tmp_path)
        while True:
            for _ in range(5):
                polled, attempts = cycle(configured, book)
                sent = [each for attempt in attempts for each in attempt.claim.message.notifications]
                assert sorted(map(Enqueued.of, sent), key=str) == sorted(polled.notifications, key=str)
                told.update((each.rule, each.kind, each.episode, each.trade_date) for each in sent)
            if archive.as_of > date(2021, 7, 15) or archive.advance() is None:
                break
    assert set(told.values()) == {1}
    opened = {(rule, episode) for rule, kind, episode, _ in told if kind is Kind.OPENED}
    resolved = {(rule, episode, end) for rule, kind, episode, end in told if kind is Kind.RESOLVED}
    assert resolved == EXPECTED
    assert opened == {(rule, start) for rule, start, _ in EXPECTED}

    store = Store.open_beside(tmp_path)
    try:
        with store.read() as tx:
            assert tx.rows.newest([XRT])[XRT] == tuple(recorded_rows("US.XRT"))
        assert {(each.rule, each.opened, each.resolved) for each in backtest(store, book)} == EXPECTED
    finally:
        store.close()


def test_real_processes_agree(tmp_path: Path) -> None:
    """Five sessions around the first episode, three processes a day, and `backtest --json` at the end."""
    (tmp_path / "rules.toml").write_text(RULES)
    archive = RecordedArchive(RECORDED, date(2021, 2, 11))
    notifications = []
    with serving(create_app(archive)) as url:
        env = environment(url, tmp_path / "state")
        for _ in range(5):
            for _ in range(3):
                done = watcher("poll", "--json", env=env, cwd=tmp_path)
                assert done.returncode == 0, done.stderr
                found = printed(done)
                assert isinstance(found, dict)
                notifications += found["notifications"]
            archive.advance()
        backtested = printed(watcher("backtest", "--json", env=env, cwd=tmp_path))
    level = [(each["kind"], each["trade_date"], each["status"]) for each in notifications if each["rule"] == "level"]
    assert level == [
        ("opened", "2021-02-12", "sent"),
        ("resolved", "2021-02-16", "sent"),
        ("opened", "2021-02-18", "sent"),
    ]
    assert {"rule": "level", "symbol": "US.XRT", "opened": "2021-02-12", "resolved": "2021-02-16"} in backtested  # type: ignore[operator]


def test_hong_kong_answers_with_nulls_almost_everywhere_are_stored_shown_and_judged(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        """
        [lists]
        all = ["HK.00700", "HK.02800", "HK.03690", "HK.09988"]
        [[rule]]
        name = "missing"
        symbols = ["all"]
        when = "daily_trade_avg_ratio > 0"
        [[rule]]
        name = "shares"
        symbols = ["all"]
        when = "short_shares > 1_000_000"
        [[rule]]
        name = "missing-or-shares"
        symbols = ["HK.00700"]
        when = "daily_trade_avg_ratio > 0 or short_shares > 1_000_000"
        """
    )
    with serving(create_app(RecordedArchive(RECORDED))) as url:
        # asked for at an interval, whatever the calendar says: by it, rows of last winter would be called missing
        env = environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="1h")
        assert watcher("poll", env=env, cwd=tmp_path).returncode == 0
    status = printed(watcher("status", "--json", env=env, cwd=tmp_path))
    assert isinstance(status, dict)
    assert {(each["symbol"], each["state"], each["trade_date"]) for each in status["symbols"]} == {
        (symbol, "ok", "2026-02-02") for symbol in ("HK.00700", "HK.02800", "HK.03690", "HK.09988")
    }
    firing = {(each["rule"], each["symbol"]): each["value"] for each in status["alerts"]}
    assert "missing" not in {rule for rule, _ in firing}
    assert firing["shares", "HK.00700"] == 1287700
    assert ("missing-or-shares", "HK.00700") in firing


@pytest.mark.parametrize("symbol", ["US.XRT", "HK.00700", "HK.02800", "HK.03690", "HK.09988"])
def test_what_is_served_and_fetched_and_stored_is_what_was_recorded(tmp_path: Path, symbol: str) -> None:
    book = rules(f'[[rule]]\nname = "any"\nsymbols = ["{symbol}"]\nwhen = "short_shares > 0"')
    with serving(create_app(RecordedArchive(RECORDED))) as url:
        cycle(settings(url, tmp_path), book)
    store = Store.open_beside(tmp_path)
    try:
        with store.read() as tx:
            assert tx.rows.newest([Symbol(symbol)])[Symbol(symbol)] == tuple(recorded_rows(symbol))[-90:]
    finally:
        store.close()
