"""What a message tells, episode by episode, in the order and the words in which it is told."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import groupby

from watcher.core.alert import Kind
from watcher.core.judgement import AWAY
from watcher.core.market import Symbol
from watcher.core.notification import Facts, Message, Notification
from watcher.core.rule import Severity
from watcher.delivery.figures import UNKNOWN, comparison, figure
from watcher.delivery.text import clipped

REPEAT = "possibly a repeat"
TOPIC = "short selling"

_OPERATORS = frozenset({">", ">=", "<", "<=", "==", "!=", "crosses above", "crosses below"})


class State(StrEnum):
    """How an episode stands once the message is read, in plain words, the most pressing first."""

    OPENED = "opened"
    REMINDED = "still firing"
    OVER = "already over"
    RESOLVED = "resolved"
    RETRACTED = "retracted"

    @property
    def mark(self) -> str:
        """One character that catches the eye on a phone."""
        return {"opened": "▲", "still firing": "●", "already over": "◇", "resolved": "✓", "retracted": "✗"}[self.value]

    @property
    def firing(self) -> bool:
        """True while the episode goes on."""
        return self in (State.OPENED, State.REMINDED)


_STATE = {
    Kind.OPENED: State.OPENED,
    Kind.REMINDED: State.REMINDED,
    Kind.RESOLVED: State.RESOLVED,
    Kind.RETRACTED: State.RETRACTED,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One episode in a message: mostly a single notification, or an opening with what became of it since."""

    state: State
    first: Notification
    last: Notification
    ids: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def severity(self) -> Severity:
        """The severity it is told with."""
        return self.last.severity

    @property
    def headline(self) -> str:
        """Return mark, symbol, value against its limit and the rule, `▲ HK.00700 15.42 % > 15 · crowded`."""
        return f"{self.state.mark} {self.last.symbol} {self.standing} · {self.last.rule}"

    @property
    def standing(self) -> str:
        """Return the value against its limit, as fits the state."""
        facts = self.last.facts
        match self.state:
            case State.OPENED:
                return comparison(facts)
            case State.REMINDED:
                return f"still {comparison(facts)}"
            case State.OVER:
                return f"{comparison(self.first.facts)}, already over"
            case State.RESOLVED:
                return f"resolved{_at(facts)}"
            case State.RETRACTED:
                return f"retracted{_at(facts)}"

    def dates(self, said: date | None = None) -> str:
        """Return since when it fires and the trade date of the row that says so, unless that is `said` already."""
        episode, on = self.last.episode.isoformat(), self.last.over or self.last.trade_date
        of_row = "" if on == said else f"trade date {on.isoformat()}"
        match self.state:
            case State.OPENED | State.REMINDED:
                if self.last.episode == self.last.trade_date and of_row:
                    return f"since {of_row}"
                return " · ".join(filter(None, [f"since {episode}", of_row]))
            case State.OVER | State.RESOLVED:
                return f"since {episode}, over on {of_row}" if of_row else f"since {episode}, over"
            case State.RETRACTED:
                return " · ".join(filter(None, [f"opened {episode}", of_row]))

    @property
    def bracketed_ids(self) -> str:
        """Return `[abcdefgh]`, one for each notification."""
        return " ".join(f"[{notification_id}]" for notification_id in self.ids)


def told(message: Message, clean: Callable[[str], str], longest_text: int) -> tuple[Told, ...]:
    """Return the episodes of a message, most severe first, then those that go on, then by symbol and rule.

    After days off it is those that go on which come first: what is over by now is no longer pressing.
    `clean` makes text of others fit for the service; from here on nothing needs it any more.
    """
    by_episode = sorted(message.notifications, key=lambda n: (n.symbol, n.rule, n.episode, n.number))
    episodes = [
        _episode(tuple(same), clean, longest_text)
        for _, same in groupby(by_episode, key=lambda n: (n.symbol, n.rule, n.episode))
    ]
    order = list(State)
    away = any(AWAY in (notification.note or "") for notification in message.notifications)

    def pressing(told: Told) -> tuple[bool, int, int]:
        return away and not told.state.firing, -told.severity.rank, order.index(told.state)

    return tuple(sorted(episodes, key=pressing))


def title(message: Message, episodes: Sequence[Told]) -> str:
    """Return the one line that is read first: the headline of a single episode, or the counts of a digest."""
    repeat = [REPEAT] if message.repeat else []
    if len(episodes) == 1:
        told = episodes[0]
        shout = "CRITICAL " if told.severity is Severity.CRITICAL and told.state.firing else ""
        return " · ".join([f"{shout}{told.headline}", *repeat])

    opened = Counter(told.severity for told in episodes if told.state is State.OPENED)
    others: Counter[State] = Counter(told.state for told in episodes if told.state is not State.OPENED)
    counts = [f"{opened[severity]} {severity}" for severity in reversed(Severity) if opened[severity]]
    counts += [f"{others[state]} {state}" for state in State if others[state]]
    return " · ".join([", ".join(counts), TOPIC, *shared_notes(episodes), *repeat])


def brief_title(message: Message, episodes: Sequence[Told]) -> str:
    """Return the title of a digest that goes out as SMS, where every character counts."""
    critical = sum(told.state is State.OPENED and told.severity is Severity.CRITICAL for told in episodes)
    text = f"{len(episodes)} alerts, {critical} critical" if critical else f"{len(episodes)} alerts"
    return f"{text} · {REPEAT}" if message.repeat else text


def shared_notes(episodes: Sequence[Told]) -> tuple[str, ...]:
    """Return the notes that all episodes of a digest share: its title says them once."""
    if len(episodes) < 2:
        return ()
    return tuple(note for note in episodes[0].notes if all(note in told.notes for told in episodes))


def shared_trade_date(episodes: Sequence[Told]) -> date | None:
    """Return the trade date that all episodes of a digest share: it is said once."""
    dates = {told.last.trade_date for told in episodes}
    return dates.pop() if len(episodes) > 1 and len(dates) == 1 else None


def _episode(same: tuple[Notification, ...], clean: Callable[[str], str], longest_text: int) -> Told:
    first, last = same[0], same[-1]
    state = State.OVER if last.over else _STATE[last.kind]
    if first.kind is Kind.OPENED and state is State.RESOLVED:
        state = State.OVER
    if first.kind is Kind.OPENED and state is State.REMINDED:
        state = State.OPENED
    notes = dict.fromkeys(clipped(clean(note), longest_text) for notification in same for note in _notes(notification))
    shown = _cleaned(last, clean, longest_text)
    return Told(
        state=state,
        first=shown if first is last else _cleaned(first, clean, longest_text),
        last=shown,
        ids=tuple(notification.id for notification in same),
        notes=tuple(notes),
    )


def _notes(notification: Notification) -> Iterator[str]:
    if notification.note:
        yield notification.note
    if notification.instead_of:
        yield f"told in place of {notification.instead_of}"


def _cleaned(notification: Notification, clean: Callable[[str], str], longest_text: int) -> Notification:
    facts = notification.facts
    return replace(
        notification,
        rule=clean(notification.rule),
        symbol=Symbol(clean(notification.symbol)),
        facts=replace(
            facts,
            metric=clipped(clean(facts.metric), longest_text),
            operator=facts.operator if facts.operator in _OPERATORS else clean(facts.operator),
            unit=clean(facts.unit),
            text=clipped(clean(facts.text), longest_text) if facts.text else None,
        ),
    )


def _at(facts: Facts) -> str:
    value = figure(facts.value, facts.unit)
    return "" if value == UNKNOWN else f" at {value}"
