"""What must be told of all that happens, as plainly as it can be said: each channel hears of everything it is owed.

Once, in order, when it may, and of nothing else. Nothing here is shared with the program but its values.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.model.ledger import AT_ONCE, DAY, HOUR, Alert, Debt, Ledger
from watcher.core.notification import Message
from watcher.core.rule import Rule, Severity

ENDS = ("resolved", "retracted")
GIVEN_UP = timedelta(hours=48)


class Promise(Ledger):
    """What is owed to whom, and what is wrong with telling it, or not."""

    def happens(self, alert: Alert, kind: str, episode: date, rule: Rule | None, now: datetime) -> None:
        """Whom it concerns is owed it; nobody, if the alert is gone, or the episode was over already."""
        log = self.log.setdefault(alert, [])
        over = next((each in ENDS for each, of in reversed(log) if of == episode and each != "reminded"), False)
        log.append((kind, episode))
        for debt in self.owed(alert=alert):
            begun_and_over = kind in ENDS and debt.kind not in ENDS and debt.episode == episode
            debt.buried |= begun_and_over and debt.unheard and self._hushed(debt, now)
        if kind == "opened":
            self.acks.discard((alert, episode))
            for debt in self.owed(alert=alert):  # nobody knows any more that it was acknowledged when it ended
                debt.buried &= debt.episode != episode
        if rule is None or (kind == "resolved" and not rule.resolved) or (over and kind in ("resolved", "reminded")):
            return
        for name, policy in self.policies.items():
            debt = Debt(alert, len(log), kind, episode, rule.severity)
            if kind == "opened":
                hears = name in rule.notify and rule.severity.rank >= policy.min_severity.rank
            else:
                opening = self.opening(name, debt)
                heard = opening is not None and opening.state in ("pending", "sent")
                hears = heard and (kind in ENDS or any(name in self._reached(each) for each in rule.notify))
            if hears:
                self.debts[name][*alert, len(log)] = debt

    def arrives(self, message: Message, now: datetime) -> None:
        """A message is put together and sent: each of it is owed, wanted now, in order, and true."""
        name, debts = message.channel, self.of(message)
        begun, quiet = any(debt.begun for debt in debts), self._quiet(message.channel, now)
        critical = [debt for debt in debts if debt.severity is Severity.CRITICAL]
        assert begun == all(debt.begun for debt in debts), "what may have arrived is repeated as it was"
        assert message.repeat == any(debt.doubts for debt in debts), "and says so"
        assert not quiet or critical == debts or (begun and critical), "quiet hours hold it"
        for debt, told in zip(debts, message.notifications, strict=True):
            assert (told.kind, told.episode, bool(told.instead_of)) == (debt.kind, debt.episode, debt.instead)
            assert debt.state == "pending", "told once, and not after it was given up or dropped"
            assert debt.kind in ENDS or (told.over is not None) == self._over(debt), "what is over says so"
            assert begun or not (self._hushed(debt, now) or debt.buried), "nobody wants to hear it"
            earlier = [each for each in self.owed(name, debt.alert) if each.number < debt.number]
            in_order = all(each in debts or self._idle(name, each, now) for each in earlier)
            assert begun or in_order, "what came first is told first, if it was there when the message was put together"
            opening = self.opening(name, debt)
            opened = opening is not None and (opening.state == "sent" or opening in debts)
            assert opened or debt.instead or debt.wanted, "no end without its opening"

    def rests(self, name: str, now: datetime, *, up: bool) -> None:
        """Nothing more is sent to a channel; if that is up, all that is left has a reason to wait."""
        waiting: set[Alert] = set()
        for debt in self.owed(name):
            late = debt.looked is not None and now < debt.looked + debt.wait and debt.looked <= now + DAY
            silenced = self._hushed(debt, now, begun=False)
            quiet = self._quiet(name, now) and (debt.begun or debt.severity is not Severity.CRITICAL)
            assert not up or late or silenced or quiet or debt.alert in waiting, f"{name} is not told of {debt}"
            new = debt.looked is None and debt.alert not in waiting
            debt.unheard = (debt.unheard or new) and self._hushed(debt, now)
            debt.looked, debt.wait = (debt.looked, debt.wait) if late else (now, AT_ONCE)
            waiting.add(debt.alert)

    def leaves_out(self, name: str, debt: Debt, now: datetime) -> None:
        """It is never told, though nobody dropped it."""
        assert self._idle(name, debt, now), f"{name} is never told of {debt}"
        debt.state = "dropped"

    def gives_up(self, name: str, debt: Debt) -> None:
        """After 48 hours, or when nothing helps; what follows an opening that nobody heard is not told either."""
        assert debt.first is not None
        assert debt.looked is not None
        assert debt.fatal or debt.looked + HOUR > debt.first + GIVEN_UP, "it is tried for 48 hours"
        self.pass_on(name, debt)
        for each in self.with_followers(name, debt):
            each.state = "dead"

    def look(self, now: datetime, *, surely: bool = True) -> None:
        """What nobody wants to hear at some time, may be left out when it is over."""
        for debt in self.owed():
            debt.hushed |= self._hushed(debt, now)
            debt.looked = debt.looked or (None if surely else now)

    def _idle(self, name: str, debt: Debt, now: datetime) -> bool:
        """It is over, and was not to be heard of; or it goes with an opening that is left out."""
        if debt.kind not in ENDS and self._over(debt) and (debt.hushed or self._hushed(debt, now)):
            return not debt.begun
        opening = self.opening(name, debt)
        if opening is None or opening is debt:
            return False
        return opening.state == "dropped" or (opening.state == "pending" and self._idle(name, opening, now))

    def _over(self, debt: Debt) -> bool:
        return any(kind in ENDS and of == debt.episode for kind, of in self.log[debt.alert][debt.number :])

    def _hushed(self, debt: Debt, now: datetime, *, begun: bool = True) -> bool:
        """A rule that rests holds all, an ack all but the end; a silence that was seen to its end, by any clock."""
        symbol, rule = debt.alert
        acked = debt.kind not in ENDS and (debt.alert, debt.episode) in self.acks
        return (rule in self.resting or acked) or any(
            (not begun or each.starts <= now)
            and now < each.ends
            and (not each.symbols or not {symbol, f"{symbol[:2]}.*", "*"}.isdisjoint(each.symbols))
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

    def _reached(self, name: str | None) -> set[str]:
        return set() if name is None else {name} | self._reached(self.policies[name].fallback)
