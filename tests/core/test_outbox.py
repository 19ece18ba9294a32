"""What becomes of a notification after an attempt: sent, due later, or dead."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import notification
from watcher.core.notification import Entry
from watcher.core.outbox import (
    GIVE_UP_AFTER,
    Delivery,
    Failed,
    Hold,
    Outcome,
    Sent,
    Status,
    Unknown,
    after,
    dropped,
    retried,
)
from watcher.store.store import Store

NOW = datetime(2026, 6, 5, 8, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REFUSED = Failed("connection refused")
CUT = Unknown("no answer in time")


def attempted(*outcomes: Outcome, jitter: float = 0.0) -> list[tuple[datetime, Delivery]]:
    """Attempt when it is due, once per outcome; return the time of each attempt and what it made of the delivery."""
    delivery, now, seen = Delivery(), NOW, []
    for outcome in outcomes:
        (delivery,) = after([delivery], outcome, now, jitter)
        seen.append((now, delivery))
        now = delivery.due or now
    return seen


def gaps(*outcomes: Outcome, jitter: float = 0.0) -> list[float | None]:
    """Return the minutes to the next attempt, after each."""
    seen = attempted(*outcomes, jitter=jitter)
    return [None if delivery.due is None else (delivery.due - now) / MINUTE for now, delivery in seen]


def test_what_the_receiver_took_is_sent() -> None:
    assert after([Delivery()], Sent(), NOW, 0.5) == (Delivery(Status.SENT, None, 1, NOW),)


def test_failures_back_off_to_an_hour() -> None:
    assert gaps(*[REFUSED] * 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_jitter_spreads_retries_by_a_tenth_at_most() -> None:
    assert gaps(REFUSED, REFUSED, jitter=0.5) == [1.05, 2.1]
    assert gaps(CUT, jitter=0.5) == [1]


def test_unknown_outcomes_are_repeated_at_growing_intervals_until_there_is_an_answer() -> None:
    assert gaps(*[CUT] * 7) == [1, 10, 60, 360, 1440, 1440, 1440]


def test_every_attempt_is_counted_from_the_first() -> None:
    *_, (_, delivery) = attempted(REFUSED, CUT, REFUSED)
    assert delivery.attempts == 3
    assert delivery.first_attempt == NOW
    assert delivery.reason == "connection refused"


def test_a_channel_that_is_down_for_two_days_makes_it_dead() -> None:
    seen = attempted(*[REFUSED] * 53)
    dead = [(now, delivery) for now, delivery in seen if delivery.status is Status.DEAD]
    assert len(dead) == 1
    ((now, delivery),) = dead
    assert delivery.due is None
    assert delivery.reason == "connection refused"
    assert GIVE_UP_AFTER - 60 * MINUTE <= now - NOW <= GIVE_UP_AFTER


def test_a_failure_for_good_makes_it_dead_at_once() -> None:
    (delivery,) = after([Delivery()], Failed("no such channel", permanent=True), NOW, 0.0)
    assert delivery == Delivery(Status.DEAD, None, 1, NOW, 0, "no such channel")


def test_what_may_have_arrived_stays_marked_when_a_later_attempt_fails() -> None:
    """The answer to a later attempt does not say what became of an earlier one."""
    *_, (_, delivery) = attempted(CUT, REFUSED, CUT)
    assert delivery.unknowns == 2
    assert gaps(CUT, REFUSED, CUT) == [1, 2, 10]


def test_what_may_have_arrived_stays_marked_when_it_is_given_up() -> None:
    """A person may put it back: it is then a repeat as much as before."""
    *_, (_, delivery) = attempted(CUT, Failed("no such channel", permanent=True))
    assert delivery.status is Status.DEAD
    assert delivery.unknowns == 1


def test_an_unknown_outcome_is_never_dead() -> None:
    assert {delivery.status for _, delivery in attempted(*[CUT] * 20)} == {Status.PENDING}


@pytest.mark.parametrize("outcome", [Sent(), REFUSED, CUT])
def test_an_attempt_long_after_a_success_of_a_claim_counts_on(outcome: Outcome) -> None:
    before = Delivery(Status.CLAIMED, NOW, 200, NOW - timedelta(hours=1))
    (delivery,) = after([before], outcome, NOW, 0.0)
    assert delivery.attempts == 201


def test_notifications_that_joined_a_message_later_share_its_pace_and_have_48_hours_of_their_own() -> None:
    old = Delivery(attempts=50, first_attempt=NOW - GIVE_UP_AFTER)
    given_up, new = after([old, Delivery()], REFUSED, NOW, 0.0)
    assert (given_up.status, given_up.due) == (Status.DEAD, None)
    assert (new.status, new.due, new.first_attempt) == (Status.PENDING, NOW + 60 * MINUTE, NOW)


def test_a_message_that_has_begun_stays_together() -> None:
    """Half of it is there: were some of it given up, the rest could not go on where it was."""
    old = Delivery(attempts=50, first_attempt=NOW - GIVE_UP_AFTER)
    both = after([old, Delivery()], Failed("part 2 of 3: refused", begun=True), NOW, 0.0)
    assert [(each.status, each.begun) for each in both] == [(Status.PENDING, True)] * 2
    again = after(both, REFUSED, NOW + GIVE_UP_AFTER, 0.0)
    assert {each.status for each in again} == {Status.DEAD}


@pytest.mark.parametrize(("attempts", "status"), [(10, Status.PENDING), (11, Status.DEAD)])
def test_what_was_hardly_tried_in_its_48_hours_is_tried_on(attempts: int, status: Status) -> None:
    """The machine was off, or the clock is wrong: at the next start the network may not be there yet."""
    before = Delivery(due=NOW - 3 * DAY, attempts=attempts, first_attempt=NOW - 4 * DAY)
    (delivery,) = after([before], REFUSED, NOW, 0.0)
    assert delivery.status is status


def test_what_may_have_arrived_has_begun() -> None:
    (delivery,) = after([Delivery(held=Hold.SILENCE)], CUT, NOW, 0.0)
    assert (delivery.begun, delivery.held) == (True, None)
    assert not delivery.in_doubt
    assert after([delivery], CUT, NOW, 0.0)[0].in_doubt


@pytest.mark.parametrize(
    ("before", "word"),
    [
        (Delivery(), "pending"),
        (Delivery(held=Hold.QUIET_HOURS), "held"),
        (Delivery(Status.SENT), "sent"),
        (Delivery(Status.DROPPED), "dropped"),
    ],
)
def test_the_word_for_a_delivery(before: Delivery, word: str) -> None:
    assert before.word == word


@pytest.mark.parametrize(
    ("status", "again", "gone"),
    [
        pytest.param(Status.PENDING, True, True, id="what is pending can be had at once, or not at all"),
        pytest.param(Status.DEAD, True, True, id="what is dead can be put back, or put away"),
        pytest.param(Status.DROPPED, True, False, id="what was dropped can be put back"),
        pytest.param(Status.CLAIMED, False, False, id="what is under way is out of reach"),
        pytest.param(Status.SENT, False, False, id="what is sent is sent"),
    ],
)
def test_what_a_person_can_do(status: Status, again: bool, gone: bool) -> None:
    before = Delivery(status, None, 3, NOW - GIVE_UP_AFTER, 1, "refused", begun=True, held=Hold.SILENCE)
    expected = Delivery(Status.PENDING, NOW, 3, None, 1, "refused", begun=True)
    assert retried(before, NOW) == (expected if again else None)
    left = dropped(before)
    assert (left is not None) is gone
    if left is not None:
        assert (left.status, left.due, left.reason) == (Status.DROPPED, None, "dropped by hand")


@pytest.mark.parametrize(
    ("delivery", "due"),
    [
        pytest.param(Delivery(due=NOW), True, id="now"),
        pytest.param(Delivery(), False, id="held until its alert changes"),
        pytest.param(Delivery(due=NOW + HOUR), True, id="what is new is due at once: the clock was set back"),
        pytest.param(Delivery(due=NOW + HOUR, attempts=1), False, id="a retry waits"),
        pytest.param(Delivery(due=NOW + 26 * HOUR, attempts=1), True, id="but none so long"),
        pytest.param(Delivery(due=NOW + HOUR, held=Hold.QUIET_HOURS), False, id="quiet hours last"),
        pytest.param(Delivery(due=NOW + 26 * HOUR, held=Hold.QUIET_HOURS), True, id="but none so long, either"),
        pytest.param(Delivery(due=NOW + 700 * HOUR, held=Hold.SILENCE), False, id="a silence may last for weeks"),
    ],
)
def test_what_is_due_however_the_clock_was_set_back(store: Store, delivery: Delivery, due: bool) -> None:
    """The outbox finds it in SQL by the same words."""
    assert delivery.is_due(NOW) is due
    told = notification()
    with store.write() as tx:
        tx.alerts.add_transitions([told], NOW)
        tx.outbox.enqueue([told], NOW)
        tx.outbox.put([Entry(told, delivery)])
        assert (tx.outbox.due_channels(NOW) == ["console"]) is due
