"""upstream: the endpoint as a server, from recorded answers or a simulated market."""

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import asyncio
    from datetime import timedelta

    from watcher.upstream.pacing import Rate
    from watcher.upstream.scenario import Scenario
    from watcher.upstream.server import Archive


_SCENARIO = """A scenario is a TOML file of tables, each with `symbols`: a list of symbols, HK.*, US.* or * (default).

\b
[[fault]]                     # of several that match a request, the first counts
symbols  = ["US.TSLA"]
sessions = [2025-07-03]       # while this is the newest session; default: always
first    = 2                  # the first 2 requests of a symbol and session; default: all
delay    = "3s"               # before the answer
status   = 503                # HTTP status
headers  = { Retry-After = "7" }
drip     = "1s"               # a byte so often
ret_code = -11                # and one of these three: a refusal,
message  = "retry after 7s"
body     = "any text"         # any text,
broken   = "cut"              # or cut, empty, html, nan, nested, large, gzip, hang_up

\b
[[revision]]                  # a row that is published again, otherwise
symbols    = ["US.TSLA"]
trade_date = 2025-07-01       # the row
session    = 2025-07-03       # with which it comes
values     = { total_shares_short = 50_000_000 }

\b
[[late]]                      # a row that comes late
symbols     = ["HK.00700"]
trade_dates = [2025-07-02]    # default: every newest row
requests    = 3               # after being asked for 3 times; or: sessions = 1
"""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=_SCENARIO)(upstream)


def upstream(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")] = 8700,
    rows: Annotated[Path | None, typer.Option(help="Serve the recorded answers, SYMBOL.json, of a directory.")] = None,
    simulate: Annotated[int | None, typer.Option(metavar="SEED", help="Serve a simulated market.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Rows after this date are not published yet.")
    ] = None,
    advance: Annotated[str | None, typer.Option(metavar="DURATION", help="Publish a session so often: 2s.")] = None,
    scenario: Annotated[Path | None, typer.Option(help="Misbehave as this file says, see below.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Refuse who asks more often than so: 30/30s.")
    ] = None,
) -> None:
    """Serve the daily short volume endpoint on the loopback interface, to try rules and watcher against."""
    import asyncio

    from watcher.errors import ConfigurationError
    from watcher.settings import duration
    from watcher.upstream.pacing import Rate
    from watcher.upstream.scenario import read

    if (rows is None) == (simulate is None):
        raise typer.BadParameter("give either --rows DIR or --simulate SEED")
    try:
        every = duration(advance) if advance is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"--advance: {error}") from None
    try:
        allowed = Rate.parse(rate) if rate is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"--rate: {error}") from None
    try:
        archive = _archive(rows, simulate, as_of)
        misbehaviour = read(scenario) if scenario is not None else None
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    asyncio.run(_serve(archive, port, every, misbehaviour, allowed))


def _archive(rows: Path | None, seed: int | None, as_of: datetime | None) -> "Archive":
    until = as_of.date() if as_of else None
    if rows is not None:
        from watcher.upstream.recorded import RecordedArchive

        return RecordedArchive(rows, until)
    from watcher.clock import SystemClock
    from watcher.simulation import simulated
    from watcher.upstream.plausible import EARLIEST

    if until is not None and until < EARLIEST:
        raise typer.BadParameter(f"--as-of: nothing was published before {EARLIEST}")
    today = SystemClock().now().date()
    return simulated(seed or 0, until or today, max(today, until or today))


async def _serve(
    archive: "Archive", port: int, every: "timedelta | None", scenario: "Scenario | None", allowed: "Rate | None"
) -> None:
    import asyncio

    from watcher.clock import SystemClock
    from watcher.errors import ConfigurationError
    from watcher.serving import served
    from watcher.upstream.limit import Limit
    from watcher.upstream.server import create_app

    limit = Limit(allowed, SystemClock().monotonic) if allowed is not None else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with served(create_app(archive, None, scenario, limit), "127.0.0.1", port) as url:
            print(f"{url}: rows up to {archive.as_of}", file=sys.stderr, flush=True)  # noqa: T201
            typer.echo(url)
            sys.stdout.flush()
            if every is not None:
                await _advance(archive, every.total_seconds(), stop)
            await stop.wait()
    except OSError as error:
        raise ConfigurationError(f"port {port}: {error.strerror}") from None


async def _advance(archive: "Archive", seconds: float, stop: "asyncio.Event") -> None:
    import asyncio

    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            session = archive.advance()
            print(session or "no further session", file=sys.stderr, flush=True)  # noqa: T201
            if session is None:
                return
