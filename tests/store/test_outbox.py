"""The outbox: claimed by one process, told in order, never lost."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.builders import day, notification
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Notification
from watcher.core.outbox import Delivery, Status
from watcher.store.store import Store

US = Symbol("US.XRT")
LATER = NOW + timedelta(minutes=1)


def _enqueue(store: Store, *notifications: Notification, at: datetime = NOW) -> None:
    with store.write() as tx:
        known = tx.alerts.transitions()
        of_none = {(each.symbol, each.rule, each.number): each for each in notifications}
        there = {(each.symbol, each.rule, each.number) for each in known}
        tx.alerts.add_transitions([each for key, each in of_none.items() if key not in there], at)
        tx.outbox.enqueue(notifications, at)


def _claimed(store: Store, channel: str = "console", now: datetime = NOW) -> tuple[list[int], bool] | None:
    with store.write() as tx:
        claim = tx.outbox.claim(channel, now, "a test")
    return claim and ([each.number for each in claim.message.notifications], claim.message.repeat)


def _settle(store: Store, delivery: Delivery, channel: str = "console", now: datetime = NOW) -> None:
    with store.write() as tx:
        claim = tx.outbox.claim(channel, now, "a test")
        assert claim is not None
        tx.outbox.settle(claim.message, delivery)


def test_what_is_due_for_a_channel_is_one_message(store: Store) -> None:
    one, two = notification(number=1), notification(number=1, rule="s")
    _enqueue(store, one, two, notification(number=1, channel="mail"))
    with store.write() as tx:
        assert tx.outbox.due_channels(NOW) == ["console", "mail"]
        claim = tx.outbox.claim("console", NOW, "a test")
    assert claim is not None
    assert claim.message.notifications == (one, two)
    assert claim.message.id == one.id
    assert claim.delivery == Delivery(due=NOW)
    assert _claimed(store) is None, "claimed once is claimed"


def test_the_same_notification_cannot_be_enqueued_twice(store: Store) -> None:
    _enqueue(store, notification())
    with pytest.raises(IntegrityError):
        _enqueue(store, notification())


def test_a_message_keeps_its_notifications_over_every_attempt(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, Delivery(Status.PENDING, LATER, attempts=1, first_attempt=NOW, reason="refused"))
    _enqueue(store, notification(number=1, rule="s"))
    assert _claimed(store) == ([1], False), "what is new does not wait for what is to be repeated"
    assert _claimed(store) is None
    assert _claimed(store, now=LATER) == ([1], False)


def test_an_end_waits_for_its_opening(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, Delivery(Status.PENDING, LATER, attempts=1, first_attempt=NOW, reason="refused"))
    _enqueue(store, notification(number=2, kind=Kind.RESOLVED))
    assert _claimed(store) is None
    _settle(store, Delivery(Status.SENT, None, 2, NOW), now=LATER)
    assert _claimed(store) == ([2], False)


def test_an_end_does_not_wait_for_an_opening_that_is_dead(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, Delivery(Status.DEAD, None, 1, NOW, 0, "gone"))
    _enqueue(store, notification(number=2, kind=Kind.RESOLVED))
    assert _claimed(store) == ([2], False)


def test_the_claims_of_the_dead_are_freed_at_start_and_marked(store: Store) -> None:
    """It may have died after the receiver had taken the message: the repeat says that it may be one."""
    _enqueue(store, notification())
    assert _claimed(store) == ([1], False)
    with store.write() as tx:
        tx.outbox.free_claims(LATER)
        assert tx.outbox.next_due() == LATER
    assert _claimed(store, now=LATER) == ([1], True)


def test_nothing_is_due_in_an_empty_outbox(store: Store) -> None:
    with store.read() as tx:
        assert tx.outbox.next_due() is None
        assert tx.outbox.due_channels(NOW) == []
        assert tx.outbox.depth() == {}
        assert tx.outbox.deliveries(NOW) == {}


def test_deliveries_are_known_by_the_id_of_their_notification(store: Store) -> None:
    _enqueue(store, notification(number=1), at=NOW - timedelta(days=1))
    _enqueue(store, notification(number=2))
    with store.read() as tx:
        assert tx.outbox.deliveries(NOW) == {notification(number=2).id: Delivery(due=NOW)}
        assert tx.outbox.depth() == {"pending": 2}


def test_the_channels_told_of_an_opening_are_those_that_were_or_will_be(store: Store) -> None:
    episode = (US, "r", day("2026-01-05"))
    _enqueue(store, notification(channel="desk"), notification(channel="mail"), notification(channel="pager"))
    _settle(store, Delivery(Status.SENT, None, 1, NOW), "desk")
    _settle(store, Delivery(Status.DEAD, None, 1, NOW, 0, "gone"), "mail")
    with store.read() as tx:
        assert tx.outbox.told([episode]) == {episode: {"desk", "pager"}}
        other = (US, "r", day("2026-02-02"))
        assert tx.outbox.told([other]) == {other: set()}
        assert tx.outbox.told([]) == {}


def test_a_thousand_and_more_notifications_are_claimed_at_once(store: Store) -> None:
    """More keys than SQLite takes parameters in one statement."""
    _enqueue(store, *(notification(rule=f"r{n}") for n in range(12_000)))
    claimed = _claimed(store)
    assert claimed is not None
    assert len(claimed[0]) == 12_000
    with store.write() as tx:
        assert tx.outbox.depth() == {"claimed": 12_000}
