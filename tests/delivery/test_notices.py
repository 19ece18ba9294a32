"""Notices to the operator, episodes that were over before they were told, and what is told in another's place."""

from datetime import timedelta

import pytest

from tests.delivery.builders import DAY, digest, message, note
from watcher.core.alert import Kind
from watcher.core.notice import WATCHER
from watcher.core.notification import Facts, Message, Notification
from watcher.core.rule import Severity
from watcher.delivery.render import Format, render
from watcher.delivery.sheet import Part

TEXT = "no answer for any of 40 symbols: the connection was refused"


def notice(text: str = TEXT, **other: object) -> Notification:
    worded = Facts(metric="", operator="", unit="", value=None, limit=None, previous=None, text=text)
    return note(WATCHER, **({"rule": "upstream", "facts": worded} | other))


def back(text: str = "all symbols are answered again", **other: object) -> Notification:
    return notice(text, number=2, kind=Kind.RESOLVED, trade_date=DAY + timedelta(days=1), **other)


def only(told: Message, layout: Format) -> Part:
    (part,) = render(told, layout)
    return part


def test_a_trouble_is_told_in_its_own_words() -> None:
    told = message(notice())
    (id_,) = [each.id for each in told.notifications]
    assert only(told, Format.PLAIN) == Part(
        f"▲ watcher: {TEXT}", f"▲ watcher: {TEXT}\n  upstream · warning · since 2026-06-05 [{id_}]"
    )
    assert only(told, Format.CHAT) == Part(f"▲ watcher: {TEXT}", f"upstream · warning · since 2026-06-05 [{id_}]")
    assert f"<p>▲ watcher: {TEXT}<br>" in only(told, Format.HTML).body


def test_what_is_critical_says_so_while_it_goes_on() -> None:
    assert only(message(notice(severity=Severity.CRITICAL)), Format.CHAT).title == f"▲ CRITICAL watcher: {TEXT}"
    assert only(message(back(severity=Severity.CRITICAL)), Format.CHAT).title.startswith("✓ watcher: all symbols")


def test_a_trouble_that_was_over_before_it_was_told_is_one_line() -> None:
    told = message(notice(), back())
    part = only(told, Format.CHAT)
    assert part.title == f"✓ watcher: all symbols are answered again; before: {TEXT}"
    assert part.body.startswith("upstream · warning · since 2026-06-05 · over on 2026-06-06 [")
    assert all(f"[{each.id}]" in part.body for each in told.notifications)
    over = only(message(notice(over=DAY + timedelta(days=1))), Format.CHAT)
    assert (over.title, "over on 2026-06-06" in over.body) == (f"✓ watcher: {TEXT}", True)


@pytest.mark.parametrize("layout", Format)
def test_several_troubles_are_one_message_with_every_id(layout: Format) -> None:
    told = message(notice(), notice("the new rules have errors", rule="rules"))
    part = only(told, layout)
    body = part.body.replace("\\", "")
    assert part.title == "2 notices of the watcher"
    assert all(f"[{each.id}]" in body for each in told.notifications)
    assert TEXT in body


@pytest.mark.parametrize("layout", Format)
def test_a_repeat_is_marked(layout: Format) -> None:
    part = only(message(notice(), repeat=True), layout)
    assert part.title.replace("\\", "").endswith(" · possibly a repeat")
    if layout in (Format.PLAIN, Format.COLOUR):
        assert "possibly a repeat" in part.body, "a terminal shows no titles"


def test_what_upstream_wrote_can_inject_nothing() -> None:
    foreign = notice("502 <!channel> <b>@here</b>\r\nBcc: x")
    assert "<b>" not in only(message(foreign), Format.HTML).body
    chat = only(message(foreign), Format.CHAT)
    assert not {"<", "@", "\r"} & set(chat.title + chat.body)
    assert "\n" not in chat.title


@pytest.mark.parametrize("layout", Format)
def test_what_is_told_in_the_place_of_another_channel_says_so(layout: Format) -> None:
    for told in (message(note(instead_of="mail")), message(notice(instead_of="mail"))):
        assert "told in place of mail" in only(told, layout).body


def test_a_digest_told_in_the_place_of_another_channel_says_so_once() -> None:
    told = digest(3, instead_of="mail")
    part = only(told, Format.CHAT)
    assert part.title.endswith(" · told in place of mail")
    assert "in place of" not in part.body


@pytest.mark.parametrize("kind", [Kind.OPENED, Kind.REMINDED])
def test_an_episode_that_is_over_by_now_is_told_as_over(kind: Kind) -> None:
    over = DAY + timedelta(days=3)
    told = message(note(kind=kind, over=over))
    assert only(told, Format.CHAT).title == "◇ HK.00700 15.42 % > 15, already over · hk-crowded"
    assert "already over · warning · since 2026-06-05, over on trade date 2026-06-08" in only(told, Format.CHAT).body
    both = message(note(kind=kind, over=over), note("HK.00005"))
    assert only(both, Format.CHAT).title == "1 warning, 1 already over · short selling"
    assert "was 15.42 % > 15, over on 2026-06-08" in only(both, Format.PLAIN).body
