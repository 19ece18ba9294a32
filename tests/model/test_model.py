"""Whatever happens, in whatever order: what happened is what one page says, and each channel is told what another says.

200 examples, or as many as the profile asks for: `scripts/test --long` runs 10,000.
"""

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.builders import book, hk_row, us_row
from tests.builders import rule as rule_of
from tests.model.ledger import Alert, Key, key_of
from tests.model.promise import ENDS, Promise
from tests.model.truth import Rows, Truth
from tests.model.world import KilledError, Receiver, World
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.book import CONSOLE, ChannelPolicy, QuietHours
from watcher.core.market import Market, Row, Symbol
from watcher.core.notice import WATCHER
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Status, Unknown
from watcher.core.rule import Rule, Severity
from watcher.core.silence import Silence
from watcher.errors import WatcherError
from watcher.jobs import operate
from watcher.jobs.operate import Chosen
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up

DAY_0 = date(2026, 1, 5)
SYMBOLS = (Symbol("US.XRT"), Symbol("HK.00700"))
RULES = ("low", "high")
CHANNELS = ("desk", "mail", "pager")
FALLBACKS = {"desk": "mail", "mail": "pager", "pager": None}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SURE = st.sampled_from([90.0, 10.0, 60.0])
VALUES = st.one_of(SURE, SURE, st.none())
PICK = st.integers(0, 10**6)
OFTEN, RARELY = st.sampled_from([True, True, False]), st.sampled_from([False, False, True])
QUIETS = st.sampled_from(
    [
        None,
        QuietHours(time(22), time(7), "Asia/Hong_Kong"),
        QuietHours(time(1, 30), time(9), "America/New_York"),
        QuietHours(time(12), time(13), "UTC"),
    ]
)
GAPS = st.sampled_from([MINUTE, 15 * MINUTE, HOUR, 10 * HOUR, DAY, 3 * DAY])
OUTCOMES = st.sampled_from(
    [
        Sent(),
        Sent(),
        Sent(),
        Failed("refused"),
        Failed("half of it was refused", begun=True),
        Failed("misconfigured", permanent=True),
        Unknown("no answer"),
    ]
)
some = st.lists


@dataclass(frozen=True)
class Text:
    """What rules.toml says of a rule."""

    limit: float = 50
    sessions: int = 1
    symbols: tuple[Symbol, ...] = SYMBOLS
    notify: tuple[str, ...] = ("desk",)
    severity: Severity = Severity.WARNING
    remind: int = 0
    resolved: bool = True
    message: str | None = None
    enabled: bool = True


TEXTS = st.fixed_dictionaries(
    {
        "limit": st.sampled_from([30.0, 50.0, 80.0]),
        "sessions": st.integers(1, 2),
        "symbols": st.sampled_from([SYMBOLS, SYMBOLS, SYMBOLS[:1], SYMBOLS[1:]]),
        "notify": st.sampled_from([("desk",), ("desk", "mail"), ("mail", "desk"), ("mail", "pager"), CHANNELS]),
        "severity": st.sampled_from(Severity),
        "remind": st.sampled_from([0, 1, 2]),
        "resolved": st.sampled_from([True, True, False]),
        "message": st.sampled_from([None, "{symbol}"]),
        "enabled": st.sampled_from([True, True, True, False]),
    }
).map(lambda fields: Text(**fields))
WORDING = ("notify", "severity", "remind", "resolved", "message")


@cache
def _rule(name: str, text: Text) -> Rule:
    return rule_of(
        name,
        f"close_price > {text.limit}",
        symbols=text.symbols,
        for_=text.sessions,
        notify=text.notify,
        severity=text.severity,
        remind=text.remind,
        resolved=text.resolved,
        message=text.message,
        enabled=text.enabled,
    )


class Watching(RuleBasedStateMachine):
    """Two rules on two symbols, three channels, and everything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.published: dict[Symbol, Rows] = {symbol: {} for symbol in SYMBOLS}
        self.hidden: set[tuple[Symbol, date]] = set()
        self.texts: dict[str, Text] = {}
        self.edition = 0
        self.policies = {name: ChannelPolicy(name, fallback=FALLBACKS[name]) for name in CHANNELS}
        self.truths: dict[Alert, Truth] = {(symbol, name): Truth() for symbol in SYMBOLS for name in RULES}
        self.promise = Promise(self.policies)
        self.notices: dict[str, tuple[str, str]] = {}
        self.arrived = 0
        self.world = World((*CHANNELS, CONSOLE))
        self.world.on_arrival, self.world.on_settled = self.arrives, self.settled

    @initialize(
        low=TEXTS, high=TEXTS, quiet=QUIETS, xrt=st.lists(VALUES, max_size=3), tencent=st.lists(VALUES, max_size=3)
    )
    def begin(
        self,
        low: Text,
        high: Text,
        quiet: QuietHours | None,
        xrt: list[float | None],
        tencent: list[float | None],
    ) -> None:
        self.policies["desk"] = replace(self.policies["desk"], quiet=quiet)
        self.reload({"low": replace(low, enabled=True), "high": high})
        self.session(xrt, tencent)

    def teardown(self) -> None:
        try:
            if self.texts:
                self.settle()
        finally:
            self.world.end()
            _progress()

    # what upstream does

    @rule(xrt=VALUES, tencent=VALUES)
    def session_as_ever(self, xrt: float | None, tencent: float | None) -> None:
        self.session([xrt], [tencent])

    @rule(xrt=VALUES, tencent=VALUES, first=st.sampled_from([*SYMBOLS, None]))
    def session_late(self, xrt: float | None, tencent: float | None, first: Symbol | None) -> None:
        """A row is late, or all that late are there; what there is, is asked for, and not delivered yet."""
        days = {symbol: max(self.published[symbol], default=DAY_0) + DAY for symbol in SYMBOLS}
        self.hidden = {(symbol, days[symbol]) for symbol in SYMBOLS if symbol == first} | (
            self.hidden if first else set()
        )
        self.session([xrt], [tencent], delivers=False)

    @rule(xrt=st.lists(VALUES, max_size=3), tencent=st.lists(VALUES, max_size=3), polls=st.booleans())
    def sessions_missed(self, xrt: list[float | None], tencent: list[float | None], polls: bool) -> None:
        """Nobody asked for some sessions."""
        self.session(xrt, tencent, polls=polls, delivers=polls)

    def session(
        self, xrt: list[float | None], tencent: list[float | None], *, polls: bool = True, delivers: bool = True
    ) -> None:
        for symbol, values in zip(SYMBOLS, (xrt, tencent), strict=True):
            first = max(self.published[symbol], default=DAY_0) + DAY
            self.published[symbol] |= {first + day * DAY: value for day, value in enumerate(values)}
        if polls:
            self.poll()
        self.deliver_if(delivers)

    @precondition(lambda self: self.hidden or any(self.published.values()))
    @rule(pick=PICK, value=VALUES, delivers=OFTEN)
    def revise(self, pick: int, value: float | None, delivers: bool) -> None:
        """What was late is there, and of what was there some is otherwise."""
        rows = [(symbol, day) for symbol in SYMBOLS for day in sorted(self.published[symbol])]
        symbol, day = rows[pick % len(rows)]
        self.published[symbol][day] = value
        self.hidden.clear()
        self.poll()
        self.deliver_if(delivers)

    # what the watcher does

    @rule()
    def poll(self) -> None:
        """Ask for all; a second time, it changes nothing."""
        answers = [(symbol, self.answer(symbol)) for symbol in self.world.book.by_symbol]
        rows = [Answered(symbol, _rows(symbol, answer)) for symbol, answer in answers]
        if not self.survives(lambda: record(self.world.store, self.world.book, rows, self.world.clock)):
            return
        for symbol, answer in answers:
            for name in RULES if answer else ():
                self.truths[symbol, name].see(answer)
        self.follow()

    def answer(self, symbol: Symbol) -> Rows:
        return {day: value for day, value in self.published[symbol].items() if (symbol, day) not in self.hidden}

    @rule(
        symbol=st.sampled_from(SYMBOLS), state=st.sampled_from([DataState.NO_DATA, DataState.ERROR, DataState.DENIED])
    )
    def poll_in_vain(self, symbol: Symbol, state: DataState) -> None:
        answer = Refused(symbol, state, f"{symbol}: trouble")
        self.survives(lambda: record(self.world.store, self.world.book, [answer], self.world.clock))

    def deliver_if(self, delivers: bool) -> None:
        """A process that runs delivers within a second."""
        if delivers:
            self.deliver()

    @rule()
    def deliver(self) -> None:
        world = self.world
        self.promise.look(world.clock)
        if not world.deliver():
            self.restart()
            self.sync()
            return
        for receiver in world.receivers.values():
            self.settled(receiver)
        self.sync()
        for name in CHANNELS:
            self.promise.rests(name, world.clock, up=isinstance(world.receivers[name].outcome, Sent))

    @rule(steps=st.integers(0, 30))
    def will_die(self, steps: int) -> None:
        """After so many more steps, whatever it does then."""
        self.world.steps = steps

    @rule()
    def stop_and_start(self) -> None:
        self.world.stop()
        self.world.start()
        self.started()
        self.sync()

    # what people do

    @rule(name=st.sampled_from(RULES), text=TEXTS, only_wording=st.booleans())
    def edit(self, name: str, text: Text, only_wording: bool) -> None:
        """A rule is added or edited; or only how it is told."""
        if only_wording and name in self.texts:
            text = replace(self.texts[name], **{each: getattr(text, each) for each in WORDING})
        self.reload({**self.texts, name: text})

    @rule(name=st.sampled_from(RULES))
    def remove(self, name: str) -> None:
        self.reload({each: text for each, text in self.texts.items() if each != name})

    @rule(
        name=st.sampled_from(CHANNELS),
        least=st.sampled_from(Severity),
        quiet=QUIETS,
        falls_back=st.booleans(),
        down=st.booleans(),
    )
    def edit_channel(self, name: str, least: Severity, quiet: QuietHours | None, falls_back: bool, down: bool) -> None:
        fallback = FALLBACKS[name] if falls_back else None
        self.policies[name] = ChannelPolicy(name, least, quiet, fallback)
        self.reload(self.texts, down=down)

    @rule(
        symbols=some(st.sampled_from(["US.XRT", "HK.00700", "HK.*", "US.*", "*"]), max_size=2),
        rules=some(st.sampled_from(RULES), max_size=1),
        severities=some(st.sampled_from(Severity), max_size=2),
        hours=st.sampled_from([1, 24, 72, 720]),
        meanwhile=RARELY,
    )
    def silence(
        self, symbols: list[str], rules: list[str], severities: list[Severity], hours: int, meanwhile: bool
    ) -> None:
        if not symbols and not rules and not severities:
            symbols = ["*"]

        def add() -> None:
            asked = Silence.asked(
                symbols, rules, severities, hours * HOUR, f"{len(self.promise.silences)}", self.world.clock
            )
            with self.world.beside() as store:
                operate.add_silence(store, asked)
            self.promise.silences.append(asked)
            self.promise.look(self.world.clock, surely=not self.world.sending)

        self.now_or(meanwhile, add)

    @precondition(lambda self: self.promise.silences)
    @rule(pick=PICK, meanwhile=RARELY)
    def end_silence(self, pick: int, meanwhile: bool) -> None:
        def end() -> None:
            silences, now = self.promise.silences, self.world.clock
            chosen = silences[pick % len(silences)]
            with self.world.beside() as store:
                if chosen.ends <= now:
                    with pytest.raises(WatcherError, match="in force"):
                        operate.end_silence(store, chosen.id, now)
                    return
                operate.end_silence(store, chosen.id, now)
            silences[silences.index(chosen)] = replace(chosen, ends=now)
            self.promise.look_again()

        self.now_or(meanwhile, end)

    @rule(pick=PICK, meanwhile=RARELY)
    def ack(self, pick: int, meanwhile: bool) -> None:
        """Something that fires is acknowledged, where something does."""

        def acknowledge() -> None:
            firing = [alert for alert, truth in self.truths.items() if truth.episode is not None]
            symbol, name = chosen = (firing or list(self.truths))[pick % len(firing or self.truths)]
            episode = self.truths[chosen].episode
            with self.world.beside() as store:
                if episode is None:
                    with pytest.raises(WatcherError, match="does not fire"):
                        operate.acknowledge(store, name, Symbol(symbol), self.world.clock)
                    return
                operate.acknowledge(store, name, Symbol(symbol), self.world.clock)
            self.promise.acks.add(((symbol, name), episode))
            self.promise.look(self.world.clock, surely=not self.world.sending)

        self.now_or(meanwhile, acknowledge)

    @rule(pick=PICK, channel=st.sampled_from([None, *CHANNELS]), retry=st.booleans(), meanwhile=RARELY)
    def change_outbox(self, pick: int, channel: str | None, retry: bool, meanwhile: bool) -> None:
        """Retry or drop one notification, or all of a channel."""

        def change() -> None:
            with self.world.beside() as store:
                with store.read() as tx:
                    ids = sorted(each.notification.id for each in tx.outbox.entries())
                if not ids:
                    return
                chosen = Chosen((), channel) if channel else Chosen((ids[pick % len(ids)],), None)
                changed = operate.retry(store, chosen, self.world.clock) if retry else operate.drop(store, chosen)
            for told in (each.notification for each in changed if each.notification.symbol != WATCHER):
                debt = self.promise.debts[told.channel][told.symbol, told.rule, told.number]
                assert debt.state != "sent"
                if retry:
                    self.promise.retry(debt)
                else:
                    self.promise.drop(told.channel, debt)
            self.promise.look(self.world.clock)

        self.now_or(meanwhile, change)

    def now_or(self, meanwhile: bool, act: Callable[[], None]) -> None:
        """Do it now, or while the next message is under way, between claim and settle."""
        if meanwhile:
            self.world.meanwhile = act
        else:
            act()

    @rule()
    def poll_meanwhile(self) -> None:
        self.world.meanwhile = self.poll

    # what the world does

    @rule(name=st.sampled_from(CHANNELS), outcome=OUTCOMES, xrt=VALUES, tencent=VALUES, gaps=st.lists(GAPS, max_size=4))
    def receiver_changes(
        self, name: str, outcome: Outcome, xrt: float | None, tencent: float | None, gaps: list[timedelta]
    ) -> None:
        """A channel goes down, or comes up, for some time."""
        self.world.receivers[name].outcome = outcome
        self.session([xrt], [tencent])
        for gap in gaps:
            self.pass_time(gap, delivers=True)

    @rule(passes=GAPS, delivers=OFTEN)
    def pass_time(self, passes: timedelta, delivers: bool) -> None:
        self.world.clock += passes
        self.deliver_if(delivers)

    @rule(step=st.sampled_from([-365 * DAY, -2 * DAY, -HOUR, HOUR, 365 * DAY]))
    def set_clock(self, step: timedelta) -> None:
        self.world.clock += step

    # how it is done

    def survives(self, work: Callable[[], object]) -> bool:
        """Do some work; start anew if the process dies of it, and return False."""
        try:
            work()
        except KilledError:
            if self.world.sending:
                raise
            self.restart()
            return False
        return True

    def restart(self) -> None:
        self.world.die()
        self.world.start()
        self.started()

    def started(self) -> None:
        """See what became of the messages that were under way; what may have arrived is marked so from now on."""
        with self.world.state.read() as tx:
            entries = {(each.notification.channel, *key_of(each.notification)): each for each in tx.outbox.entries()}
        for receiver in self.world.receivers.values():
            message, receiver.under_way, receiver.answered = receiver.under_way, None, False
            if message is None or message.notifications[0].symbol == WATCHER:
                continue
            debts = [self.promise.debts[receiver.name][key_of(each)] for each in message.notifications]
            found = [entries[receiver.name, *key_of(each)].delivery for each in message.notifications]
            stored = all(each.status is not Status.PENDING for each in found) or all(
                each.unknowns == debt.doubts for each, debt in zip(found, debts, strict=True)
            )
            passed_on = any(
                each.notification.instead_of == receiver.name and tuple(key) not in self.promise.debts[channel]
                for (channel, *key), each in entries.items()
                if channel != CONSOLE
            )
            if stored:
                self.promise.answered(message, receiver.outcome, self.world.clock)
            else:
                self.promise.lose_sight(message, self.world.clock, passed_on=passed_on)
        self.promise.start(self.world.clock)

    def reload(self, texts: dict[str, Text], *, down: bool = False) -> None:
        """The rules are edited, and taken up: while it runs, or at its next start."""
        world = self.world
        self.edition += 1
        self.promise.resting = {name for name, text in texts.items() if not text.enabled}
        rules = [_rule(name, text) for name, text in texts.items()]
        edited = book(*rules, channels=list(self.policies.values()), digest=f"{self.edition}")
        if down:
            world.stop()
            world.book = edited
            world.start()
            self.started()
        else:
            world.book = edited
            self.survives(self.swap)
        gone = {alert for alert in self.truths if self.rewrite(alert, self.texts.get(alert[1]), texts.get(alert[1]))}
        self.texts = texts
        self.follow(gone)
        self.sync()
        self.promise.look_again()

    def swap(self) -> None:
        world = self.world
        take_up(world.store, world.book, world.clock)

    def rewrite(self, alert: Alert, was: Text | None, text: Text | None) -> bool:
        """Let what is true follow an edit; return whether the alert is gone."""
        truth, symbol = self.truths[alert], alert[0]
        if text is None or symbol not in text.symbols:
            fired = truth.episode is not None
            truth.end()
            truth.judged = False
            return fired
        old = (was.limit, was.sessions) if truth.judged and was else None
        truth.remind, truth.judged = text.remind, text.enabled
        if text.enabled and old != (text.limit, text.sessions):
            truth.limit, truth.sessions = text.limit, text.sessions
            truth.take_up()
        return False

    def follow(self, gone: Collection[Alert] = ()) -> None:
        """What is recorded is what happened, in an order that is the program's own; it is owed to whom it concerns."""
        recorded: dict[Alert, list[tuple[str, date]]] = {}
        with self.world.state.read() as tx:
            for each in sorted(tx.alerts.transitions(), key=lambda each: each.number):
                recorded.setdefault((each.symbol, each.rule), []).append((each.kind.value, each.episode))
        for alert, truth in self.truths.items():
            new = recorded.get(alert, [])[len(self.promise.log.get(alert, ())) :]
            assert Counter(new) == Counter(truth.happened), (alert, new, truth.happened)
            truth.happened = []
            rule = None if alert in gone else self.world.book.by_name.get(alert[1])
            for kind, episode in new:
                self.promise.happens(alert, kind, episode, rule, self.world.clock)

    def arrives(self, message: Message) -> None:
        self.arrived += 1
        if any(isinstance(receiver.outcome, Failed) for receiver in self.world.receivers.values()):
            self.statuses()  # what was given up just now, a fallback may be told of
        if message.notifications[0].symbol == WATCHER:
            assert message.channel == CONSOLE
            for each in sorted(message.notifications, key=lambda each: each.number):
                self.notices.setdefault(each.id, (each.rule, each.kind.value))
        else:
            self.promise.arrives(message, self.world.clock)

    def settled(self, receiver: Receiver) -> None:
        message, receiver.under_way, receiver.answered = receiver.under_way, None, False
        if message is not None and message.notifications[0].symbol != WATCHER:
            self.promise.answered(message, receiver.outcome, self.world.clock)

    def sync(self) -> None:
        """The outbox holds what is owed, each as it should stand; nothing is lost, and nothing invented."""
        statuses = self.statuses()
        for name in CHANNELS:
            for key, debt in sorted(self.promise.debts[name].items()):
                assert (name, key) in statuses, f"{name} is not owed {debt}"
                status = statuses.pop((name, key))
                if debt.state == "pending" and status == "dropped":
                    self.promise.leaves_out(name, debt, self.world.clock)
                assert status == debt.state, (name, debt)
        assert not statuses

    def statuses(self) -> dict[tuple[str, Key], str]:
        """Return how it stands with everything in the outbox; what is given up, the fallback is owed."""
        with self.world.state.read() as tx:
            entries = [each for each in tx.outbox.entries() if each.notification.symbol != WATCHER]
        found = {(each.notification.channel, key_of(each.notification)): each.delivery.status.value for each in entries}
        for name in CHANNELS:
            for key, debt in sorted(self.promise.debts[name].items()):
                if debt.state == "pending" and found.get((name, key)) == "dead":
                    self.promise.gives_up(name, debt)
        return found

    def settle(self) -> None:
        """In the end every receiver works, and time passes: all is told once, but what is acknowledged or rests."""
        world = self.world
        world.meanwhile = world.steps = None
        self.hidden.clear()
        for receiver in world.receivers.values():
            receiver.outcome = Sent()
        world.clock = max(world.clock, datetime(2100, 1, 1, tzinfo=UTC))
        for _ in range(3):
            world.clock += 2 * DAY
            self.poll()
            self.deliver()
        assert all(debt.kind not in ENDS or debt.alert[1] in self.promise.resting for debt in self.promise.owed())
        arrived = self.arrived
        self.stop_and_start()
        self.poll()
        self.deliver()
        assert self.arrived == arrived
        for topic, kinds in _by_topic(self.notices.values()).items():
            assert kinds == ["opened", "resolved"] * (len(kinds) // 2) + ["opened"] * (len(kinds) % 2), (topic, kinds)
        topics = {topic for topic, _ in self.notices.values()}
        assert {f"channel {name}" for name in self.promise.troubled} <= topics


def _rows(symbol: Symbol, answer: Rows) -> tuple[Row, ...]:
    row = us_row if symbol.market is Market.US else hk_row
    return tuple(row(day, close_price=value) for day, value in sorted(answer.items()))


def _by_topic(notices: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for topic, kind in notices:
        kinds.setdefault(topic, []).append(kind)
    return kinds


def _progress() -> None:
    done = next(_done)
    if EXAMPLES > 200 and done % 100 == 0:
        sys.stderr.write(f"{done} of {EXAMPLES // 2} examples\n")


class Twin(Watching):
    """The same for another core: half of the examples each."""


EXAMPLES = max(200, settings().max_examples)
_done = count(1)
_SETTINGS = settings(
    max_examples=EXAMPLES // 2,
    stateful_step_count=30,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

TestWatching, TestTwin = Watching.TestCase, Twin.TestCase
TestWatching.settings = TestTwin.settings = _SETTINGS
