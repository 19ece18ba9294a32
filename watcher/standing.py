"""How it stands, as one JSON object: what `watcher status --json` prints and /api/status answers."""

from collections.abc import Sequence
from datetime import datetime

from watcher.core.book import RuleBook
from watcher.core.health import Check, Reason, outside
from watcher.jobs.asked import circuit
from watcher.jobs.cycle import states_now
from watcher.jobs.notices import open_trouble
from watcher.jobs.status import standings
from watcher.reloading import TOPIC
from watcher.rulebook import last_good, load, read
from watcher.rulebook.problem import to_dict
from watcher.settings import Settings
from watcher.store.file import found_in
from watcher.store.lock import held
from watcher.store.noted import Noted, last_cycle, last_note
from watcher.store.store import Store
from watcher.wiring import schedule


def seen_from_outside(settings: Settings, now: datetime) -> tuple[Noted | None, Sequence[Reason]]:
    """Return what the daemon noted last, and why not all is well: by its word, if it is alive.

    Raises:
        StoreError: there is no state, or this user may not read it.
    """
    directory = settings.state_directory
    found_in(directory)  # which says whom to become
    noted = last_note(directory)
    reason = outside(held(directory), noted.at if noted else None, now)
    if reason is not None:
        return noted, (reason,)
    return noted, noted.reasons if noted else ()


def standing(settings: Settings, noted: Noted | None, reasons: Sequence[Reason], now: datetime) -> dict[str, object]:
    """Return how it stands, read from the store through a connection of its own; blocks for some milliseconds.

    Raises:
        StoreError: the store cannot be read.
    """
    loaded = load(settings.rules_path)
    kept = None if loaded.book else last_good(settings.state_directory)
    book = loaded.book or (read(kept).book if kept else None) or RuleBook()
    store = Store.open_beside(settings.state_directory)
    try:
        with store.read() as tx:
            depth, loaded_at, upstream = tx.outbox.depth(), tx.note("book_at"), circuit(tx)
            states = states_now(tx, book.by_symbol, schedule(settings), now)
            trouble = open_trouble(tx, TOPIC) if tx.note("book") != book.digest else None
        alerts = standings(store, book)
    finally:
        store.close()
    alive = noted if all(reason.check is not Check.DAEMON for reason in reasons) else None
    return {
        "ready": not reasons,
        "reasons": [{"check": reason.check.value, "text": reason.text} for reason in reasons],
        "cycle": last_cycle(settings.state_directory),
        "complete": noted.complete if noted else None,
        "next": alive.following if alive else None,
        "upstream": {
            "down": upstream.down,
            "since": upstream.since if upstream.down else None,
            "reason": upstream.reason if upstream.down else None,
        },
        "symbols": [
            {
                "symbol": each.symbol,
                "state": each.state.value,
                "since": each.since,
                "reason": each.reason,
                "trade_date": each.judged,
                "as_of": each.judged_positions,
            }
            for each in sorted(states.values(), key=lambda each: each.symbol)
            if each.symbol in book.by_symbol or not book.rules  # of rules that cannot be read, all there is
        ],
        "alerts": [
            {
                "rule": each.alert.rule,
                "symbol": each.alert.symbol,
                "phase": each.alert.phase.value,
                "since": each.alert.since,
                "episode": each.alert.episode,
                "value": each.value,
            }
            for each in alerts
        ],
        "outbox": depth,
        "page": {"url": alive.page if alive else None, "fault": alive.page_fault if alive else None},
        "rules": {
            "file": str(settings.rules_path),
            "loaded_at": loaded_at,
            "valid": loaded.book is not None and trouble is None,
            "refused": trouble.facts.text if trouble else None,
            "problems": [to_dict(problem) for problem in loaded.problems],
        },
    }
