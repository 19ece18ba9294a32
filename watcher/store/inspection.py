"""All that can be found wrong with a store, and how much is in it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import StateDamaged
from watcher.store import opening, verification
from watcher.store.tables import SCHEMA, metadata

_MOST = 100


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a store."""

    findings: tuple[str, ...]
    """Empty if it is as it should be."""
    schema: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by table."""


def inspected(path: Path) -> Inspection:
    """Look at every page, index, reference and table of a store, beside whoever is at work on it.

    Raises:
        StoreError: it cannot be read now.
    """
    try:
        verification.verify_beside(path)
        with opening.as_store_error(path), closing(opening.connect(path, "ro")) as connection:
            pages = [finding for (finding,) in connection.execute(f"PRAGMA integrity_check({_MOST})")]
            references = [
                f"{table}: a row refers to {parent}, where there is none"
                for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(_MOST)
            ]
            counts = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our tables
                for table in sorted(metadata.tables)
            }
    except StateDamaged as damage:
        return Inspection((str(damage),))
    return Inspection((*(finding for finding in pages if finding != "ok"), *references), SCHEMA, counts)
