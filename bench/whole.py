"""Whole processes that ask for the same symbols once: ours, a loop of `requests.get`, and urlwatch."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.server import Server
from bench.steady import FAST, RULES
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


def timed(command: Sequence[str | Path], environment: Mapping[str, str], cwd: Path) -> tuple[float, float]:
    """Return wall and CPU seconds of a process that ends well, those it starts included."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, env=dict(environment), cwd=cwd, check=True, capture_output=True, timeout=300)
    wall, after = time.perf_counter() - began, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def environment(server: Server, directory: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WATCHER_")},
        "WATCHER_UPSTREAM__URL": server.url,
        "WATCHER_UPSTREAM__RATE": FAST,
        "WATCHER_STATE": str(directory / "state"),
    }


def watcher(server: Server, symbols: Sequence[Symbol], directory: Path) -> tuple[float, float]:
    """`watcher poll` with ten rules, a state in which all rows but the newest are known; its console prints."""
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    rules = "".join(
        f'[[rule]]\nname = "rule-{n}"\nsymbols = ["all"]\nwhen = "{when}"\n' for n, when in enumerate(RULES)
    )
    (directory / "rules.toml").write_text(f"[lists]\nall = [{names}]\n{rules}")
    return timed([sys.executable, "-m", "watcher", "poll"], environment(server, directory), directory)


def loop(server: Server, symbols: Sequence[Symbol], directory: Path) -> tuple[float, float]:
    """What a person writes first: ask, parse, throw away."""
    command = [sys.executable, "-c", LOOP, server.url + PATH, str(ROWS), *symbols]
    return timed(command, environment(server, directory), directory)


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
    own = environment(server, directory) | {"HOME": str(directory)}
    kept = ["--config", "urlwatch.yaml", "--hooks", "hooks.py", "--cache", "cache.db"]
    command = [program, "--urls", "urls.yaml", *kept]
    (directory / "urlwatch.yaml").touch()
    return timed(command, own, directory)
