"""why: why an alert is, or is not, firing."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, Rules, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.core.alert import Alert
    from watcher.core.history import Telling
    from watcher.jobs.explanation import Explanation, PartValue

_SHOWN = 8
"""Rows that are printed; all of them are in --json."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)


def why(
    rule: Annotated[str, typer.Argument(help="Name of a rule.")],
    symbol: Annotated[str, typer.Argument(help="A symbol, such as US.AAPL.")],
    date: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The row of this date; default: the newest.")
    ] = None,
    rules: Rules = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show why an alert is, or is not, firing: the rows, every part of the expression, and why nothing was told."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.jobs.explain import explanation
    from watcher.rulebook import start
    from watcher.store.store import Store

    settings = run_settings.load(rules=rules, state=state)
    begun = start(settings.rules_path, settings.state_directory)
    book = begun.book
    if begun.last_good:
        typer.echo(f"{settings.rules_path} has errors, see `watcher check`: this is by the last good rules", err=True)
    wanted = output.parsed_symbol(symbol)
    if rule not in book.by_name:
        raise output.no_such("rule", rule, book.by_name)
    store = Store.open_beside(settings.state_directory)
    try:
        found = explanation(store, book, book.by_name[rule], wanted, date.date() if date else None)
    finally:
        store.close()
    if as_json:
        output.as_json(_keys(found))
    else:
        for line in _lines(found):
            typer.echo(line)


def _keys(found: "Explanation") -> dict[str, object]:
    return {
        "rule": found.rule.name,
        "symbol": found.symbol,
        "trade_date": found.trade_date,
        "row": found.row._asdict() if found.row else None,
        "rows": [{"date": day, **dict(zip(found.metrics, values, strict=True))} for day, values in found.looked_at],
        "parts": [
            {
                "condition": part.condition,
                "depth": part.depth,
                "text": part.text,
                "value": part.value,
                "unit": part.unit,
            }
            for part in found.parts
        ],
        "decides": found.decides,
        "verdict": found.verdict,
        "before": _alert_keys(found.before),
        "after": _alert_keys(found.after),
        "change": found.change.kind.value if found.change else None,
        "told": [_telling_keys(telling) for telling in found.tellings],
        "reasons": [{"code": reason.code, "text": reason.text} for reason in found.reasons],
    }


def _alert_keys(alert: "Alert | None") -> dict[str, object] | None:
    if alert is None:
        return None
    return {
        "phase": alert.phase.value,
        "since": alert.since,
        "episode": alert.episode,
        "streak": alert.streak,
        "sessions": alert.age,
    }


def _telling_keys(telling: "Telling") -> dict[str, object]:
    notification, delivery = telling.notification, telling.delivery
    return {
        "id": notification.id,
        "channel": notification.channel,
        "status": delivery.word,
        "reason": delivery.reason,
    }


def _lines(found: "Explanation") -> "Iterator[str]":
    dated = "as of" if found.rule.reads_positions_only else "row of"
    yield f"{found.rule.name} on {found.symbol}{f', {dated} {found.trade_date}' if found.trade_date else ''}"
    if found.before is not None and found.after is not None:
        yield from _rows(found)
        yield ""
        yield from _parts(found)
        yield ""
        verdict = {True: "fire", False: "not fire", None: "unknown"}[found.verdict]
        yield f"verdict  {verdict}{f', by {found.decides}' if found.rule.until else ''}"
        yield f"before   {_standing(found.before)}"
        yield f"after    {_standing(found.after)}"
        yield f"change   {found.change.kind.value if found.change else 'none'}"
        for telling in found.tellings:
            notification = telling.notification
            yield f"told     {notification.channel} [{notification.id}] {telling.delivery.word}"
    if found.reasons:
        yield ""
        yield "why not told, or no more:" if found.tellings else "why nothing was told:"
        yield from (f"- {reason.text}" for reason in found.reasons)


def _rows(found: "Explanation") -> "Iterator[str]":
    from watcher.cli.output import columns
    from watcher.core.metrics import METRICS
    from watcher.delivery.figures import figure

    shown = found.looked_at[-_SHOWN:]
    header = ("DATE", *(name.upper() for name in found.metrics))
    cells = [
        (day, *(figure(value, METRICS[name].unit) for name, value in zip(found.metrics, values, strict=True)))
        for day, values in shown
    ]
    yield ""
    yield from columns(header, cells)
    if left := len(found.looked_at) - len(shown):
        yield f"and {left} earlier rows"


def _parts(found: "Explanation") -> "Iterator[str]":
    from watcher.cli.output import columns

    several = found.rule.until is not None
    cells = [
        (part.condition if several and not part.depth else "", f"{'  ' * part.depth}{part.text}", _value(part))
        for part in found.parts
    ]
    yield from columns(("", "PART", "VALUE"), cells) if several else columns(("PART", "VALUE"), [c[1:] for c in cells])


def _value(part: "PartValue") -> str:
    from watcher.delivery.figures import figure

    if part.is_condition:
        return {True: "true", False: "false"}.get(bool(part.value), "") if part.value is not None else "unknown"
    return figure(part.value, part.unit or "")


def _standing(alert: "Alert") -> str:
    since = f" since {alert.since}" if alert.since else ""
    episode = f", episode of {alert.episode}" if alert.episode and alert.episode != alert.since else ""
    return f"{alert.phase.value}{since}{episode}"
