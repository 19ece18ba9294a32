"""Taking up a rule book: what is new, edited, resting or gone, each told as little as can be."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from tests.builders import book, day, hk_row, position, rule, sessions, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Notification
from watcher.core.outbox import Hold
from watcher.core.rule import Severity
from watcher.errors import StoreError
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store
from watcher.store.transaction import Transaction

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
PERCENTS = (60.0, 40.0, 60.0, 70.0)


def _stored(store: Store, rules: RuleBook) -> None:
    take_up(store, rules, NOW)
    rows = tuple(us_row(when, short_percent=p) for when, p in zip(sessions(4), PERCENTS, strict=True))
    record(store, rules, [Answered(US, rows)], NOW)


def _told(notifications: tuple[Notification, ...]) -> list[tuple[Kind, str | None]]:
    return [(each.kind, each.note) for each in notifications]


NOBODY = book(digest="nobody")
HIGH = book(rule(when="short_percent > 50"), digest="high")


def test_a_new_rule_tells_only_what_holds_now(store: Store) -> None:
    _stored(store, book(rule("other", when="short_percent > 99"), digest="other"))
    told = take_up(store, HIGH, NOW)
    assert _told(told) == [(Kind.OPENED, "true since 2026-01-07")]
    assert take_up(store, HIGH, NOW) == ()


def test_taking_up_twice_tells_once_even_if_the_first_was_cut_short(store: Store) -> None:
    """The digest is noted last: a crash before it repeats the work, which finds nothing left to do."""
    _stored(store, book(rule("other", when="short_percent > 99"), digest="other"))
    take_up(store, HIGH, NOW)
    with store.write() as tx:
        tx.keep("book", "an older one")
    assert take_up(store, HIGH, NOW) == ()


def test_an_edit_that_was_cut_short_and_undone_leaves_nothing_judged_by_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [Symbol("US.GME"), US]
    high, higher = (book(rule(when=f"short_percent > {limit}", symbols=both), digest=f"{limit}") for limit in (50, 70))
    take_up(store, high, NOW)
    record(store, high, [Answered(symbol, (us_row(sessions(1)[0], short_percent=60.0),)) for symbol in both], NOW)
    monkeypatch.setattr("watcher.jobs.take_up.BATCH", 1)
    writes = iter([store.write, _full])

    def write() -> AbstractContextManager[Transaction]:
        return next(writes)()

    monkeypatch.setattr(store, "write", write)
    with pytest.raises(StoreError, match="full"):
        take_up(store, higher, NOW)
    monkeypatch.undo()
    with store.read() as tx:
        assert len(tx.alerts.of()) == 1
    take_up(store, high, NOW)
    with store.read() as tx:
        assert len(tx.alerts.of()) == 2


def _full() -> NoReturn:
    raise StoreError("the disk is full")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param("short_percent > 50", "short_percent > 55", [], id="still firing: nothing"),
        pytest.param("short_percent > 50", "short_percent > 80", [(Kind.RESOLVED, "rule changed")], id="not any more"),
        pytest.param(
            "short_percent > 80",
            "short_percent > 50",
            [(Kind.OPENED, "rule changed, true since 2026-01-07")],
            id="now it is",
        ),
        pytest.param("short_percent > 80", "short_percent > 90", [], id="neither before nor after"),
    ],
)
def test_an_edited_rule_tells_what_differs(
    store: Store, before: str, after: str, told: list[tuple[Kind, str | None]]
) -> None:
    _stored(store, book(rule(when=before), digest="before"))
    assert _told(take_up(store, book(rule(when=after), digest="after"), NOW)) == told


def test_an_episode_keeps_its_name_through_an_edit(store: Store) -> None:
    _stored(store, book(rule(when="short_percent > 65"), digest="before"))
    take_up(store, HIGH, NOW)
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].episode == day("2026-01-08")


def test_an_edit_of_message_severity_or_channel_tells_nothing(store: Store) -> None:
    _stored(store, HIGH)
    edited = rule(when="short_percent > 50", message="{symbol}!", severity=Severity.CRITICAL, notify=["desk"])
    assert take_up(store, book(edited, channels=["desk"], digest="edited"), NOW) == ()


def test_a_symbol_that_is_gone_from_a_rule_ends_silently(store: Store) -> None:
    both = ["US.XRT", "US.GME"]
    _stored(store, book(rule(when="short_percent > 50", symbols=both), digest="both"))
    assert take_up(store, book(rule(when="short_percent > 50", symbols=["US.GME"]), digest="one"), NOW) == ()
    with store.read() as tx:
        assert [(each.kind, each.note) for each in tx.alerts.transitions()] == [
            (Kind.OPENED, "true since 2026-01-07"),
            (Kind.RESOLVED, "no longer watched"),
        ]


def test_what_quiet_hours_held_is_looked_at_by_the_rules_that_were_edited_meanwhile(store: Store) -> None:
    """Also by those of the next start: nobody looks at a reload that did not happen."""
    _stored(store, HIGH)
    with store.write() as tx:
        (entry,) = tx.outbox.waiting("console")
        later = NOW + timedelta(hours=9)
        tx.outbox.put([replace(entry, delivery=replace(entry.delivery, held=Hold.QUIET_HOURS, due=later))])
    take_up(store, replace(HIGH, digest="other"), NOW)
    with store.read() as tx:
        assert tx.outbox.due_channels(NOW) == ["console"]


def test_a_rule_that_is_gone_ends_silently_and_is_new_when_it_comes_back(store: Store) -> None:
    _stored(store, HIGH)
    assert take_up(store, NOBODY, NOW) == ()
    with store.read() as tx:
        assert tx.alerts.of() == {}
        assert [(each.kind, each.note) for each in tx.alerts.transitions()] == [
            (Kind.OPENED, "true since 2026-01-07"),
            (Kind.RESOLVED, "no longer watched"),
        ]
    back = take_up(store, HIGH, NOW)
    assert [(each.kind, each.number) for each in back] == [(Kind.OPENED, 3)]


def test_a_quiet_rule_that_is_gone_leaves_nothing(store: Store) -> None:
    _stored(store, book(rule(when="short_percent > 80"), digest="quiet"))
    assert take_up(store, NOBODY, NOW) == ()
    with store.read() as tx:
        assert tx.alerts.transitions() == []
        assert tx.alerts.watches() == {}


def test_a_rule_without_rows_is_watched_and_forgotten_silently(store: Store) -> None:
    assert take_up(store, HIGH, NOW) == ()
    with store.read() as tx:
        assert tx.alerts.watches()[US, "r"].checkpoint is None
    assert take_up(store, NOBODY, NOW) == ()


def test_a_resting_rule_keeps_its_alert_and_is_judged_anew_when_it_is_back(store: Store) -> None:
    _stored(store, HIGH)
    resting = book(rule(when="short_percent > 50", enabled=False), digest="resting")
    assert take_up(store, resting, NOW) == ()
    record(store, resting, [Answered(US, (us_row("2026-01-09", short_percent=10),))], NOW)
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].firing
    assert _told(take_up(store, HIGH, NOW)) == [(Kind.RESOLVED, "rule changed")]


def test_an_edit_to_positions_ends_the_alert_of_a_symbol_that_has_none(store: Store) -> None:
    _stored(store, HIGH)
    assert _told(take_up(store, book(rule(when="aggregated_short_ratio > 1"), digest="positions"), NOW)) == [
        (Kind.RESOLVED, "rule changed")
    ]
    with store.read() as tx:
        assert tx.alerts.of([US]) == {}
        assert tx.alerts.watches([US])[US, "r"].checkpoint is None, "the first position is its first session"


def test_an_edit_to_positions_ends_nothing_before_it_began(store: Store) -> None:
    rows = tuple(hk_row(when, close_price=9.0) for when in sessions(4))
    take_up(store, book(rule(when="close_price > 5", symbols=["HK.00700"]), digest="prices"), NOW)
    record(
        store,
        book(rule(when="close_price > 5", symbols=["HK.00700"]), digest="prices"),
        [Answered(HK, rows, position("2025-12-20", "2026-01-05", ratio=0.5))],
        NOW,
    )
    (told,) = take_up(store, book(rule(when="aggregated_short_ratio > 1", symbols=["HK.00700"]), digest="both"), NOW)
    assert (told.kind, told.episode, told.trade_date) == (Kind.RESOLVED, day("2026-01-05"), day("2026-01-05"))


def test_a_rule_on_positions_is_folded_over_as_of_dates(store: Store) -> None:
    large = position("2026-01-09", "2026-01-20", 9, 1.5)
    record(store, NOBODY, [Answered(HK, (hk_row("2026-01-20"),), large)], NOW)
    rules = book(rule(when="aggregated_short_ratio > 1", symbols=[HK]), digest="positions")
    told = take_up(store, rules, NOW)
    assert [(each.kind, each.episode) for each in told] == [(Kind.OPENED, day("2026-01-09"))]


def test_many_symbols_are_taken_up_in_batches(store: Store) -> None:
    symbols = [f"US.S{n}" for n in range(120)]
    rows = (us_row("2026-01-05", short_percent=60),)
    record(store, NOBODY, [Answered(Symbol(symbol), rows) for symbol in symbols], NOW)
    told = take_up(store, book(rule(symbols=symbols), digest="many"), NOW)
    assert sorted(each.symbol for each in told) == sorted(symbols)
