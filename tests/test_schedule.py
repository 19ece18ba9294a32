"""Settings that say when to ask: as they are written in the environment and in settings.toml, and as defaults."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from watcher import settings
from watcher.core.market import Market
from watcher.errors import ConfigurationError
from watcher.wiring import schedule


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for files in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_lists_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_MARKETS__HK__CLOSED", "2026-09-08, 2026-09-09")
    monkeypatch.setenv("WATCHER_SCHEDULE__PROBE_GAPS", "1m,90s")
    found = settings.load()
    assert found.markets.hk.closed == (date(2026, 9, 8), date(2026, 9, 9))
    assert found.markets.hk.ready_after == timedelta(minutes=30), "what is not set stays"
    assert found.schedule.probe_gaps == (timedelta(minutes=1), timedelta(seconds=90))


def test_lists_are_lists_in_settings_toml(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[markets.us]\nready_after = "3h"\nclosed = [2026-01-09]\n[schedule]\nstraggler_gaps = ["1h"]\n'
    )
    found = settings.load()
    assert found.markets.us == settings.MarketSettings(ready_after=timedelta(hours=3), closed=(date(2026, 1, 9),))
    assert found.schedule.straggler_gaps == (timedelta(hours=1),)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param("WATCHER_SCHEDULE__PROBE_GAPS", "5m,soon", "a duration is written", id="no duration"),
        pytest.param("WATCHER_SCHEDULE__PROBE_GAPS", ",", "at least 1", id="no gap at all"),
        pytest.param("WATCHER_MARKETS__HK__CLOSED", "2026-02-30", "WATCHER_MARKETS__HK__CLOSED", id="no date"),
    ],
)
def test_what_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=message) as error:
        settings.load()
    assert name in str(error.value)


def test_the_schedule_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_MARKETS__HK__CLOSED", "2026-09-08")
    monkeypatch.setenv("WATCHER_MARKETS__HK__READY_AFTER", "45m")
    planned = schedule(settings.load())
    due = planned.timetables(datetime(2026, 9, 8, 12, 0, tzinfo=UTC))[Market.HK].due(
        datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
    )
    assert due is not None
    assert (due.trade_date, due.at) == (date(2026, 9, 7), datetime(2026, 9, 7, 8, 45, tzinfo=UTC))
    assert planned.gaps.probes[0] == timedelta(minutes=5)
