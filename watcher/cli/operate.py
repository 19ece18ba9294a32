"""status: how it stands, with the daemon running or not."""

from typing import TYPE_CHECKING

import typer

from watcher.cli.options import Json, Rules, State

if TYPE_CHECKING:
    from watcher.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(status)


def status(rules: Rules = None, state: State = None, as_json: Json = False) -> None:
    """Show the last cycle, each symbol's data, the alerts that are not quiet, the outbox and the rules."""
    from watcher import settings as run_settings
    from watcher.cli import output

    found = _status(run_settings.load(rules=rules, state=state))
    if as_json:
        output.as_json(found)
    else:
        _print(found)
    raise typer.Exit(0 if found["ready"] else 1)


def _status(settings: "Settings") -> dict[str, object]:
    from watcher.core.book import RuleBook
    from watcher.jobs.status import standings
    from watcher.rulebook import load
    from watcher.rulebook.problem import to_dict
    from watcher.store.store import Store, last_cycle

    loaded = load(settings.rules_path)
    book = loaded.book or RuleBook()
    store = Store.open_beside(settings.state_directory)
    try:
        with store.read() as tx:
            states, depth, loaded_at = tx.rows.states(), tx.outbox.depth(), tx.note("book_at")
        alerts = standings(store, book)
    finally:
        store.close()
    last = last_cycle(settings.state_directory)
    return {
        "ready": last is not None and last.get("troubled") != last.get("symbols"),
        "cycle": last,
        "symbols": [
            {
                "symbol": each.symbol,
                "state": each.state.value,
                "since": each.since,
                "reason": each.reason,
                "trade_date": each.judged,
                "as_of": each.judged_positions,
            }
            for each in sorted(states.values(), key=lambda each: each.symbol)
        ],
        "alerts": [
            {
                "rule": each.alert.rule,
                "symbol": each.alert.symbol,
                "phase": each.alert.phase.value,
                "since": each.alert.since,
                "episode": each.alert.episode,
                "value": each.value,
            }
            for each in alerts
        ],
        "outbox": depth,
        "rules": {
            "file": str(settings.rules_path),
            "loaded_at": loaded_at,
            "valid": loaded.book is not None,
            "problems": [to_dict(problem) for problem in loaded.problems],
        },
    }


def _print(found: dict[str, object]) -> None:

    last, rules = found["cycle"], found["rules"]
    if isinstance(last, dict):
        typer.echo(f"last cycle  {last['ended']}: {last['symbols']} symbols, {last['troubled']} of them unanswered")
    else:
        typer.echo("last cycle  none yet")
    if isinstance(rules, dict):
        typer.echo(f"rules       {rules['file']}: {'valid' if rules['valid'] else 'NOT VALID, see watcher check'}")
    depth = found["outbox"]
    if isinstance(depth, dict):
        counts = ", ".join(f"{count} {status}" for status, count in sorted(depth.items()))
        typer.echo(f"outbox      {counts or 'empty'}")
    typer.echo("")
    _print_table(found["alerts"], "no alert is pending or firing")
    typer.echo("")
    _print_table(found["symbols"], "no symbol was asked for yet")


def _print_table(found: object, nothing: str) -> None:
    from watcher.cli import output

    rows = found if isinstance(found, list) else []
    if not rows:
        typer.echo(nothing)
        return
    output.table([name.upper().replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
