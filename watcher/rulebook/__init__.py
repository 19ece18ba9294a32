"""rules.toml: from a file people edit to rules that can be trusted."""

from watcher.rulebook.contents import Contents, contents
from watcher.rulebook.difference import Difference, difference
from watcher.rulebook.keeping import keep_good, last_good
from watcher.rulebook.reading import Loaded, checked, load, missing_urls, read, unusable_urls
from watcher.rulebook.starting import Start, refusal, start
from watcher.rulebook.starting_point import STARTING_POINT
from watcher.rulebook.tables import schema, schema_text
from watcher.rulebook.watching import edits

__all__ = [
    "STARTING_POINT",
    "Contents",
    "Difference",
    "Loaded",
    "Start",
    "checked",
    "contents",
    "difference",
    "edits",
    "keep_good",
    "last_good",
    "load",
    "missing_urls",
    "read",
    "refusal",
    "schema",
    "schema_text",
    "start",
    "unusable_urls",
]
