"""From a change at upstream to the web hook: the watcher beside Prometheus and Alertmanager, each looking every second.

The same value flips for both at the same moment, at phases spread evenly over their seconds, in any order. Ours is the
real daemon polling the endpoint; theirs scrapes a gauge, evaluates a rule and notifies without grouping or delay.
Debian's packages prometheus and prometheus-alertmanager are used where they are installed.

Whoever looks once a second sees a change half a second late in the median, whatever it does then: that is the floor.
Theirs looks twice, at the value and at what it stored, so their median depends on how the two looks happen to lie.
What is ours to be quick at is what follows the look; the time from commit to receipt is taken from the moment that
the store notes for a transition, which is before its commit.
"""

import asyncio
import os
import random
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from watcher.clock import SystemClock
from watcher.core.answer import Answered
from watcher.core.market import Symbol, UsRow
from watcher.serving import served
from watcher.store.store import Store
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app

FLIPS = 30
FLOOR = 0.5
"""Seconds, in the median, of whoever looks once a second."""
SYMBOL = Symbol("US.FLIP")
RULES = """
[channels.hook]
[[rule]]
name = "flip"
symbols = ["US.FLIP"]
when = "short_percent > 50"
notify = ["hook"]
"""
PROMETHEUS = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:%d"]}]}]}
scrape_configs: [{job_name: flip, static_configs: [{targets: ["127.0.0.1:%d"]}]}]
"""
PROMETHEUS_RULES = """
groups: [{name: flip, rules: [{alert: flip, expr: "flip > 50"}]}]
"""
ALERTMANAGER = """
route: {receiver: hook, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:%d/theirs", send_resolved: true}]}]
"""


class Flipping:
    """An archive whose newest row is above the limit after every second `flip`, and a gauge that says the same."""

    def __init__(self) -> None:
        self.as_of = date(2026, 1, 5)
        self.rows = [UsRow(self.as_of, short_percent=10.0)]

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        return Answered(symbol, tuple(self.rows[-count:])) if symbol == SYMBOL else RetCode.INVALID_SYMBOL

    def advance(self) -> date | None:
        self.as_of += timedelta(days=1)
        self.rows.append(UsRow(self.as_of, short_percent=90.0 if len(self.rows) % 2 else 10.0))
        return self.as_of

    def gauge(self, _request: object) -> PlainTextResponse:
        return PlainTextResponse(f"flip {self.rows[-1].short_percent}\n")


class Hook:
    """Takes web hooks, and notes when."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[float]] = {"ours": [], "theirs": []}
        self.received: list[datetime] = []
        hook, clock = self, SystemClock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                who = self.path.strip("/")
                hook.arrived[who].append(time.perf_counter())
                if who == "ours":
                    hook.received.append(clock.now())
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextmanager
def running(*command: str, cwd: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    with Popen(command, cwd=cwd, env=env, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def environment(directory: Path, url: str, hook: Hook) -> dict[str, str]:
    return {
        **os.environ,
        "WATCHER_UPSTREAM__URL": url,
        "WATCHER_UPSTREAM__RATE": "100000/1s",
        "WATCHER_SCHEDULE__EVERY": "1s",
        "WATCHER_STATE": str(directory / "state"),
        "WATCHER_WEB__LISTEN": "off",
        "WATCHER_CHANNELS__HOOK": f"json://127.0.0.1:{hook.port}/ours",
    }


def theirs(stack: ExitStack, directory: Path, gauge_port: int, hook: Hook) -> bool:
    if not shutil.which("prometheus") or not shutil.which("prometheus-alertmanager"):
        return False
    alertmanager_port, prometheus_port = 19093, 19090
    (directory / "prometheus.yml").write_text(PROMETHEUS % (alertmanager_port, gauge_port))
    (directory / "rules.yml").write_text(PROMETHEUS_RULES)
    (directory / "alertmanager.yml").write_text(ALERTMANAGER % hook.port)
    stack.enter_context(
        running(
            "prometheus-alertmanager",
            "--config.file=alertmanager.yml",
            "--storage.path=am",
            "--cluster.listen-address=",
            f"--web.listen-address=127.0.0.1:{alertmanager_port}",
            cwd=directory,
        )
    )
    stack.enter_context(
        running(
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=tsdb",
            f"--web.listen-address=127.0.0.1:{prometheus_port}",
            cwd=directory,
        )
    )
    return True


def since_commit(state: Path, received: list[datetime]) -> list[float]:
    """Seconds from each transition to the receipt of its message, each of which tells one."""
    store = Store.open_beside(state)
    with store.read() as tx:
        stored = sorted(recorded.at for recorded in tx.history.recorded(None, None))
    store.close()
    return [(after - before).total_seconds() for before, after in zip(stored, received, strict=True)]


async def measure() -> tuple[list[float], list[float], list[float]]:
    archive, hook, chance = Flipping(), Hook(), random.Random(7)
    app = create_app(archive)
    gauge = Starlette(routes=[Route("/metrics", archive.gauge)])
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    async with served(app, "127.0.0.1", 0) as url, served(gauge, "127.0.0.1", 0) as gauge_url:
        with TemporaryDirectory(prefix="watcher-bench-") as name, ExitStack() as stack:
            directory = Path(name)
            (directory / "rules.toml").write_text(RULES)
            env = environment(directory, url, hook)
            stack.enter_context(running(sys.executable, "-m", "watcher", "run", cwd=directory, env=env))
            both = theirs(stack, directory, int(gauge_url.rsplit(":", 1)[1]), hook)
            await asyncio.sleep(8)
            for phase in chance.sample(range(FLIPS), FLIPS):
                rest = 1.5 + (phase / FLIPS - time.perf_counter() - 1.5) % 1
                await asyncio.sleep(rest)  # longer than a second, which is how often Alertmanager tells a group
                before = {who: len(times) for who, times in hook.arrived.items()}
                archive.advance()
                flipped = time.perf_counter()
                wanted = ("ours", "theirs") if both else ("ours",)
                for _ in range(1500):
                    if all(len(hook.arrived[who]) > before[who] for who in wanted):
                        break
                    await asyncio.sleep(0.01)
                for who in wanted:
                    if len(hook.arrived[who]) > before[who]:
                        taken[who].append(hook.arrived[who][before[who]] - flipped)
            committed = since_commit(directory / "state", hook.received)
    hook.server.shutdown()
    return taken["ours"], taken["theirs"], committed


def line(who: str, seconds: list[float]) -> str:
    p95 = sorted(seconds)[max(0, int(len(seconds) * 0.95) - 1)]
    median = statistics.median(seconds)
    return f"  {who:26} median {median * 1000:6.0f} ms   p95 {p95 * 1000:6.0f} ms   ({len(seconds)} flips)"


def main() -> None:
    mine, others, committed = asyncio.run(measure())
    print(f"latency: change at upstream to web hook, everybody looking once a second, {FLIPS} flips")
    print(line("watcher", mine))
    print(line("  of it, commit to receipt", committed) + "   (aim: p95 of 50 ms or less)")
    print(f"  {'floor of any such look':26} median {FLOOR * 1000:6.0f} ms")
    if not others:
        print("  prometheus + alertmanager: not measured, they are not installed")
        return
    print(line("prometheus + alertmanager", others))
    theirs = statistics.median(others)
    print(
        f"  ratio of medians           {statistics.median(mine) / theirs:.2f}   "
        f"(aim: 0.5 or less; at best {FLOOR / theirs:.2f} in this run)"
    )
