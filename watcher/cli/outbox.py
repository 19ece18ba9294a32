"""outbox: what is to be told, and why it is not yet; beside a running daemon."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, State

if TYPE_CHECKING:
    from watcher.core.notification import Entry
    from watcher.jobs.operate import Chosen
    from watcher.store.store import Store

_Ids = Annotated[list[str] | None, typer.Argument(help="Short ids, as messages and `outbox list` show them.")]
_Channel = Annotated[str | None, typer.Option("--channel", help="Those of this channel.")]
_HEADER = ("ID", "STATUS", "CHANNEL", "KIND", "RULE", "SYMBOL", "EPISODE", "DUE", "ATTEMPTS", "WHY")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    family = typer.Typer(help="What is to be told: list, retry, drop.", no_args_is_help=True)
    family.command("list")(list_)
    family.command()(retry)
    family.command()(drop)
    app.add_typer(family, name="outbox")


def list_(
    channel: _Channel = None,
    every: Annotated[bool, typer.Option("--all", help="What was sent or dropped, too.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show what is pending, held, on its way or given up, and why."""
    from watcher import settings as run_settings
    from watcher.core.outbox import Status
    from watcher.store.store import Store

    store = Store.open_beside(run_settings.load(state=state).state_directory)
    try:
        with store.read() as tx:
            entries = tx.outbox.entries()
    finally:
        store.close()
    over = () if every else (Status.SENT, Status.DROPPED)
    _show(
        [
            entry
            for entry in entries
            if entry.delivery.status not in over and channel in (None, entry.notification.channel)
        ],
        "nothing waits to be told",
        as_json=as_json,
    )


def retry(ids: _Ids = None, channel: _Channel = None, state: State = None, as_json: Json = False) -> None:
    """Attempt at once what is pending or given up, for another 48 hours; what was dropped, only by its id."""
    from watcher.clock import SystemClock
    from watcher.jobs import operate

    now = SystemClock().now()
    _change(ids, channel, state, lambda store, chosen: operate.retry(store, chosen, now), as_json=as_json)


def drop(ids: _Ids = None, channel: _Channel = None, state: State = None, as_json: Json = False) -> None:
    """Never tell what is pending or given up."""
    from watcher.jobs import operate

    _change(ids, channel, state, operate.drop, as_json=as_json)


def _change(
    ids: list[str] | None,
    channel: str | None,
    state: State,
    change: "Callable[[Store, Chosen], list[Entry]]",
    *,
    as_json: bool,
) -> None:
    from watcher import settings as run_settings
    from watcher.errors import WatcherError
    from watcher.jobs.operate import Chosen
    from watcher.store.store import Store

    if not ids and channel is None:
        raise typer.BadParameter("give the ids of notifications, or --channel NAME for all of a channel")
    wanted = frozenset(each.strip("[]").lower() for each in ids or ())
    store = Store.open_beside(run_settings.load(state=state).state_directory, writes=True)
    try:
        changed = change(store, Chosen(wanted, channel))
    finally:
        store.close()
    _show(changed, "there was nothing to change", as_json=as_json)
    left = wanted - {entry.notification.id for entry in changed}
    if left:
        raise WatcherError(f"not changed, for they are unknown, sent or on their way: {', '.join(sorted(left))}")


def _show(entries: "Sequence[Entry]", nothing: str, *, as_json: bool) -> None:
    from watcher.cli import output

    if as_json:
        output.as_json([_as_json(entry) for entry in entries])
    elif not entries:
        typer.echo(nothing)
    else:
        output.table(_HEADER, [_row(entry) for entry in entries])


def _as_json(entry: "Entry") -> dict[str, object]:
    told, delivery = entry.notification, entry.delivery
    return {
        "id": told.id,
        "status": delivery.word,
        "channel": told.channel,
        "kind": told.kind.value,
        "rule": told.rule,
        "symbol": told.symbol,
        "episode": told.episode,
        "trade_date": told.trade_date,
        "due": delivery.due,
        "attempts": delivery.attempts,
        "unknowns": delivery.unknowns,
        "first_attempt": delivery.first_attempt,
        "reason": delivery.reason,
        "held": delivery.held,
        "claimed_by": delivery.claimed_by,
        "instead_of": told.instead_of,
    }


def _row(entry: "Entry") -> tuple[object, ...]:
    told, delivery = entry.notification, entry.delivery
    why = delivery.held or delivery.reason or (delivery.claimed_by and f"on its way, by {delivery.claimed_by}")
    due = f"{delivery.due:%Y-%m-%d %H:%M:%S}" if delivery.due else None
    key = (told.kind.value, told.rule, told.symbol, told.episode)
    return (told.id, delivery.word, told.channel, *key, due, delivery.attempts, why)
