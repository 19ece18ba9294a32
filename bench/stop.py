"""Stopping while every receiver but one hangs: SIGTERM to exit, what the one hears meanwhile, and the event loop.

Beside it, in the same run: the exit of a bare interpreter that sleeps, and the longest delay of a bare event loop.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import Awaitable
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from bench.latency import Flipping, Hook, environment
from watcher.cli.logs import log_to_stderr
from watcher.daemon import Daemon
from watcher.delivery.channels import validate_url
from watcher.reloading import Reloading
from watcher.rulebook import read, start
from watcher.serving import served
from watcher.settings import Settings, UpstreamSettings
from watcher.upstream.server import create_app
from watcher.wiring import live

STOPS = 5
HUNG = 8
NAMES = ["hook", *(f"hung{n}" for n in range(HUNG))]
RULES = "".join(f"[channels.{name}]\n" for name in NAMES) + (
    f'[[rule]]\nname = "flip"\nsymbols = ["US.FLIP"]\nwhen = "short_percent > 50"\nnotify = {NAMES}\n'
)


def hung(stack: ExitStack) -> list[str]:
    """URLs of receivers that accept and never answer."""
    listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(HUNG)]
    return [f"json://127.0.0.1:{listener.getsockname()[1]}/" for listener in listeners]


async def met(hook: Hook, count: int) -> float:
    """Seconds until the hook that works has heard `count` messages."""
    began = time.perf_counter()
    while len(hook.arrived["ours"]) < count:
        assert time.perf_counter() - began < 20
        await asyncio.sleep(0.002)
    return time.perf_counter() - began


async def one_stop() -> tuple[float, float]:
    """Seconds until the hook heard of a change while all others hang, and from SIGTERM to the exit."""
    archive, hook = Flipping(), Hook()
    with TemporaryDirectory(prefix="watcher-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        (directory / "rules.toml").write_text(RULES)
        urls = {f"WATCHER_CHANNELS__HUNG{n}": url for n, url in enumerate(hung(stack))}
        async with served(create_app(archive), "127.0.0.1", 0) as url:
            env = environment(directory, url, hook) | urls | {"WATCHER_SCHEDULE__EVERY": "100ms"}
            command = [sys.executable, "-m", "watcher", "run"]
            process = await asyncio.create_subprocess_exec(
                *command, cwd=directory, env=env, stdout=DEVNULL, stderr=DEVNULL
            )
            try:
                await asyncio.sleep(3)
                archive.advance()
                await met(hook, 1)  # from here on all others are busy with a message that is never taken
                archive.advance()
                told = await met(hook, 2)
                process.send_signal(signal.SIGTERM)
                began = time.perf_counter()
                assert await asyncio.wait_for(process.wait(), 20) == 0
                ended = time.perf_counter() - began
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
    hook.server.shutdown()
    return told, ended


def bare_stop() -> float:
    with Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        process.wait()
        return time.perf_counter() - began


async def longest_delay(of: Awaitable[object]) -> float:
    """The longest time for which something held up the event loop while it ran."""
    worst, running = 0.0, asyncio.ensure_future(of)
    while not running.done():
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - before - 0.001)
    await running
    return worst


async def with_the_daemon() -> float:
    archive, hook = Flipping(), Hook()
    with TemporaryDirectory(prefix="watcher-bench-") as name, ExitStack() as stack:
        rules = Path(name) / "rules.toml"
        rules.write_text(RULES)
        loaded = read({rules.name: rules.read_bytes()})
        assert loaded.book is not None, loaded.problems
        urls = dict(zip(NAMES[1:], hung(stack), strict=True)) | {"hook": f"json://127.0.0.1:{hook.port}/ours"}
        async with served(create_app(archive), "127.0.0.1", 0) as url:
            settings = Settings(
                upstream=UpstreamSettings(url=url, rate="100000/1s"),
                state=Path(name),
                channels=urls,  # type: ignore[arg-type]  # pydantic makes secrets of them
            )
            async with live(settings, loaded.book, StringIO()) as parts:
                reloading = Reloading(parts, rules, Path(name), start(rules, Path(name)))
                daemon = Daemon(parts, reloading, timedelta(seconds=0.1))

                async def flip_and_stop() -> None:
                    for flips in range(1, 11):
                        await asyncio.sleep(0.3)
                        archive.advance()
                        await met(hook, flips)
                    os.kill(os.getpid(), signal.SIGTERM)

                running = asyncio.create_task(daemon.run())
                await asyncio.sleep(1)  # what is loaded at the start may take its time
                worst = await longest_delay(asyncio.gather(running, flip_and_stop()))
    hook.server.shutdown()
    return worst


def main() -> None:
    log_to_stderr(logging.ERROR)
    validate_url("json://127.0.0.1")  # loads apprise
    stops = [asyncio.run(one_stop()) for _ in range(STOPS)]
    bare = statistics.median(bare_stop() for _ in range(STOPS))
    delay = asyncio.run(with_the_daemon())
    bare_delay = asyncio.run(longest_delay(asyncio.sleep(5)))
    print(f"stop: {HUNG} receivers that never answer and one that does, {STOPS} stops (worst)")
    print(
        f"  SIGTERM to exit   {max(each for _, each in stops):8.2f} s   (aim: 5 or less; bare interpreter {bare:.2f})"
    )
    print(f"  the one was told  {max(each for each, _ in stops):8.2f} s   (aim: 1 or less, polling every 0.1 s)")
    print(f"  loop held up      {delay * 1000:8.0f} ms  (aim: 50 or less; bare event loop {bare_delay * 1000:.0f})")
