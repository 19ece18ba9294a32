"""Polling: 1,000 and 10,000 symbols beside a bare client, one that fails for ever, and whole processes of others."""

import asyncio
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.server import ordinary, serving
from bench.steady import RULES, failing
from bench.whole import loop, urlwatch, urlwatch_in, watcher
from watcher.jobs.poll import ROWS

__all__ = ["RULES", "main"]

FEW, MANY = 1_000, 10_000


def steady(count: int, rounds: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.steady", str(count), str(rounds)], check=True, stdout=subprocess.PIPE, timeout=600
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def scale() -> None:
    print(f"poll: {ROWS} rows asked for, one new, {len(RULES)} rules (medians; both in turn, in one process)")
    measured = []
    for count, rounds in ((FEW, 3), (MANY, 1)):
        found = steady(count, rounds)
        measured.append(found)
        speeds = f"bare httpx {count / found['bare']:5.0f}/s   watcher {count / found['ours']:5.0f}/s"
        print(f"  {count:6} symbols   {speeds}   ratio {found['ratio']:.2f} (CPU {found['cpu_ratio']:.2f})", end="")
        print(f"   peak {found['peak']:.0f} MiB", flush=True)
    few, many = measured
    exponent = math.log(many["cpu"] / few["cpu"]) / math.log(MANY / FEW)
    print(f"  ratio to a bare client     {many['ratio']:8.2f}   (aim: 0.75 or more)")
    print(f"  cost exponent              {exponent:8.3f}   (aim: 1.05 or less; of CPU time)")
    print(f"  peak memory grows by       {many['peak'] / few['peak'] - 1:8.0%}   (aim: 10 % or less)")


def one_fails() -> None:
    with TemporaryDirectory(prefix="watcher-bench-") as directory:
        found = asyncio.run(failing(FEW, 2, Path(directory)))
    print(f"  one of {FEW} never answers: the others within {found['ratio']:.3f} of the time without it   (aim: 1.05)")


def processes(rounds: int = 5) -> None:
    symbols = ordinary(FEW)
    with serving(FEW) as server, TemporaryDirectory(prefix="watcher-bench-") as directory:
        path = Path(directory)
        program = urlwatch_in(path)
        watcher(server, symbols, path)
        if program:
            urlwatch(program, server, symbols, path)
        loops, watches = [], []
        for _ in range(rounds):
            server.advance()
            loop(server, symbols[:1], path)
            mine = watcher(server, symbols, path)
            loops.append([ours / theirs for ours, theirs in zip(mine, loop(server, symbols, path), strict=True)])
            if program:
                theirs = urlwatch(program, server, symbols, path)
                watches.append([ours / other for ours, other in zip(mine, theirs, strict=True)])
    _print_process("a loop of requests.get", loops, 0.65)
    _print_process("urlwatch", watches, 0.33)


def _print_process(other: str, ratios: list[list[float]], aim: float) -> None:
    if not ratios:
        print(f"  whole process beside {other}: not measured, it could not be installed")
        return
    wall, cpu = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"  whole process beside {other}: {wall:.2f} of its wall, {cpu:.2f} of its CPU   (aim: {aim})")


def main() -> None:
    scale()
    one_fails()
    processes()
