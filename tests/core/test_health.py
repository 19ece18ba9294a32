"""Health: each part that is not well is named, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from watcher.core.circuit import Circuit
from watcher.core.health import Check, Reason, Signs, outside, reasons
from watcher.core.progress import Progress, stuck

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WELL = Signs(complete=NOW)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert reasons(WELL) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"complete": None}, "cycle: no cycle is complete yet", id="the first cycle is not over"),
        pytest.param(
            {"complete_age": minutes(31), "cycle_time": minutes(20)},
            "cycle: what is due was last asked for to the end at 2026-03-02 09:00:00 UTC, more than 30 min ago",
            id="what is due waits for longer than its cycle takes",
        ),
        pytest.param(
            {"circuit": Circuit(down=True, since=NOW, reason="HTTP 502")},
            "upstream: no usable answer since 2026-03-02 09:00:00 UTC: HTTP 502",
            id="upstream is down",
        ),
        pytest.param(
            {"circuit": Circuit(down=True, reason="HTTP 502")},
            "upstream: no usable answer: HTTP 502",
            id="down, since ?",
        ),
        pytest.param(
            {"turn_overdue": timedelta(seconds=61)},
            "scheduler: the next turn should have begun 61 s ago",
            id="the scheduler is dead",
        ),
        pytest.param(
            {"look_age": minutes(2)}, "delivery: the outbox was last looked at 2 min ago", id="delivery stands still"
        ),
        pytest.param(
            {"owed": {"desk": minutes(6), "mail": timedelta(days=2), "fine": minutes(5)}},
            "outbox: channel mail has not been told for 2 d what is due, and 1 other channels are late",
            id="two channels are late",
        ),
        pytest.param(
            {"owed": {"desk": timedelta(hours=3)}},
            "outbox: channel desk has not been told for 3 h what is due",
            id="a channel is late",
        ),
        pytest.param(
            {"unheard": minutes(90)},
            "outbox: nothing could be told through any channel for 90 min",
            id="nobody can be told",
        ),
        pytest.param(
            {"store_age": timedelta(seconds=31), "store_fault": "the disk is full"},
            "store: it could not be read and written for 31 s: the disk is full",
            id="the disk is full",
        ),
        pytest.param(
            {"store_age": timedelta(seconds=31)},
            "store: it could not be read and written for 31 s: nothing was heard of it",
            id="the store is silent",
        ),
        pytest.param(
            {"ended": ("clock watch", "rules watch")},
            "loops: clock watch, rules watch came to an end by an error; the log says which",
            id="parts ended",
        ),
    ],
)
def test_what_is_not_well_is_named(changes: dict[str, object], expected: str) -> None:
    assert [str(reason) for reason in reasons(replace(WELL, **changes))] == [expected]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"complete_age": minutes(30), "cycle_time": minutes(20)}, id="a cycle may take its time"),
        pytest.param({"circuit": Circuit(open=True, since=NOW)}, id="three failures are not an outage yet"),
        pytest.param({"turn_overdue": minutes(1)}, id="a turn may be a minute late"),
        pytest.param({"look_age": minutes(1)}, id="the outbox need not be looked at every second"),
        pytest.param({"owed": {"desk": minutes(5)}}, id="a message may take five minutes"),
        pytest.param({"unheard": minutes(60)}, id="channels may fail for an hour"),
        pytest.param({"store_age": timedelta(seconds=30), "store_fault": "locked"}, id="a lock may be held a moment"),
    ],
)
def test_what_passes_is_no_reason(changes: dict[str, object]) -> None:
    assert reasons(replace(WELL, **changes)) == ()  # type: ignore[arg-type]


def test_several_reasons_are_all_named() -> None:
    signs = replace(WELL, complete=None, turn_overdue=minutes(5), ended=("pulse",))
    assert [reason.check for reason in reasons(signs)] == [Check.CYCLE, Check.SCHEDULER, Check.LOOPS]


@pytest.mark.parametrize(
    ("running", "noted", "expected"),
    [
        pytest.param(True, NOW, None, id="it said so just now"),
        pytest.param(True, NOW - minutes(2), None, id="two minutes ago"),
        pytest.param(True, NOW + timedelta(days=1), None, id="before the clock was set back"),
        pytest.param(
            True,
            NOW - minutes(3),
            "the daemon is there and says nothing; its last word is of 2026-03-02 08:57:00 UTC",
            id="it is stopped, or stuck",
        ),
        pytest.param(
            True,
            None,
            "a process is at work on the state, and none has said yet that all is well",
            id="a poll, or a daemon that only starts",
        ),
        pytest.param(
            False,
            NOW,
            "no daemon is running; its last word is of 2026-03-02 09:00:00 UTC",
            id="it ended",
        ),
        pytest.param(False, None, "no daemon is running; none has run on this state", id="there never was one"),
    ],
)
def test_from_outside_the_lock_and_the_last_word_tell(
    running: bool, noted: datetime | None, expected: str | None
) -> None:
    assert outside(running, noted, NOW) == (None if expected is None else Reason(Check.DAEMON, expected))


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        pytest.param(Progress(), (), id="all moves"),
        pytest.param(Progress(turn_overdue=minutes(2)), (), id="a turn may be two minutes late"),
        pytest.param(Progress(turn_overdue=minutes(2.1)), ("the scheduler",), id="the scheduler is dead"),
        pytest.param(Progress(look_age=minutes(5)), (), id="the store may be busy for long"),
        pytest.param(Progress(look_age=minutes(5.1)), ("delivery",), id="delivery stands still"),
        pytest.param(Progress(work_age=minutes(3)), (), id="a piece of work may take three minutes"),
        pytest.param(Progress(work_age=minutes(3.1)), ("the store's thread",), id="the store's thread hangs"),
        pytest.param(
            Progress(asking_age=minutes(5), timeout=minutes(1)), (), id="requests may all run into their time-outs"
        ),
        pytest.param(
            Progress(asking_age=minutes(7.1), timeout=minutes(1)), ("the cycle",), id="no answer, and no time-out"
        ),
        pytest.param(
            Progress(look_age=minutes(6), work_age=minutes(6)), ("delivery", "the store's thread"), id="both are named"
        ),
    ],
)
def test_what_stands_still_though_nothing_keeps_it_is_stuck(progress: Progress, expected: tuple[str, ...]) -> None:
    assert stuck(progress) == expected
