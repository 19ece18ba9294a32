"""check, metrics, schema: what a person who edits rules works with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, State

if TYPE_CHECKING:
    from watcher.core.book import RuleBook
    from watcher.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(check)
    app.command()(schema)
    app.command()(metrics)


def check(
    rules: Annotated[Path | None, typer.Argument(help="Rule file or directory; default: rules.toml.")] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show every problem of the rules at once; exit 1 if there is an error.

    Where there are stored rows, it says as well on how many symbols each rule would be firing now.
    """
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.delivery.service import validate_url
    from watcher.rulebook import load, missing_urls, unusable_urls
    from watcher.rulebook.problem import printed, to_dict

    settings = run_settings.load(rules=rules, state=state)
    loaded = load(settings.rules_path)
    problems = list(loaded.problems)
    if loaded.book is not None:
        configured = {name: url for name in loaded.book.channels if (url := settings.channel_url(name)) is not None}
        reasons = {name: why for name, url in configured.items() if (why := validate_url(url.get_secret_value()))}
        problems += [*missing_urls(loaded, configured), *unusable_urls(loaded, reasons)]
    standing = [] if loaded.book is None else _standing(settings, loaded.book)
    if as_json:
        output.as_json({"problems": [to_dict(problem) for problem in problems], "standing": standing})
    else:
        for problem in problems:
            typer.echo(printed(problem), nl=False)
        if loaded.book is not None:
            book = loaded.book
            typer.echo(f"{settings.rules_path}: {len(book.rules)} rules on {len(book.by_symbol)} symbols")
        for each in standing:
            typer.echo(f"  {_sentence(each)}")
    raise typer.Exit(int(any(problem.severity == "error" for problem in problems)))


def _standing(settings: "Settings", book: "RuleBook") -> list[dict[str, object]]:
    """Return, for each rule, the symbols on which it would be firing now; nothing where no state can be read."""
    from watcher.cli.output import progress
    from watcher.errors import StoreError
    from watcher.jobs.backtest import runs, watched
    from watcher.store.store import Store

    firing: dict[str, list[str]] = {rule.name: [] for rule in book.rules if rule.enabled}
    without_rows = dict.fromkeys(firing, 0)
    try:
        store = Store.open_beside(settings.state_directory)
    except StoreError:
        return []  # the rules are what is checked here; `watcher status` says what is wrong with the state
    try:
        wanted = watched(book)
        with progress("symbols", len(wanted)) as advanced:
            for symbol in wanted:
                for run in runs(store, book, [symbol]):
                    firing[run.rule.name] += [symbol] if run.firing else []
                    without_rows[run.rule.name] += run.last is None
                advanced()
    finally:
        store.close()
    return [
        {
            "rule": name,
            "symbols": len(book.by_name[name].symbols),
            "firing": symbols,
            "without_rows": without_rows[name],
        }
        for name, symbols in firing.items()
    ]


def _sentence(standing: dict[str, object]) -> str:
    firing, without = standing["firing"], standing["without_rows"]
    count = len(firing) if isinstance(firing, list) else 0
    unknown = f", of {without} there are no rows" if without else ""
    return f"{standing['rule']} would be firing now on {count} of {standing['symbols']} symbols{unknown}"


def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of rules.toml, for editors."""
    from watcher.rulebook import schema_text

    typer.echo(schema_text(), nl=False)


def metrics(as_json: Json = False) -> None:
    """List the metrics and functions that a rule can use."""
    from watcher.cli import output
    from watcher.core.functions import FUNCTIONS
    from watcher.core.metrics import METRICS

    if as_json:
        output.as_json(
            {
                "metrics": [
                    {
                        "name": metric.name,
                        "unit": metric.unit,
                        "markets": sorted(metric.markets),
                        "derived": metric.derived,
                        "meaning": metric.meaning,
                    }
                    for metric in METRICS.values()
                ],
                "functions": [
                    {"signature": function.signature, "meaning": function.meaning, "example": function.example}
                    for function in FUNCTIONS.values()
                ],
            }
        )
        return
    output.table(
        ("METRIC", "UNIT", "MARKETS", "MEANING"),
        [(each.name, each.unit, " ".join(sorted(each.markets)), each.meaning) for each in METRICS.values()],
    )
    typer.echo("")
    output.table(
        ("FUNCTION", "MEANING", "EXAMPLE"),
        [(each.signature, each.meaning, each.example) for each in FUNCTIONS.values()],
    )
