"""silence and ack: what is not to be told for a while; beside a running daemon."""

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, State

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.core.silence import Silence

_HEADER = ("ID", "SYMBOLS", "RULES", "SEVERITIES", "UNTIL", "WHY")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    family = typer.Typer(help="What is not told for a while: add, list, end.", no_args_is_help=True)
    family.command()(add)
    family.command("list")(list_)
    family.command()(end)
    app.add_typer(family, name="silence")
    app.command()(ack)


def add(
    lasts: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 3d; 30d at most.")],
    why: Annotated[str, typer.Option(help="Why; whoever finds it wants to know.")],
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", help="This symbol, or HK.*, US.*; may be repeated.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="This rule; may be repeated.")] = None,
    severity: Annotated[
        list[str] | None, typer.Option("--severity", help="info, warning or critical; may be repeated.")
    ] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Tell nothing of alerts that fit all of these, until it ends; what fires then is told then."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.core.rule import Severity
    from watcher.core.silence import Silence
    from watcher.jobs.operate import add_silence
    from watcher.rulebook import load
    from watcher.settings import duration
    from watcher.store.store import Store

    try:
        severities = [Severity(each) for each in severity or ()]
        silence = Silence.asked(symbol or (), rule or (), severities, duration(lasts), why, SystemClock().now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    settings = run_settings.load(state=state)
    store = Store.open_beside(settings.state_directory, writes=True)
    try:
        add_silence(store, silence)
    finally:
        store.close()
    book = load(settings.rules_path).book
    for name in silence.rules:
        if book is not None and name not in book.by_name:
            typer.echo(f"there is no rule {name!r} now; the silence waits for one", err=True)
    if as_json:
        output.as_json(_as_json(silence))
    else:
        typer.echo(f"silence {silence.id} until {_minute(silence.ends)}")


def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show the silences in force."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.store.store import Store

    store = Store.open_beside(run_settings.load(state=state).state_directory)
    try:
        with store.read() as tx:
            silences = tx.silences.all(None if every else SystemClock().now())
    finally:
        store.close()
    if as_json:
        output.as_json([_as_json(each) for each in silences])
    elif not silences:
        typer.echo("nothing is silenced")
    else:
        output.table(_HEADER, [_row(each) for each in silences])


def end(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As `silence list` shows it.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """End a silence now; what it held of alerts that still fire is told."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.jobs.operate import end_silence
    from watcher.store.store import Store

    store = Store.open_beside(run_settings.load(state=state).state_directory, writes=True)
    try:
        silence = end_silence(store, silence_id.lower(), SystemClock().now())
    finally:
        store.close()
    if as_json:
        output.as_json(_as_json(silence))
    else:
        typer.echo(f"silence {silence.id} is over")


def ack(
    rule: Annotated[str, typer.Argument(help="The rule.")],
    symbol: Annotated[str, typer.Argument(help="The symbol it fires on.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """Acknowledge an alert that fires: nothing is told of its episode any more, but its end."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.clock import SystemClock
    from watcher.core.market import Symbol
    from watcher.jobs.operate import acknowledge
    from watcher.store.store import Store

    try:
        of = Symbol.parse(symbol)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    store = Store.open_beside(run_settings.load(state=state).state_directory, writes=True)
    try:
        made = acknowledge(store, rule, of, SystemClock().now())
    finally:
        store.close()
    if as_json:
        output.as_json({"rule": made.rule, "symbol": made.symbol, "episode": made.episode, "at": made.at})
    else:
        typer.echo(f"{made.rule} on {made.symbol}, firing since {made.episode}: quiet until it ends")


def _as_json(silence: "Silence") -> dict[str, object]:
    return {
        "id": silence.id,
        "symbols": silence.symbols,
        "rules": silence.rules,
        "severities": silence.severities,
        "starts": silence.starts,
        "ends": silence.ends,
        "why": silence.why,
    }


def _row(silence: "Silence") -> tuple[object, ...]:
    named = (silence.symbols, silence.rules, silence.severities)
    return (silence.id, *(" ".join(each) or "any" for each in named), _minute(silence.ends), silence.why)


def _minute(moment: "datetime") -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
