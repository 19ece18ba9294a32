"""Messages as they are read, in each layout."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.delivery.builders import AWAY, DAY, catch_up, digest, facts, ids, message, mixed_digest, note
from watcher.core.alert import Kind
from watcher.core.notification import Message
from watcher.core.rule import Severity
from watcher.delivery.render import Format, render
from watcher.delivery.sheet import Part

TEXTS = [Format.PLAIN, Format.CHAT]
ID = note().id


def only(what: Message, layout: Format = Format.CHAT) -> Part:
    (part,) = render(what, layout)
    return part


@pytest.mark.parametrize(
    ("told", "title"),
    [
        pytest.param(note(), "▲ HK.00700 15.42 % > 15 · hk-crowded", id="opened"),
        pytest.param(
            note("US.TSLA", rule="squeeze", severity=Severity.CRITICAL, facts=facts(61.2, 50)),
            "CRITICAL ▲ US.TSLA 61.20 % > 50 · squeeze",
            id="opened, critical",
        ),
        pytest.param(note(kind=Kind.REMINDED), "● HK.00700 still 15.42 % > 15 · hk-crowded", id="reminded"),
        pytest.param(
            note(kind=Kind.RESOLVED, facts=facts(12.9)), "✓ HK.00700 resolved at 12.90 % · hk-crowded", id="resolved"
        ),
        pytest.param(
            note(kind=Kind.RESOLVED, severity=Severity.CRITICAL, facts=facts(None)),
            "✓ HK.00700 resolved · hk-crowded",
            id="resolved, of an unknown value, is not shouted",
        ),
        pytest.param(
            note(kind=Kind.RETRACTED, facts=facts(14.1)), "✗ HK.00700 retracted at 14.10 % · hk-crowded", id="retracted"
        ),
        pytest.param(
            note(facts=facts(15.42, operator="crosses above")),
            "▲ HK.00700 15.42 % crosses above 15 · hk-crowded",
            id="a crossing",
        ),
    ],
)
def test_the_title_of_one_notification_says_the_most_important_first(told: object, title: str) -> None:
    assert only(Message("m", "desk", (told,))).title == title  # type: ignore[arg-type]


def test_one_opening_tells_everything_in_short_lines() -> None:
    told = note(
        episode=DAY - timedelta(35),
        note="true since 2026-05-01",
        facts=facts(text="HK.00700: average ratio 15.4 %", trend=(1, 2, None, 4)),
    )
    assert only(message(told)).body.splitlines() == [
        "HK.00700: average ratio 15.4 %",
        "daily_trade_avg_ratio 15.42 % > 15, 0.42 points over",
        "+1.11 points from 14.31 % the session before",
        "▁▃ █ last 4 sessions",
        "true since 2026-05-01",
        "opened · warning · since 2026-05-01 · trade date 2026-06-05",
        f"[{ID}]",
    ]


def test_a_retraction_quotes_its_note_and_what_it_takes_back() -> None:
    told = note(kind=Kind.RETRACTED, number=2, note="2026-06-05 was 15.42 %, is 14.10 %", facts=facts(14.1))
    assert only(message(told)).body.splitlines() == [
        "daily_trade_avg_ratio 14.10 %, limit > 15, 0.90 points under",
        "-0.21 points from 14.31 % the session before",
        "▁█ ▃ last 4 sessions",
        "2026-06-05 was 15.42 %, is 14.10 %",
        "retracted · warning · opened 2026-06-05 · trade date 2026-06-05",
        f"[{told.id}]",
    ]


def test_the_console_takes_two_lines_for_one_opening() -> None:
    assert only(message(), Format.PLAIN).body.splitlines() == [
        f"▲ HK.00700 15.42 % > 15 · hk-crowded · warning · since trade date 2026-06-05 [{ID}]",
        "  daily_trade_avg_ratio 15.42 % > 15, 0.42 points over · +1.11 points from 14.31 % · ▁▂ █",
    ]


def test_the_columns_of_a_digest_are_aligned() -> None:
    heading, *rows = only(mixed_digest(), Format.PLAIN).body.splitlines()[2:]
    assert {row.index("[") for row in rows} == {heading.index("id")}
    assert {row.index("HK.") for row in rows} == {heading.index("symbol")}
    assert max(map(len, rows)) < 140


def test_a_digest_counts_by_severity_and_kind() -> None:
    told = message(
        note("HK.00001", severity=Severity.CRITICAL),
        note("HK.00002", severity=Severity.CRITICAL),
        note("HK.00003", severity=Severity.INFO),
        note("HK.00004", kind=Kind.REMINDED),
        note("HK.00005", kind=Kind.RESOLVED),
        note("HK.00006", kind=Kind.RESOLVED, severity=Severity.CRITICAL),
        note("HK.00007", kind=Kind.RETRACTED),
    )
    title = "2 critical, 1 info, 1 still firing, 2 resolved, 1 retracted · short selling"
    assert {only(told, layout).title for layout in Format} == {title}


def test_a_digest_is_sorted_by_severity_then_what_goes_on_first_then_by_symbol() -> None:
    rows = only(mixed_digest(), Format.PLAIN).body.splitlines()[3:]
    severities = ["critical", "warning", "info"]
    states = ["opened", "still firing", "resolved"]

    def rank(row: str) -> tuple[int, int, str]:
        severity = next(index for index, word in enumerate(severities) if f"  {word}  " in row)
        state = next(index for index, word in enumerate(states) if f"  {word}  " in row)
        return severity, state, re.findall(r"HK\.\d+", row)[0]

    assert [rank(row) for row in rows] == sorted(rank(row) for row in rows)
    assert all(rank(before) != rank(after) for before, after in pairwise(rows))


@pytest.mark.parametrize("layout", TEXTS)
def test_after_days_off_an_episode_that_is_already_over_is_one_line_with_both_ids(layout: Format) -> None:
    told = catch_up()
    part = only(told, layout)
    assert part.title == f"1 critical, 1 warning, 1 already over · short selling · {AWAY}"
    (line,) = [line for line in part.body.split("▲")[-1].splitlines() if "] [" in line]
    opening, end = told.notifications[1:3]
    assert line.endswith(f"[{opening.id}] [{end.id}]")


@pytest.mark.parametrize(("why", "symbols"), [(AWAY, ["US.TSLA", "HK.09988"]), (None, ["HK.09988", "US.TSLA"])])
def test_after_days_off_what_still_fires_comes_first_however_severe_what_is_over_was(
    why: str | None, symbols: list[str]
) -> None:
    told = message(
        note("HK.09988", severity=Severity.CRITICAL, note=why, over=DAY),
        note("US.TSLA", severity=Severity.INFO, note=why),
    )
    assert re.findall(r"(?:HK|US)\.\w+", only(told).body) == symbols


@pytest.mark.parametrize("layout", [Format.PLAIN, Format.CHAT, Format.HTML])
def test_what_all_of_a_digest_share_is_said_once(layout: Format) -> None:
    told = message(*(note(f"HK.{number:05d}", note=AWAY) for number in range(1, 4)))
    part = only(told, layout)
    assert part.title.endswith(AWAY)
    assert part.body.count(AWAY) <= 1, "in the heading, where the title is repeated"
    assert part.body.count("trade date") == 1


def test_a_reminder_that_joins_its_untold_opening_is_an_opening_with_the_newer_figures() -> None:
    told = message(note(), note(number=2, kind=Kind.REMINDED, trade_date=DAY + timedelta(5), facts=facts(17.0)))
    part = only(told)
    assert part.title == "▲ HK.00700 17.00 % > 15 · hk-crowded"
    assert all(f"[{id_}]" in part.body for id_ in ids(told.notifications))


def test_colours_differ_from_the_plain_layout_by_nothing_but_colours() -> None:
    for told in (message(), mixed_digest(), catch_up()):
        coloured = only(told, Format.COLOUR).body
        assert "\x1b[" in coloured
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == only(told, Format.PLAIN).body


def test_long_words_of_a_rule_are_clipped_and_say_so() -> None:
    told = note(facts=facts(text="x" * 2000))
    assert "x… (+1500 characters)" in only(message(told)).body
    assert "x… (+1840 characters)" in only(message(told, note("US.TSLA"))).body


SIZES = [
    pytest.param(35_000, 250, id="Slack"),
    pytest.param(32_768, 250, id="mail"),
    pytest.param(4_096, 0, id="Telegram"),
    pytest.param(2_000, 0, id="Discord"),
    pytest.param(160, 0, id="SMS"),
    pytest.param(140, 60, id="the smallest there is"),
]


@pytest.mark.parametrize(
    ("layout", "size", "title_size"),
    [
        *(pytest.param(Format.CHAT, *each.values, id=f"chat as for {each.id}") for each in SIZES),
        *(pytest.param(Format.MARKDOWN, *each.values, id=f"Markdown as for {each.id}") for each in SIZES),
        *(pytest.param(layout, 32_768, 250, id=layout.value) for layout in Format),
        *(pytest.param(layout, 4_500, 250, id=f"{layout.value} in little room") for layout in Format),
    ],
)
@pytest.mark.parametrize("told", [message(), mixed_digest(), digest(300), catch_up()], ids=["1", "60", "300", "away"])
def test_every_id_is_in_exactly_one_part_and_no_part_is_too_long(
    layout: Format, size: int, title_size: int, told: Message
) -> None:
    parts = render(told, layout, size, title_size)
    everything = "\n".join(part.body for part in parts).replace("\\", "")
    assert sorted(re.findall(r"\[([a-z2-7]{8})\]", everything)) == ids(told.notifications)
    assert all(len(part.body) + (len(part.title) + 2 if not title_size else 0) <= size for part in parts)
    assert not title_size or all(len(part.title) <= title_size for part in parts)
    numbers = [f"({number}/{len(parts)})" for number in range(1, len(parts) + 1)]
    assert len(parts) == 1 or [part.title.rpartition(" ")[2] for part in parts] == numbers


@settings(max_examples=50, deadline=None)
@given(size=st.integers(500, 3000), text=st.text(max_size=600), count=st.integers(1, 4))
def test_whatever_a_rule_says_nothing_is_lost_between_parts(size: int, text: str, count: int) -> None:
    """What is told at any size is, but for line breaks and what each part repeats, what is told without a limit."""
    told = message(*(note(f"HK.{number:05d}", facts=facts(text=text)) for number in range(count)))

    def bare(parts: list[Part]) -> str:
        return "".join("".join(part.body.removeprefix("trade date 2026-06-05").split()) for part in parts)

    assert bare(render(told, Format.CHAT, size)) == bare(render(told, Format.CHAT))


@pytest.mark.parametrize("text", ["word " * 98, "x" * 490, "é" * 300 + " " + "y" * 180])
def test_words_longer_than_a_part_are_divided_and_none_is_lost(text: str) -> None:
    told = message(note(facts=facts(text=text)))
    parts = render(told, Format.CHAT, 300, 250)
    assert all(len(part.body) <= 300 for part in parts)
    assert len(parts) > 1
    assert "".join(text.split()) in "".join("".join(part.body.split()) for part in parts)


def test_a_title_too_long_for_the_service_stands_in_full_above_the_body() -> None:
    told = message(note(rule="r" * 64))
    (part,) = render(told, Format.CHAT, 4000, 60)
    assert part.title.endswith("…")
    assert len(part.title) <= 60
    assert part.body.splitlines()[0] == f"▲ HK.00700 15.42 % > 15 · {'r' * 64}"


@pytest.mark.parametrize("layout", list(Format))
def test_a_repeat_says_so_wherever_it_is_read(layout: Format) -> None:
    for told in (message(repeat=True), message(note("HK.00001"), note("HK.00002"), repeat=True)):
        part = only(told, layout)
        assert "possibly a repeat" in part.title
        assert layout not in (Format.PLAIN, Format.COLOUR) or "possibly a repeat" in part.body
