"""check, init, backtest, metrics, schema: what a person who edits rules works with."""

from pathlib import Path
from typing import Annotated

import typer

from watcher.cli.options import Json, Rules, State, Symbols


def add_to(app: typer.Typer) -> None:
    """Add the commands of this family."""
    app.command()(init)
    app.command()(check)
    app.command()(backtest)
    app.command()(schema)
    app.command()(metrics)


def init(directory: Annotated[Path, typer.Argument(help="Where to put it.")] = Path()) -> None:
    """Write a commented rules.toml to start from; what is there already is left alone."""
    from watcher.errors import WatcherError
    from watcher.rulebook import STARTING_POINT, schema_text

    rules = directory / "rules.toml"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with rules.open("x", encoding="utf-8") as file:
            file.write(STARTING_POINT)
    except FileExistsError:
        raise WatcherError(f"{rules} exists already; it was left as it is") from None
    except OSError as error:
        raise WatcherError(f"{rules} cannot be written: {error.strerror}") from None
    (directory / "rules.schema.json").write_text(schema_text(), "utf-8")
    typer.echo(f"{rules} is written. Next: edit it, `watcher check`, then `watcher poll` or `watcher demo`.")


def check(
    rules: Annotated[Path | None, typer.Argument(help="Rule file or directory; default: rules.toml.")] = None,
    as_json: Json = False,
) -> None:
    """Show every problem of the rules at once; exit 1 if there is an error."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.rulebook import load, missing_urls
    from watcher.rulebook.problem import printed, to_dict

    settings = run_settings.load(rules=rules)
    loaded = load(settings.rules_path)
    problems = list(loaded.problems)
    if loaded.book is not None:
        configured = {name for name in loaded.book.channels if settings.channel_url(name) is not None}
        problems += missing_urls(loaded, configured)
    if as_json:
        output.as_json({"problems": [to_dict(problem) for problem in problems]})
    else:
        for problem in problems:
            typer.echo(printed(problem), nl=False)
        if loaded.book is not None:
            book = loaded.book
            typer.echo(f"{settings.rules_path}: {len(book.rules)} rules on {len(book.by_symbol)} symbols")
    raise typer.Exit(0 if loaded.book is not None else 1)


def backtest(
    rules: Rules = None,
    state: State = None,
    symbol: Symbols = None,
    as_json: Json = False,
) -> None:
    """Show the episodes that the rules would have had over the stored rows."""
    from watcher import settings as run_settings
    from watcher.cli import output
    from watcher.jobs.backtest import backtest
    from watcher.store.store import Store
    from watcher.wiring import read_book

    settings = run_settings.load(rules=rules, state=state)
    book, _ = read_book(settings)
    store = Store.open_beside(settings.state_directory)
    try:
        episodes = list(backtest(store, book, output.parsed_symbols(symbol)))
    finally:
        store.close()
    if as_json:
        output.as_json(
            [
                {"rule": each.rule, "symbol": each.symbol, "opened": each.opened, "resolved": each.resolved}
                for each in episodes
            ]
        )
        return
    output.table(
        ("RULE", "SYMBOL", "OPENED", "RESOLVED"),
        [(each.rule, each.symbol, each.opened, each.resolved or "firing") for each in episodes],
    )


def schema() -> None:
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
