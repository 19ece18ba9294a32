"""send-test: whether a channel works, and how it shows a message."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.options import Json, Rules

if TYPE_CHECKING:
    from watcher.core.outbox import Outcome
    from watcher.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("send-test")(send_test)


def send_test(
    channel: Annotated[str, typer.Argument(help="Its name in rules.toml.")],
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Send a sample message to a channel, whatever its quiet hours; exit 1, saying why, if it failed."""
    import asyncio

    from watcher import settings as run_settings
    from watcher.cli import logs, output
    from watcher.core.outbox import Sent, Unknown

    logs.log_to_stderr()
    outcome, seconds = asyncio.run(_sent(run_settings.load(rules=rules), channel, quiet=as_json))
    sent = isinstance(outcome, Sent)
    reason = None if isinstance(outcome, Sent) else outcome.reason
    word = "sent" if sent else "unknown" if isinstance(outcome, Unknown) else "failed"
    if as_json:
        output.as_json({"channel": channel, "outcome": word, "reason": reason, "seconds": round(seconds, 3)})
    elif sent:
        typer.echo(f"{channel} took it, in {seconds:.1f} s")
    else:
        unsure = "it may have arrived, but " if isinstance(outcome, Unknown) else ""
        print(f"{channel}: {unsure}{reason}", file=sys.stderr)  # noqa: T201 - this is the command line
    raise typer.Exit(0 if sent else 1)


async def _sent(settings: "Settings", name: str, *, quiet: bool) -> tuple["Outcome", float]:
    from watcher.clock import SystemClock
    from watcher.core.book import CONSOLE, ChannelPolicy, RuleBook
    from watcher.delivery.sample import sample
    from watcher.errors import ConfigurationError
    from watcher.wiring import channels, read_book

    book, _ = read_book(settings)
    if name not in book.channels:
        raise ConfigurationError(f"there is no channel {name!r}; there are {', '.join(sorted(book.channels))}")
    # of this one alone: whatever is wrong with others is no matter here
    only = RuleBook(channels={CONSOLE: ChannelPolicy(CONSOLE), name: book.channels[name]})
    channel = channels(only, settings, sys.stderr if quiet else sys.stdout)[name]
    clock = SystemClock()
    began = clock.monotonic()
    outcome = await channel.send(sample(name, clock.now().date()))
    return outcome, clock.monotonic() - began
