"""Hides in a text whatever of a channel's URL turns up in it."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, unquote_plus

_SEPARATORS = re.compile(r"[/:@,;+#=&\s]+")
_SHORT = 4
"""Characters below which a piece is hidden only where it stands alone: a password of one letter is in every word."""
_OPEN = frozenset({"yes", "no", "true", "false", "on", "off", "text", "html", "markdown", "localhost"})


def mask(url: str) -> Callable[[str], str]:
    """Return a function that puts `***` in place of every piece of `url`, encoded or not.

    All counts as secret but the scheme and the names of options: apprise puts tokens in the place of users, hosts,
    paths and values alike.
    """
    _, _, rest = url.partition("://")
    pieces = {text for piece in _pieces(rest or url) for text in (piece, unquote(piece), unquote_plus(piece))}
    hidden = sorted((piece for piece in pieces if piece and piece.lower() not in _OPEN), key=len, reverse=True)
    if not hidden:
        return lambda text: text
    pattern = re.compile(
        "|".join(re.escape(piece) if len(piece) >= _SHORT else rf"\b{re.escape(piece)}\b" for piece in hidden),
        re.IGNORECASE,
    )
    return lambda text: pattern.sub("***", text)


def _pieces(rest: str) -> Iterator[str]:
    """Yield what follows the scheme: as a whole, in parts, and the parts' parts."""
    place, _, query = rest.partition("?")
    login, _, _ = place.rpartition("@")
    user, _, password = login.partition(":")
    values = [option.partition("=")[2] or option for option in query.split("&")]
    for text in (rest, place, login, user, password, *values):
        yield text
    for text in (place, *values):
        yield from _SEPARATORS.split(text)
        yield from _SEPARATORS.split(unquote(text))
