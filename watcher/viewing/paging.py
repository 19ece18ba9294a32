"""Long lists, page by page."""

from collections.abc import Sequence
from typing import TypeVar

from watcher.web.pages import Part

_T = TypeVar("_T")


def part(whole: Sequence[_T], size: int, number: int) -> Part[_T]:
    """Return one page of a list; of a page beyond its end, the last one."""
    last = max(pages(len(whole), size), 1)
    number = min(number, last)
    return Part(tuple(whole[(number - 1) * size : number * size]), len(whole), number, last)


def pages(total: int, size: int) -> int:
    """Return how many pages there are; none of nothing."""
    return -(-total // size)
