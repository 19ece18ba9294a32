"""Whole processes that ask for the same symbols once: ours, a loop of `requests.get`, and urlwatch."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.processes import environment, timed
from bench.server import Server
from bench.steady import FAST, rules_text
from watcher.core.market import Symbol
from watcher.jobs.poll import ROWS
from watcher.upstream.server import PATH

LOOP = """
import sys, requests
url, count, *symbols = sys.argv[1:]
for symbol in symbols:
    answer = requests.get(url.replace("{symbol}", symbol), params={"count": count}, timeout=10)
    assert answer.json()["ret_code"] == 0
"""


def settings(server: Server, directory: Path) -> dict[str, str]:
    return environment(directory, UPSTREAM__URL=server.url, UPSTREAM__RATE=FAST)


def watcher(server: Server, symbols: Sequence[Symbol], directory: Path) -> tuple[float, float]:
    """`watcher poll` with ten rules, a state in which all rows but the newest are known; its console prints."""
    (directory / "rules.toml").write_text(rules_text(symbols))
    return timed([sys.executable, "-m", "watcher", "poll"], settings(server, directory), directory)


def loop(server: Server, symbols: Sequence[Symbol], directory: Path) -> tuple[float, float]:
    """What a person writes first: ask, parse, throw away."""
    command = [sys.executable, "-c", LOOP, server.url + PATH, str(ROWS), *symbols]
    return timed(command, settings(server, directory), directory)


def urlwatch_in(directory: Path) -> Path | None:
    """Return urlwatch, installed into an environment of its own; None where that is not to be had."""
    venv = directory / "venv"
    python = venv / "bin" / "python"
    install = [sys.executable, "-m", "pip"] if _has_pip() else ["python3", "-m", "pip"]
    try:
        for command in (
            [sys.executable, "-m", "venv", "--without-pip", str(venv)],
            [*install, "--python", str(python), "install", "--quiet", "--disable-pip-version-check", "urlwatch"],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=90)
    except (OSError, subprocess.SubprocessError):
        return None
    return venv / "bin" / "urlwatch"


def _has_pip() -> bool:
    return subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0


def urlwatch(program: Path, server: Server, symbols: Sequence[Symbol], directory: Path) -> tuple[float, float]:
    """It fetches, compares with what it kept, and prints what changed."""
    jobs = "---\n".join(f"url: {server.url}{PATH.format(symbol=symbol)}?count={ROWS}\n" for symbol in symbols)
    (directory / "urls.yaml").write_text(jobs)
    own = settings(server, directory) | {"HOME": str(directory)}
    kept = ["--config", "urlwatch.yaml", "--hooks", "hooks.py", "--cache", "cache.db"]
    command = [program, "--urls", "urls.yaml", *kept]
    (directory / "urlwatch.yaml").touch()
    return timed(command, own, directory)
