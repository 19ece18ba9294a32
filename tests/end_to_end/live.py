"""The whole path with its real parts, in one process or in several: a server, a store, channels, cycles."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

from pydantic import SecretStr

from tests.canary import CANARY
from watcher.core.book import RuleBook
from watcher.jobs.deliver import Attempt, deliver
from watcher.jobs.poll import Cycle, poll
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.settings import Settings, UpstreamSettings, WebSettings
from watcher.wiring import live

FAST = "100000/1s"


class ManualClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._passed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        """As time really goes by, and by what was let pass."""
        return time.monotonic() + self._passed  # noqa: TID251 - tasks of a daemon under test wait in real time

    def pass_by(self, jump: timedelta) -> None:
        """Set the wall clock."""
        self._now += jump

    def let_pass(self, duration: timedelta) -> None:
        """Let time pass, by all clocks."""
        self._now += duration
        self._passed += duration.total_seconds()


def rules(text: str) -> RuleBook:
    """Return the rule book written in `text`, which has no errors."""
    loaded = read({"rules.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


def settings(url: str, state: Path, channels: Mapping[str, str] | None = None) -> Settings:
    upstream = UpstreamSettings(url=url, rate=FAST, token=SecretStr(CANARY))
    web = WebSettings(listen="off")
    return Settings(upstream=upstream, state=state, channels=channels or {}, web=web)  # type: ignore[arg-type]  # pydantic makes secrets of them


def cycle(configured: Settings, book: RuleBook, clock: ManualClock | None = None) -> tuple[Cycle, tuple[Attempt, ...]]:
    """Open everything anew, run one cycle over all symbols, deliver, and close it all."""

    async def run() -> tuple[Cycle, tuple[Attempt, ...]]:
        async with live(configured, book, StringIO()) as parts:
            now = clock or parts.clock
            await parts.writer(lambda: take_up(parts.store, book, now.now()))
            polled = await poll(
                list(book.by_symbol), parts.current_book, parts.upstream, parts.store, parts.writer, now
            )
            return polled, await deliver(
                parts.store, parts.channels, parts.current_book, parts.writer, now, lambda: 0.0
            )

    return asyncio.run(run())


def environment(url: str, state: Path, **more: str) -> dict[str, str]:
    """Return the environment of a watcher process."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WATCHER_")},
        "WATCHER_UPSTREAM__URL": url,
        "WATCHER_UPSTREAM__RATE": FAST,
        "WATCHER_STATE": str(state),
        "WATCHER_UPSTREAM__TOKEN": CANARY,
        "WATCHER_WEB__TOKEN": CANARY,
        "WATCHER_WEB__LISTEN": "off",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def watcher(*arguments: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "watcher", *arguments],
        env=dict(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed(done: subprocess.CompletedProcess[str]) -> object:
    """Return the JSON value on standard output."""
    return json.loads(done.stdout)


@contextmanager
def process(*arguments: str, env: Mapping[str, str], cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a command beside the test; it is killed at the end if it still runs. Both outputs go to files in `cwd`."""
    with (cwd / "out").open("w") as out, (cwd / "err").open("w") as err:
        running = subprocess.Popen(
            [sys.executable, "-m", "watcher", *arguments], env=dict(env), cwd=cwd, stdout=out, stderr=err, text=True
        )
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
            running.wait()


def eventually(path: Path, text: str, seconds: float = 60) -> str:
    """Wait until a file holds `text`; return its content."""
    until = time.monotonic() + seconds  # noqa: TID251 - a test waits in real time
    while time.monotonic() < until:  # noqa: TID251
        content = path.read_text() if path.exists() else ""
        if text in content:
            return content
        time.sleep(0.02)
    raise AssertionError(f"{text!r} did not come to be in {path.name}:\n{path.read_text() if path.exists() else ''}")
