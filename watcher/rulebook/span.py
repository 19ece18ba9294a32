"""A stretch of a text, and the path of a value in a file."""

from typing import NamedTuple, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys, and indices from 0, that lead to a value: `("rule", 2, "when")`."""


class Span(NamedTuple):
    """Characters `start` to `end`, the end excluded."""

    start: int
    end: int
