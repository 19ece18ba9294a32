"""Rows that change, and rows that come late: judged again, and told only where an episode came or went."""

from datetime import date

import pytest

from tests.builders import book, day, hk_row, position, rule, sessions, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.market import Row, Symbol
from watcher.core.notification import Notification
from watcher.jobs.operate import acknowledge
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
LEVEL = book(rule(when="short_percent > 50"), digest="level")
DAYS = sessions(10)
QUIET = 40.0
FIRES = 60.0


def _rows(*percents: float | None) -> tuple[Row, ...]:
    """One row a session; None where there is none yet."""
    return tuple(us_row(when, short_percent=percent) for when, percent in zip(DAYS, percents, strict=False) if percent)


def _record(store: Store, rows: tuple[Row, ...], rules: RuleBook = LEVEL, *, away: bool = False) -> list[Notification]:
    return list(record(store, rules, [Answered(US, rows)], NOW, away=away)[1])


def _live(store: Store, percents: list[float | None], rules: RuleBook = LEVEL) -> None:
    """Have the rows come one by one."""
    take_up(store, rules, NOW)
    for end in range(1, len(percents) + 1):
        _record(store, _rows(*percents[:end]), rules)


def _told(notifications: list[Notification]) -> list[tuple[Kind, date, str | None]]:
    return [(each.kind, each.episode, each.note) for each in notifications]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([QUIET, FIRES, QUIET], [QUIET, 61.0, QUIET], [], id="the same verdict sends nothing"),
        pytest.param(
            [QUIET, FIRES, QUIET],
            [QUIET, QUIET, QUIET],
            [(Kind.RETRACTED, DAYS[1], "after revision: 2026-01-06 was 60.00 %, is 40.00 %")],
            id="an episode that was told and is nowhere now is retracted with both values",
        ),
        pytest.param(
            [QUIET, FIRES],
            [QUIET, QUIET],
            [(Kind.RETRACTED, DAYS[1], "after revision: 2026-01-06 was 60.00 %, is 40.00 %")],
            id="one that still fired, too",
        ),
        pytest.param(
            [QUIET, QUIET, QUIET],
            [QUIET, FIRES, QUIET],
            [(Kind.OPENED, DAYS[1], "after revision"), (Kind.RESOLVED, DAYS[1], "after revision")],
            id="one that is new and already over is told with its end",
        ),
        pytest.param(
            [QUIET, QUIET],
            [QUIET, FIRES],
            [(Kind.OPENED, DAYS[1], "after revision, true since 2026-01-06")],
            id="one that is new and fires is told",
        ),
        pytest.param(
            [QUIET, FIRES, FIRES, QUIET], [QUIET, FIRES, QUIET, QUIET], [], id="nothing is said of an end that moved"
        ),
        pytest.param([QUIET, FIRES, FIRES], [FIRES, FIRES, FIRES], [], id="nor of a beginning that moved"),
        pytest.param(
            [QUIET, FIRES, FIRES],
            [QUIET, FIRES, QUIET],
            [(Kind.RESOLVED, DAYS[1], "after revision")],
            id="an end that nobody was told of is told",
        ),
        pytest.param(
            [QUIET, FIRES, FIRES, FIRES],
            [QUIET, FIRES, QUIET, FIRES],
            [],
            id="an episode that falls in two is still the one that was told",
        ),
        pytest.param(
            [QUIET, FIRES, None, QUIET],
            [QUIET, FIRES, FIRES, QUIET],
            [],
            id="a row that comes late within an episode sends nothing",
        ),
        pytest.param(
            [QUIET, QUIET, None, QUIET],
            [QUIET, QUIET, FIRES, QUIET],
            [(Kind.OPENED, DAYS[2], "after revision"), (Kind.RESOLVED, DAYS[2], "after revision")],
            id="a row that comes late may bring an episode",
        ),
    ],
)
def test_a_revision_tells_what_came_or_went(
    store: Store, before: list[float | None], after: list[float | None], told: list[tuple[Kind, date, str | None]]
) -> None:
    _live(store, before)
    assert _told(_record(store, _rows(*after))) == told
    assert _record(store, _rows(*after)) == [], "the same answer again is no news"


def test_what_was_retracted_and_comes_back_is_told_again(store: Store) -> None:
    _live(store, [QUIET, FIRES])
    _record(store, _rows(QUIET, QUIET))
    assert _told(_record(store, _rows(QUIET, FIRES))) == [
        (Kind.OPENED, DAYS[1], "after revision, true since 2026-01-06")
    ]
    assert [each.kind for each in _record(store, _rows(QUIET, FIRES, QUIET))] == [Kind.RESOLVED]


def test_the_end_of_an_episode_is_told_once_even_if_a_revision_moves_it_into_the_future(store: Store) -> None:
    _live(store, [QUIET, FIRES, QUIET])
    assert _record(store, _rows(QUIET, FIRES, FIRES)) == []
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].episode == DAYS[1]
    assert _record(store, _rows(QUIET, FIRES, FIRES, QUIET)) == []


def test_an_episode_keeps_its_name_when_its_beginning_moves(store: Store) -> None:
    _live(store, [QUIET, FIRES])
    _record(store, _rows(FIRES, FIRES))
    ended = _record(store, _rows(FIRES, FIRES, QUIET))
    assert _told(ended) == [(Kind.RESOLVED, DAYS[1], None)]


@pytest.mark.parametrize(
    ("before", "revisions", "name"),
    [
        pytest.param(
            [QUIET, FIRES, FIRES, QUIET],
            [[QUIET, QUIET, FIRES, QUIET], [QUIET, QUIET, QUIET, QUIET]],
            DAYS[1],
            id="day by day",
        ),
        pytest.param(
            [QUIET, FIRES, FIRES],
            [[QUIET, QUIET, FIRES], [QUIET, QUIET, QUIET]],
            DAYS[1],
            id="while it fires",
        ),
        pytest.param(
            [QUIET, QUIET, FIRES],
            [[QUIET, FIRES, FIRES], [QUIET, FIRES, FIRES, QUIET], [QUIET, QUIET, QUIET, QUIET]],
            DAYS[2],
            id="begun earlier, over, and gone",
        ),
        pytest.param(
            [QUIET, FIRES, FIRES, FIRES, QUIET],
            [
                [QUIET, FIRES, QUIET, FIRES, QUIET],
                [QUIET, QUIET, QUIET, FIRES, QUIET],
                [QUIET, QUIET, QUIET, QUIET, QUIET],
            ],
            DAYS[1],
            id="fallen in two, the parts gone one by one",
        ),
        pytest.param(
            [QUIET, QUIET, FIRES, QUIET],
            [[QUIET, FIRES, QUIET, QUIET], [QUIET, FIRES, FIRES, QUIET], [QUIET, QUIET, QUIET, QUIET]],
            DAYS[1],
            id="gone from its day and back there",
        ),
    ],
)
def test_what_is_retracted_is_what_was_told(
    store: Store, before: list[float | None], revisions: list[list[float | None]], name: date
) -> None:
    """However its days were adjusted on the way: nobody would hear of a name that nobody was told."""
    _live(store, before)
    told = [_told(_record(store, _rows(*revision))) for revision in revisions]
    assert [(kind, episode) for kind, episode, _ in told[-1]] == [(Kind.RETRACTED, name)]


def test_episodes_that_became_one_and_none_are_both_retracted(store: Store) -> None:
    _live(store, [QUIET, FIRES, QUIET, FIRES, QUIET])
    assert _record(store, _rows(QUIET, FIRES, FIRES, FIRES, QUIET)) == []
    assert [(each.kind, each.episode) for each in _record(store, _rows(*[QUIET] * 5))] == [
        (Kind.RETRACTED, DAYS[1]),
        (Kind.RETRACTED, DAYS[3]),
    ]


def test_nothing_before_the_first_sight_is_judged_again(store: Store) -> None:
    take_up(store, LEVEL, NOW)
    _record(store, _rows(QUIET, QUIET, QUIET))
    assert _record(store, _rows(FIRES, QUIET, QUIET)) == []
    assert _record(store, _rows(FIRES, QUIET, QUIET, FIRES))[0].number == 1


def test_an_edit_is_a_checkpoint(store: Store) -> None:
    _live(store, [QUIET, FIRES, QUIET])
    edited = book(rule(when="short_percent > 55"), digest="edited")
    assert take_up(store, edited, NOW) == ()
    assert _record(store, _rows(QUIET, QUIET, QUIET), edited) == []


def test_what_was_judged_at_the_checkpoint_stays_through_several_revisions_before_it(store: Store) -> None:
    """The alert at the checkpoint is remembered: folding revised rows anew would contradict what was told then."""
    take_up(store, LEVEL, NOW)
    assert [each.kind for each in _record(store, _rows(QUIET, FIRES))] == [Kind.OPENED]
    assert _record(store, _rows(QUIET, QUIET)) == []
    assert _record(store, _rows(45.0, QUIET)) == []
    assert _told(_record(store, _rows(45.0, QUIET, QUIET))) == [(Kind.RESOLVED, DAYS[1], None)]


def test_a_window_over_a_revised_row_is_judged_again(store: Store) -> None:
    rules = book(rule(when="short_percent > 1.5 * mean(short_percent, 3)"), digest="window")
    _live(store, [10.0, 10.0, 10.0, 14.0], rules)
    told = _record(store, _rows(10.0, 1.0, 1.0, 14.0), rules)
    assert _told(told) == [(Kind.OPENED, DAYS[3], "after revision, true since 2026-01-08")]


def test_a_revision_and_a_new_row_in_one_answer(store: Store) -> None:
    _live(store, [QUIET, FIRES])
    told = _record(store, _rows(QUIET, QUIET, FIRES))
    assert [(each.kind, each.episode, each.number) for each in told] == [
        (Kind.RETRACTED, DAYS[1], 2),
        (Kind.OPENED, DAYS[2], 3),
    ]


def test_a_retraction_goes_only_to_who_was_told(store: Store) -> None:
    rules = book(rule(notify=["desk"]), channels=["desk"], digest="desk")
    _live(store, [QUIET, FIRES], rules)
    both = book(rule(notify=["desk", "console"]), channels=["desk"], digest="both")
    take_up(store, both, NOW)
    assert [each.channel for each in _record(store, _rows(QUIET, QUIET, QUIET), both)] == ["desk"]


def test_a_revised_position_is_judged_by_its_own_date(store: Store) -> None:
    rules = book(rule(when="aggregated_short_ratio > 1", symbols=[HK]), digest="positions")
    take_up(store, rules, NOW)
    row, next_row = hk_row("2026-01-20"), hk_row("2026-01-27")
    small, large = position("2026-01-09", row.trade_date, 5, 0.5), position("2026-01-16", next_row.trade_date, 9, 1.5)
    record(store, rules, [Answered(HK, (row,), small)], NOW)
    record(store, rules, [Answered(HK, (row, next_row), large)], NOW)
    told = record(store, rules, [Answered(HK, (row, next_row), large._replace(aggregated_short_ratio=0.9))], NOW)[1]
    assert [(each.kind, each.episode) for each in told] == [(Kind.RETRACTED, day("2026-01-16"))]


def test_a_position_that_comes_without_a_new_row_holds_for_the_row_it_came_with(store: Store) -> None:
    rules = book(rule(when="aggregated_short_ratio > 1 and turnover > 0", symbols=[HK]), digest="mixed")
    take_up(store, rules, NOW)
    first, row = hk_row("2026-01-19", turnover=5), hk_row("2026-01-20", turnover=5)
    small, large = position("2026-01-09", first.trade_date, 5, 0.5), position("2026-01-16", row.trade_date, 9, 1.5)
    for rows in ((first,), (first, row)):
        assert record(store, rules, [Answered(HK, rows, small)], NOW)[1] == ()
    told = record(store, rules, [Answered(HK, (first, row), large)], NOW)[1]
    assert [(each.kind, each.trade_date) for each in told] == [(Kind.OPENED, row.trade_date)]


def test_sessions_that_were_missed_are_marked(store: Store) -> None:
    _live(store, [QUIET])
    told = _record(store, _rows(QUIET, FIRES, QUIET, FIRES), away=True)
    assert [(each.kind, each.trade_date, each.note) for each in told] == [
        (Kind.OPENED, DAYS[1], "while the watcher was away"),
        (Kind.RESOLVED, DAYS[2], "while the watcher was away"),
        (Kind.OPENED, DAYS[3], "while the watcher was away"),
    ]


def test_a_reminder_comes_every_so_many_sessions(store: Store) -> None:
    rules = book(rule(remind=2), digest="remind")
    take_up(store, rules, NOW)
    kinds = [
        [each.kind for each in _record(store, _rows(*[QUIET, FIRES, FIRES, FIRES, FIRES, FIRES, QUIET][:end]), rules)]
        for end in range(1, 8)
    ]
    assert kinds == [[], [Kind.OPENED], [], [Kind.REMINDED], [], [Kind.REMINDED], [Kind.RESOLVED]]


@pytest.mark.parametrize(
    ("percents", "told"),
    [
        pytest.param([QUIET, FIRES, QUIET, FIRES], [], id="still in two parts: nothing"),
        pytest.param([QUIET, FIRES, QUIET, QUIET], [(Kind.RESOLVED, DAYS[1])], id="the first part was, and is over"),
        pytest.param([QUIET, QUIET, QUIET, FIRES], [], id="the second still is"),
        pytest.param([QUIET, QUIET, QUIET, QUIET], [(Kind.RETRACTED, DAYS[1])], id="neither was, which is told once"),
    ],
)
def test_an_episode_that_a_revision_cut_in_two_was_told_as_one(
    store: Store, percents: list[float | None], told: list[tuple[Kind, date]]
) -> None:
    _live(store, [QUIET, FIRES, FIRES, FIRES])
    assert _record(store, _rows(QUIET, FIRES, QUIET, FIRES)) == []
    assert [(each.kind, each.episode) for each in _record(store, _rows(*percents))] == told


def test_of_episodes_that_become_one_the_last_that_was_told_goes_on_and_its_end_is_told(store: Store) -> None:
    """And whoever acknowledged that one, hears nothing of it until then."""
    reminded = book(rule(when="short_percent > 50", remind=1), digest="reminded")
    _live(store, [QUIET, QUIET, FIRES, QUIET, FIRES], reminded)
    acknowledge(store, "r", US, NOW)
    assert _record(store, _rows(QUIET, QUIET, FIRES, FIRES, FIRES), reminded) == []
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].episode == DAYS[4]
        assert [ack.episode for ack in tx.silences.acks()] == [DAYS[4]]
    told = _record(store, _rows(QUIET, QUIET, FIRES, FIRES, FIRES, QUIET), reminded)
    assert _told(told) == [(Kind.RESOLVED, DAYS[4], None)]


def test_what_a_revision_goes_on_with_after_its_end_was_told_says_nothing_more(store: Store) -> None:
    reminded = book(rule(when="short_percent > 50", remind=1), digest="reminded")
    _live(store, [QUIET, QUIET, FIRES, QUIET], reminded)
    percents = [QUIET, QUIET, FIRES, FIRES]
    assert _record(store, _rows(*percents), reminded) == []
    for percent in (FIRES, FIRES, QUIET):
        percents.append(percent)
        assert _record(store, _rows(*percents), reminded) == []


def test_an_ack_ends_with_its_episode_though_a_revision_opens_it_anew(store: Store) -> None:
    _live(store, [QUIET, FIRES])
    acknowledge(store, "r", US, NOW)
    _record(store, _rows(QUIET, QUIET))
    assert _told(_record(store, _rows(QUIET, FIRES))) == [
        (Kind.OPENED, DAYS[1], "after revision, true since 2026-01-06")
    ]
    with store.read() as tx:
        assert tx.silences.acks() == []


def test_a_rule_edited_to_look_at_positions_keeps_its_episode_through_their_revisions(store: Store) -> None:
    """It was told by a trade date; the as-of dates that it looks at now lie before that."""
    of_rows = book(rule(when="daily_trade_avg_ratio > 15", symbols=[HK]), digest="rows")
    of_positions = book(rule(when="aggregated_short_ratio > 1", symbols=[HK]), digest="positions")
    take_up(store, of_rows, NOW)

    def told(rules: RuleBook, rows: int, as_of: str, ratio: float) -> list[tuple[Kind, date]]:
        published = tuple(hk_row(when, daily_trade_avg_ratio=20.0) for when in DAYS[:rows])
        answer = Answered(HK, published, position(as_of, DAYS[rows - 1], ratio=ratio))
        return [(each.kind, each.episode) for each in record(store, rules, [answer], NOW)[1]]

    assert told(of_rows, 4, "2025-12-26", 2.0) == [(Kind.OPENED, DAYS[0])]
    assert take_up(store, of_positions, NOW) == ()
    assert told(of_positions, 5, "2026-01-02", 0.5) == [(Kind.RESOLVED, DAYS[0])]
    assert told(of_positions, 5, "2026-01-02", 2.0) == [], "it is as if it had not ended"
