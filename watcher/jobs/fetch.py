"""Fetch: ask upstream for history and store it, without judging it: nothing is told of it."""

from collections.abc import Callable, Sequence

from watcher.core.answer import SymbolState
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.jobs.ports import Clock, Store, Upstream, Writer
from watcher.jobs.record import record

ROWS = 90
"""As many as upstream gives."""
_NO_RULES = RuleBook()


async def fetch(
    symbols: Sequence[Symbol],
    upstream: Upstream,
    store: Store,
    writer: Writer,
    clock: Clock,
    advanced: Callable[[], None],
) -> tuple[SymbolState, ...]:
    """Store the newest rows of each symbol and return how it stands with each; `advanced` is called after each.

    One after the other: how long it takes is decided by the pace that upstream allows.
    """
    states: list[SymbolState] = []
    for symbol in symbols:
        answer = await upstream.ask(symbol, ROWS)
        found, _ = await writer(lambda answer=answer: record(store, _NO_RULES, [answer], clock.now()))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        states += found
        advanced()
    return tuple(states)
