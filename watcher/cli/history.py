"""history: episodes, who was told of them, and every attempt to tell it."""

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, State, Symbols

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.core.history import PastEpisode, Recorded, Telling

_Named = Annotated[list[str] | None, typer.Option("--rule", help="Only this rule; may be repeated.")]
_Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only what was heard of since: 2026-06-05, or 3d.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(history)


def history(
    symbol: Symbols = None, rule: _Named = None, since: _Since = None, state: State = None, as_json: Json = False
) -> None:
    """Show episodes with their transitions, the notifications of each, and every attempt; the newest last."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.jobs.history import history
    from watcher.store.store import Store

    moment, symbols = _moment(since), output.parsed_symbols(symbol)
    store = Store.open_beside(run_settings.load(state=state).state_directory)
    try:
        episodes = history(store, symbols, rule, moment)
    finally:
        store.close()
    if as_json:
        output.as_json([_as_json(episode) for episode in episodes])
        return
    for episode in episodes:
        _print(episode)
    if not episodes:
        typer.echo("nothing was recorded")


def _moment(text: str | None) -> "datetime | None":
    from datetime import UTC, datetime

    from watcher.clock import SystemClock
    from watcher.settings import duration

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return SystemClock().now() - duration(text)
        except ValueError as error:
            raise typer.BadParameter(f"--since is a date, 2026-06-05, or a duration, 3d: {error}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as_json(episode: "PastEpisode") -> dict[str, object]:
    return {
        "rule": episode.rule,
        "symbol": episode.symbol,
        "episode": episode.episode,
        "transitions": [
            {
                "number": each.report.number,
                "kind": each.report.kind.value,
                "trade_date": each.report.trade_date,
                "at": each.at,
                "severity": each.report.severity.value,
                "value": each.report.facts.value,
                "limit": each.report.facts.limit,
                "note": each.report.note,
                "text": each.report.facts.text,
                "notifications": [_telling(telling) for telling in each.tellings],
            }
            for each in episode.transitions
        ],
    }


def _telling(telling: "Telling") -> dict[str, object]:
    return {
        "id": telling.notification.id,
        "channel": telling.notification.channel,
        "instead_of": telling.notification.instead_of,
        "status": telling.delivery.word,
        "reason": telling.delivery.reason,
        "due": telling.delivery.due,
        "attempts": [
            {"at": each.at, "outcome": each.outcome, "reason": each.reason, "message": each.message}
            for each in telling.attempts
        ],
    }


def _print(episode: "PastEpisode") -> None:
    typer.echo(f"{episode.symbol} {episode.rule} {episode.episode}")
    for each in episode.transitions:
        typer.echo(f"  {each.report.trade_date} {_said(each)}")
        for telling in each.tellings:
            told, delivery = telling.notification, telling.delivery
            typer.echo(f"    [{told.id}] {told.channel}: {_joined(delivery.word, delivery.reason)}")
            for attempt in telling.attempts:
                made = f"attempt {attempt.number} {attempt.at:%Y-%m-%d %H:%M:%S} UTC"
                typer.echo(f"      {made}: {_joined(attempt.outcome, attempt.reason)}, message {attempt.message}")


def _said(recorded: "Recorded") -> str:
    report, facts = recorded.report, recorded.report.facts
    value = f"{facts.metric} {facts.value:g}" if facts.value is not None else facts.text
    stored = f"recorded {recorded.at:%Y-%m-%d %H:%M:%S} UTC"
    return _joined(f"{report.kind} {report.severity}", value, report.note, stored)


def _joined(*texts: str | None) -> str:
    return ", ".join(text for text in texts if text)
