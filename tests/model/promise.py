"""What must be told of all that happens, channel by channel, as plainly as it can be said.

Each channel hears of everything it is owed, once, in order, when it may; shared with the program are only values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.core.book import ChannelPolicy
from watcher.core.notification import Message, Notification
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.core.rule import Rule, Severity
from watcher.core.silence import Silence

Alert = tuple[str, str]
"""Symbol and rule."""
Key = tuple[str, str, int]
"""And the number of what happened."""
ENDS = ("resolved", "retracted")
AT_ONCE, HOUR, DAY = timedelta(), timedelta(minutes=66), timedelta(hours=25)
GIVEN_UP = timedelta(hours=48)


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
    hushed: bool = False
    """A silence or an ack was in force while it was owed."""
    unheard: bool = False
    """And that from its beginning."""
    buried: bool = False
    """To its end: it is never told."""
    wanted: bool = False
    """By a person, who wants it attempted again."""
    fatal: bool = False
    fallback: str | None = None


class Promise:
    """The channels, what each is owed, and what nobody wants to hear."""

    def __init__(self, policies: dict[str, ChannelPolicy]) -> None:
        self.policies = policies
        self.log: dict[Alert, list[tuple[str, date]]] = {}
        self.debts: dict[str, dict[Key, Debt]] = {name: {} for name in policies}
        self.silences: list[Silence] = []
        self.acks: set[tuple[Alert, date]] = set()
        self.troubled: set[str] = set()
        """Channels of which the operator is to know that they cannot be told, or may not have heard."""

    def happens(self, alert: Alert, kind: str, episode: date, rule: Rule | None, now: datetime) -> None:
        log = self.log.setdefault(alert, [])
        over = next((each in ENDS for each, of in reversed(log) if of == episode), False)
        log.append((kind, episode))
        if kind in ENDS:
            for debt in self.owed(alert, episode):
                debt.buried |= debt.kind not in ENDS and debt.unheard and self._hushed(debt, now)
        if kind == "opened":
            self.acks.discard((alert, episode))
        if rule is None or (kind == "resolved" and not rule.resolved) or (over and kind in ("resolved", "reminded")):
            return
        for name, policy in self.policies.items():
            debt = Debt(alert, len(log), kind, episode, rule.severity)
            if kind == "opened":
                hears = name in rule.notify and rule.severity.rank >= policy.min_severity.rank
            else:
                opening = self._opening(name, debt)
                heard = opening is not None and opening.state in ("pending", "sent")
                hears = heard and name in self._reached(rule.notify)
            if hears:
                self.debts[name][*alert, len(log)] = debt

    # what channels hear

    def arrives(self, message: Message, now: datetime) -> None:
        """A message is put together and sent: each of it is owed, wanted now, in order, and true."""
        name, debts = message.channel, [self.debts[message.channel][_key(each)] for each in message.notifications]
        begun = any(debt.begun for debt in debts)
        assert begun == all(debt.begun for debt in debts), "what may have arrived is repeated as it was"
        assert message.repeat == any(debt.doubts for debt in debts)
        quiet = self._quiet(name, now)
        assert not (quiet and begun) or any(debt.severity is Severity.CRITICAL for debt in debts)
        for debt, told in zip(debts, message.notifications, strict=True):
            assert (told.kind, told.episode) == (debt.kind, debt.episode)
            assert debt.state == "pending", "told once, and not after it was given up or dropped"
            assert (told.over is not None) == (debt.kind not in ENDS and self._over(debt)), "what is over says so"
            assert begun or not (self._hushed(debt, now) or debt.buried), "nobody wants to hear it"
            assert begun or not quiet or debt.severity is Severity.CRITICAL, "quiet hours hold it"
            earlier = [each for each in self.owed(debt.alert, name=name) if each.number < debt.number]
            assert all(each in debts for each in earlier), "never before what happened earlier"
            opening = self._opening(name, debt)
            unopened = debt.kind != "opened" and not (opening and (opening.state == "sent" or opening in debts))
            assert not unopened or debt.instead or debt.wanted, "no end without an opening"

    def answered(self, message: Message, outcome: Outcome, now: datetime) -> None:
        debts = [self.debts[message.channel][_key(each)] for each in message.notifications]
        for debt in debts:
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

    def pass_on(self, name: str, debt: Debt) -> None:
        """The fallback hears what a channel cannot be told, or may not have heard, and what follows an opening."""
        self.troubled.add(name)
        for each in (debt, *self._followers(name, debt)):
            key = (*each.alert, each.number)
            if debt.fallback is not None and key not in self.debts[debt.fallback]:
                self.debts[debt.fallback][key] = Debt(
                    each.alert, each.number, each.kind, each.episode, each.severity, instead=True
                )

    def gives_up(self, name: str, debt: Debt) -> None:
        """After 48 hours, or what is as good; what follows an opening that nobody heard is not told there either."""
        assert debt.first is not None
        assert debt.looked is not None
        assert debt.fatal or debt.looked + HOUR > debt.first + GIVEN_UP
        self.pass_on(name, debt)
        for each in (debt, *self._followers(name, debt)):
            each.state = "dead"

    def drop(self, name: str, debt: Debt) -> None:
        """A person does not want it told; nor, then, what follows an opening."""
        for each in (debt, *self._followers(name, debt)):
            each.state = "dropped"

    def retry(self, debt: Debt) -> None:
        debt.state, debt.wanted, debt.first, debt.looked, debt.wait = "pending", True, None, None, AT_ONCE
        debt.hushed = debt.unheard = debt.buried = debt.fatal = False

    def leaves_out(self, name: str, debt: Debt, now: datetime) -> None:
        """It is over and was not to be heard of; or it goes with an opening that is left out."""
        opening = self._opening(name, debt)
        if debt.kind in ENDS or not self._over(debt):
            assert opening is not None
            assert opening.state == "dropped"
        else:
            assert debt.hushed or self._hushed(debt, now)
        debt.state = "dropped"

    def lost_sight(self, message: Message, now: datetime, *, passed_on: bool) -> None:
        """The process died before it stored what became of a message."""
        for debt in (self.debts[message.channel][_key(each)] for each in message.notifications):
            debt.first, debt.looked, debt.wait = debt.first or now, now, AT_ONCE
            debt.begun, debt.doubts = True, debt.doubts + 1
            if passed_on:
                self.pass_on(message.channel, debt)

    def started(self, now: datetime) -> None:
        for debt in self.owed():
            debt.doubts = debt.doubts or int(debt.begun)
            debt.looked, debt.unheard = debt.looked or now, False

    def looks_again(self) -> None:
        """At all that is held back."""
        for debt in self.owed():
            debt.looked = debt.looked if debt.first else None

    def look(self, now: datetime, *, surely: bool = True) -> None:
        """What is silenced or acknowledged at some time, may be left out when it is over."""
        for debt in self.owed():
            debt.hushed |= self._hushed(debt, now)
            debt.looked = debt.looked or (None if surely else now)

    def rests(self, name: str, now: datetime, *, up: bool) -> None:
        """A channel took all that it was sent, and is sent nothing more: all that is left has a reason to wait."""
        waiting: set[Alert] = set()
        for debt in self.owed(name=name):
            late = debt.looked is not None and now < debt.looked + debt.wait and debt.looked <= now + DAY
            hushed = self._hushed(debt, now, begun=False)
            quiet = self._quiet(name, now) and (debt.begun or debt.severity is not Severity.CRITICAL)
            assert not up or late or hushed or quiet or debt.alert in waiting, f"{name} is not told of {debt}"
            if debt.alert not in waiting and debt.looked is None:
                debt.unheard = self._hushed(debt, now)
            debt.unheard &= self._hushed(debt, now)
            debt.looked, debt.wait = (debt.looked, debt.wait) if late else (now, AT_ONCE)
            waiting.add(debt.alert)

    # in the words of the promise

    def owed(self, alert: Alert | None = None, episode: date | None = None, name: str | None = None) -> Iterator[Debt]:
        of_channels = self.debts.values() if name is None else [self.debts[name]]
        for debts in of_channels:
            for _, debt in sorted(debts.items()):
                if debt.state == "pending" and alert in (None, debt.alert) and episode in (None, debt.episode):
                    yield debt

    def _opening(self, name: str, debt: Debt) -> Debt | None:
        return next(
            (
                each
                for key, each in sorted(self.debts[name].items(), reverse=True)
                if (each.kind, each.alert, each.episode) == ("opened", debt.alert, debt.episode)
                and each.number <= debt.number
            ),
            None,
        )

    def _followers(self, name: str, debt: Debt) -> list[Debt]:
        if debt.kind != "opened":
            return []
        later = (each for each in self.owed(debt.alert, debt.episode, name) if each.number > debt.number)
        return [each for each in later if self._opening(name, each) is debt]

    def _over(self, debt: Debt) -> bool:
        return any(kind in ENDS and of == debt.episode for kind, of in self.log[debt.alert][debt.number :])

    def _hushed(self, debt: Debt, now: datetime, *, begun: bool = True) -> bool:
        symbol, rule = debt.alert
        return (debt.kind not in ENDS and (debt.alert, debt.episode) in self.acks) or any(
            (not begun or each.starts <= now)
            and now < each.ends
            and (not each.symbols or {symbol, f"{symbol[:2]}.*", "*"} & set(each.symbols))
            and (not each.rules or rule in each.rules)
            and (not each.severities or debt.severity in each.severities)
            for each in self.silences
        )

    def _quiet(self, name: str, now: datetime) -> bool:
        hours = self.policies[name].quiet
        if hours is None:
            return False
        local = now.astimezone(ZoneInfo(hours.zone)).time()
        within = (hours.start <= local, local < hours.end)
        return all(within) if hours.start <= hours.end else any(within)

    def _reached(self, names: tuple[str, ...]) -> set[str]:
        reached: set[str] = set()
        for name in names:
            following: str | None = name
            while following is not None:
                reached.add(following)
                following = self.policies[following].fallback
        return reached


def _key(told: Notification) -> Key:
    return (told.symbol, told.rule, told.number)
