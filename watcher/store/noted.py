"""What is noted beside the store, for those who look from outside: how the daemon is, and the last cycle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watcher.core.health import Check, Reason
from watcher.store import file

_FILE, _CYCLE = "daemon.json", "cycle.json"


@dataclass(frozen=True, slots=True)
class Noted:
    """How it stood with the daemon at one moment."""

    at: datetime
    complete: datetime | None = None
    """When the last complete cycle ended."""
    following: datetime | None = None
    """When there will be something to do next."""
    reasons: Sequence[Reason] = ()
    """Why not all was well."""
    page: str | None = None
    """Where the page is served; None for nowhere."""
    page_fault: str | None = None
    """Why it is not served where it should be."""


def note(directory: Path, noted: Noted) -> None:
    """Leave a note in a state directory, in place of the last one.

    In a file of its own, which a locked store does not hold up, and without a sync: the next one comes soon.

    Raises:
        StoreError: it cannot be written now.
    """
    kept = {
        "at": noted.at.isoformat(),
        "complete": noted.complete and noted.complete.isoformat(),
        "following": noted.following and noted.following.isoformat(),
        "reasons": {reason.check: reason.text for reason in noted.reasons},
        "page": noted.page,
        "page_fault": noted.page_fault,
    }
    with file.whole(directory / _FILE, lasting=False) as unfinished:
        unfinished.write_text(json.dumps(kept), "utf-8")


def last_note(directory: Path) -> Noted | None:
    """Return the last note in a state directory; None where there is none that can be read."""
    try:
        kept = json.loads((directory / _FILE).read_text("utf-8"))
        reasons = tuple(Reason(Check(check), str(text)) for check, text in kept["reasons"].items())
        return Noted(
            at=datetime.fromisoformat(kept["at"]),
            complete=_moment(kept, "complete"),
            following=_moment(kept, "following"),
            reasons=reasons,
            page=kept["page"],
            page_fault=kept["page_fault"],
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def note_cycle(directory: Path, started: datetime, ended: datetime, **counts: int) -> None:
    """Note that a cycle ended, in a file of its own: a cycle with nothing new makes no transaction.

    Raises:
        StoreError: it cannot be written now.
    """
    noted = {"started": started.isoformat(), "ended": ended.isoformat(), **counts}
    with file.whole(directory / _CYCLE, lasting=False) as unfinished:
        unfinished.write_text(json.dumps(noted), "utf-8")


def last_cycle(directory: Path) -> dict[str, object] | None:
    """Return what was noted of the last cycle in a state directory; None where there is nothing that can be read."""
    try:
        noted = json.loads((directory / _CYCLE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


def _moment(kept: Mapping[str, str | None], name: str) -> datetime | None:
    text = kept[name]
    return None if text is None else datetime.fromisoformat(text)
