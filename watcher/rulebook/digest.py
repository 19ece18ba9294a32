"""What tells one reading of rules from another."""

import hashlib
from collections.abc import Mapping


def digest(files: Mapping[str, bytes]) -> str:
    """Return a hash of the contents; the names do not matter, the order does."""
    whole = hashlib.sha256()
    for content in files.values():
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()
