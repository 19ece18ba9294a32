"""Tally: what was done since the start of the process, counted; for the telemetry, and to see that it goes on."""

from collections import Counter
from collections.abc import Callable

from watcher.core.answer import Answer, Refused
from watcher.core.market import Symbol
from watcher.core.outbox import Failed, Outcome, Sent
from watcher.jobs.ports import Upstream


class Tally:
    """Counters that only grow; for one thread, that of the event loop."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self.requests: Counter[str] = Counter()
        """Symbols asked for, by what came of it: `ok`, or the state of a refusal."""
        self.cycles: Counter[str] = Counter()
        """`complete`, `incomplete` (something due was left unasked) or `failed`."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """To send a message, by channel and `sent`, `failed` or `unknown`."""
        self.reloads: Counter[str] = Counter()
        """`taken_up` or `refused`."""
        self.heartbeats: Counter[str] = Counter()
        """`sent` or `failed`."""

    def answered(self, answer: Answer) -> None:
        """Count what upstream said of a symbol."""
        self.requests[answer.state.value if isinstance(answer, Refused) else "ok"] += 1

    def attempted(self, channel: str, outcome: Outcome) -> None:
        """Count an attempt to send a message."""
        self.attempts[channel, outcome_word(outcome)] += 1


class Counted:
    """Upstream, with its answers counted."""

    def __init__(self, upstream: Upstream, answered: Callable[[Answer], None]) -> None:
        """Ask `upstream`; `answered` counts what it says."""
        self._upstream = upstream
        self._answered = answered

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        """Return what upstream says of the newest `count` rows."""
        answer = await self._upstream.ask(symbol, count)
        self._answered(answer)
        return answer


def outcome_word(outcome: Outcome) -> str:
    """Return `sent`, `failed` or `unknown`."""
    match outcome:
        case Sent():
            return "sent"
        case Failed():
            return "failed"
    return "unknown"
