"""Why nothing was told of a row, or not to everybody: every reason there is, each named."""

from collections.abc import Iterable, Iterator
from datetime import date

from watcher.core.alert import Alert, Kind, Phase, Transition
from watcher.core.answer import DataState, SymbolState
from watcher.core.book import RuleBook
from watcher.core.expression import Expression, Part, Value
from watcher.core.history import Recorded, Telling
from watcher.core.market import Symbol
from watcher.core.outbox import Status
from watcher.core.rule import Rule
from watcher.core.window import Window
from watcher.jobs.explanation import Explanation, Seen
from watcher.jobs.unknown import Why, unknown_because

_SIDES = {">": "below", ">=": "below", "<": "above", "<=": "above"}


def reasons(found: Explanation, window: Window, index: int, seen: Seen, book: RuleBook) -> tuple[Why, ...]:
    """Return why nothing was told of what row `index` made of an alert; nothing, if all was told that there is."""
    return (
        *_unwatched(found.rule, found.symbol),
        *_of_the_row(found, seen),
        *_of_the_verdict(found, window, index),
        *_of_the_change(found, seen, book),
    )


def without_row(rule: Rule, symbol: Symbol, asked: date | None, seen: Seen) -> Iterator[Why]:
    """Yield why there is no row that could be explained."""
    yield from _unwatched(rule, symbol)
    up_to = f" up to {asked}" if asked else ""
    yield Why("no_rows", f"there is no {'position' if rule.reads_positions_only else 'row'} of {symbol}{up_to}")
    yield from _state(seen.state)


def record_of(change: Transition | None, recorded: Iterable[Recorded]) -> Recorded | None:
    """Return a change as it was stored; None if it was not."""
    if change is None:
        return None
    same = [
        each
        for each in recorded
        if each.report.kind is change.kind
        and each.report.episode == change.episode
        and (each.report.trade_date == change.trade_date or change.kind is Kind.OPENED)
    ]
    return same[-1] if same else None


def _unwatched(rule: Rule, symbol: Symbol) -> Iterator[Why]:
    if symbol not in rule.symbols:
        yield Why("not_in_the_list", f"rule {rule.name} does not watch {symbol}")
    if not rule.enabled:
        yield Why("resting", f"rule {rule.name} rests: enabled = false")


def _state(state: SymbolState | None) -> Iterator[Why]:
    if state is None:
        yield Why("never_asked", "upstream was never asked for it")
    elif state.state is not DataState.OK:
        because = f": {state.reason}" if state.reason else ""
        yield Why(state.state.value, f"its data is {state.state} since {state.since:%Y-%m-%d %H:%M} UTC{because}")


def _of_the_row(found: Explanation, seen: Seen) -> Iterator[Why]:
    if found.asked is not None and found.asked != found.trade_date:
        yield Why("no_row", f"there is no row of {found.asked}: this is the newest one before it")
    if found.asked is None:
        yield from _state(seen.state)
    state, positions = seen.state, found.rule.reads_positions_only
    judged = (state.judged_positions if positions else state.judged) if state else None
    if found.trade_date and (judged is None or found.trade_date > judged):
        yield Why("not_judged", "this row is stored, but was not judged yet")
    if seen.watch is None:
        yield Why("not_taken_up", "the watcher has not taken up this rule for this symbol yet")
    elif found.rule.enabled and seen.watch.fingerprint != found.rule.fingerprint:
        yield Why("edited", "the rule was edited, and the watcher has not taken it up yet: this is what it says now")
    elif judged == found.trade_date and found.after and not _same(found.after, seen.alert):
        yield Why("stored_otherwise", f"what is stored is another alert: {_standing(seen.alert)}")


def _same(folded: Alert, stored: Alert | None) -> bool:
    quiet = stored or Alert(folded.rule, folded.symbol)
    return (folded.episode, folded.streak) == (quiet.episode, quiet.streak)


def _standing(alert: Alert | None) -> str:
    return "quiet" if alert is None else f"{alert.phase} since {alert.since}"


def _of_the_verdict(found: Explanation, window: Window, index: int) -> Iterator[Why]:
    """Yield why the row did not bring the alert further."""
    rule, before, after = found.rule, found.before, found.after
    asked = rule.until if found.decides == "until" and rule.until else rule.when
    if before is None or after is None or found.change is not None:
        return
    if found.verdict is None:
        yield from unknown_because(asked, found.symbol, window, index)
        yield Why("unchanged", f"an unknown verdict changes nothing: the alert stays {after.phase}")
        return
    match after.phase:
        case Phase.QUIET:
            yield from _false(asked, asked.root, window, index)
        case Phase.PENDING:
            yield Why("pending", f"pending {after.streak} of {rule.for_}, since {after.streak_since}")
        case Phase.RECOVERING:
            yield Why("recovering", f"recovering {after.streak} of {rule.until_for}, since {after.streak_since}")
        case Phase.FIRING if rule.remind:
            left = rule.remind - after.age % rule.remind
            yield Why("not_due", f"reminded every {rule.remind} sessions, next in {left}")


def _false(expression: Expression, part: Part, window: Window, index: int) -> Iterator[Why]:
    """Yield the conditions that make a condition false, as far down as they can be told apart."""
    if part.condition(window, index) is not False:
        return
    inner = [each for each in part.parts if each.is_condition]
    told = [why for each in inner for why in _false(expression, each, window, index)]
    yield from told or [_unmet(expression, part, window, index)]


def _unmet(expression: Expression, part: Part, window: Window, index: int) -> Why:
    values = [(each, each.evaluate(window, index)) for each in part.parts if not each.is_condition]
    known = [f"{expression.source(each)} is {_plain(value)}" for each, value in values if each.constant is None]
    first = expression.first_comparison
    is_first = {id(first.value), id(first.limit)} == {id(each) for each in part.parts}
    side = _SIDES.get(first.operator) if is_first else None
    text = ": ".join(filter(None, [f"{expression.source(part)} does not hold", ", ".join(known)]))
    return Why(f"{side}_the_limit", f"{side} the limit: {text}") if side else Why("false", text)


def _plain(value: Value) -> str:
    """Return a number as people write it, four decimals at most."""
    return "unknown" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _of_the_change(found: Explanation, seen: Seen, book: RuleBook) -> Iterator[Why]:
    """Yield why the change, or the episode that goes on, is not told to everybody, or not now."""
    if found.change is None:
        if found.after and found.after.firing:
            yield _already_told(found.after, seen.recorded)
        return
    if record_of(found.change, seen.recorded) is None:
        since = f", on {seen.watch.checkpoint}" if seen.watch and seen.watch.checkpoint else ""
        yield Why("history", f"this row was there before the rule was taken up{since}: history is folded silently")
        return
    told = {telling.notification.channel for telling in found.tellings}
    for name in found.rule.notify:
        if name not in told:
            yield _unheard(name, found.rule, found.change.kind, book)
    for telling in found.tellings:
        yield from _undelivered(telling)


def _already_told(alert: Alert, recorded: Iterable[Recorded]) -> Why:
    opened = [each for each in recorded if each.report.kind is Kind.OPENED and each.report.episode == alert.episode]
    tellings = opened[-1].tellings if opened else ()
    sent = [each for each in tellings if each.delivery.status is Status.SENT]
    if not tellings:
        return Why("never_told", f"firing since {alert.episode}; the opening was told to nobody")
    if not sent:
        return Why("not_sent_yet", f"firing since {alert.episode}; the opening is not delivered yet")
    channels = ", ".join(f"{each.notification.channel} [{each.notification.id}]" for each in sent)
    return Why("already_told", f"firing since {alert.episode}: already told on {opened[-1].at:%Y-%m-%d} to {channels}")


def _unheard(channel: str, rule: Rule, kind: Kind, book: RuleBook) -> Why:
    policy = book.channels.get(channel)
    if policy is not None and rule.severity.rank < policy.min_severity.rank:
        least = f"min_severity = {policy.min_severity.value}"
        return Why("min_severity", f"{channel} is not told of what is only {rule.severity.value}: {least}")
    if kind is Kind.RESOLVED and not rule.resolved:
        return Why("resolved_untold", "ends are not told of this rule: resolved = false")
    return Why("not_heard", f"{channel} was not told of the opening, and so of nothing that follows it")


def _undelivered(telling: Telling) -> Iterator[Why]:
    delivery, channel = telling.delivery, telling.notification.channel
    if delivery.status is Status.SENT:
        return
    until = f" until {delivery.due:%Y-%m-%d %H:%M} UTC" if delivery.due else ""
    because = ", ".join(filter(None, [delivery.held.value if delivery.held else None, delivery.reason]))
    text = f"{channel}: {delivery.word}{until}{f' ({because})' if because else ''}"
    yield Why(delivery.held.name.lower() if delivery.held else f"delivery_{delivery.status}", text)
