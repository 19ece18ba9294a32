"""test: unit tests of rules, over rows made up for the purpose."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json

if TYPE_CHECKING:
    from watcher.rulebook.problem import Problem
    from watcher.rulebook.rule_tests import RuleTest


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test")(run_tests)


def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of tests, or directories of them.", metavar="FILE…")],
    as_json: Json = False,
) -> None:
    """Run unit tests of rules; exit 1 if one fails, or a file has a problem. `rules_test.toml` is an example."""
    from watcher.cli import output
    from watcher.rulebook.problem import errors, printed, to_dict
    from watcher.rulebook.rule_tests import rule_tests

    problems: list[Problem] = []
    outcomes: list[tuple[RuleTest, tuple[str, ...]]] = []
    for file in files:
        tests, found = rule_tests(file)
        problems += found
        outcomes += [(each, _outcome(each)) for each in tests]
    failed = [(each, diff) for each, diff in outcomes if diff]
    if as_json:
        keys = [
            {"file": each.file, "line": each.line, "name": each.name, "passed": not diff, "diff": diff}
            for each, diff in outcomes
        ]
        output.as_json({"tests": keys, "problems": [to_dict(problem) for problem in problems]})
    else:
        for problem in problems:
            typer.echo(printed(problem), nl=False)
        for each, diff in failed:
            typer.echo(f"{each.file}:{each.line}: FAILED: {each.name}")
            typer.echo("".join(f"    {line}\n" for line in ("- expected, + told:", *diff)), nl=False)
        wrong = f", {errors(problems)} not to be run: see above" if errors(problems) else ""
        typer.echo(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed{wrong}")
    raise typer.Exit(1 if failed or errors(problems) else 0)


def _outcome(of: "RuleTest") -> tuple[str, ...]:
    """Return how what is told differs from what is expected; nothing if it does not."""
    from watcher.jobs.rehearsal import rehearse
    from watcher.rulebook.expected import differences

    return differences(of.expected, rehearse(of.symbol, of.rules, of.answers, of.book))
