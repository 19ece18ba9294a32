"""The daemon by the calendar: restarts and reloads cost nothing, what is new is asked for, a jump of the clock seen."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import ManualClock, environment, eventually, process, rules, settings, watcher
from tests.jobs.publisher import Publisher, watched
from tests.upstream.servers import serving
from tests.waiting import until_async
from watcher.daemon import Daemon, clock_watch, turns
from watcher.reloading import Reloading
from watcher.rulebook import start
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app
from watcher.wiring import live

RULES = '[[rule]]\nname = "level"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 80"\n'


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def env(tmp_path: Path, asked: list[str]) -> Iterator[dict[str, str]]:
    def note(symbol: str, _: RetCode) -> None:
        asked.append(symbol)

    (tmp_path / "rules.toml").write_text(RULES)
    with serving(create_app(RecordedArchive(RECORDED, date(2021, 2, 11)), note)) as url:
        yield environment(url, tmp_path / "state")


def test_a_restart_and_an_edited_rule_ask_nothing_and_a_new_symbol_is_asked_for_at_once(
    tmp_path: Path, env: dict[str, str], asked: list[str]
) -> None:
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
    assert asked == ["US.XRT"]
    with process("run", env=env, cwd=tmp_path) as running:
        eventually(tmp_path / "err", "event=polled")
        (tmp_path / "rules.toml").write_text(RULES.replace("80", "70"))
        running.send_signal(signal.SIGHUP)
        eventually(tmp_path / "err", "rules loaded")
        assert asked == ["US.XRT"]
        (tmp_path / "rules.toml").write_text(RULES.replace('"US.XRT"', '"US.XRT", "HK.00700"'))
        running.send_signal(signal.SIGHUP)
        eventually(tmp_path / "err", "symbols=1 troubled=0 notifications=0")
        assert asked == ["US.XRT", "HK.00700"]
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0
    shown = watcher("status", env=env, cwd=tmp_path)
    assert shown.returncode == 1
    assert "NOT WELL    daemon: no daemon is running" in shown.stdout
    assert "missing" in shown.stdout, "a row of 2021 is not the newest there should be"


async def _looks(at: datetime, tmp_path: Path, every: timedelta | None) -> list[int]:
    """Run the daemon, let its clock jump by a day; return how often upstream was asked before and after."""
    publisher, counts = Publisher("2026-01-12"), []
    async with watched(publisher, tmp_path / "other", at, ["US.XRT"]) as at_work:
        url = at_work.parts.settings.upstream.url
        assert url is not None
        book = rules(RULES)
        async with live(settings(url, tmp_path / "state"), book, StringIO()) as parts:
            clock = ManualClock(at)
            parts.clock = clock
            file, state = tmp_path / "rules.toml", tmp_path / "state"
            file.write_text(RULES)
            running = Daemon(parts, Reloading(parts, file, state, start(file, state)), every)
            task = asyncio.create_task(running.run())
            for jump in (timedelta(), timedelta(days=1)):
                clock.pass_by(jump)
                publisher.publish("2026-01-13" if jump else "2026-01-12")
                await until_async(lambda: publisher.asked)
                await asyncio.sleep(0.2)
                counts.append(len(publisher.taken()))
            running.stop()
            await task
    return counts


@pytest.mark.parametrize(
    "every", [pytest.param(None, id="by the calendar"), pytest.param(timedelta(days=2), id="every")]
)
def test_a_clock_that_jumps_is_seen_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: timedelta | None
) -> None:
    monkeypatch.setattr(turns, "LOOK_ANYWAY", timedelta(seconds=0.1))
    monkeypatch.setattr(clock_watch, "EVERY", timedelta(seconds=0.1))
    assert asyncio.run(_looks(datetime(2026, 1, 13, 5, 0, tzinfo=UTC), tmp_path, every)) == [1, 1]
