"""Running for years: thousands of cycles, a minute of nothing to do, what a start costs, and ten thousand symbols.

`python -m bench.endurance CYCLES` runs that many cycles in a process of its own, for its memory, and prints one JSON
object. `SECONDS` of idleness begin after the first upkeep, which is a minute after the start.
"""

import asyncio
import json
import logging
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import environment, importing, running
from bench.server import Server, ordinary, serving
from bench.startup import helping, ready
from bench.steady import FAST, rules_text
from watcher.cli.logs import log_to_stderr
from watcher.clock import SystemClock
from watcher.daemon import Daemon
from watcher.reloading import Reloading
from watcher.rulebook import start
from watcher.settings import Settings, UpstreamSettings
from watcher.settings.sections import WebSettings
from watcher.wiring import live

CYCLES, SYMBOLS = 10_000, 100
SAMPLES = 100
CYCLES_A_SESSION = 50
IDLE_SYMBOLS, MANY_SYMBOLS = 1_000, 10_000
UPKEEP_OVER, SECONDS = 75.0, 60.0
SETTINGS = {"UPSTREAM__RATE": FAST, "WEB__LISTEN": "127.0.0.1:0"}

Sample = tuple[int, float, int, int]
"""After so many cycles: MiB, descriptors, threads."""


def sample(cycles: int) -> Sample:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return cycles, int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"])


async def polled(server: Server, directory: Path, cycles: int) -> list[Sample]:
    """Run the daemon, as `watcher run` builds it, for so many cycles; a session is published now and then."""
    rules = directory / "rules.toml"
    rules.write_text(rules_text(ordinary(SYMBOLS)))
    settings = Settings(
        upstream=UpstreamSettings(url=server.url, rate=FAST), state=directory, web=WebSettings(listen="127.0.0.1:0")
    )
    begun = start(rules, directory)
    samples: list[Sample] = []
    async with live(settings, begun.book, StringIO()) as parts:
        daemon = Daemon(parts, Reloading(parts, rules, directory, begun), timedelta(milliseconds=1))
        running = asyncio.create_task(daemon.run())
        done = published = 0
        while done < cycles:
            await asyncio.sleep(0.05)
            assert not running.done(), running
            done = parts.tally.cycles.total()
            parts.console.seek(0)
            parts.console.truncate()
            if done >= (len(samples) + 1) * cycles // SAMPLES:
                samples.append(sample(done))
            if done >= (published + 1) * CYCLES_A_SESSION:
                published += 1
                server.advance()
        daemon.stop()
        await running
    return samples


def slope(samples: list[Sample], cycles: int) -> float:
    """MiB in so many cycles, by least squares over the last nine tenths: what is made at first use is made by then."""
    settled = samples[len(samples) // 10 :]
    count = len(settled)
    mean_x, mean_y = sum(each[0] for each in settled) / count, sum(each[1] for each in settled) / count
    covered = sum((each[0] - mean_x) ** 2 for each in settled)
    return cycles * sum((each[0] - mean_x) * (each[1] - mean_y) for each in settled) / covered


def one_process(cycles: int) -> None:
    log_to_stderr(logging.ERROR)
    with serving(SYMBOLS) as server, TemporaryDirectory(prefix="watcher-bench-") as directory:
        began = time.perf_counter()
        samples = asyncio.run(polled(server, Path(directory), cycles))
        print(json.dumps({"samples": samples, "seconds": time.perf_counter() - began}))


def many_cycles(cycles: int) -> None:
    command = [sys.executable, "-m", "bench.endurance", str(cycles)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    samples = [tuple(each) for each in found["samples"]]
    settled = samples[len(samples) // 10 :]
    print(f"endurance: {cycles} cycles of {SYMBOLS} symbols in {found['seconds']:.0f} s")
    grown = slope(samples, CYCLES)
    print(f"  memory       {grown:+6.2f} MiB in {CYCLES} cycles, of {samples[-1][1]:.0f}   (aim: 1 or less)")
    for name, place in (("descriptors", 2), ("threads", 3)):
        counts = [each[place] for each in settled]
        print(f"  {name:12} {min(counts)} to {max(counts)}, at the end {counts[-1]}   (aim: flat)")


def idle(directory: Path, upkeep_over: float, seconds: float) -> None:
    """The daemon when all that is due is stored, the page listening, the rules watched.

    It was started with its state there, as after any reboot. What the very first fetch of ninety rows of each symbol
    leaves in a process, thirty times as fast as any upstream allows, is told beside it.
    """
    today = SystemClock().now().date()
    (directory / "rules.toml").write_text(rules_text(ordinary(IDLE_SYMBOLS)))
    with serving(IDLE_SYMBOLS, as_of=today) as server:
        settings = SETTINGS | {"UPSTREAM__URL": server.url}
        with running(directory, settings) as daemon:  # writes the bytecode
            daemon.ready()
            daemon.wait_for_cycle(300)
        shutil.rmtree(directory / "state")
        with running(directory, settings) as daemon:
            daemon.ready()
            daemon.wait_for_cycle(300)
            first = daemon.memory()
        with running(directory, settings) as daemon:
            daemon.ready()
            time.sleep(upkeep_over)
            before = daemon.cpu()
            time.sleep(seconds)
            share = (daemon.cpu() - before) / seconds
            memory, modules = daemon.memory(), daemon.modules()
        command, env = importing(modules), environment(directory)
        floor = float(subprocess.run(command, env=env, cwd=directory, check=True, capture_output=True).stdout) / 1024
        print(f"  idle with {IDLE_SYMBOLS} symbols: {share:.3%} of a core over {seconds:.0f} s   (aim: 0.1 % or less)")
        print(f"  memory then  {memory:.0f} MiB, {memory / floor:.2f} of its imports' {floor:.0f}   (aim: 1.1 or less)")
        print(f"               {first:.0f} MiB, {first / floor:.2f}, after the first fetch of each in a new state")
        ours, theirs, ratio = ready(directory, settings)
        print(f"  ready in     {ours:.2f} s, {ratio:.2f} of the {theirs:.2f} that imports take   (aim: 1.3 or less)")


def large(directory: Path) -> None:
    """The most memory that ten thousand symbols take, from the first answer of each on."""
    today = SystemClock().now().date()
    (directory / "rules.toml").write_text(rules_text(ordinary(MANY_SYMBOLS)))
    with (
        serving(MANY_SYMBOLS, as_of=today) as server,
        running(directory, SETTINGS | {"UPSTREAM__URL": server.url}) as daemon,
    ):
        daemon.ready()
        daemon.wait_for_cycle(1200)
        most = daemon.memory("VmHWM")
    print(f"  {MANY_SYMBOLS} symbols  {most:.0f} MiB at most, ninety rows of each fetched   (aim: 150 or less)")


def main(cycles: int = CYCLES, upkeep_over: float = UPKEEP_OVER, seconds: float = SECONDS) -> None:
    many_cycles(cycles)
    with TemporaryDirectory(prefix="watcher-bench-") as directory:
        idle(Path(directory), upkeep_over, seconds)
        ours, bare, ratio = helping(Path(directory))
        print(f"  --help in    {ours:.3f} s, {ratio:.2f} of a bare typer program's {bare:.3f}   (aim: 1.3 or less)")
    with TemporaryDirectory(prefix="watcher-bench-") as directory:
        large(Path(directory))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        one_process(int(sys.argv[1]))
