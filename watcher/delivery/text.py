"""Foreign text made fit for a message: one line, nothing hidden in it, nothing in it that a service would act upon."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories that show nothing but may act: controls, direction marks, lone surrogates, the unassigned."""

_LIVE = str.maketrans({"@": "＠", "<": "‹", ">": "›"})


def one_line(text: str) -> str:
    """Return `text` on one line; every character that would act unseen is shown as `�`."""
    shown = ("�" if unicodedata.category(char) in _HIDDEN and not char.isspace() else char for char in text)
    return " ".join("".join(shown).split())


def inert(text: str) -> str:
    """Return `one_line(text)` without the characters that make mentions and tags: no chat service pings for it.

    Escaping is the service's own business, and some leave it out; a full-width `＠` pings nowhere.
    """
    return one_line(text).translate(_LIVE)


def clipped(text: str, size: int) -> str:
    """Return `text`, or its first `size` characters and how many more there were: never less without saying so."""
    if len(text) <= size:
        return text
    return f"{text[:size].rstrip()}… (+{len(text) - size} characters)"
