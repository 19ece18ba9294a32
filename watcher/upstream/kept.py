"""What of the rate is used, kept from one process to the next: a restart asks no more than is left of the window."""

import contextlib
import json
import math
import os
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from watcher.upstream.pacing import Rate, Usage

FILE = "pacing.json"
"""In the state directory. It is there only while nobody asks: a process that dies leaves none."""


class Moment(NamedTuple):
    """A moment that another process can tell the distance of."""

    uptime: float
    """Seconds since the machine started."""
    now: datetime
    """Wall-clock time."""


def usage_at(path: Path, rate: Rate, moment: Moment, *, first: bool) -> Usage:
    """Return what is used of `rate` at `moment`, as far as can be known from the file that `keep` wrote.

    Without a usable one the last process died, or the machine was started again: nobody knows what it asked, and
    every slot is taken for a whole period. `first` is true if there was none before: then nothing is.
    """
    everything = Usage((rate.period,) * rate.limit)
    try:
        kept = json.loads(path.read_bytes())
        taken, held = [float(wait) for wait in kept["taken"]], float(kept["held"])
        since = Moment(float(kept["uptime"]), datetime.fromisoformat(kept["now"]))
        # the wall clock may be set, the uptime may be another machine's: the shorter time is the safer one
        passed = min(moment.uptime - since.uptime, (moment.now - since.now).total_seconds())
    except FileNotFoundError:
        return Usage() if first else everything
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return everything
    if not (passed >= 0 and math.isfinite(held) and all(map(math.isfinite, taken))):
        return everything
    return Usage(tuple(wait - passed for wait in taken if wait > passed), max(held - passed, 0.0))


def keep(path: Path, usage: Usage, moment: Moment) -> None:
    """Write what is used at `moment`, for the next process; where that fails, it takes everything for used."""
    kept = {"taken": usage.taken, "held": usage.held, "uptime": moment.uptime, "now": moment.now.isoformat()}
    unfinished = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        unfinished.unlink(missing_ok=True)
        file = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as text:
            json.dump(kept, text)
        unfinished.replace(path)
