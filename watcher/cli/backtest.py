"""backtest: what rules would have told of stored, or fetched, history."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, Rules, State, Symbols

if TYPE_CHECKING:
    from watcher.core.book import RuleBook
    from watcher.core.market import Symbol
    from watcher.jobs.backtest import Episode, Run
    from watcher.settings import Settings
    from watcher.store.store import Store

_WIDEST_CHART = 40


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    rules: Rules = None,
    state: State = None,
    symbol: Symbols = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Ask upstream for 90 rows of each symbol first; the state is left alone.")
    ] = False,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="RULES", help="Show what these rules would make different.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the episodes that the rules would have had over the stored rows, and how much would have been told."""
    from watcher import settings as run_settings
    from watcher.cli import logs, output
    from watcher.wiring import read_book

    logs.log_to_stderr()
    settings = run_settings.load(rules=rules, state=state)
    books = [read_book(settings)[0]]
    if compare is not None:
        books.append(read_book(run_settings.load(rules=compare, state=state))[0])
    symbols = output.parsed_symbols(symbol)
    with _stored(settings, _watched(books, symbols), fetch=fetch) as store:
        found = [_runs(store, book, symbols) for book in books]
    if as_json:
        output.as_json(_compared_keys(*found) if compare else [_keys(each) for each in _episodes(found[0])])
    elif compare:
        _print_compared(found, books, (str(settings.rules_path), str(compare)))
    else:
        _print(found[0], books[0])


def _watched(books: "Iterable[RuleBook]", symbols: "Sequence[Symbol] | None") -> "list[Symbol]":
    from watcher.jobs.backtest import watched

    return list(dict.fromkeys(symbol for book in books for symbol in watched(book, symbols)))


def _runs(store: "Store", book: "RuleBook", symbols: "Sequence[Symbol] | None") -> "list[Run]":
    from watcher.cli.output import progress
    from watcher.jobs.backtest import runs, watched

    wanted = watched(book, symbols)
    found = []
    with progress("symbols", len(wanted)) as advanced:
        for each in wanted:
            found += list(runs(store, book, [each]))
            advanced()
    return found


@contextmanager
def _stored(settings: "Settings", symbols: "Sequence[Symbol]", *, fetch: bool) -> "Iterator[Store]":
    """Open the state beside a daemon or, to fetch, a copy of it: whatever is asked, the state stays as it was."""
    from tempfile import TemporaryDirectory

    from watcher.store.store import Store, copy_to

    with ExitStack() as stack:
        directory = settings.state_directory
        if fetch:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="watcher-backtest-")))
            copy_to(settings.state_directory, directory)
            _fetch(settings, symbols, directory)
        store = Store.open_beside(directory)
        stack.callback(store.close)
        yield store


def _fetch(settings: "Settings", symbols: "Sequence[Symbol]", directory: Path) -> None:
    import asyncio

    from watcher.cli.output import progress
    from watcher.core.book import RuleBook
    from watcher.errors import UpstreamError
    from watcher.jobs.fetch import fetch
    from watcher.wiring import live

    async def run() -> None:
        with progress("fetching", len(symbols)) as advanced:
            async with live(settings, RuleBook(), sys.stderr, directory) as parts:
                states = await fetch(symbols, parts.upstream, parts.store, parts.writer, parts.clock, advanced)
        without = [state for state in states if state.judged is None]
        for state in without:
            typer.echo(f"{state.symbol}: {state.state.value}: {state.reason}", err=True)
        if symbols and len(without) == len(symbols):
            raise UpstreamError("there is no row of any symbol")

    asyncio.run(run())


def _episodes(found: "Iterable[Run]") -> "list[Episode]":
    return [episode for run in found for episode in run.episodes]


def _keys(episode: "Episode") -> dict[str, object]:
    return {
        "rule": episode.rule,
        "symbol": episode.symbol,
        "opened": episode.opened,
        "resolved": episode.resolved,
    }


def _differences(before: "list[Run]", after: "list[Run]") -> "list[tuple[str, Episode]]":
    """Return the episodes of both, in order: `removed`, `added`, or the `same` in both."""

    def key(episode: "Episode") -> tuple[object, ...]:
        return tuple(_keys(episode).values())

    old, new = ({key(episode): episode for episode in _episodes(found)} for found in (before, after))
    marked = [("same" if each in new else "removed", old[each]) for each in old]
    marked += [("added", new[each]) for each in new if each not in old]
    return sorted(marked, key=lambda it: (it[1].rule, it[1].symbol, it[1].opened, it[0] == "added"))


def _compared_keys(before: "list[Run]", after: "list[Run]") -> list[dict[str, object]]:
    return [_keys(episode) | {"change": change} for change, episode in _differences(before, after)]


def _print(found: "list[Run]", book: "RuleBook") -> None:
    from watcher.cli import output

    output.table(
        ("RULE", "SYMBOL", "OPENED", "RESOLVED", "SESSIONS", ""),
        [_line(episode) for episode in _episodes(found)],
    )
    typer.echo("")
    _print_rules(found)
    typer.echo("")
    _print_channels([("", found, book)])


def _line(episode: "Episode") -> tuple[object, ...]:
    return (
        episode.rule,
        episode.symbol,
        episode.opened,
        episode.resolved or "firing",
        episode.sessions,
        _chart(episode),
    )


def _chart(episode: "Episode") -> str:
    """Return the values of the rule's first comparison as bars, the episode between two lines."""
    from watcher.delivery.figures import sparkline
    from watcher.jobs.backtest import LEAD

    # a missing value at either end has no bar there: it has a space, in its place
    known = [value is not None for value in episode.trend]
    first = known.index(True) if any(known) else len(known)
    shown = (" " * first + sparkline(episode.trend)).ljust(len(known))
    before, during = shown[: episode.lead], shown[episode.lead : episode.lead + episode.sessions]
    after = shown[episode.lead + episode.sessions :]
    cut = f"{during[:_WIDEST_CHART]}…" if len(during) > _WIDEST_CHART else during
    return f"{before:>{LEAD}}│{cut}{'│' if episode.resolved else ''}{after}"


def _print_rules(found: "Sequence[Run]") -> None:
    """Print, for each rule, how many sessions its alerts spent in which phase, and how many episodes that makes."""
    from collections import Counter

    from watcher.cli import output
    from watcher.core.alert import Phase

    names = list(dict.fromkeys(run.rule.name for run in found))
    lines = []
    for name in names:
        of_rule = [run for run in found if run.rule.name == name]
        phases = sum((Counter(run.sessions) for run in of_rule), Counter[Phase]())
        counts = [phases[phase] for phase in Phase]
        episodes = sum(len(run.episodes) for run in of_rule)
        firing = sum(run.firing for run in of_rule)
        lines.append((name, len(of_rule), *counts, episodes, firing))
    header = [f"{phase.value.upper()}" for phase in Phase]
    output.table(("RULE", "SYMBOLS", *header, "EPISODES", "FIRING NOW"), lines)
    days = [day for run in found for day in (run.first, run.last) if day]
    if days:
        typer.echo(f"sessions by phase, from {min(days)} to {max(days)}")


def _print_channels(sides: "Sequence[tuple[str, list[Run], RuleBook]]") -> None:
    from watcher.cli import output
    from watcher.jobs.backtest import loads

    lines = [
        (load.channel, f"{load.per_week:.1f}", load.messages, load.notifications, *([side] if side else []))
        for side, found, book in sides
        for load in loads(found, book)
    ]
    extra = ["RULES"] if any(side for side, *_ in sides) else []
    output.table(
        ("CHANNEL", "MESSAGES A WEEK", "MESSAGES", "NOTIFICATIONS", *extra),
        sorted(lines, key=lambda line: str(line[0])),
    )


def _print_compared(found: "list[list[Run]]", books: "list[RuleBook]", names: tuple[str, str]) -> None:
    from watcher.cli import output

    marks = {"removed": "-", "added": "+"}
    differences = _differences(*found)
    lines = [(marks[change], *_line(episode)) for change, episode in differences if change in marks]
    typer.echo(f"- {names[0]}\n+ {names[1]}\n")
    output.table(("", "RULE", "SYMBOL", "OPENED", "RESOLVED", "SESSIONS", ""), lines)
    typer.echo(f"\n{len(differences) - len(lines)} episodes are the same in both\n")
    _print_channels(list(zip(names, found, books, strict=True)))
