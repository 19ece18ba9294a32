"""A message before it is cut to a service's size, and the cutting: into numbered parts, none of it lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

Measure: TypeAlias = Callable[[str], int]
"""The characters that a text takes once the service has it, escapes included."""

NUMBER_ROOM = len(" (999/999)")
"""Characters that the number of a part may add to a title."""
_NEWLINE = 2
"""Services write it as CR LF."""
_LEAST_ROOM = 20
"""A service that takes less than a title and this much is sent more than it asks for, rather than nothing."""


class Part(NamedTuple):
    """What is sent in one go."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole message: what every part repeats, and the blocks that are dealt out."""

    title: str
    blocks: tuple[str, ...]
    head: str = ""
    foot: str = ""
    divisible: bool = True
    """True if a block may be divided between words; markup may not."""


def escaped(sheet: Sheet, escape: Callable[[str], str]) -> Sheet:
    """Return the sheet with all of its text escaped."""
    return replace(
        sheet,
        title=escape(sheet.title),
        blocks=tuple(map(escape, sheet.blocks)),
        head=escape(sheet.head),
        foot=escape(sheet.foot),
    )


def parts(sheet: Sheet, size: int, title_size: int, measure: Measure) -> list[Part]:
    """Cut a sheet into parts of at most `size` characters, titled `… (2/3)` if there are several.

    A title longer than `title_size` is shortened; with 0 the service prints it above the body, where it takes room.
    A block goes whole into one part, unless it alone is longer than that.
    """
    above = measure(sheet.title) + NUMBER_ROOM + _NEWLINE if title_size <= 0 else 0
    fixed = above + sum(measure(text) + _NEWLINE for text in (sheet.head, sheet.foot) if text)
    dealt = list(_dealt(sheet, max(size - fixed, _LEAST_ROOM), measure))

    title = _shortened(sheet.title, title_size - NUMBER_ROOM) if title_size > 0 else sheet.title
    return [
        Part(
            f"{title} ({number}/{len(dealt)})" if len(dealt) > 1 else title,
            "\n".join(filter(None, [sheet.head, *blocks, sheet.foot])),
        )
        for number, blocks in enumerate(dealt, start=1)
    ]


def _dealt(sheet: Sheet, room: int, measure: Measure) -> Iterator[list[str]]:
    page: list[str] = []
    used = 0
    for whole in sheet.blocks:
        for block in _divided(whole, room, measure) if sheet.divisible else [whole]:
            length = measure(block) + _NEWLINE
            if page and used + length > room:
                yield page
                page, used = [], 0
            page.append(block)
            used += length
    if page:
        yield page


def _divided(block: str, room: int, measure: Measure) -> Iterator[str]:
    """Yield the block, in pieces if it is longer than `room`: between lines, else between words, else anywhere."""
    if measure(block) + _NEWLINE <= room or len(block) == 1:
        yield block
        return
    separator = next((found for found in ("\n", " ") if found in block.strip()), "")
    if not separator:
        yield from _divided(block[: len(block) // 2], room, measure)
        yield from _divided(block[len(block) // 2 :], room, measure)
        return

    piece, *rest = block.split(separator)
    for text in rest:
        longer = piece + separator + text
        if measure(longer) + _NEWLINE <= room:
            piece = longer
            continue
        yield from _divided(piece, room, measure)
        piece = text
    yield from _divided(piece, room, measure)


def _shortened(title: str, size: int) -> str:
    return title if len(title) <= size else f"{title[: max(size - 1, 0)].rstrip()}…"
