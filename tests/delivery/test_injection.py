"""Rule names, symbols and texts of others act nowhere: not on services, not on mail programs, not on terminals."""

import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from apprise import NotifyFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.builders import facts, message, note
from watcher.core.notification import Message, Notification
from watcher.delivery.render import Format, render
from watcher.delivery.service import open_service
from watcher.delivery.sheet import Part
from watcher.delivery.text import clipped, inert, one_line

HOSTILE = [
    pytest.param("<!channel> <@U123456> <!here|here>", id="Slack's mentions"),
    pytest.param("@everyone @here @channel @all", id="mentions in plain text"),
    pytest.param("<script>alert(1)</script><img src=x onerror=y>", id="HTML"),
    pytest.param("</td></tr></table><a href='https://evil.example'>here</a>", id="HTML that closes the table"),
    pytest.param("[click](https://evil.example) **bold** `code` > quote", id="Markdown"),
    pytest.param("a\r\nBcc: thief@example.com\r\n\r\nbody", id="line breaks"),
    pytest.param("a\u2028b\u2029c\x85d\x0be", id="line breaks of Unicode"),
    pytest.param("safe \u202egnp.exe\u202c \u2066x\u2069 \u200f", id="right to left"),
    pytest.param("\x1b[2J\x1b]0;owned\x07\x00\x9b31m", id="terminal controls"),
    pytest.param("zero\u200bwidth\ufeff \U000e0041 soft\u00adhyphen", id="invisible characters"),
    pytest.param("\ud800 lone surrogate", id="half a character"),
    pytest.param("{symbol} %s ${HOME} {{x}} $(id)", id="templates"),
]
LAYOUTS = list(Format)


def hostile(text: str) -> Notification:
    name = text.encode(errors="replace").decode()  # what has an id can be encoded
    return note(name, rule=name, note=text, facts=facts(text=text, metric=text, unit=text, operator=text))


def everything(parts: list[Part]) -> str:
    return "\n".join(f"{part.title}\n{part.body}" for part in parts)


def messages(text: str) -> Iterator[Message]:
    yield message(hostile(text))
    yield message(hostile(text), note("US.TSLA"), repeat=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hidden_reaches_any_service(layout: Format, text: str) -> None:
    for told in messages(text):
        parts = render(told, layout)
        shown = everything(parts)
        if layout is Format.COLOUR:
            for ours in ("\x1b[33m", "\x1b[0m"):
                shown = shown.replace(ours, "")
        hidden = {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")}
        assert hidden <= {"\n"}
        assert all("\n" not in part.title for part in parts)


@settings(max_examples=100)
@given(st.text(st.characters(), max_size=50))
def test_one_line_is_one_line_of_what_can_be_seen(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == one_line(line)
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs") for char in line)
    assert not set(inert(text)) & set("<>@")


def test_what_is_clipped_counts_what_is_left_out() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcdef… (+1 characters)"


class Tags(HTMLParser):
    """The tags of a document, and the attributes that could load or run anything."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_no_tag_and_no_attribute_but_ours(text: str) -> None:
    for told in messages(text):
        (part,) = render(told, Format.HTML)
        tags = Tags(part.body)
        assert tags.seen <= {
            "html",
            "head",
            "meta",
            "style",
            "body",
            "p",
            "b",
            "i",
            "br",
            "div",
            "span",
            "small",
            "table",
            "tr",
            "td",
        }
        assert tags.attributes <= {"charset", "name", "content", "style", "cellpadding", "cellspacing"}
        assert one_line(text) in "".join(tags.texts)


@pytest.mark.parametrize("layout", [Format.CHAT, Format.MARKDOWN])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_mention_is_left_in_chat(layout: Format, text: str) -> None:
    for told in messages(text):
        shown = everything(render(told, layout))
        assert "@" not in shown
        assert "<" not in shown


def test_markdown_is_escaped_for_services_that_act_on_it_in_plain_text() -> None:
    shown = everything(render(message(hostile("[x](https://evil.example) *b* _i_ `c` ~s~ |p| # h")), Format.MARKDOWN))
    for active in "[](*_`~|#":
        assert shown.count(active) == shown.count(f"\\{active}"), active


SERVICES = [
    pytest.param("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", id="Slack"),
    pytest.param("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?format=markdown", id="Slack in Markdown"),
    pytest.param("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV/", id="Discord"),
    pytest.param("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV/?format=markdown", id="Discord with embeds"),
    pytest.param("tgram://123456789:abcdefg_hijklmnop/12315544/", id="Telegram"),
    pytest.param("tgram://123456789:abcdefg_hijklmnop/12315544/?format=markdown", id="Telegram in Markdown"),
    pytest.param("rocket://user:password@localhost/#channel", id="Rocket.Chat"),
    pytest.param("mmost://localhost/3ccdd113474722377935511fc85d3dd4", id="Mattermost"),
    pytest.param("ntfy://localhost/topic", id="ntfy"),
    pytest.param("matrix://user:password@localhost/#room", id="Matrix"),
    pytest.param("json://localhost/", id="a web hook"),
]


@pytest.mark.parametrize("url", SERVICES)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_mention_is_left_after_what_apprise_makes_of_it(url: str, text: str) -> None:
    """The very call that apprise would make, conversion and escaping included."""
    service = open_service(url, 30)
    for told in messages(text):
        parts = render(told, service.layout, service.size, service.title_size, service.measure)
        for title, body in _as_sent(url, parts):
            assert "@" not in title + body
            assert "<!" not in title + body
            assert "<script" not in title + body
            assert "<a " not in title + body
            assert len(body) <= service.apprise[0].body_maxlen
            assert "\n" not in title.strip()


@pytest.mark.parametrize(
    "url",
    [
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV/",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV/?format=markdown",
        "mmost://localhost/3ccdd113474722377935511fc85d3dd4",
        "rocket://user:password@localhost/#channel",
        "tgram://123456789:abcdefg_hijklmnop/12315544/?format=markdown",
    ],
)
def test_a_link_in_markdown_stays_text_for_those_who_would_render_it(url: str) -> None:
    service = open_service(url, 30)
    told = message(note(facts=facts(text="[click](https://evil.example) **bold**")))
    parts = render(told, service.layout, service.size, service.title_size, service.measure)
    (_, body), *_ = _as_sent(url, parts)
    assert r"\[click\]" in body
    assert r"\\" not in body, "not escaped twice"
    assert r"\*\*bold" in body


def _as_sent(url: str, parts: list[Part]) -> Iterator[tuple[str, str]]:
    service = open_service(url, 30)
    (plugin,) = service.apprise
    for part in parts:
        for plugin_, call in service.apprise._create_notify_gen(part.body, part.title, body_format=service.body_format):
            assert plugin_ is plugin
            for sent in plugin._build_send_calls(**call):
                yield sent["title"], sent["body"]


def test_the_services_are_each_declared_what_they_are_sent() -> None:
    layouts = {
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/": (Format.CHAT, NotifyFormat.TEXT),
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV/": (Format.MARKDOWN, NotifyFormat.TEXT),
        "tgram://123456789:abcdefg_hijklmnop/12315544/": (Format.CHAT, NotifyFormat.TEXT),
        "mailto://u:p@example.com": (Format.HTML, NotifyFormat.HTML),
        "mailto://u:p@example.com?format=text": (Format.PLAIN, NotifyFormat.TEXT),
        "json://localhost/": (Format.CHAT, NotifyFormat.TEXT),
    }
    assert {url: (open_service(url, 30).layout, open_service(url, 30).body_format) for url in layouts} == layouts
