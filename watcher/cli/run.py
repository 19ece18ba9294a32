"""run and poll: the daemon, and one cycle of it."""

import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, Log, LogForm, Rules, State, Symbols

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watcher.core.answer import SymbolState
    from watcher.core.book import RuleBook
    from watcher.core.market import Symbol
    from watcher.jobs.poll import Cycle
    from watcher.settings import Settings
    from watcher.store.store import Store
    from watcher.wiring import Live


_LONG = 5.0
"""Seconds of waiting that a person wants to hear of."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(run)
    app.command()(poll)


def run(rules: Rules = None, state: State = None, log: Log = LogForm.AUTO) -> None:
    """Run the daemon: poll, judge, deliver; until SIGTERM. SIGHUP reads the rules again."""
    import asyncio
    import signal

    from watcher import settings as run_settings
    from watcher.cli.logs import log_to_stderr
    from watcher.daemon import Daemon
    from watcher.errors import ConfigurationError
    from watcher.reloading import Reloading
    from watcher.rulebook import start
    from watcher.wiring import channels, live

    # until the daemon listens to it, it would end the process; the rules are about to be read anyway
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    log_to_stderr(form=log)
    settings = run_settings.load(rules=rules, state=state)

    def lacking(book: "RuleBook") -> str | None:
        try:
            channels(book, settings, sys.stdout)
        except ConfigurationError as error:
            return str(error)
        return None

    begun = start(settings.rules_path, settings.state_directory, lacking)

    async def serve() -> None:
        async with live(settings, begun.book, sys.stdout) as parts:
            reloading = Reloading(parts, settings.rules_path, settings.state_directory, begun)
            await Daemon(parts, reloading, settings.schedule.every).run()

    asyncio.run(serve())


def poll(
    rules: Rules = None,
    state: State = None,
    symbol: Symbols = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Work on a copy of the state: nothing is stored, nothing is sent.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run one complete cycle now, whatever the calendar says: fetch, judge, deliver, exit."""
    import asyncio

    from watcher import settings as run_settings
    from watcher.cli import logs, output
    from watcher.wiring import read_book

    logs.log_to_stderr()
    settings = run_settings.load(rules=rules, state=state)
    book, _ = read_book(settings)
    wanted = output.parsed_symbols(symbol) or list(book.by_symbol)
    for each in wanted:
        if each not in book.by_symbol:
            raise output.no_such("rule on", each, book.by_symbol)
    cycle, told = asyncio.run(_poll(settings, book, wanted, dry_run, quiet=as_json))
    if as_json:
        output.as_json({"symbols": _symbols(cycle), "notifications": told})
    else:
        output.table(
            ("SYMBOL", "STATE", "TRADE DATE", "REASON"),
            [(each["symbol"], each["state"], each["trade_date"], each["reason"]) for each in _symbols(cycle)],
        )
    raise typer.Exit(_exit_code(cycle, told))


async def _poll(
    settings: "Settings", book: "RuleBook", symbols: "list[Symbol]", dry_run: bool, *, quiet: bool
) -> tuple["Cycle", list[dict[str, object]]]:
    import random
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from watcher.cli.output import progress
    from watcher.core.notification import Enqueued
    from watcher.jobs.deliver import deliver
    from watcher.jobs.poll import poll
    from watcher.jobs.recovered import tell_recovered
    from watcher.jobs.take_up import take_up
    from watcher.jobs.tally import Counted
    from watcher.store.store import copy_to
    from watcher.wiring import live, schedule

    async with AsyncExitStack() as stack:
        rehearsal: Path | None = None
        if dry_run:
            rehearsal = Path(stack.enter_context(TemporaryDirectory(prefix="watcher-dry-run-")))
            copy_to(settings.state_directory, rehearsal)
        console = sys.stderr if quiet else sys.stdout
        parts = await stack.enter_async_context(live(settings, book, console, rehearsal))
        began = parts.clock.now()
        await parts.writer(lambda: tell_recovered(parts.store, book, parts.clock.now()))
        taken = await parts.writer(lambda: take_up(parts.store, book, parts.clock.now()))
        away = await parts.writer(lambda: schedule(settings).missed(parts.store.last_cycle_ended(), began))
        if (held := parts.pacing.usage.held) > _LONG:
            typer.echo(f"upstream wants to be left alone for another {held:.0f} s: waiting", err=True)
        with progress("symbols", len(symbols)) as advanced:
            asked = Counted(parts.upstream, lambda _: advanced())
            cycle = await poll(symbols, parts.current_book, asked, parts.store, parts.writer, parts.clock, away=away)
        if symbols == list(book.by_symbol):
            await parts.writer(
                lambda: parts.store.note_cycle(cycle.started, cycle.ended, len(cycle.states), len(cycle.troubled))
            )
        states = await parts.writer(lambda: _states(parts))
        cycle = replace(
            cycle,
            states=tuple(states[symbol] for symbol in symbols),
            notifications=(*map(Enqueued.of, taken), *cycle.notifications),
        )
        status = {}
        if not dry_run:
            await deliver(parts.store, parts.channels, parts.current_book, parts.writer, parts.clock, random.random)
            status = await parts.writer(lambda: _statuses(parts.store, began))
            await parts.upkeep()
        told: list[dict[str, object]] = [
            {
                "id": each.id,
                "kind": each.kind.value,
                "rule": each.rule,
                "symbol": each.symbol,
                "episode": each.episode,
                "trade_date": each.trade_date,
                "channel": each.channel,
                "status": status.get(each.id, "dry_run"),
            }
            for each in cycle.notifications
        ]
        return cycle, told


def _states(parts: "Live") -> "Mapping[Symbol, SymbolState]":
    from watcher.jobs.cycle import states_now
    from watcher.wiring import schedule

    with parts.store.read() as tx:
        return states_now(tx, parts.book.by_symbol, schedule(parts.settings), parts.clock.now())


def _statuses(store: "Store", since: "datetime") -> dict[str, str]:
    with store.read() as tx:
        return {id_: delivery.word for id_, delivery in tx.outbox.deliveries(since).items()}


def _symbols(cycle: "Cycle") -> list[dict[str, object]]:
    return [
        {"symbol": each.symbol, "state": each.state.value, "trade_date": each.judged, "reason": each.reason}
        for each in sorted(cycle.states, key=lambda each: each.symbol)
    ]


def _exit_code(cycle: "Cycle", told: list[dict[str, object]]) -> int:
    """0 fine; 75 if upstream answered for no symbol; 1 if something could not be sent."""
    if cycle.states and len(cycle.troubled) == len(cycle.states):
        return 75
    return int(any(each["status"] in {"pending", "dead"} for each in told))
