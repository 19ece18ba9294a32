"""The rate across restarts, seen from upstream: commands one after the other, killed or not."""

import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from tests.builders import RECORDED
from tests.end_to_end.live import environment, eventually, process, watcher
from tests.upstream.servers import serving
from tests.waiting import until
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

RULES = """
[[rule]]
name = "level"
symbols = ["US.XRT", "HK.00700", "HK.02800"]
when = "short_ratio > 70"
"""
RATE, PERIOD = "2/2s", 2.0


class Upstream:
    def __init__(self, url: str, arrivals: list[float]) -> None:
        self.url = url
        self.arrivals = arrivals

    def most_in_a_period(self) -> int:
        return max(sum(0 <= later - first < PERIOD for later in self.arrivals) for first in self.arrivals)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    (tmp_path / "rules.toml").write_text(RULES)
    arrivals: list[float] = []
    app = create_app(RecordedArchive(RECORDED), lambda _, __: arrivals.append(perf_counter()))
    with serving(app) as url:
        yield Upstream(url, arrivals)


def poll(tmp_path: Path, upstream: Upstream, *arguments: str) -> float:
    """Run a poll; return how long its first request was in coming."""
    env = environment(upstream.url, tmp_path / "state", WATCHER_UPSTREAM__RATE=RATE)
    before, began = len(upstream.arrivals), perf_counter()
    done = watcher("poll", *arguments, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return upstream.arrivals[before] - began


def test_one_after_the_other_they_keep_to_the_rate(tmp_path: Path, upstream: Upstream) -> None:
    poll(tmp_path, upstream)
    kept = tmp_path / "state" / "pacing.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert set(json.loads(kept.read_text())) == {"taken", "held", "uptime", "now"}
    poll(tmp_path, upstream, "--dry-run")
    poll(tmp_path, upstream)
    assert len(upstream.arrivals) == 9
    assert upstream.most_in_a_period() == 2
    assert not kept.with_suffix(".new").exists()


def test_whoever_waits_because_upstream_said_so_is_told(tmp_path: Path, upstream: Upstream) -> None:
    poll(tmp_path, upstream)
    kept = tmp_path / "state" / "pacing.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"taken": [], "held": 3000.0}))
    env = environment(upstream.url, tmp_path / "state", WATCHER_UPSTREAM__RATE=RATE)
    with process("poll", env=env, cwd=tmp_path):
        eventually(tmp_path / "err", "upstream wants to be left alone for another ")


def test_a_terminal_sees_how_far_it_is(tmp_path: Path, upstream: Upstream) -> None:
    env = environment(upstream.url, tmp_path / "state", WATCHER_UPSTREAM__RATE=RATE, TERM="xterm")
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "watcher", "poll"]
    done = subprocess.run(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=follower, check=True)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(leader, 100_000):
            shown += part
    os.close(leader)
    assert ("symbols" in shown.decode(), "100%" in shown.decode()) == (True, True), shown
    assert "\x1b" not in done.stdout.decode()


def test_the_first_ever_waits_for_nothing(tmp_path: Path, upstream: Upstream) -> None:
    env = environment(upstream.url, tmp_path / "state", WATCHER_UPSTREAM__RATE="1/1h")
    assert watcher("poll", "--symbol", "US.XRT", env=env, cwd=tmp_path).returncode == 0
    assert len(upstream.arrivals) == 1


def test_after_a_kill_a_whole_period_counts_as_used(tmp_path: Path, upstream: Upstream) -> None:
    env = environment(upstream.url, tmp_path / "state", WATCHER_UPSTREAM__RATE=RATE)
    with process("run", env=env, cwd=tmp_path) as running:
        until(lambda: len(upstream.arrivals) >= 2)
        assert not (tmp_path / "state" / "pacing.json").exists()
        running.send_signal(signal.SIGKILL)
    assert poll(tmp_path, upstream) >= PERIOD
    assert upstream.most_in_a_period() == 2
