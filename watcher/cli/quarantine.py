"""quarantine: rows refused as implausible, and how to have one judged all the same."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, State

if TYPE_CHECKING:
    from watcher.core.quarantine import Held


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    family = typer.Typer(help="Rows refused as implausible: list, release.", no_args_is_help=True)
    family.command("list")(list_)
    family.command()(release)
    app.add_typer(family, name="quarantine")


def list_(
    state: State = None,
    every: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show the rows that are refused, what is wrong with each, and since when it is held."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.store.store import Store

    store = Store.open_beside(run_settings.load(state=state).state_directory)
    try:
        with store.read() as tx:
            entries = [held for held in tx.quarantine.entries() if every or held.released_at is None]
    finally:
        store.close()
    if as_json:
        output.as_json([_as_json(held) for held in entries])
        return
    if not entries:
        typer.echo("nothing is quarantined")
        return
    output.table(
        ("SYMBOL", "KIND", "DATE", "CONTENT", "STATE", "SINCE", "REASON"),
        [
            (
                held.symbol,
                held.quarantined.kind,
                held.quarantined.on_date,
                held.quarantined.content,
                "held" if held.released_at is None else "released",
                f"{held.released_at or held.seen_at:%Y-%m-%d %H:%M}",
                held.quarantined.reason if held.released_at is None else held.why,
            )
            for held in entries
        ],
    )


def release(
    symbol: Annotated[str, typer.Argument(help="Its symbol, as US.AAPL.")],
    on_date: Annotated[
        datetime, typer.Argument(metavar="DATE", formats=["%Y-%m-%d"], help="Its date, as the list shows it.")
    ],
    why: Annotated[str, typer.Option(help="Why it is as published after all; kept with it.")],
    content: Annotated[
        str | None, typer.Option(help="Which one, as the list shows it, where several of that date are held.")
    ] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Take a refused row as published: the next poll that is answered with it stores and judges it.

    It is its content that is accepted: should other implausible values come for that date, they are refused again.
    """
    from zoneinfo import ZoneInfo

    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.core.quarantine import chosen
    from watcher.store.store import Store

    wanted = output.parsed_symbol(symbol)
    why = why.strip()
    if not why:
        raise typer.BadParameter("--why: say why, for whoever asks later")
    now = SystemClock().now()
    today = now.astimezone(ZoneInfo(wanted.market.zone)).date()
    store = Store.open_beside(run_settings.load(state=state).state_directory, writes=True)
    try:
        with store.write() as tx:
            held = chosen(wanted, tx.quarantine.entries([wanted]), on_date.date(), content, today)
            if held.released_at is None:
                tx.quarantine.release(held, why, now)
    finally:
        store.close()
    before = held.released_at
    if as_json:
        output.as_json(_as_json(held if before else replace(held, released_at=now, why=why)))
        return
    what = f"{wanted}: the {held.quarantined.kind} of {held.quarantined.on_date} ({held.quarantined.reason})"
    if before is not None:
        typer.echo(f"{what} was released on {before:%Y-%m-%d} already: {held.why}")
        return
    typer.echo(f"{what} is released: the next poll that is answered with it stores and judges it.")


def _as_json(held: "Held") -> dict[str, object]:
    quarantined = held.quarantined
    return {
        "symbol": held.symbol,
        "kind": quarantined.kind,
        "date": quarantined.on_date,
        "content": quarantined.content,
        "state": "held" if held.released_at is None else "released",
        "reason": quarantined.reason,
        "seen_at": held.seen_at,
        "released_at": held.released_at,
        "why": held.why,
        "values": dict(zip(quarantined.row._fields[1:], quarantined.row[1:], strict=True)),
    }
