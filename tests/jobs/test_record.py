"""Recording: what an answer changes is told once, by whatever way it comes."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.builders import book, day, hk_row, position, rule, sessions, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered, DataState, Refused, SymbolState
from watcher.core.book import ChannelPolicy, RuleBook
from watcher.core.market import Row, Symbol
from watcher.core.notification import Notification
from watcher.core.rule import Severity
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import FILE, Store

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
LEVEL = book(rule(when="short_percent > 50"), digest="level")


def _percents(*percents: float | None, start: date | str = "2026-01-05") -> tuple[Row, ...]:
    return tuple(
        us_row(when, short_percent=percent)
        for when, percent in zip(sessions(len(percents), start), percents, strict=True)
    )


def _record(store: Store, rules: RuleBook, *answers: Answered | Refused) -> tuple[Notification, ...]:
    take_up(store, rules, NOW)
    return record(store, rules, answers, NOW)[1]


def _told(notifications: tuple[Notification, ...]) -> list[tuple[Kind, str, str | None]]:
    return [(each.kind, each.trade_date.isoformat(), each.note) for each in notifications]


def test_a_crossing_is_told_once_and_its_end_once(store: Store) -> None:
    rows = _percents(40, 60, 70, 45, 40)
    told = [_told(_record(store, LEVEL, Answered(US, rows[:end]))) for end in (1, 2, 2, 3, 4, 5, 5)]
    assert told == [
        [],
        [(Kind.OPENED, "2026-01-06", None)],
        [],
        [],
        [(Kind.RESOLVED, "2026-01-08", None)],
        [],
        [],
    ]


def test_the_same_answer_again_makes_no_transaction(store: Store, tmp_path: Path) -> None:
    """SQLite counts its transactions in the file, so that a file that is the same to the byte has seen none."""
    answer = Answered(US, _percents(40, 60))
    _record(store, LEVEL, answer)
    before = (tmp_path / "state" / FILE).read_bytes()
    _record(store, LEVEL, answer)
    assert (tmp_path / "state" / FILE).read_bytes() == before


def test_a_symbol_seen_for_the_first_time_tells_only_what_holds_now(store: Store) -> None:
    told = _record(store, LEVEL, Answered(US, _percents(60, 40, 60, 70)))
    assert _told(told) == [(Kind.OPENED, "2026-01-08", "true since 2026-01-07")]
    assert told[0].episode == day("2026-01-07")


def test_every_missed_session_is_judged_in_order(store: Store) -> None:
    rows = _percents(40, 60, 70, 45, 60)
    _record(store, LEVEL, Answered(US, rows[:1]))
    told = _record(store, LEVEL, Answered(US, rows))
    assert [(each.kind, each.trade_date.day, each.number) for each in told] == [
        (Kind.OPENED, 6, 1),
        (Kind.RESOLVED, 8, 2),
        (Kind.OPENED, 9, 3),
    ]


def test_an_answer_that_overlaps_or_is_cut_is_no_news_of_old_rows(store: Store) -> None:
    rows = _percents(*[40.0] * 40, 60)
    _record(store, LEVEL, Answered(US, rows[:40]))
    assert _told(_record(store, LEVEL, Answered(US, rows[35:]))) == [(Kind.OPENED, "2026-03-02", None)]
    assert _record(store, LEVEL, Answered(US, rows[10:20])) == ()
    with store.read() as tx:
        assert tx.rows.newest([US])[US] == rows


def test_an_answer_that_reaches_further_back_than_what_is_read_is_compared_with_all(store: Store) -> None:
    rows = _percents(*[40.0] * 120)
    _record(store, LEVEL, Answered(US, rows))
    sparse = (rows[0], rows[-1])
    assert _record(store, LEVEL, Answered(US, sparse)) == ()
    with store.read() as tx:
        assert tx._connection.exec_driver_sql("SELECT count(*) FROM revisions").scalar() == 0


def test_no_data_never_ends_an_alert(store: Store) -> None:
    _record(store, LEVEL, Answered(US, _percents(40, 60)))
    for state in (DataState.NO_DATA, DataState.ERROR, DataState.INVALID):
        _record(store, LEVEL, Refused(US, state, f"{US}: {state}"))
    _record(store, LEVEL, Answered(US, ()))
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].firing
        assert [each.report.kind for each in tx.history.recorded([US], None)] == [Kind.OPENED]
        assert tx.rows.states([US])[US].state is DataState.OK


def test_a_state_keeps_since_until_it_changes(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    refused = Refused(US, DataState.ERROR, "US.XRT: 502")
    record(store, LEVEL, [refused], NOW)
    record(store, LEVEL, [Refused(US, DataState.ERROR, "US.XRT: 503")], later)
    with store.read() as tx:
        assert tx.rows.states() == {US: SymbolState(US, DataState.ERROR, NOW, "US.XRT: 503")}
    record(store, LEVEL, [Answered(US, _percents(40))], later)
    with store.read() as tx:
        assert tx.rows.states() == {US: SymbolState(US, DataState.OK, later, None, day("2026-01-05"))}


def test_an_answer_without_rows_is_no_data_for_a_symbol_that_never_had_any(store: Store) -> None:
    states, _ = record(store, LEVEL, [Answered(US, ())], NOW)
    assert states[0].state is DataState.NO_DATA
    assert states[0].reason == "US.XRT: upstream has no rows of it yet"


def test_a_revised_row_is_stored_and_sends_nothing_by_itself(store: Store) -> None:
    _record(store, LEVEL, Answered(US, _percents(40, 45, 40)))
    assert _record(store, LEVEL, Answered(US, _percents(40, 46, 40))) == ()
    with store.read() as tx:
        assert tx.rows.newest([US])[US] == _percents(40, 46, 40)


def test_positions_are_judged_by_their_own_date(store: Store) -> None:
    rules = book(rule(when="aggregated_short_ratio > 1", symbols=[HK]), digest="positions")
    row = hk_row("2026-01-20", turnover=1)
    small = position("2026-01-09", "2026-01-20", 5, 0.5)
    large = position("2026-01-16", "2026-01-27", 9, 1.5)
    assert _record(store, rules, Answered(HK, (row,), small)) == ()
    told = _record(store, rules, Answered(HK, (row, hk_row("2026-01-27")), large))
    assert _told(told) == [(Kind.OPENED, "2026-01-16", None)]
    assert (
        _record(store, rules, Answered(HK, (hk_row("2026-01-28"),), large._replace(trade_date=day("2026-01-28")))) == ()
    )
    with store.read() as tx:
        assert tx.rows.positions([HK])[HK] == (small, large)
        assert tx.rows.states([HK])[HK].judged_positions == day("2026-01-16")


@pytest.mark.parametrize(
    ("severity", "resolved", "told"),
    [
        pytest.param(Severity.WARNING, True, ["console", "desk"], id="both channels hear of a warning"),
        pytest.param(Severity.INFO, True, ["console"], id="a channel hears of nothing below its least severity"),
        pytest.param(Severity.WARNING, False, [], id="a rule may keep its ends to itself"),
    ],
)
def test_an_end_goes_to_the_channels_that_heard_of_the_opening(
    store: Store, severity: Severity, resolved: bool, told: list[str]
) -> None:
    rules = book(
        rule(notify=["console", "desk"], severity=severity, resolved=resolved),
        channels=[ChannelPolicy("desk", Severity.WARNING)],
        digest="ends",
    )
    rows = _percents(40, 60, 40)
    for end in (1, 2):
        _record(store, rules, Answered(US, rows[:end]))
    assert [each.channel for each in _record(store, rules, Answered(US, rows))] == told


def test_an_opening_and_its_end_in_one_batch_go_to_the_same_channels(store: Store) -> None:
    _record(store, LEVEL, Answered(US, _percents(40)))
    told = _record(store, LEVEL, Answered(US, _percents(40, 60, 40)))
    assert [(each.kind, each.channel) for each in told] == [(Kind.OPENED, "console"), (Kind.RESOLVED, "console")]


def test_answers_of_symbols_that_no_rule_names_are_stored(store: Store) -> None:
    other = Symbol("US.OTHER")
    assert _record(store, LEVEL, Answered(other, _percents(60))) == ()
    with store.read() as tx:
        assert len(tx.rows.newest([other])[other]) == 1


def test_a_rule_on_positions_waits_for_the_first_one(store: Store) -> None:
    rules = book(rule(when="aggregated_short_ratio > 1", symbols=[HK]), digest="positions")
    assert _record(store, rules, Answered(HK, (hk_row("2026-01-20"),))) == ()
    with store.read() as tx:
        assert tx.alerts.watches()[HK, "r"].checkpoint is None
    large = position("2026-01-16", "2026-01-27", 9, 1.5)
    told = _record(store, rules, Answered(HK, (hk_row("2026-01-27"),), large))
    assert _told(told) == [(Kind.OPENED, "2026-01-16", None)]


def test_the_rules_own_words_are_filled_in_from_the_row(store: Store) -> None:
    words = "{symbol} {rule} {short_percent:.1f} {turnover} {trade_date} {since} {severity}"
    rules = book(rule(message=words, symbols=[US]), digest="words")
    _record(store, rules, Answered(US, _percents(40)))
    (told,) = _record(store, rules, Answered(US, _percents(40, 60)))
    assert told.facts.text == "US.XRT r 60.0 unknown 2026-01-06 2026-01-06 warning"
    assert (told.facts.value, told.facts.limit, told.facts.previous) == (60, 50, 40)
    assert told.facts.trend == (40, 60)
