"""The outbox: claimed by one process, told in order, never lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.builders import day, notification
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Claim, Message, Notification
from watcher.core.outbox import Delivery, Failed, Hold, Outcome, Sent, Status, Unknown
from watcher.store.store import Store

US = Symbol("US.XRT")
LATER = NOW + timedelta(minutes=1)
REFUSED, CUT = Failed("refused"), Unknown("cut")
DOUBTED = Delivery(Status.PENDING, None, 1, NOW, 1, "cut", begun=True)


def _enqueue(store: Store, *notifications: Notification, at: datetime = NOW) -> None:
    with store.write() as tx:
        known = tx.alerts.transitions()
        of_none = {(each.symbol, each.rule, each.number): each for each in notifications}
        there = {(each.symbol, each.rule, each.number) for each in known}
        tx.alerts.add_transitions([each for key, each in of_none.items() if key not in there], at)
        tx.outbox.enqueue(notifications, at)


def _waiting(store: Store, channel: str = "console") -> list[int]:
    with store.read() as tx:
        return [entry.notification.number for entry in tx.outbox.waiting(channel)]


def _begun(store: Store, now: datetime, channel: str = "console") -> list[tuple[str, list[int]]]:
    with store.read() as tx:
        messages = [Claim.of(entries).message for entries in tx.outbox.begun(channel, now)]
    return [(each.id, [told.number for told in each.notifications]) for each in messages]


def _claim(store: Store, channel: str = "console") -> Claim:
    """Claim all that has not begun."""
    with store.write() as tx:
        claim = Claim.of(tx.outbox.waiting(channel))
        tx.outbox.claim(claim, "a test")
    return claim


def _settle(store: Store, delivery: Delivery, channel: str = "console", outcome: Outcome = REFUSED) -> None:
    claim = _claim(store, channel)
    with store.write() as tx:
        tx.outbox.settle(claim, outcome, [delivery] * len(claim.deliveries), NOW)


def _due(store: Store, now: datetime) -> list[str]:
    with store.read() as tx:
        return tx.outbox.due_channels(now)


def test_the_outbox_is_idle_while_nothing_waits_to_be_told(store: Store) -> None:
    def is_idle() -> bool:
        with store.read() as tx:
            return tx.outbox.is_idle()

    assert is_idle()
    _enqueue(store, notification(number=1))
    assert not is_idle()
    _settle(store, Delivery(Status.PENDING, LATER, 1, NOW, reason="refused"))
    assert not is_idle(), "it is due later"
    _settle(store, Delivery(Status.SENT, None, 2, NOW), outcome=Sent())
    assert is_idle()


def test_what_is_due_for_a_channel_is_one_message(store: Store) -> None:
    one, two = notification(number=1), notification(number=1, rule="s")
    _enqueue(store, one, two, notification(number=1, channel="mail"))
    assert _due(store, NOW) == ["console", "mail"]
    claim = _claim(store)
    assert claim == Claim(Message(one.id, "console", (one, two)), (Delivery(due=NOW),) * 2)
    assert (_waiting(store), _due(store, NOW)) == ([], ["mail"]), "claimed once is claimed"
    with store.read() as tx:
        entry, *_ = tx.outbox.entries()
    assert (entry.delivery.status, entry.delivery.claimed_by) == (Status.CLAIMED, "a test")


def test_the_same_notification_cannot_be_enqueued_twice(store: Store) -> None:
    _enqueue(store, notification())
    with pytest.raises(IntegrityError):
        _enqueue(store, notification())


def test_what_was_refused_for_certain_waits_for_the_next_message_and_is_due_by_itself(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, Delivery(Status.PENDING, LATER, attempts=1, first_attempt=NOW, reason="refused"))
    assert (_due(store, NOW), _due(store, LATER)) == ([], ["console"])
    _enqueue(store, notification(number=1, rule="s"))
    assert _waiting(store) == [1, 1], "a channel that was down is told all of it in one message"


def test_a_message_that_has_begun_is_repeated_as_it_is(store: Store) -> None:
    first, second = notification(number=1), notification(number=1, rule="s")
    _enqueue(store, first, second)
    _settle(store, replace(DOUBTED, due=LATER), outcome=CUT)
    _enqueue(store, notification(number=1, rule="t"))
    assert _waiting(store) == [1]
    _settle(store, replace(DOUBTED, due=NOW), outcome=CUT)
    both = [(notification(number=1, rule="t").id, [1]), (first.id, [1, 1])]
    assert (_begun(store, NOW), _begun(store, LATER)) == (both[:1], both), "the one that is due longer goes first"


def test_an_end_waits_for_its_opening_if_that_may_have_arrived(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, replace(DOUBTED, due=LATER), outcome=CUT)
    _enqueue(store, notification(number=2, kind=Kind.RESOLVED))
    assert (_waiting(store), _due(store, NOW)) == ([], []), "nor is anything due for it"
    with store.write() as tx:
        (opening,) = next(iter(tx.outbox.begun("console", LATER)))
        tx.outbox.put([replace(opening, delivery=Delivery(Status.SENT))])
    assert (_waiting(store), _due(store, NOW)) == ([2], ["console"])


def test_an_end_does_not_wait_for_an_opening_that_is_dead(store: Store) -> None:
    _enqueue(store, notification(number=1))
    _settle(store, Delivery(Status.DEAD, None, 1, NOW, 0, "gone"))
    _enqueue(store, notification(number=2, kind=Kind.RESOLVED))
    assert _waiting(store) == [2]


def test_the_claims_of_the_dead_are_freed_at_start_and_marked(store: Store) -> None:
    """It may have died after the receiver had taken the message: the repeat says that it may be one."""
    _enqueue(store, notification())
    _claim(store)
    with store.write() as tx:
        tx.outbox.free_claims(LATER)
        (again,) = tx.outbox.begun("console", LATER)
    assert Claim.of(again).message == Message(notification().id, "console", (notification(),), repeat=True)
    assert again[0].delivery == Delivery(Status.PENDING, LATER, 1, LATER, 1, None, begun=True)
    with store.read() as tx:
        (recorded,) = tx.history.recorded(None, None)
    (attempt,) = recorded.tellings[0].attempts
    assert (attempt.number, attempt.at, attempt.outcome) == (1, LATER, "unknown")
    assert attempt.reason == "the process ended during the attempt"


def test_how_far_a_message_of_several_parts_came_is_forgotten_at_a_start(store: Store) -> None:
    """Only the process that sent the first parts knows which: another sends them anew, and says so."""
    _enqueue(store, notification())
    _settle(store, Delivery(Status.PENDING, LATER, 1, NOW, 0, "part 2 of 3: refused", begun=True))
    with store.write() as tx:
        assert [Claim.of(each).message.repeat for each in tx.outbox.begun("console", LATER)] == [False]
        tx.outbox.free_claims(NOW)
        assert [Claim.of(each).message.repeat for each in tx.outbox.begun("console", LATER)] == [True]


def test_nothing_is_due_in_an_empty_outbox(store: Store) -> None:
    with store.write() as tx:
        tx.outbox.put([])
        tx.outbox.enqueue([], NOW)
        tx.outbox.pass_on([], NOW)
        assert tx.outbox.due_channels(NOW) == []
        assert tx.outbox.depth() == {}
        assert tx.outbox.deliveries(NOW) == {}


def test_a_fallback_is_told_what_it_is_not_told_anyhow(store: Store) -> None:
    _enqueue(store, notification(), notification(rule="s"), notification(channel="mail"))
    with store.write() as tx:
        both = [notification(channel="mail", rule=rule, instead_of="console") for rule in ("r", "s")]
        tx.outbox.pass_on(both, LATER)
        tx.outbox.pass_on(both, LATER)
        entries = tx.outbox.waiting("mail")
    told = [(each.notification.rule, each.notification.instead_of, each.delivery.due) for each in entries]
    assert told == [("r", None, NOW), ("s", "console", LATER)]


def test_that_an_episode_is_over_is_known_of_its_opening_whether_its_end_is_told_or_not(store: Store) -> None:
    later = day("2026-01-20")
    opened, reminded = notification(number=1), notification(number=2, kind=Kind.REMINDED)
    other = notification(number=4, episode=later)
    _enqueue(store, opened, reminded, other)
    with store.write() as tx:
        tx.alerts.add_transitions([notification(number=3, kind=Kind.RESOLVED, trade_date=day("2026-01-09"))], NOW)
        tx.alerts.add_transitions([notification(number=5, kind=Kind.RETRACTED, episode=later, trade_date=later)], NOW)
    with store.read() as tx:
        over = [entry.notification.over for entry in tx.outbox.entries()]
    assert over == [day("2026-01-09"), day("2026-01-09"), later]


def test_what_is_held_is_looked_at_again_when_that_may_have_changed(store: Store) -> None:
    _enqueue(store, notification(), notification(rule="s"))
    with store.write() as tx:
        held, _ = tx.outbox.waiting("console")
        tx.outbox.put([replace(held, delivery=replace(held.delivery, held=Hold.QUIET_HOURS, due=LATER))])
        assert tx.outbox.depth() == {"held": 1, "pending": 1}
        tx.outbox.look_again(NOW)
        assert {each.delivery.due for each in tx.outbox.waiting("console")} == {NOW}


def test_deliveries_are_known_by_the_id_of_their_notification(store: Store) -> None:
    _enqueue(store, notification(number=1), at=NOW - timedelta(days=1))
    _enqueue(store, notification(number=2))
    with store.read() as tx:
        assert tx.outbox.deliveries(NOW) == {notification(number=2).id: Delivery(due=NOW)}
        assert tx.outbox.depth() == {"pending": 2}


def test_the_channels_told_of_an_opening_are_those_that_were_or_will_be(store: Store) -> None:
    episode = (US, "r", day("2026-01-05"))
    _enqueue(store, *(notification(channel=name) for name in ("desk", "mail", "pager", "ops")))
    _settle(store, Delivery(Status.SENT, None, 1, NOW), "desk", Sent())
    _settle(store, Delivery(Status.DEAD, None, 1, NOW, 0, "gone"), "mail")
    _settle(store, Delivery(Status.DROPPED, None, 1), "ops")
    with store.read() as tx:
        assert tx.outbox.told([episode]) == {episode: {"desk", "pager"}}
        other = (US, "r", day("2026-02-02"))
        assert tx.outbox.told([other]) == {other: set()}
        assert tx.outbox.told([]) == {}


def test_of_an_episode_that_is_opened_anew_the_last_opening_counts(store: Store) -> None:
    episode = (US, "r", day("2026-01-05"))
    _enqueue(store, notification(number=1, channel="desk"))
    _settle(store, Delivery(Status.SENT, None, 1, NOW), "desk", Sent())
    _enqueue(store, notification(number=3, channel="desk"))
    with store.read() as tx:
        assert tx.outbox.told([episode]) == {episode: {"desk"}}
    _settle(store, Delivery(Status.DROPPED, None, 1, NOW), "desk")
    with store.read() as tx:
        assert tx.outbox.told([episode]) == {episode: set()}


def test_a_thousand_and_more_notifications_are_claimed_at_once(store: Store) -> None:
    """More keys than SQLite takes parameters in one statement."""
    _enqueue(store, *(notification(rule=f"r{n}") for n in range(12_000)))
    assert len(_claim(store).deliveries) == 12_000
    with store.write() as tx:
        assert tx.outbox.depth() == {"claimed": 12_000}
