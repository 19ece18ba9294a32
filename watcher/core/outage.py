"""Outages: what the operator is told of upstream, as a whole or of a single symbol: once, and again when it ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.core.answer import DataState, SymbolState
from watcher.core.circuit import TROUBLED, Circuit

UPSTREAM = "upstream"
"""The topic of what concerns all symbols."""
PATIENCE = timedelta(minutes=10)
"""A symbol may go so long without a usable answer, for that comes and goes, before it is told."""

_AT_ONCE = frozenset({DataState.INVALID, DataState.UNSUPPORTED, DataState.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Began:
    """A trouble that is to be told, unless it was."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a trouble, to be told if that was."""

    topic: str
    text: str


def outages(
    states: list[tuple[SymbolState | None, SymbolState]], before: Circuit, after: Circuit, now: datetime
) -> list[Began | Ended]:
    """Return what began and what ended with a batch of answers.

    `states` are those of each symbol before and after its answer, `before` and `after` how it stood with upstream as a
    whole. While upstream answers nobody, that is the one trouble, and no symbol's.
    """
    found: list[Began | Ended] = []
    if after.down and not before.down:
        found.append(Began(UPSTREAM, f"upstream gives no usable answer; the last one was: {after.reason}"))
    if before.down and not after.down:
        since = f" since {before.since:%Y-%m-%d %H:%M} UTC" if before.since else ""
        found.append(Ended(UPSTREAM, f"upstream answers again; it had not{since}"))
    for was, state in states:
        if _began(was, state, now) and not (state.state in TROUBLED and after.open):
            found.append(Began(topic_of(state), state.reason or f"{state.symbol}: {state.state.value}"))
        elif was is not None and _troubling(was) and not _troubling(state):
            found.append(Ended(topic_of(state), f"{state.symbol}: upstream answers for it again"))
    return found


def topic_of(state: SymbolState) -> str:
    """Return the topic of a symbol's own troubles."""
    return f"symbol {state.symbol}"


def _troubling(state: SymbolState) -> bool:
    return state.state in _AT_ONCE | TROUBLED


def _began(was: SymbolState | None, state: SymbolState, now: datetime) -> bool:
    if state.state in TROUBLED:
        return now - state.since >= PATIENCE
    return state.state in _AT_ONCE and (was is None or was.state is not state.state)
