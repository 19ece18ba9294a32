"""demo: everything on one machine, no network, no configuration."""

import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from watcher.upstream.simulator import SimulatedArchive
    from watcher.wiring import Live

_RULES = Path(__file__).parent.parent / "demo.toml"
_BEGIN = date(2025, 6, 30)
"""The demo is of the past, whatever the day: no row can be of the future, and every run shows the same market."""
_END = date(2026, 6, 30)
_MOST_SESSIONS = 240
_PORT = 8780
_EVERY = timedelta(seconds=1)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Run the sessions as fast as possible, sum up, exit.")] = False,
    sessions: Annotated[int, typer.Option(min=1, max=_MOST_SESSIONS, help="How many, with --once.")] = 60,
    seed: Annotated[int, typer.Option(help="Which market; the same seed is the same market.")] = 7,
    advance: Annotated[str, typer.Option(metavar="DURATION", help="Publish a session so often.")] = "2s",
    as_json: Annotated[bool, typer.Option("--json", help="With --once: sum up in one JSON value.")] = False,
) -> None:
    """Watch a simulated market: a real server, real HTTP, the real daemon; alerts appear within seconds."""
    import asyncio
    import logging

    from watcher.cli.logs import log_to_stderr
    from watcher.settings import duration

    try:
        every = duration(advance)
    except ValueError as error:
        raise typer.BadParameter(f"--advance: {error}") from None
    if as_json and not once:
        raise typer.BadParameter("--json goes with --once")
    log_to_stderr(logging.WARNING)
    asyncio.run(_once(seed, sessions, as_json) if once else _live(seed, every))


@contextlib.asynccontextmanager
async def _parts(
    seed: int, listen: str = "off", *, quiet: bool = False
) -> AsyncIterator[tuple["SimulatedArchive", "Live"]]:
    from tempfile import TemporaryDirectory

    from watcher.rulebook import load
    from watcher.serving import served
    from watcher.settings import ScheduleSettings, Settings, UpstreamSettings, WebSettings
    from watcher.simulation import simulated
    from watcher.upstream.server import create_app
    from watcher.wiring import live

    archive = simulated(seed, _BEGIN, _END)
    loaded = load(_RULES)
    assert loaded.book is not None  # noqa: S101 - it comes with the program, and a test loads it
    with TemporaryDirectory(prefix="watcher-demo-") as state:
        async with served(create_app(archive), "127.0.0.1", 0) as url:
            upstream = UpstreamSettings(url=url, rate="100000/1s")  # it is ours, and in no hurry
            settings = Settings.model_construct(
                rules=_RULES,
                state=Path(state),
                upstream=upstream,
                schedule=ScheduleSettings(every=_EVERY),  # no calendar: sessions are published when they are
                web=WebSettings(listen=listen),
            )
            async with live(settings, loaded.book, sys.stderr if quiet else sys.stdout) as parts:
                yield archive, parts


async def _once(seed: int, sessions: int, as_json: bool) -> None:
    import random

    from watcher.cli import output
    from watcher.jobs.deliver import deliver
    from watcher.jobs.poll import poll
    from watcher.jobs.take_up import take_up

    told: Counter[str] = Counter()
    async with _parts(seed, quiet=as_json) as (archive, parts):
        symbols = list(parts.book.by_symbol)
        await parts.writer(lambda: take_up(parts.store, parts.book, parts.clock.now()))
        with output.progress("sessions", sessions) as advanced:
            for _ in range(sessions):
                archive.advance()
                cycle = await poll(symbols, parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock)
                await deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, random.random)
                told.update(each.kind.value for each in cycle.notifications)
                advanced()
        firing = await parts.writer(lambda: _firing(parts))
    if as_json:
        output.as_json(
            {"sessions": sessions, "symbols": len(symbols), "as_of": archive.as_of, "told": told, "firing": firing}
        )
        return
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(told.items())) or "nothing"
    typer.echo(f"\n{sessions} sessions of {len(symbols)} symbols, up to {archive.as_of}. Told: {counts}.")
    typer.echo(f"Still firing: {', '.join(firing) or 'nothing'}.")


def _firing(parts: "Live") -> list[str]:
    with parts.store.read() as tx:
        alerts = [alert for of_symbol in tx.alerts.of().values() for alert in of_symbol.values()]
    return sorted(f"{alert.symbol} {alert.rule} since {alert.episode}" for alert in alerts if alert.firing)


async def _live(seed: int, every: timedelta) -> None:
    import asyncio

    from watcher.daemon import Daemon
    from watcher.reloading import Reloading
    from watcher.rulebook import start

    port = _free_port()
    async with _parts(seed, f"127.0.0.1:{port}") as (archive, parts):
        typer.echo(f"A simulated market, a session every {every.total_seconds():g} s. Ctrl-C ends it.")
        instead = "" if port == _PORT else f" ({_PORT} is taken)"
        typer.echo(f"The page: http://127.0.0.1:{port}/{instead}\n")

        async def publish() -> None:
            while True:
                await asyncio.sleep(every.total_seconds())
                if archive.advance() is None:
                    return

        publishing = asyncio.create_task(publish())
        try:
            state = parts.settings.state_directory
            await Daemon(parts, Reloading(parts, _RULES, state, start(_RULES, state)), _EVERY).run()
        finally:
            publishing.cancel()


def _free_port() -> int:
    """Return the port of the page: the usual one, or another where somebody listens there."""
    import socket

    for port in (_PORT, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            free: int = listener.getsockname()[1]
            return free
    return _PORT  # the daemon says why nobody can listen there
