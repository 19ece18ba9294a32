"""What is due and not told, by channel; and the depth of the outbox by channel."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.builders import notification
from tests.conftest import NOW
from watcher.core.health import Backlog
from watcher.core.notification import Claim, Entry, Notification
from watcher.core.outbox import Delivery, Hold, Sent, Status
from watcher.store.store import Store

EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(minutes=1)


def _enqueue(store: Store, told: Notification, delivery: Delivery) -> None:
    with store.write() as tx:
        tx.alerts.add_transitions([told], NOW)
        tx.outbox.enqueue([told], NOW)
        tx.outbox.put([Entry(told, delivery)])


def _sent(store: Store, told: Notification, at: datetime) -> None:
    _enqueue(store, told, Delivery(due=at))
    with store.write() as tx:
        claim = Claim.of(tx.outbox.waiting(told.channel))
        tx.outbox.settle(claim, Sent(), [Delivery(Status.SENT, None, 1, at)] * len(claim.deliveries), at)


def _backlog(store: Store) -> Backlog:
    with store.read() as tx:
        return tx.outbox.backlog(NOW)


@pytest.mark.parametrize(
    ("delivery", "owed"),
    [
        pytest.param(Delivery(due=EARLIER), True, id="it is due"),
        pytest.param(Delivery(due=LATER, attempts=1), False, id="it backs off"),
        pytest.param(Delivery(due=None, held=Hold.ACK), False, id="nobody wants to hear it"),
        pytest.param(Delivery(Status.CLAIMED, EARLIER), True, id="it is on its way, and has been for long"),
        pytest.param(Delivery(Status.DEAD, None), False, id="it was given up"),
        pytest.param(Delivery(Status.SENT, None, 1), False, id="it is told"),
    ],
)
def test_what_is_owed_is_what_is_due_and_not_told(store: Store, delivery: Delivery, owed: bool) -> None:
    _enqueue(store, notification(channel="desk"), delivery)
    assert _backlog(store).owed == ({"desk": EARLIER} if owed else {})


def test_the_oldest_of_each_channel_counts(store: Store) -> None:
    _enqueue(store, notification(rule="a", channel="desk"), Delivery(due=NOW))
    _enqueue(store, notification(rule="b", channel="desk"), Delivery(due=EARLIER))
    _enqueue(store, notification(rule="c", channel="mail"), Delivery(due=NOW))
    assert _backlog(store) == Backlog({"desk": EARLIER, "mail": NOW})


def test_what_waits_for_the_answer_of_an_earlier_one_is_not_owed(store: Store) -> None:
    _enqueue(store, notification(number=1, channel="desk"), Delivery(due=LATER, attempts=1, begun=True))
    _enqueue(store, notification(number=2, channel="desk"), Delivery(due=EARLIER))
    assert _backlog(store).owed == {}


def test_nobody_hears_of_anything_once_all_that_was_tried_since_the_last_success_was_in_vain(store: Store) -> None:
    tried = Delivery(due=LATER, attempts=3, first_attempt=EARLIER)
    _enqueue(store, notification(rule="a", channel="desk"), tried)
    assert _backlog(store).unheard == EARLIER
    _sent(store, notification(rule="b", channel="mail"), NOW - timedelta(minutes=30))
    assert _backlog(store).unheard is None, "another channel took something since"
    later = NOW - timedelta(minutes=10)
    _enqueue(store, notification(rule="c", channel="mail"), replace(tried, first_attempt=later))
    assert _backlog(store).unheard == later
    held = replace(tried, first_attempt=later, held=Hold.QUIET_HOURS)
    with store.write() as tx:
        tx.outbox.put([Entry(notification(rule="c", channel="mail"), held)])
    assert _backlog(store).unheard is None, "what is held is not tried"


def test_the_depth_by_channel_leaves_out_what_is_over(store: Store) -> None:
    _enqueue(store, notification(rule="a", channel="desk"), Delivery(due=NOW))
    _enqueue(store, notification(rule="b", channel="desk"), Delivery(due=NOW, held=Hold.SILENCE))
    _enqueue(store, notification(rule="c", channel="mail"), Delivery(Status.DEAD, None))
    _enqueue(store, notification(rule="d", channel="mail"), Delivery(Status.SENT, None, 1))
    _enqueue(store, notification(rule="e", channel="mail"), Delivery(Status.CLAIMED, NOW))
    with store.read() as tx:
        assert tx.outbox.depths() == {
            ("desk", "pending"): 1,
            ("desk", "held"): 1,
            ("mail", "dead"): 1,
            ("mail", "claimed"): 1,
        }
