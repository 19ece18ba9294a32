"""Progress: does the daemon still work, so that the service manager need not start it again.

Not whether all is well: upstream that is down, a channel that hangs and a locked store are no better after a restart.
What a restart mends is a part that stands still though nothing keeps it: then the watchdog is not fed, and /healthz
says which part it is.
"""

from dataclasses import dataclass
from datetime import timedelta

TURN_STUCK = timedelta(minutes=2)
"""From when a turn should have begun; the scheduler has nothing else to do."""
LOOK_STUCK = timedelta(minutes=5)
"""Between two looks at the outbox: one every few seconds, if the store's thread is not busy with something long."""
WORK_STUCK = timedelta(minutes=3)
"""For one piece of work in the store's thread; taking up an edit of all rules for 10,000 symbols takes seconds."""
ASKING_STUCK = timedelta(minutes=3)
"""Between two answers in a cycle that waits for neither the rate nor a hold, besides four time-outs of a request."""


@dataclass(frozen=True, slots=True)
class Progress:
    """For how long each part has stood still, at one moment."""

    turn_overdue: timedelta = timedelta()
    """Since the next turn should have begun."""
    look_age: timedelta = timedelta()
    """Since the outbox was looked at."""
    work_age: timedelta = timedelta()
    """That the work at hand in the store's thread has taken so far."""
    asking_age: timedelta = timedelta()
    """Since a cycle under way last had an answer, or had to wait for the rate; zero where there is none."""
    timeout: timedelta = timedelta()
    """That a request may take: asked twice over a dead connection, and twice with another token, it takes four."""


def stuck(progress: Progress) -> tuple[str, ...]:
    """Return the parts that stand still though nothing keeps them, in words; nothing while all move."""
    parts = {
        "the scheduler": progress.turn_overdue > TURN_STUCK,
        "delivery": progress.look_age > LOOK_STUCK,
        "the store's thread": progress.work_age > WORK_STUCK,
        "the cycle": progress.asking_age > ASKING_STUCK + 4 * progress.timeout,
    }
    return tuple(name for name, still in parts.items() if still)
