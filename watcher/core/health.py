"""Health: is all well with the watcher itself, and if not, which part is not; the one notion that all who ask share.

/readyz, the heartbeat, `watcher status` and the telemetry say the same, because they ask this. What a restart would
mend is another question: `watcher.core.progress`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from watcher.core.circuit import Circuit

CYCLE_LIMIT = timedelta(minutes=10)
"""What is due may wait so long to be asked for, besides twice the time that the rate needs for all symbols."""
TURN_LIMIT = timedelta(minutes=1)
"""The next turn may begin so long after its time."""
LOOK_LIMIT = timedelta(minutes=1)
"""Between two looks at the outbox."""
TOLD_LIMIT = timedelta(minutes=5)
"""A notification may be due, or on its way, so long: ten times what a channel has for a part of a message."""
UNHEARD_LIMIT = timedelta(hours=1)
"""So long no channel may take anything, whichever is tried."""
STORE_LIMIT = timedelta(seconds=30)
"""Between two moments at which the store could be read and written; it is tried every twenty seconds."""
NOTED_LIMIT = timedelta(minutes=2)
"""Between two notes that the daemon leaves for those who look from outside."""


class Check(StrEnum):
    """What is looked at."""

    DAEMON = "daemon"
    """Is one at work on this state; asked only from outside."""
    CYCLE = "cycle"
    """Was all that is due asked for, and classified."""
    UPSTREAM = "upstream"
    SCHEDULER = "scheduler"
    DELIVERY = "delivery"
    """Is the outbox looked at."""
    OUTBOX = "outbox"
    """Does what is due get told."""
    STORE = "store"
    LOOPS = "loops"
    """Do the parts still run that nothing else would miss."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not all is well."""

    check: Check
    text: str
    """A sentence for people."""

    def __str__(self) -> str:
        return f"{self.check}: {self.text}"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What of the outbox is due and not told."""

    owed: Mapping[str, datetime] = field(default_factory=dict)
    """By channel, since when its oldest notification is due, those on their way included; what backs off is not due."""
    unheard: datetime | None = None
    """When the first of those that are tried in vain was tried, since any channel last took anything."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the daemon knows of itself at one moment. An age is the time since something last happened."""

    complete: datetime | None = None
    """When the last cycle ended after which nothing that was due was left unasked."""
    complete_age: timedelta = timedelta()
    cycle_time: timedelta = timedelta()
    """That two cycles over all symbols take at the rate."""
    circuit: Circuit = field(default_factory=Circuit)
    turn_overdue: timedelta = timedelta()
    """For how long the next turn should have begun."""
    look_age: timedelta = timedelta()
    """Since the outbox was looked at."""
    owed: Mapping[str, timedelta] = field(default_factory=dict)
    """By channel, for how long its oldest notification has been due and not told; what backs off is not due."""
    unheard: timedelta = timedelta()
    """For how long something was tried to be told in vain, while no channel took anything."""
    store_age: timedelta = timedelta()
    """Since the store could be read and written."""
    store_fault: str | None = None
    ended: tuple[str, ...] = ()
    """Parts that are to run for as long as the daemon, and do not."""


def reasons(signs: Signs) -> tuple[Reason, ...]:
    """Return why not all is well; nothing where all is."""
    texts = {
        Check.CYCLE: _cycle(signs),
        Check.UPSTREAM: _upstream(signs),
        Check.SCHEDULER: _scheduler(signs),
        Check.DELIVERY: _delivery(signs),
        Check.OUTBOX: _outbox(signs),
        Check.STORE: _store(signs),
        Check.LOOPS: _loops(signs),
    }
    return tuple(Reason(check, text) for check, text in texts.items() if text is not None)


def outside(running: bool, noted: datetime | None, now: datetime) -> Reason | None:
    """Return what is wrong with the daemon as somebody beside it sees it: does one run, and when did it last say so."""
    said = f"its last word is of {_moment(noted)}" if noted else "none has run on this state"
    if not running:
        return Reason(Check.DAEMON, f"no daemon is running; {said}")
    if noted is None:
        return Reason(Check.DAEMON, "a process is at work on the state, and none has said yet that all is well")
    # a clock that was set back since makes the note one of the future, which is as recent as can be
    if now - noted > NOTED_LIMIT:
        return Reason(Check.DAEMON, f"the daemon is there and says nothing; {said}")
    return None


def _cycle(signs: Signs) -> str | None:
    if signs.complete is None:
        return "no cycle is complete yet"
    limit = CYCLE_LIMIT + signs.cycle_time
    if signs.complete_age <= limit:
        return None
    return f"what is due was last asked for to the end at {_moment(signs.complete)}, more than {_span(limit)} ago"


def _upstream(signs: Signs) -> str | None:
    if not signs.circuit.down:
        return None
    since = f" since {_moment(signs.circuit.since)}" if signs.circuit.since else ""
    return f"no usable answer{since}: {signs.circuit.reason}"


def _scheduler(signs: Signs) -> str | None:
    if signs.turn_overdue <= TURN_LIMIT:
        return None
    return f"the next turn should have begun {_span(signs.turn_overdue)} ago"


def _delivery(signs: Signs) -> str | None:
    if signs.look_age <= LOOK_LIMIT:
        return None
    return f"the outbox was last looked at {_span(signs.look_age)} ago"


def _outbox(signs: Signs) -> str | None:
    late = {channel: age for channel, age in signs.owed.items() if age > TOLD_LIMIT}
    if late:
        channel = max(late, key=lambda name: late[name])
        others = f", and {len(late) - 1} other channels are late" if len(late) > 1 else ""
        return f"channel {channel} has not been told for {_span(late[channel])} what is due{others}"
    if signs.unheard > UNHEARD_LIMIT:
        return f"nothing could be told through any channel for {_span(signs.unheard)}"
    return None


def _store(signs: Signs) -> str | None:
    if signs.store_age <= STORE_LIMIT:
        return None
    fault = signs.store_fault or "nothing was heard of it"
    return f"it could not be read and written for {_span(signs.store_age)}: {fault}"


def _loops(signs: Signs) -> str | None:
    return f"{', '.join(signs.ended)} came to an end by an error; the log says which" if signs.ended else None


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(age: timedelta) -> str:
    seconds = age.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
