"""rules.toml: from a file people edit to rules that can be trusted."""

from watcher.rulebook.reading import Loaded, load, missing_urls, read
from watcher.rulebook.starting_point import STARTING_POINT
from watcher.rulebook.tables import schema, schema_text

__all__ = ["STARTING_POINT", "Loaded", "load", "missing_urls", "read", "schema", "schema_text"]
