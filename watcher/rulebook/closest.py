"""What was probably meant, of all that is known."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_MOST = 500
"""Names that are compared; each takes some microseconds."""


def did_you_mean(written: str, known: Iterable[str]) -> str | None:
    """Return the question, or None if nothing known comes near what is written."""
    if len(written) > 100:
        return None  # the comparison takes the square of the length
    by_folded = {name.casefold(): name for name in islice(known, _MOST)}
    close = get_close_matches(written.casefold(), by_folded, n=1)
    return f"did you mean {by_folded[close[0]]!r}?" if close else None
