"""What goes into the next message of a channel, what is held back, and what is never told."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from tests.builders import FIRST, book, notification, rule
from watcher.core.alert import Kind
from watcher.core.book import ChannelPolicy, QuietHours, RuleBook
from watcher.core.composition import Composition, Hush, compose, following, quiet
from watcher.core.market import Symbol
from watcher.core.notice import WATCHER
from watcher.core.notification import Entry
from watcher.core.outbox import Delivery, Hold, Status
from watcher.core.rule import Severity
from watcher.core.silence import Ack, Silence

NIGHT = datetime(2026, 6, 5, 23, 30, tzinfo=UTC)
MORNING = datetime(2026, 6, 6, 7, 0, tzinfo=UTC)
NOON = datetime(2026, 6, 6, 12, 0, tzinfo=UTC)
QUIET = ChannelPolicy("console", quiet=QuietHours(time(22), time(7), "UTC"))
LOUD = ChannelPolicy("console")
XRT, GME = Symbol("US.XRT"), Symbol("US.GME")
OVER = date(2026, 6, 4)
NOBODY = Hush()


def entry(number: int = 1, held: Hold | None = None, due: datetime = NIGHT, **changes: object) -> Entry:
    return Entry(notification(number=number, **changes), Delivery(due=due, held=held))


def end(number: int = 2, **changes: object) -> Entry:
    return entry(number, kind=Kind.RESOLVED, **changes)  # type: ignore[arg-type]  # a builder


def silenced(ends: datetime = MORNING, **names: object) -> Hush:
    of: dict[str, object] = {"symbols": ("US.XRT",), "rules": (), "severities": ()} | names
    return Hush((Silence(starts=NIGHT, ends=ends, why="known", **of),))  # type: ignore[arg-type]  # a builder


def numbers(entries: tuple[Entry, ...]) -> list[int]:
    return [each.notification.number for each in entries]


def becomes(composed: Composition) -> dict[int, str]:
    """Return what becomes of each notification, by its number."""
    held = {each.notification.number: f"{each.delivery.held} until {each.delivery.due}" for each in composed.held}
    return dict.fromkeys(numbers(composed.told), "told") | held | dict.fromkeys(numbers(composed.dropped), "dropped")


QUIETLY = f"quiet hours until {MORNING}"
SILENTLY = f"silence until {MORNING}"
RESTS = Hush.of([], [], book(rule("r", enabled=False), rule("other")))
ACKED = Hush.of([], [Ack(XRT, "r", FIRST, NIGHT)], RuleBook())


@pytest.mark.parametrize(
    ("waiting", "policy", "hush", "expected"),
    [
        pytest.param([entry()], LOUD, NOBODY, {1: "told"}, id="what waits is told"),
        pytest.param([entry()], QUIET, NOBODY, {1: QUIETLY}, id="quiet hours hold"),
        pytest.param(
            [entry(1), end(2), entry(3, rule="other")],
            LOUD,
            RESTS,
            {1: "resting until None", 2: "resting until None", 3: "told"},
            id="a rule that rests is not told of",
        ),
        pytest.param([entry(severity=Severity.CRITICAL)], QUIET, NOBODY, {1: "told"}, id="what is critical passes"),
        pytest.param(
            [entry(1), entry(2, rule="s", severity=Severity.CRITICAL)],
            QUIET,
            NOBODY,
            {1: QUIETLY, 2: "told"},
            id="what is critical does not take along what is not",
        ),
        pytest.param(
            [entry(1), end(2, severity=Severity.CRITICAL)],
            QUIET,
            NOBODY,
            {1: QUIETLY, 2: QUIETLY},
            id="an end never overtakes its opening, however critical it is",
        ),
        pytest.param(
            [entry(1, over=OVER), end(2)], LOUD, NOBODY, {1: "told", 2: "told"}, id="both untold go out together"
        ),
        pytest.param([entry()], LOUD, silenced(), {1: SILENTLY}, id="a silence holds what fires"),
        pytest.param([entry()], LOUD, silenced(symbols=("US.GME",)), {1: "told"}, id="but not what it does not name"),
        pytest.param(
            [entry()], QUIET, silenced(ends=NOON), {1: f"silence until {NOON}"}, id="a silence longer than the night"
        ),
        pytest.param([end()], LOUD, silenced(), {2: SILENTLY}, id="the end of what was told comes after the silence"),
        pytest.param(
            [entry(1, over=OVER), end(2)],
            LOUD,
            silenced(),
            {1: "dropped", 2: "dropped"},
            id="what begins and ends under a silence is never told",
        ),
        pytest.param(
            [entry(1, Hold.SILENCE, over=OVER), end(2)],
            LOUD,
            NOBODY,
            {1: "dropped", 2: "dropped"},
            id="nor when it is looked at only after the silence",
        ),
        pytest.param(
            [entry(1, Hold.SILENCE, over=OVER)],
            LOUD,
            NOBODY,
            {1: "dropped"},
            id="nor if the rule keeps its ends to itself",
        ),
        pytest.param([entry(1, Hold.SILENCE)], LOUD, NOBODY, {1: "told"}, id="what still fires then is told"),
        pytest.param(
            [entry(1, Hold.QUIET_HOURS, over=OVER), end(2, held=Hold.QUIET_HOURS)],
            LOUD,
            NOBODY,
            {1: "told", 2: "told"},
            id="what began and ended in quiet hours is told when they are over",
        ),
        pytest.param(
            [entry(1, over=OVER), end(2), entry(3)],
            LOUD,
            silenced(),
            {1: "dropped", 2: "dropped", 3: SILENTLY},
            id="an episode that a revision opens anew is not dropped with what it was before",
        ),
        pytest.param(
            [entry(3, kind=Kind.REMINDED)], LOUD, ACKED, {3: "ack until None"}, id="of what a person knows, no reminder"
        ),
        pytest.param([entry(3, kind=Kind.REMINDED, episode=OVER)], LOUD, ACKED, {3: "told"}, id="of what is new, one"),
        pytest.param(
            [entry(3, Hold.ACK, kind=Kind.REMINDED, over=OVER), end(4)],
            LOUD,
            ACKED,
            {3: "dropped", 4: "told"},
            id="its end is told",
        ),
        pytest.param(
            [entry(1, over=OVER), end(2)], LOUD, ACKED, {1: "dropped", 2: "dropped"}, id="unless its opening never was"
        ),
        pytest.param([entry(1, symbol=GME)], LOUD, ACKED, {1: "told"}, id="an ack is of one alert"),
        pytest.param(
            [entry(1, symbol=WATCHER)],
            LOUD,
            silenced(symbols=(), severities=(Severity.WARNING,)),
            {1: "told"},
            id="silences are of the market, not of the watcher's own troubles",
        ),
        pytest.param(
            [entry(1), entry(2, symbol=WATCHER)], LOUD, NOBODY, {2: "told"}, id="notices make messages of their own"
        ),
    ],
)
def test_what_becomes_of_what_waits(
    waiting: list[Entry], policy: ChannelPolicy, hush: Hush, expected: dict[int, str]
) -> None:
    assert becomes(compose(waiting, policy, hush, NIGHT)) == expected


def test_what_is_held_already_is_no_news() -> None:
    held = entry(held=Hold.QUIET_HOURS, due=MORNING)
    assert compose([held], QUIET, NOBODY, NIGHT) == Composition()


def test_what_is_dropped_is_not_attempted_any_more_and_says_why() -> None:
    (dropped,) = compose([entry(1, over=OVER)], LOUD, silenced(), NIGHT).dropped
    assert (dropped.delivery.status, dropped.delivery.due, dropped.delivery.held) == (
        Status.DROPPED,
        None,
        Hold.SILENCE,
    )
    assert dropped.delivery.reason


def test_a_message_keeps_the_order_in_which_it_was_recorded() -> None:
    waiting = [entry(7, rule="z"), entry(1, rule="a"), entry(8, rule="z")]
    assert numbers(compose(waiting, LOUD, NOBODY, NIGHT).told) == [7, 1, 8]


@pytest.mark.parametrize(
    ("start", "end", "now", "active"),
    [
        pytest.param(NIGHT, MORNING, NIGHT, True, id="from its start"),
        pytest.param(NIGHT, MORNING, NIGHT - timedelta(seconds=1), False, id="not before: clocks can be set back"),
        pytest.param(NIGHT, MORNING, MORNING, False, id="to its end, which is not in it"),
    ],
)
def test_when_a_silence_is_in_force(start: datetime, end: datetime, now: datetime, active: bool) -> None:
    hush = Hush((Silence(("*",), (), (), start, end, "known"),))
    assert (hush.held(notification(), now) is not None) is active


def test_of_two_silences_the_longer_one_counts() -> None:
    both = Hush((*silenced(NOON).silences, *silenced(MORNING).silences))
    assert both.held(notification(), NIGHT) == (Hold.SILENCE, NOON)


def test_a_message_to_be_repeated_waits_for_the_end_of_quiet_hours_unless_it_holds_what_is_critical() -> None:
    minor, major = notification(), notification(severity=Severity.CRITICAL)
    assert quiet([minor], QUIET, NIGHT) == (Hold.QUIET_HOURS, MORNING)
    assert quiet([minor, major], QUIET, NIGHT) is None
    assert quiet([minor], QUIET, NOON) is None
    assert quiet([minor], LOUD, NIGHT) is None


def test_what_quiet_hours_held_and_a_silence_holds_then_is_held_on() -> None:
    before = entry(held=Hold.QUIET_HOURS, due=MORNING)
    (held,) = compose([before], QUIET, silenced(ends=NOON), MORNING).held
    assert held.delivery == replace(before.delivery, held=Hold.SILENCE, due=NOON)


@pytest.mark.parametrize(
    ("later", "yielded"),
    [
        pytest.param([end(2)], [2], id="its end"),
        pytest.param([entry(2, kind=Kind.REMINDED), end(3)], [2, 3], id="its reminder and its end"),
        pytest.param(
            [Entry(end(2).notification, Delivery(status=Status.SENT)), end(3)], [3], id="what is told is told"
        ),
        pytest.param([end(2, episode=OVER)], [], id="no end of another episode"),
        pytest.param([entry(2), end(3)], [], id="an end after it was opened anew is of that opening"),
    ],
)
def test_what_follows_an_opening(later: list[Entry], yielded: list[int]) -> None:
    assert numbers(tuple(following(notification(), later))) == yielded


def test_nothing_follows_an_end() -> None:
    assert list(following(end(2).notification, [end(3)])) == []
