"""Messages as text for a service: the layout it shows best, what is said once, and the cut to its size."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from watcher.core.notice import WATCHER
from watcher.core.notification import Message
from watcher.delivery import chat, html, notices, table
from watcher.delivery.chat import Said
from watcher.delivery.sheet import NUMBER_ROOM, Measure, Part, Sheet, escaped, parts
from watcher.delivery.text import inert, one_line
from watcher.delivery.told import REPEAT, Told, brief_title, shared_notes, shared_trade_date, title, told

NO_LIMIT = 1_000_000_000
"""Characters, for what has no limit."""

_LONGEST_TEXT = 500
_LONGEST_TEXT_IN_DIGEST = 160
"""Characters of a rule's own words; what is left out is counted."""


class Format(StrEnum):
    """The layouts there are; what is not HTML is plain text, escaped, where a service needs that, by its sender."""

    PLAIN = "plain"
    """A line or two, or an aligned table: terminals, the journal, text mail."""
    COLOUR = "colour"
    """The same on a terminal that shows colours."""
    CHAT = "chat"
    """Short lines in proportional type, with nothing in them that pings: Slack, Telegram, ntfy, SMS."""
    MARKDOWN = "markdown"
    """CHAT for services that act on Markdown in plain text: Discord, Mattermost."""
    HTML = "html"
    """Mail. No row is ever divided, so a part needs room for some 4,000 characters."""


def render(
    message: Message, layout: Format, size: int = NO_LIMIT, title_size: int = NO_LIMIT, measure: Measure = len
) -> list[Part]:
    """Return the message as titled parts, the id of every notification in exactly one of them.

    `size` and `title_size` are the longest body and title the service takes, the body as `measure` counts it; with a
    `title_size` of 0 the service prints the title above the body. Several parts are numbered, `… (2/3)`.
    """
    clean = inert if layout in (Format.CHAT, Format.MARKDOWN) else one_line
    if message.notifications[0].symbol == WATCHER:
        sheet = _notices(message, layout, clean)
    else:
        sheet = _episodes(message, layout, clean, size)
    if layout in (Format.CHAT, Format.MARKDOWN) and 0 < title_size < len(sheet.title) + NUMBER_ROOM:
        sheet = replace(sheet, head="\n".join(filter(None, [sheet.title, sheet.head])))
    if layout is Format.MARKDOWN:
        sheet = escaped(sheet, chat.markdown_literal)
    return parts(sheet, size, title_size, measure)


def _notices(message: Message, layout: Format, clean: Callable[[str], str]) -> Sheet:
    troubles = notices.noticed(message, clean)
    heading = notices.title(message, troubles)
    match layout:
        case Format.PLAIN | Format.COLOUR:
            return notices.in_monospace(heading, troubles, REPEAT if message.repeat else "")
        case Format.HTML:
            return notices.in_html(heading, troubles)
        case Format.CHAT | Format.MARKDOWN:
            return notices.in_lines(heading, troubles)


def _episodes(message: Message, layout: Format, clean: Callable[[str], str], size: int) -> Sheet:
    one = len({(n.symbol, n.rule, n.episode) for n in message.notifications}) == 1
    episodes = told(message, clean, _LONGEST_TEXT if one else _LONGEST_TEXT_IN_DIGEST)
    brief = layout in (Format.CHAT, Format.MARKDOWN) and size < chat.BRIEF_BELOW
    heading = brief_title(message, episodes) if brief and not one else title(message, episodes)
    said = Said(shared_notes(episodes), shared_trade_date(episodes))
    match layout:
        case Format.PLAIN | Format.COLOUR:
            return _in_monospace(heading, episodes, said, layout is Format.COLOUR, REPEAT if message.repeat else "")
        case Format.HTML:
            return _in_html(heading, episodes, said)
        case Format.CHAT | Format.MARKDOWN:
            return _in_lines(heading, episodes, said, brief)


def _in_monospace(heading: str, episodes: Sequence[Told], said: Said, colour: bool, repeat: str) -> Sheet:
    head = ""
    if len(episodes) == 1:
        rows = [table.single(episodes[0], repeat)]
    else:
        columns, rows = table.table(episodes, said)
        head = "\n".join(filter(None, [heading, said.line, columns]))
    return Sheet(heading, tuple(map(table.coloured, rows, episodes) if colour else rows), head)


def _in_lines(heading: str, episodes: Sequence[Told], said: Said, brief: bool) -> Sheet:
    if len(episodes) == 1:
        return Sheet(heading, (chat.brief_single(episodes[0]) if brief else chat.single(episodes[0]),))
    if brief:
        return Sheet(heading, (*said.notes, *(chat.brief_row(episode, said) for episode in episodes)))
    return Sheet(heading, tuple(chat.row(episode, said) for episode in episodes), said.line)


def _in_html(heading: str, episodes: Sequence[Told], said: Said) -> Sheet:
    if len(episodes) == 1:
        return Sheet(heading, (html.single(episodes[0]),), html.HEAD, html.FOOT, divisible=False)
    return Sheet(
        heading,
        tuple(html.row(episode, said) for episode in episodes),
        head=html.HEAD + html.heading(heading, said) + html.TABLE,
        foot=html.TABLE_END + html.FOOT,
        divisible=False,
    )
