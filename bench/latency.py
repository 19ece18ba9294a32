"""From a change at upstream to the web hook: the watcher beside Prometheus and Alertmanager, each looking every second.

The same value flips for both at the same moment, at a random phase of their seconds. Ours is the real daemon polling
the endpoint; theirs scrapes a gauge, evaluates a rule and notifies without grouping or delay. Debian's packages
prometheus and prometheus-alertmanager are used where they are installed.
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
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from watcher.core.answer import Answered
from watcher.core.market import Symbol, UsRow
from watcher.serving import served
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app

FLIPS = 20
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
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.arrived[self.path.strip("/")].append(time.perf_counter())
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


async def measure() -> tuple[list[float], list[float]]:
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
            for _ in range(FLIPS):
                await asyncio.sleep(chance.uniform(0, 1))
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
    hook.server.shutdown()
    return taken["ours"], taken["theirs"]


def line(who: str, seconds: list[float]) -> str:
    p95 = sorted(seconds)[max(0, int(len(seconds) * 0.95) - 1)]
    median = statistics.median(seconds)
    return f"  {who:26} median {median * 1000:6.0f} ms   p95 {p95 * 1000:6.0f} ms   ({len(seconds)} flips)"


def main() -> None:
    mine, others = asyncio.run(measure())
    print(f"latency: change at upstream to web hook, everybody looking once a second, {FLIPS} flips")
    print(line("watcher", mine))
    if not others:
        print("  prometheus + alertmanager: not measured, they are not installed")
        return
    print(line("prometheus + alertmanager", others))
    print(
        f"  ratio of medians           {statistics.median(mine) / statistics.median(others):.2f}   (aim: 0.5 or less)"
    )
