"""Notices to the operator as text: what troubles the watcher, one line each, and that it is over."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from watcher.core.alert import Kind
from watcher.core.notification import Message, Notification
from watcher.core.rule import Severity
from watcher.delivery import html
from watcher.delivery.sheet import Sheet
from watcher.delivery.text import clipped
from watcher.delivery.told import REPEAT

_LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Noticed:
    """One trouble in a message: that it began, that it is over, or both at once."""

    line: str
    """`▲ watcher: upstream: …`."""
    more: str
    """Severity, dates and ids."""


def noticed(message: Message, clean: Callable[[str], str]) -> tuple[Noticed, ...]:
    """Return the troubles of a message, the latest state of each, by topic."""
    by_trouble = groupby(
        sorted(message.notifications, key=lambda notice: (notice.rule, notice.number)),
        key=lambda notice: (notice.rule, notice.episode),
    )
    return tuple(_noticed(tuple(same), clean) for _, same in by_trouble)


def title(message: Message, troubles: Sequence[Noticed]) -> str:
    """Return the one line that is read first."""
    line = troubles[0].line if len(troubles) == 1 else f"{len(troubles)} notices of the watcher"
    return f"{line} · {REPEAT}" if message.repeat else line


def in_monospace(heading: str, troubles: Sequence[Noticed], repeat: str) -> Sheet:
    """Return the notices for a terminal or text mail."""
    if len(troubles) == 1:
        only = troubles[0]
        return Sheet(heading, (f"{only.line}\n  {' · '.join(filter(None, [repeat, only.more]))}",))
    return Sheet(heading, tuple(f"{each.line}\n  {each.more}" for each in troubles), heading)


def in_lines(heading: str, troubles: Sequence[Noticed]) -> Sheet:
    """Return the notices for chat; a single one is its title."""
    if len(troubles) == 1:
        return Sheet(heading, (troubles[0].more,))
    return Sheet(heading, tuple(f"{each.line}\n{each.more}" for each in troubles))


def in_html(heading: str, troubles: Sequence[Noticed]) -> Sheet:
    """Return the notices for mail."""
    blocks = tuple(f"<p>{escape(each.line)}<br><small>{escape(each.more)}</small></p>" for each in troubles)
    return Sheet(heading, blocks, html.HEAD, html.FOOT, divisible=False)


def _noticed(same: Sequence[Notification], clean: Callable[[str], str]) -> Noticed:
    first, last = same[0], same[-1]
    over = last.kind is Kind.RESOLVED or last.over is not None
    mark = "✓" if over else "▲"
    shout = "CRITICAL " if last.severity is Severity.CRITICAL and not over else ""
    texts = [last.facts.text or ""]
    if over and first.kind is Kind.OPENED and first is not last:
        texts.append(f"before: {first.facts.text}")
    line = f"{mark} {shout}watcher: {clipped(clean('; '.join(texts)), _LONGEST_TEXT)}"
    dates = [f"since {last.episode}", f"over on {last.over or last.trade_date}" if over else ""]
    places = dict.fromkeys(f"told in place of {each.instead_of}" for each in same if each.instead_of)
    ids = " ".join(f"[{each.id}]" for each in same)
    more = " · ".join(filter(None, [clean(last.rule), str(last.severity), *dates, *map(clean, places)]))
    return Noticed(line, f"{more} {ids}")
