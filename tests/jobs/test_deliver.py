"""Delivering: what is due goes out, what is not told is kept, and others know when a channel cannot be told."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from tests.builders import FIRST, book, notification
from tests.conftest import NOW
from tests.end_to_end.live import ManualClock
from watcher.core.alert import Alert, Kind
from watcher.core.book import CONSOLE, ChannelPolicy, QuietHours, RuleBook
from watcher.core.market import Symbol
from watcher.core.notice import WATCHER
from watcher.core.notification import Message, Notification
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.core.rule import Severity
from watcher.core.silence import Silence
from watcher.errors import StateDamaged, WatcherError
from watcher.jobs import operate
from watcher.jobs.deliver import deliver, drain
from watcher.jobs.history import history
from watcher.jobs.notices import announce_recovery, announce_trouble
from watcher.store.file import FILE
from watcher.store.store import Store

T = TypeVar("T")
XRT = Symbol("US.XRT")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REFUSED, CUT = Failed("the connection was refused"), Unknown("no answer within 30 s")
NIGHT = ChannelPolicy("desk", quiet=QuietHours(time(22), time(7), "UTC"))
BOOK = book(channels=["desk", ChannelPolicy("mail", fallback="pager"), "pager"])


async def at_once(work: Callable[[], T]) -> T:
    return work()


class Receiver:
    """A channel that answers as it is told to, and keeps what it took."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answer: Outcome = Sent()
        self.attempts: list[Message] = []
        self.arrived: list[Message] = []

    async def send(self, message: Message) -> Outcome:
        self.attempts.append(message)
        if not isinstance(self.answer, Failed):
            self.arrived.append(message)
        return self.answer

    @property
    def heard(self) -> list[list[int]]:
        """The numbers of the notifications in each message that arrived."""
        return [[each.number for each in message.notifications] for message in self.arrived]


class Desk:
    """An outbox with its channels, and the hours going by."""

    def __init__(self, store: Store, rules: RuleBook = BOOK, now: datetime = NOW) -> None:
        self.store, self.book, self.clock = store, rules, ManualClock(now)
        self.channels = {name: Receiver(name) for name in rules.channels}

    def __getattr__(self, name: str) -> Receiver:
        return self.channels[name]

    def tell(self, *told: Notification) -> None:
        with self.store.write() as tx:
            there = {(each.symbol, each.rule, each.number) for each in tx.alerts.transitions()}
            new = {(each.symbol, each.rule, each.number): each for each in told}
            now = self.clock.now()
            tx.alerts.add_transitions([each for key, each in new.items() if key not in there], now)
            tx.outbox.enqueue(told, now)

    def recorded(self, *reports: Notification) -> None:
        """Note transitions that nobody is told of."""
        with self.store.write() as tx:
            tx.alerts.add_transitions(reports, self.clock.now())

    def deliver(self, after: timedelta = timedelta()) -> None:
        self.clock.pass_by(after)
        asyncio.run(deliver(self.store, self.channels, lambda: self.book, at_once, self.clock, lambda: 0.0))

    def statuses(self) -> dict[tuple[str, int], str]:
        with self.store.read() as tx:
            return {
                (each.notification.channel, each.notification.number): each.delivery.word
                for each in tx.outbox.entries()
                if each.notification.symbol != WATCHER
            }


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def note(number: int = 1, kind: Kind = Kind.OPENED, channel: str = "desk", **changes: object) -> Notification:
    return notification(number=number, kind=kind, channel=channel, **changes)


def end(number: int = 2, **changes: object) -> Notification:
    return note(number, Kind.RESOLVED, **changes)  # type: ignore[arg-type]  # a builder


def texts(messages: Iterable[Message]) -> list[str | None]:
    return [each.facts.text for message in messages for each in message.notifications]


# what a channel that does not take messages is told when it does


def test_a_day_down_then_up_is_one_message_with_each_episode_as_it_is_now(desk: Desk) -> None:
    desk.desk.answer = REFUSED
    for number in range(1, 25):
        desk.tell(note(number, Kind.OPENED if number % 2 else Kind.RESOLVED, rule=f"r{(number + 1) // 2}"))
        desk.deliver(HOUR)
    desk.desk.answer = Sent()
    desk.deliver(HOUR)
    assert desk.desk.heard == [list(range(1, 25))]
    assert not desk.desk.arrived[0].repeat
    desk.deliver(DAY)
    assert len(desk.desk.arrived) == 1


def test_flapping_while_down_is_told_in_order_in_one_message(desk: Desk) -> None:
    desk.desk.answer = REFUSED
    for number in (1, 2, 3, 4, 5):
        episode = FIRST + (number - 1) // 2 * DAY
        desk.tell(note(number, Kind.OPENED if number % 2 else Kind.RESOLVED, episode=episode))
        desk.deliver(MINUTE)
    desk.desk.answer = Sent()
    desk.deliver(HOUR)
    assert desk.desk.heard == [[1, 2, 3, 4, 5]]
    assert [each.over is not None for each in desk.desk.arrived[0].notifications] == [True, False, True, False, False]


def test_an_opening_that_may_have_arrived_is_repeated_alone_and_its_end_comes_after(desk: Desk) -> None:
    desk.desk.answer = CUT
    desk.tell(note(1))
    desk.deliver()
    desk.tell(end(2))
    desk.deliver(MINUTE)
    desk.desk.answer = Sent()
    desk.deliver(10 * MINUTE)
    assert desk.desk.heard == [[1], [1], [1], [2]]
    assert [each.repeat for each in desk.desk.arrived] == [False, True, True, False]
    assert {each.id for each in desk.desk.arrived[:3]} == {note(1).id}


def test_a_receiver_that_hangs_for_a_day_and_then_works_hears_everything(desk: Desk) -> None:
    desk.desk.answer = CUT
    gaps = [timedelta(), MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY]
    for number, gap in enumerate(gaps, start=1):
        desk.tell(note(number, rule=f"r{number}"))
        desk.deliver(gap)
    desk.desk.answer = Sent()
    for _ in range(3):
        desk.deliver(DAY)
    assert set(desk.statuses().values()) == {"sent"}
    first = [message for message in desk.desk.attempts if message.id == note(1, rule="r1").id]
    assert len(first) == 7, "1 min, 10 min, 1 h, 6 h, 24 h after the first, and until there is an answer"


def test_a_thousand_openings_are_one_message(desk: Desk) -> None:
    desk.tell(*(note(1, symbol=Symbol(f"HK.{n:05d}")) for n in range(1000)))
    desk.deliver()
    assert [len(each) for each in desk.desk.heard] == [1000]


def test_a_fault_of_a_channel_leaves_it_unknown_what_it_did(desk: Desk) -> None:
    class Broken(Receiver):
        async def send(self, message: Message) -> Outcome:
            raise ZeroDivisionError

    desk.channels["desk"] = Broken("desk")
    desk.tell(note())
    desk.deliver()
    with desk.store.read() as tx:
        (entry,) = tx.outbox.entries()
    assert (entry.delivery.unknowns, entry.delivery.reason) == (1, "unexpected ZeroDivisionError")


# who else is told


def test_what_a_channel_could_not_be_told_for_48_hours_its_fallback_is_and_the_operator_knows(desk: Desk) -> None:
    desk.mail.answer = REFUSED
    desk.tell(note(channel="mail"))
    for _ in range(60):
        desk.deliver(HOUR)
    assert desk.statuses() == {("mail", 1): "dead", ("pager", 1): "sent"}
    assert [each.instead_of for each in desk.pager.arrived[0].notifications] == ["mail"]
    (said,) = texts(desk.console.arrived)
    assert said == (
        "mail could not be told of 1 notification for 48 hours: the connection was refused; pager is told in its place"
    )
    desk.tell(end(2, channel="mail"))
    desk.mail.answer = Sent()
    desk.deliver(HOUR)
    assert texts(desk.console.arrived)[1:] == ["mail takes messages again"]


def test_fallbacks_go_on_to_their_own(store: Store) -> None:
    chain = book(channels=[ChannelPolicy("desk", fallback="mail"), ChannelPolicy("mail", fallback="pager"), "pager"])
    desk = Desk(store, chain)
    desk.desk.answer = desk.mail.answer = Failed("misconfigured: no such service", permanent=True)
    desk.tell(note())
    desk.deliver()
    assert desk.statuses() == {("desk", 1): "dead", ("mail", 1): "dead", ("pager", 1): "sent"}
    assert sorted(filter(None, texts(desk.console.arrived))) == [
        "desk cannot be told of 1 notification: misconfigured: no such service; mail is told in its place",
        "mail cannot be told of 1 notification: misconfigured: no such service; pager is told in its place",
    ]


def test_from_the_second_unknown_outcome_on_fallback_and_operator_know_and_only_once(desk: Desk) -> None:
    desk.mail.answer = CUT
    desk.tell(note(channel="mail"))
    desk.deliver()
    assert (desk.pager.arrived, desk.console.arrived) == ([], [])
    desk.deliver(MINUTE)
    desk.deliver(10 * MINUTE)
    assert desk.pager.heard == [[1]]
    (said,) = texts(desk.console.arrived)
    assert said is not None
    assert said.startswith("mail gives no answer, and may or may not have heard of 1 notification")


def test_with_an_opening_that_could_not_be_told_its_end_goes_to_the_fallback(desk: Desk) -> None:
    """An end alone would puzzle the channel, once it is back, and the fallback would wait for it for ever."""
    desk.mail.answer = REFUSED
    desk.tell(note(1, channel="mail"))
    desk.deliver()
    for _ in range(46):
        desk.deliver(HOUR)
    desk.tell(end(2, channel="mail"))
    for _ in range(2):
        desk.deliver(HOUR)
    assert desk.statuses() == {
        ("mail", 1): "dead",
        ("mail", 2): "dead",
        ("pager", 1): "sent",
        ("pager", 2): "sent",
    }
    assert desk.pager.heard == [[1, 2]]
    desk.mail.answer = Sent()
    desk.deliver(DAY)
    assert desk.mail.arrived == []


def test_a_fallback_that_is_told_of_an_opening_in_doubt_is_told_of_its_end(desk: Desk) -> None:
    desk.mail.answer = CUT
    desk.tell(note(1, channel="mail"))
    desk.deliver()
    desk.tell(end(2, channel="mail"), note(3, channel="mail", episode=date(2026, 2, 2)))
    desk.deliver(MINUTE)
    assert desk.pager.heard == [[1, 2]]
    desk.mail.answer = Sent()
    desk.deliver(10 * MINUTE)
    assert desk.mail.heard == [[1], [1], [1], [2, 3]]


def test_a_fallback_that_hears_of_it_anyhow_hears_of_it_once(desk: Desk) -> None:
    desk.mail.answer = Failed("misconfigured", permanent=True)
    desk.tell(note(channel="mail"), note(channel="pager"))
    desk.deliver()
    assert desk.pager.heard == [[1]]


def test_a_channel_that_is_gone_from_the_rules_is_never_sent_and_the_operator_knows(desk: Desk) -> None:
    desk.tell(note(channel="gone"), note(2, rule="s", channel="gone"))
    desk.deliver()
    assert set(desk.statuses().values()) == {"dead"}
    assert texts(desk.console.arrived) == [
        "gone cannot be told of 2 notifications: there is no channel 'gone' any more"
    ]


def test_the_operators_only_channel_that_cannot_be_told_tells_the_console(store: Store) -> None:
    desk = Desk(store, book(channels=["desk"], operator=["desk"]))
    desk.desk.answer = Failed("misconfigured", permanent=True)
    desk.tell(note())
    desk.deliver()
    assert desk.console.heard == [[1]]
    assert len(desk.desk.attempts) == 1, "no notice of itself, and so no end of notices"


def test_a_trouble_is_told_once_and_its_end_once_to_those_who_were_told(desk: Desk) -> None:
    def announce(announcing: Callable[..., tuple[Notification, ...]], topic: str = "upstream") -> int:
        with desk.store.write() as tx:
            return len(announcing(tx, desk.book, topic, "no answer from upstream", desk.clock.now()))

    assert announce(announce_recovery) == 0
    assert [announce(announce_trouble) for _ in range(3)] == [1, 0, 0]
    assert announce(announce_trouble, "rules") == 1
    desk.deliver()
    desk.book = book(channels=["desk"], operator=["desk", CONSOLE])
    assert [announce(announce_recovery) for _ in range(2)] == [1, 0]
    assert announce(announce_trouble) == 2
    desk.deliver()
    told = [(each.rule, each.number, each.kind.value) for each in desk.console.arrived[1].notifications]
    assert told == [("upstream", 2, "resolved"), ("upstream", 3, "opened")]
    assert desk.desk.heard == [[3]]


def test_what_no_channel_is_left_to_hear_is_recorded_all_the_same(desk: Desk) -> None:
    desk.console.answer = Failed("nobody reads the console any more", permanent=True)
    desk.tell(note(channel=CONSOLE))
    desk.deliver()
    assert [each.rule for each in history(desk.store, [WATCHER])] == ["channel console"]


# quiet hours


def test_quiet_hours_hold_what_comes_and_tell_it_in_one_message(store: Store) -> None:
    desk = Desk(store, book(channels=[NIGHT]), datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    desk.tell(note(1))
    desk.deliver()
    desk.recorded(end(2))
    desk.tell(note(1, rule="s"))
    desk.deliver(2 * HOUR)
    assert desk.statuses() == {("desk", 1): "held"}
    desk.tell(note(1, rule="t", severity=Severity.CRITICAL))
    desk.deliver(HOUR)
    assert [[each.rule for each in message.notifications] for message in desk.desk.arrived] == [["t"]]
    desk.deliver(4 * HOUR + 29 * MINUTE)
    assert len(desk.desk.arrived) == 1
    desk.deliver(MINUTE)
    (_, morning) = desk.desk.arrived
    assert [(each.rule, each.over) for each in morning.notifications] == [("r", FIRST), ("s", None)]


def test_a_message_that_may_have_arrived_is_not_repeated_at_night(store: Store) -> None:
    desk = Desk(store, book(channels=[NIGHT]), datetime(2026, 3, 2, 21, 59, tzinfo=UTC))
    desk.desk.answer = CUT
    desk.tell(note(1))
    desk.deliver()
    desk.tell(note(1, rule="s", severity=Severity.CRITICAL))
    desk.deliver(MINUTE)
    assert desk.desk.heard == [[1], [1]]
    assert desk.desk.arrived[1].notifications[0].rule == "s"
    desk.deliver(9 * HOUR)
    assert [each.repeat for each in desk.desk.arrived] == [False, False, True, True]


# silences and acks


def silence(desk: Desk, lasts: timedelta = DAY) -> str:
    asked = Silence.asked(["US.XRT"], [], [], lasts, "known", desk.clock.now())
    operate.add_silence(desk.store, asked)
    return asked.id


def test_a_silence_that_ends_while_the_alert_fires_tells_it_then(desk: Desk) -> None:
    silence(desk)
    desk.tell(note(1))
    desk.deliver()
    assert desk.statuses() == {("desk", 1): "held"}
    desk.deliver(DAY - MINUTE)
    assert desk.desk.arrived == []
    desk.deliver(MINUTE)
    assert desk.desk.heard == [[1]]


def test_a_silence_that_a_person_ends_tells_it_at_once(desk: Desk) -> None:
    held_by = silence(desk)
    desk.tell(note(1))
    desk.deliver()
    assert operate.end_silence(desk.store, held_by, desk.clock.now()).ends == desk.clock.now()
    desk.deliver()
    assert desk.desk.heard == [[1]]
    with pytest.raises(WatcherError, match=r"no silence .* is in force"):
        operate.end_silence(desk.store, held_by, desk.clock.now())


def test_what_begins_and_ends_under_a_silence_is_never_told(desk: Desk) -> None:
    silence(desk)
    desk.tell(note(1))
    desk.deliver(HOUR)
    desk.tell(end(2))
    desk.deliver(HOUR)
    desk.deliver(2 * DAY)
    assert desk.desk.attempts == []
    with desk.store.read() as tx:
        assert tx.outbox.depth() == {"dropped": 2}
        assert tx.outbox.told([(XRT, "r", FIRST)]) == {(XRT, "r", FIRST): set()}


def test_the_end_of_what_was_told_before_the_silence_is_told_after_it(desk: Desk) -> None:
    desk.tell(note(1))
    desk.deliver()
    silence(desk)
    desk.tell(end(2))
    desk.deliver(HOUR)
    assert desk.desk.heard == [[1]]
    desk.deliver(DAY)
    assert desk.desk.heard == [[1], [2]]


def test_of_an_episode_that_is_acknowledged_nothing_but_the_end_is_told(desk: Desk) -> None:
    with desk.store.write() as tx:
        tx.alerts.put([Alert("r", XRT, episode=FIRST)])
    desk.tell(note(1))
    desk.deliver()
    assert operate.acknowledge(desk.store, "r", XRT, desk.clock.now()).episode == FIRST
    desk.tell(note(2, Kind.REMINDED))
    desk.deliver(DAY)
    assert desk.desk.heard == [[1]]
    desk.tell(end(3))
    desk.deliver(DAY)
    assert desk.desk.heard == [[1], [3]]
    desk.tell(note(4, episode=date(2026, 2, 2)))
    desk.deliver()
    assert desk.desk.heard == [[1], [3], [4]]


def test_what_does_not_fire_cannot_be_acknowledged(desk: Desk) -> None:
    with desk.store.write() as tx:
        tx.alerts.put([Alert("r", XRT, streak=1, streak_since=FIRST)])
    for rule in ("r", "s"):
        with pytest.raises(WatcherError, match=f"{rule} does not fire on US.XRT"):
            operate.acknowledge(desk.store, rule, XRT, NOW)


# what a person does with the outbox


def chosen(*ids: str, channel: str | None = None) -> operate.Chosen:
    return operate.Chosen(ids, channel)


def test_what_is_dead_is_told_when_a_person_retries_it(desk: Desk) -> None:
    desk.desk.answer = Failed("misconfigured", permanent=True)
    desk.tell(note(1), note(1, rule="s"))
    desk.deliver()
    desk.desk.answer = Sent()
    (again,) = operate.retry(desk.store, chosen(note(1).id), desk.clock.now())
    assert again.delivery.first_attempt is None
    desk.deliver()
    assert [each.rule for each in desk.desk.arrived[0].notifications] == ["r"]
    assert operate.retry(desk.store, chosen(note(1).id), desk.clock.now()) == []
    assert len(operate.retry(desk.store, chosen(channel="desk"), desk.clock.now())) == 1


def test_what_was_dropped_is_retried_by_its_id_and_not_with_its_channel(desk: Desk) -> None:
    """A silence, or a person, wanted it so: who retries a channel wants what it could not be told."""
    desk.tell(note(1))
    operate.drop(desk.store, chosen(channel="desk"))
    assert operate.retry(desk.store, chosen(channel="desk"), desk.clock.now()) == []
    assert len(operate.retry(desk.store, chosen(note(1).id), desk.clock.now())) == 1
    desk.deliver()
    assert desk.desk.heard == [[1]]


def test_what_was_tried_and_is_silenced_has_48_hours_after_the_silence(desk: Desk) -> None:
    desk.desk.answer = REFUSED
    desk.tell(note(1))
    desk.deliver()
    silence = Silence.asked(["*"], [], [], 3 * DAY, "known", desk.clock.now())
    operate.add_silence(desk.store, silence)
    desk.deliver(HOUR)
    desk.deliver(3 * DAY)
    assert desk.statuses() == {("desk", 1): "pending"}


def test_what_a_person_drops_is_never_told(desk: Desk) -> None:
    desk.tell(note(1), note(1, rule="s"), note(1, channel="mail"))
    assert len(operate.drop(desk.store, chosen(note(1).id))) == 1
    assert len(operate.drop(desk.store, chosen(channel="mail"))) == 1
    assert operate.drop(desk.store, chosen(note(1).id)) == []
    desk.deliver()
    assert [each.rule for each in desk.desk.arrived[0].notifications] == ["s"]
    assert desk.mail.attempts == []


def test_with_an_opening_that_a_person_drops_its_end_is_dropped(desk: Desk) -> None:
    desk.tell(note(1), end(2), note(3), end(4), note(5, episode=date(2026, 2, 2)), note(1, channel="mail"))
    assert [each.notification.number for each in operate.drop(desk.store, chosen(note(1).id))] == [1, 2]
    desk.deliver()
    assert desk.desk.heard == [[3, 4, 5]]
    assert desk.mail.heard == [[1]]


# what happened


def test_history_holds_every_attempt_of_every_notification(desk: Desk) -> None:
    desk.desk.answer = REFUSED
    desk.tell(note(1))
    desk.deliver()
    desk.desk.answer = Sent()
    desk.deliver(MINUTE)
    desk.tell(end(2))
    desk.deliver()
    desk.clock.pass_by(DAY)
    desk.tell(note(1, rule="s"))
    (first, second) = history(desk.store)
    assert [(each.report.kind.value, len(each.tellings[0].attempts)) for each in first.transitions] == [
        ("opened", 2),
        ("resolved", 1),
    ]
    assert [each.outcome for each in first.transitions[0].tellings[0].attempts] == ["failed", "sent"]
    assert history(desk.store, since=NOW + DAY) == [second]
    assert history(desk.store, rules=["r"]) == [first]
    assert history(desk.store, symbols=["HK.00700"]) == []


def test_a_store_that_is_replaced_while_in_use_ends_the_delivery(desk: Desk, tmp_path: Path) -> None:
    """What became of a message could be stored in no store that knows of it: it is not tried for ever."""
    place = tmp_path / "state" / FILE
    other = tmp_path / "other"
    other.write_bytes(place.read_bytes())

    class Replacing(Receiver):
        async def send(self, message: Message) -> Outcome:
            other.replace(place)
            return Sent()

    desk.tell(note())
    receiver = Replacing("desk")

    async def drained(channel: Receiver) -> None:
        attempts = drain("desk", desk.store, channel, lambda: desk.book, at_once, desk.clock, lambda: 0.0, patient=True)
        async for _ in attempts:
            pass

    for _ in ("when the message was sent", "before another one is claimed"):
        with pytest.raises(StateDamaged, match="replaced while in use"):
            asyncio.run(drained(receiver))
