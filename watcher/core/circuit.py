"""Upstream as a whole: does it answer at all, and when may it be asked next if it does not."""

import json
import zlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from watcher.core.answer import Answer, Answered, DataState
from watcher.core.market import Symbol

TROUBLED = frozenset({DataState.ERROR, DataState.DENIED})
"""No usable answer, which asking again may well bring."""
FAILING = 3
"""So many symbols asked in vain, in a row: the fault is not theirs."""
_DOWN_AFTER = timedelta(seconds=20)
_FIRST_GAP, _LONGEST_GAP, _SHORTEST = timedelta(seconds=30), timedelta(minutes=30), timedelta(seconds=1)


def jittered(gap: timedelta, symbol: str, at: datetime) -> timedelta:
    """Return a time up to `gap`, never under a second: full jitter, so that many do not come back at one moment.

    It is drawn from the symbol and the moment of the request, and so the same whenever it is worked out again, after
    a restart too.
    """
    drawn = zlib.crc32(f"{symbol} {at.isoformat()}".encode()) / 2**32
    return max(gap * drawn, _SHORTEST)


@dataclass(frozen=True, slots=True)
class Circuit:
    """How it stands with upstream as a whole; closed, as it comes, while it answers.

    Open, one request at a time finds out whether it answers again, and everything else waits.
    """

    failing: tuple[Symbol, ...] = ()
    """The first few of the symbols that were asked in vain since the last usable answer."""
    since: datetime | None = None
    """When the first of them failed."""
    probes: int = 0
    """Requests in vain since it opened, those not counted that were under way then."""
    last: datetime | None = None
    """When it opened, or the last of them failed."""
    reason: str | None = None
    """Of the last failure."""
    open: bool = False
    down: bool = False
    """True once this has lasted, and a further request has failed: then people are told."""
    held_until: datetime | None = None
    """Upstream asked to be left alone until then."""
    back: datetime | None = None
    """When it answered again after it was down: what failed until then is asked again at once."""

    def after(self, answer: Answer, watched: int, now: datetime) -> "Circuit":
        """Return how it stands after one more answer; `watched` is the number of symbols that are asked at all."""
        if isinstance(answer, Answered) or answer.state not in TROUBLED:
            return Circuit(back=now if self.down else self.back)
        failing = self.failing
        if answer.symbol not in failing and len(failing) < FAILING:
            failing = (*failing, answer.symbol)
        since = self.since or now
        held_until = self.held_until
        if answer.retry_after is not None:
            held_until = max(held_until or now, now + timedelta(seconds=answer.retry_after))
        probed = self.open and self.free_at(now) <= now
        return replace(
            self,
            failing=failing,
            since=since,
            probes=self.probes + probed,
            last=self.last if self.open and not probed else now,
            reason=answer.reason,
            open=len(failing) >= min(FAILING, watched),
            down=self.down or (probed and now - since >= _DOWN_AFTER),
            held_until=held_until,
        )

    def free_at(self, now: datetime) -> datetime:
        """Return when the next request may be made: `now` unless upstream is down or asked to be left alone."""
        # a moment of the future is of a clock that was set back since, and binds nobody
        moments = [now]
        if self.held_until is not None and self.last is not None and self.last <= now:
            moments.append(self.held_until)
        if self.open and self.last is not None and self.last <= now:
            gap = min(_FIRST_GAP * 2 ** min(self.probes, 10), _LONGEST_GAP)
            moments.append(self.last + jittered(gap, "upstream", self.last))
        return max(moments)

    def blocks(self, now: datetime) -> bool:
        """True if what waits has to go on waiting after this answer."""
        return self.open or self.free_at(now) > now

    @classmethod
    def of_text(cls, text: str | None) -> Self:
        """Return what `to_text` made a text of; closed without one."""
        if not text:
            return cls()
        kept = json.loads(text)
        moments = {
            name: kept[name] and datetime.fromisoformat(kept[name]) for name in ("since", "last", "held_until", "back")
        }
        return cls(**kept | moments | {"failing": tuple(Symbol(symbol) for symbol in kept["failing"])})

    def to_text(self) -> str:
        """Return it as a short text, for the store."""
        return json.dumps(asdict(self), default=datetime.isoformat)
