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
    from watcher.clock import SystemClock
    from watcher.core.book import RuleBook
    from watcher.jobs.asked import circuit
    from watcher.jobs.cycle import states_now
    from watcher.jobs.status import standings
    from watcher.rulebook import last_good, load, read
    from watcher.rulebook.problem import to_dict
    from watcher.store.store import Store, last_cycle
    from watcher.wiring import schedule

    now = SystemClock().now()
    loaded = load(settings.rules_path)
    kept = None if loaded.book else last_good(settings.state_directory)
    book = loaded.book or (read(kept).book if kept else None) or RuleBook()
    store = Store.open_beside(settings.state_directory)
    try:
        with store.read() as tx:
            depth, loaded_at, upstream = tx.outbox.depth(), tx.note("book_at"), circuit(tx)
            # what overrules the calendar overrules what it has to say of rows that are late
            on_time = () if settings.schedule.every else book.by_symbol
            states = states_now(tx, on_time, schedule(settings), now)
        alerts = standings(store, book)
    finally:
        store.close()
    last = last_cycle(settings.state_directory)
    return {
        "ready": last is not None and last["troubled"] != last["symbols"] and not last.get("waiting"),
        "cycle": last,
        "upstream": {
            "down": upstream.down,
            "since": upstream.since if upstream.down else None,
            "reason": upstream.reason if upstream.down else None,
        },
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

    last, rules, upstream = found["cycle"], found["rules"], found["upstream"]
    if isinstance(last, dict):
        typer.echo(f"last cycle  {last['ended']}: {last['symbols']} symbols, {last['troubled']} of them unanswered")
    else:
        typer.echo("last cycle  none yet")
    if isinstance(upstream, dict) and upstream["down"]:
        typer.echo(f"upstream    DOWN since {upstream['since']}: {upstream['reason']}")
    if isinstance(rules, dict):
        typer.echo(f"rules       {rules['file']}: {'valid' if rules['valid'] else 'NOT VALID, the last good ones run'}")
        for problem in [each for each in rules["problems"] if each["severity"] == "error"][:1]:
            typer.echo(f"            {problem['file']}:{problem['line']}:{problem['column']}: {problem['message']}")
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
