"""The books that the promise is kept by: what each channel is owed, and what became of it so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.core.book import ChannelPolicy
from watcher.core.notification import Message, Notification
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.core.rule import Severity
from watcher.core.silence import Silence

Alert = tuple[str, str]
"""Symbol and rule."""
Key = tuple[str, str, int]
"""And the number of what happened."""
AT_ONCE, HOUR, DAY = timedelta(), timedelta(minutes=66), timedelta(hours=25)
"""How long an attempt waits at most: the first, after a failure, when nobody knows."""


@dataclass
class Debt:
    """Something that happened, as one channel is owed it."""

    alert: Alert
    number: int
    kind: str
    episode: date
    severity: Severity
    instead: bool = False
    """In the place of a channel that could not be told."""
    state: str = "pending"
    first: datetime | None = None
    """Attempt."""
    looked: datetime | None = None
    """When it was last attempted, or found that it has to wait."""
    wait: timedelta = AT_ONCE
    doubts: int = 0
    """Times that it may have arrived."""
    begun: bool = False
    """The receiver may have some of it: it is repeated as it was."""
    fatal: bool = False
    """No further attempt can succeed."""
    fallback: str | None = None
    """When it was last attempted."""
    hushed: bool = False
    """A silence or an ack was in force while it was owed."""
    unheard: bool = False
    """And that whenever it was looked at."""
    buried: bool = False
    """And at its end, too."""
    wanted: bool = False
    """A person wants it attempted again."""


class Ledger:
    """All debts, by channel and key, and what people said of them."""

    def __init__(self, policies: dict[str, ChannelPolicy]) -> None:
        self.policies = policies
        self.log: dict[Alert, list[tuple[str, date]]] = {}
        """What happened to each alert, in order of its numbers."""
        self.debts: dict[str, dict[Key, Debt]] = {name: {} for name in policies}
        self.silences: list[Silence] = []
        self.acks: set[tuple[Alert, date]] = set()
        self.resting: set[str] = set()
        """Rules that are not enabled."""
        self.troubled: set[str] = set()
        """Channels of which the operator is to know that they cannot be told, or may not have heard."""

    def of(self, message: Message) -> list[Debt]:
        return [self.debts[message.channel][key_of(each)] for each in message.notifications]

    def owed(self, name: str | None = None, alert: Alert | None = None) -> Iterator[Debt]:
        """Yield what is still to be told, in the order in which it happened."""
        for debts in self.debts.values() if name is None else [self.debts[name]]:
            for _, debt in sorted(debts.items()):
                if debt.state == "pending" and alert in (None, debt.alert):
                    yield debt

    def opening(self, name: str, debt: Debt) -> Debt | None:
        """Return what a channel was last owed of the beginning of an episode; a revision can open one anew."""
        of_episode = [
            each
            for key, each in sorted(self.debts[name].items())
            if each.number <= debt.number and (each.alert, each.episode) == (debt.alert, debt.episode)
        ]
        return next((each for each in reversed(of_episode) if each.kind == "opened"), None)

    def with_followers(self, name: str, debt: Debt) -> list[Debt]:
        """Return it and, of an opening, all that is still to be told of its episode."""
        return [debt] + [
            each for each in self.owed(name, debt.alert) if each is not debt and self.opening(name, each) is debt
        ]

    # what becomes of a message

    def answered(self, message: Message, outcome: Outcome, now: datetime) -> None:
        for debt in self.of(message):
            debt.first, debt.looked = debt.first or now, now
            debt.fallback = self.policies[message.channel].fallback
            match outcome:
                case Sent():
                    debt.state = "sent"
                case Failed():
                    debt.wait, debt.fatal, debt.begun = HOUR, outcome.permanent, debt.begun or outcome.begun
                case Unknown():
                    debt.wait, debt.begun, debt.doubts = DAY, True, debt.doubts + 1
                    if debt.doubts >= 2:
                        self.pass_on(message.channel, debt)

    def lose_sight(self, message: Message, now: datetime, *, passed_on: bool) -> None:
        """The process died before it stored what became of a message."""
        for debt in self.of(message):
            debt.first, debt.looked, debt.wait = debt.first or now, now, AT_ONCE
            debt.begun, debt.doubts = True, debt.doubts + 1
            if passed_on:
                self.pass_on(message.channel, debt)

    def pass_on(self, name: str, debt: Debt) -> None:
        """The fallback hears what a channel cannot be told, or may not have heard, and what follows an opening."""
        self.troubled.add(name)
        for each in self.with_followers(name, debt):
            instead = Debt(each.alert, each.number, each.kind, each.episode, each.severity, instead=True)
            if debt.fallback is not None:
                self.debts[debt.fallback].setdefault((*each.alert, each.number), instead)

    def start(self, now: datetime) -> None:
        """The process starts: what it had begun, may have arrived; what it had seen otherwise, is not known."""
        for debt in self.owed():
            debt.doubts = debt.doubts or int(debt.begun)
            debt.looked, debt.unheard = debt.looked or now, False

    # what people do

    def drop(self, name: str, debt: Debt) -> None:
        """A person does not want it told; nor, then, what follows an opening."""
        for each in self.with_followers(name, debt):
            each.state = "dropped"

    def retry(self, debt: Debt) -> None:
        debt.state, debt.wanted, debt.first, debt.looked, debt.wait = "pending", True, None, None, AT_ONCE
        debt.hushed = debt.unheard = debt.buried = debt.fatal = False

    def look_again(self) -> None:
        """At all that is held back: what holds it may be over, or another."""
        for debt in self.owed():
            debt.looked = debt.looked if debt.first else None


def key_of(told: Notification) -> Key:
    return (told.symbol, told.rule, told.number)
