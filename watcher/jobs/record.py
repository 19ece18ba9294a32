"""Record: what a batch of answers changes, judged and committed as one transaction; none when nothing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from watcher.core.alert import Kind
from watcher.core.answer import Answer, Answered, DataState, SymbolState
from watcher.core.book import RuleBook
from watcher.core.judgement import Judgement, Known, judge, news, touches_judged
from watcher.core.market import Symbol
from watcher.core.notification import Notification, Report
from watcher.core.quarantine import Quarantined
from watcher.core.report import TREND
from watcher.core.routing import numbered, route
from watcher.jobs.asked import Dues, asked, circuit
from watcher.jobs.ports import Store, Transaction


def record(
    store: Store,
    book: RuleBook,
    answers: Sequence[Answer],
    now: datetime,
    *,
    away: bool = False,
    dues: Dues | None = None,
) -> tuple[tuple[SymbolState, ...], tuple[Notification, ...]]:
    """Return the states of the answers' symbols and the notifications that were enqueued.

    `away` is true where sessions may have been missed because nobody asked: what they bring is marked so. With `dues`,
    the sessions that the symbols were asked for, it is kept who did not have them.
    """
    with store.read() as tx:
        states = tx.rows.states([answer.symbol for answer in answers])
        asks, before = tx.asking.of(states) if dues else {}, circuit(tx)
        answers, refused = _sifted(tx, answers)
        known = _known(tx, book, answers, states)
    judgements: list[Judgement] = []
    changed: list[SymbolState] = []
    after: list[SymbolState] = []
    for answer in answers:
        state = _state(answer, states.get(answer.symbol), now)
        if isinstance(answer, Answered):
            changes = news(known[answer.symbol], answer)
            if changes:
                if touches_judged(known[answer.symbol], changes):
                    known[answer.symbol] = _whole(store, known[answer.symbol])
                rules = book.by_symbol.get(answer.symbol, ())
                judgement = judge(known[answer.symbol], changes, rules, away=away)
                judgements.append(judgement)
                state = replace(state, judged=judgement.judged, judged_positions=judgement.judged_positions)
        after.append(state)
        if state != states.get(answer.symbol):
            changed.append(state)
    pairs = [(states.get(state.symbol), state) for state in after]
    of_asking = asked(answers, pairs, asks, before, len(book.by_symbol), dues, now)
    if not changed and not judgements and not refused and not of_asking:
        return tuple(after), ()
    with store.write() as tx:
        tx.quarantine.put(refused, now)
        tx.rows.put_states(changed)
        tx.rows.put_news([(judgement.symbol, judgement.news) for judgement in judgements], now)
        tx.alerts.put([alert for judgement in judgements for alert in judgement.alerts])
        tx.alerts.put_watches([watch for judgement in judgements for watch in judgement.watches])
        reports = [report for judgement in judgements for report in judgement.reports]
        return tuple(after), announce(tx, book, reports, now) + of_asking.put(tx, book, now)


def announce(tx: Transaction, book: RuleBook, reports: Sequence[Report], now: datetime) -> tuple[Notification, ...]:
    """Number reports, store them, and enqueue their notifications, which are returned."""
    if not reports:
        return ()
    if recovered := tx.recovered:
        reports = [_after(recovered, report) for report in reports]
    given = numbered(reports, tx.alerts.last_numbers((report.symbol, report.rule) for report in reports))
    opened_before = [(report.symbol, report.rule, report.episode) for report in given if report.kind is not Kind.OPENED]
    told = dict(tx.outbox.told(opened_before))
    ends = [(each.symbol, each.rule, each.episode) for each in given if each.kind in (Kind.RESOLVED, Kind.REMINDED)]
    for episode in tx.alerts.ended(ends):  # a revision moved an end that was told: an end is told once only
        told[episode] = set()
    notifications = route(given, book, told)
    tx.silences.forget_acks((each.symbol, each.rule, each.episode) for each in given if each.kind is Kind.OPENED)
    tx.alerts.add_transitions(given, now)
    tx.outbox.enqueue(notifications, now)
    return notifications


def _after(recovered: str, report: Report) -> Report:
    """Return a report that says that it may have been told before; since when it is true is in every message anyhow."""
    if report.note is None or report.kind is Kind.OPENED:
        return replace(report, note=recovered)
    return replace(report, note=f"{recovered}, {report.note}")


def _sifted(
    tx: Transaction, answers: Sequence[Answer]
) -> tuple[Sequence[Answer], Sequence[tuple[Symbol, Quarantined]]]:
    """Return the answers with what a person released of their refused rows, and the refused rows that are new."""
    of_symbols = [answer.symbol for answer in answers if isinstance(answer, Answered) and answer.quarantined]
    if not of_symbols:
        return answers, ()
    contents = tx.quarantine.contents(of_symbols)
    sifted: list[Answer] = []
    refused: list[tuple[Symbol, Quarantined]] = []
    for answer in answers:
        if not isinstance(answer, Answered) or not answer.quarantined:
            sifted.append(answer)
            continue
        known = contents.get(answer.symbol, {})
        sifted.append(answer.admitting({content for content, released in known.items() if released}))
        refused += [(answer.symbol, each) for each in answer.quarantined if each.content not in known]
    return sifted, refused


def _known(
    tx: Transaction, book: RuleBook, answers: Sequence[Answer], states: Mapping[Symbol, SymbolState]
) -> dict[Symbol, Known]:
    answered = {answer.symbol: answer for answer in answers if isinstance(answer, Answered)}
    wanted = list(answered)
    if not wanted:
        return {}
    depth = max(book.lookback + TREND, *(len(answer.rows) for answer in answered.values()))
    rows = dict(tx.rows.newest(wanted, depth))
    # an answer that reaches further back than what was read: what lies there may be known all the same
    deeper = [
        symbol
        for symbol, stored in rows.items()
        if len(stored) == depth and answered[symbol].rows and answered[symbol].rows[0].trade_date < stored[0].trade_date
    ]
    if deeper:
        rows |= tx.rows.newest(deeper)
    positions, alerts = tx.rows.positions(wanted), tx.alerts.of(wanted)
    return {
        symbol: Known(
            symbol,
            rows.get(symbol, ()),
            positions.get(symbol, ()),
            states[symbol].judged if symbol in states else None,
            states[symbol].judged_positions if symbol in states else None,
            alerts.get(symbol, {}),
        )
        for symbol in wanted
    }


def _whole(store: Store, known: Known) -> Known:
    """Return all that is known of a symbol, for judging again."""
    with store.read() as tx:
        rows = tx.rows.newest([known.symbol]).get(known.symbol, ())
        watches = tx.alerts.watches([known.symbol])
    return replace(known, rows=rows, watches={rule: watch for (_, rule), watch in watches.items()})


def _state(answer: Answer, before: SymbolState | None, now: datetime) -> SymbolState:
    """Return the symbol's state after an answer; `since` moves only when the state does."""
    if isinstance(answer, Answered):
        state, reason = DataState.OK, None
        withheld = answer.withheld(now.astimezone(ZoneInfo(answer.symbol.market.zone)).date())
        if withheld is not None:
            state = DataState.QUARANTINED
            reason = f"{answer.symbol}: the row of {withheld.on_date} is refused as implausible: {withheld.reason}"
        elif not answer.rows and (before is None or before.judged is None):
            state, reason = DataState.NO_DATA, f"{answer.symbol}: upstream has no rows of it yet"
    else:
        state, reason = answer.state, answer.reason
    if before is None:
        return SymbolState(answer.symbol, state, now, reason)
    return replace(before, state=state, reason=reason, since=before.since if before.state is state else now)
