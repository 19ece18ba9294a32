"""Revisions and quarantined rows in words."""

from watcher.core.quarantine import Held
from watcher.store.revisions import Revision
from watcher.web.pages import Revised, SetAside


def revised(each: Revision) -> Revised:
    """Return what a revision changed."""
    changes = tuple((name, _plain(old), _plain(new)) for name, old, new in each.changes)
    return Revised(each.on_date, each.seen_at, each.number, changes)


def set_aside(each: Held) -> SetAside:
    """Return a row that is not judged, and why."""
    of_row = each.quarantined
    return SetAside(
        of_row.on_date, of_row.kind, of_row.content, of_row.reason, each.seen_at, each.released_at, each.why
    )


def _plain(value: float | str | None) -> str:
    if isinstance(value, float | int):
        return f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "absent" if value is None else value
