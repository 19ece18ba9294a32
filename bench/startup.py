"""Starting: `watcher --help` beside a bare typer program, and READY beside a process that imports the same.

The import floor of the daemon is an interpreter that imports whatever of others the daemon has imported when it says
READY, and none of our own modules: what is above it is ours.
"""

import statistics
import sys
from pathlib import Path

from bench.processes import environment, importing, running, timed

BARE = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None)
@app.command()
def one(name: str = "x") -> None:
    "The one."
@app.command()
def other(name: str = "x") -> None:
    "The other."
app()
"""
"""Without what costs most, as ours is: typer's boxes and colours, and its completion."""
TURNS = 9


def helping(directory: Path, turns: int = TURNS) -> tuple[float, float, float]:
    """Wall seconds of `watcher --help` and of the bare program's, and their ratio (medians)."""
    env = environment(directory)
    ours, bare = [sys.executable, "-m", "watcher", "--help"], [sys.executable, "-c", BARE, "--help"]
    timed(ours, env, directory), timed(bare, env, directory)
    times = [(timed(ours, env, directory)[0], timed(bare, env, directory)[0]) for _ in range(turns)]
    return _medians(times)


def ready(directory: Path, settings: dict[str, str], turns: int = TURNS) -> tuple[float, float, float]:
    """Wall seconds until READY and of the import floor, and their ratio (medians)."""
    with running(directory, settings) as daemon:
        daemon.ready()
        floor = importing([name for name in daemon.modules() if name.split(".")[0] != "watcher"])
    timed(floor, environment(directory), directory)
    times = []
    for _ in range(turns):
        with running(directory, settings) as daemon:
            seconds = daemon.ready()
        times.append((seconds, timed(floor, environment(directory), directory)[0]))
    return _medians(times)


def _medians(times: list[tuple[float, float]]) -> tuple[float, float, float]:
    ours, theirs = (statistics.median(each) for each in zip(*times, strict=True))
    return ours, theirs, statistics.median(mine / other for mine, other in times)
