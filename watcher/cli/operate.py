"""status: how it stands, with the daemon running or not."""

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from watcher.cli.options import Json, Rules, State

if TYPE_CHECKING:
    from watcher.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(status)


def status(rules: Rules = None, state: State = None, as_json: Json = False) -> None:
    """Show the last and next cycle, each symbol's data, loud alerts, the outbox, the rules; exit 1 if not well."""
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
    from watcher.standing import seen_from_outside, standing

    now = SystemClock().now()
    noted, reasons = seen_from_outside(settings, now)
    return standing(settings, noted, reasons, now)


def _print(found: dict[str, object]) -> None:
    from watcher.cli import output

    last, rules, upstream, page = found["cycle"], found["rules"], found["upstream"], found["page"]
    reasons = found["reasons"]
    for reason in reasons if isinstance(reasons, list) else []:
        typer.echo(f"NOT WELL    {reason['check']}: {reason['text']}")
    if isinstance(last, dict):
        ended = output.shown(datetime.fromisoformat(last["ended"]))
        typer.echo(f"last cycle  {ended}: {last['symbols']} symbols, {last['troubled']} of them unanswered")
    else:
        typer.echo("last cycle  none yet")
    typer.echo(f"next cycle  {output.shown(found['next']) or 'not known'}")
    if isinstance(upstream, dict) and upstream["down"]:
        typer.echo(f"upstream    DOWN since {output.shown(upstream['since'])}: {upstream['reason']}")
    if isinstance(rules, dict):
        typer.echo(f"rules       {rules['file']}: {'valid' if rules['valid'] else 'NOT VALID, the last good ones run'}")
        errors = [each for each in rules["problems"] if each["severity"] == "error"]
        for problem in errors[:1]:
            typer.echo(f"            {problem['file']}:{problem['line']}:{problem['column']}: {problem['message']}")
        if rules["refused"] and not errors:
            typer.echo(f"            {rules['refused']}")
    depth = found["outbox"]
    if isinstance(depth, dict):
        counts = ", ".join(f"{count} {status}" for status, count in sorted(depth.items()))
        typer.echo(f"outbox      {counts or 'empty'}")
    if isinstance(page, dict) and (page["url"] or page["fault"]):
        typer.echo(f"page        {page['url'] or page['fault']}")
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
