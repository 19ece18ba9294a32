"""Telemetry: a snapshot of the daemon as metrics in the formats that Prometheus reads; no secret is in any of them.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows, seconds since the
epoch for moments, whose age is for the reader to work out.
"""

import platform
import resource
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

_PAGE = resource.getpagesize()
_Values: TypeAlias = Iterable[tuple[Sequence[str], float]]
"""By the values of the labels."""


@dataclass(frozen=True, slots=True)
class SymbolFigures:
    """What is told of one symbol, where symbols are asked for."""

    symbol: str
    state: str
    trade_date: datetime | None
    """Start of the day of its newest row."""
    alerts: Sequence[tuple[str, str]] = ()
    """Rule and phase of those that are not quiet."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store says."""

    size: int
    """Bytes."""
    upstream_down: bool
    rules_valid: bool
    rules_loaded: datetime | None
    alerts: Mapping[str, int]
    """By phase; each phase is there."""
    outbox: Mapping[tuple[str, str], int]
    """By channel and status; what is told or dropped is no more in it."""
    owed: Mapping[str, float]
    """By channel, seconds for which its oldest notification has been due."""
    lateness: Mapping[str, float]
    """By market, seconds since its newest session is due of which there is no row; 0 where there is one."""
    states: Mapping[tuple[str, str], int]
    """Symbols by market and state of their data."""
    symbols: Sequence[SymbolFigures] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The daemon at one moment; what is counted is counted since its start."""

    version: str
    started: datetime
    checks: Mapping[str, bool]
    """What is looked at, and whether it is well."""
    rules: int
    watched: int
    cycles: Mapping[str, int]
    complete: datetime | None
    following: datetime | None
    requests: Mapping[str, int]
    requests_limit: int
    requests_period: float
    requests_available: int
    attempts: Mapping[tuple[str, str], int]
    reloads: Mapping[str, int]
    heartbeats: Mapping[str, int]
    stored: Stored | None = None
    """None where the store cannot be read now."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """Metrics as they go out."""

    body: bytes
    content_type: str


class _Snapshots(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from _of_daemon(self._snapshot)
        yield from _of_requests(self._snapshot)
        yield from _of_program(self._snapshot.started)
        if self._snapshot.stored is not None:
            yield from _of_store(self._snapshot.stored)
            yield from _of_symbols(self._snapshot.stored.symbols)


def exposition(snapshot: Snapshot, accept: str) -> Exposition:
    """Return the snapshot in the format that the `Accept` header asks for: OpenMetrics, or Prometheus's own text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshots(snapshot))
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # it compares versions as numbers
        encode, content_type = choose_encoder("")
    return Exposition(encode(registry), content_type)


def _of_daemon(snapshot: Snapshot) -> Iterator[Metric]:
    build = InfoMetricFamily("watcher_build", "Which program this is.")
    build.add_metric([], {"version": snapshot.version, "python": platform.python_version()})
    yield build
    yield _gauge("watcher_ready", "1 if all is well, as /readyz says.", int(all(snapshot.checks.values())))
    yield _gauges("watcher_check_ok", "1 if this part of the daemon is well.", ["check"], _each(snapshot.checks))
    yield _gauge("watcher_rules", "Rules in force.", snapshot.rules)
    yield _gauge("watcher_watched_symbols", "Symbols that a rule in force names.", snapshot.watched)
    yield _counter(
        "watcher_cycles",
        "Cycles, by what came of them; an incomplete one left something due unasked.",
        ["outcome"],
        _each(snapshot.cycles, ("complete", "incomplete", "failed")),
    )
    if snapshot.complete is not None:
        yield _gauge(
            "watcher_last_complete_cycle_timestamp_seconds",
            "When the last cycle ended after which nothing that was due was left unasked.",
            snapshot.complete.timestamp(),
        )
    if snapshot.following is not None:
        yield _gauge(
            "watcher_next_cycle_timestamp_seconds",
            "When there will be something to do next.",
            snapshot.following.timestamp(),
        )
    yield _counter(
        "watcher_rules_reloads",
        "Reloads of the rules, by what came of them.",
        ["outcome"],
        _each(snapshot.reloads, ("taken_up", "refused")),
    )
    yield _counter(
        "watcher_delivery_attempts",
        "Attempts to send a message, by channel and by what came of them.",
        ["channel", "outcome"],
        snapshot.attempts.items(),
    )
    yield _counter(
        "watcher_heartbeats",
        "Heartbeats, by what came of them.",
        ["outcome"],
        _each(snapshot.heartbeats, ("sent", "failed")),
    )


def _of_requests(snapshot: Snapshot) -> Iterator[Metric]:
    yield _counter(
        "watcher_upstream_requests",
        "Symbols asked for, by what came of it; one asked for again at once, over a dead connection, counts once.",
        ["outcome"],
        _each(snapshot.requests, ("ok", "error", "denied")),
    )
    yield _gauge("watcher_upstream_requests_limit", "Requests that fit into a period.", snapshot.requests_limit)
    yield _gauge("watcher_upstream_requests_period_seconds", "The period of the rate.", snapshot.requests_period)
    yield _gauge("watcher_upstream_requests_available", "Requests that may start now.", snapshot.requests_available)


def _of_store(stored: Stored) -> Iterator[Metric]:
    yield _gauge("watcher_store_size_bytes", "Size of the store.", stored.size)
    yield _gauge("watcher_upstream_up", "0 while upstream is held to answer nobody.", int(not stored.upstream_down))
    yield _gauge("watcher_rules_valid", "0 while the last good rules stand in for a file.", int(stored.rules_valid))
    if stored.rules_loaded is not None:
        yield _gauge(
            "watcher_rules_last_load_success_timestamp_seconds",
            "When the rules in force were taken up.",
            stored.rules_loaded.timestamp(),
        )
    yield _gauges("watcher_alerts", "Alerts that are not quiet, by phase.", ["phase"], _each(stored.alerts))
    yield _gauges(
        "watcher_outbox_notifications",
        "Notifications that are not told, by channel and status.",
        ["channel", "status"],
        stored.outbox.items(),
    )
    yield _gauges(
        "watcher_outbox_oldest_due_age_seconds",
        "For how long the oldest notification has been due; what backs off or is held is not due.",
        ["channel"],
        _each(stored.owed),
    )
    yield _gauges(
        "watcher_market_lateness_seconds",
        "Since when the newest session is due of which there is no row; 0 where there is one.",
        ["market"],
        _each(stored.lateness),
    )
    yield _gauges(
        "watcher_symbols",
        "Symbols by market and state of their data.",
        ["market", "state"],
        stored.states.items(),
    )


def _of_symbols(symbols: Sequence[SymbolFigures]) -> Iterator[Metric]:
    if not symbols:
        return
    states = [((each.symbol, each.state), 1.0) for each in symbols]
    yield _gauges("watcher_symbol_state", "1 for the state of the symbol's data.", ["symbol", "state"], states)
    yield _gauges(
        "watcher_symbol_trade_date_timestamp_seconds",
        "Trade date of the symbol's newest row, as the start of that day in UTC.",
        ["symbol"],
        [((each.symbol,), each.trade_date.timestamp()) for each in symbols if each.trade_date is not None],
    )
    phases = [((each.symbol, rule, phase), 1.0) for each in symbols for rule, phase in each.alerts]
    yield _gauges(
        "watcher_symbol_alert", "1 for the phase of an alert that is not quiet.", ["symbol", "rule", "phase"], phases
    )


def _of_program(started: datetime) -> Iterator[Metric]:
    """Yield what every exporter says of its process.

    The library's own collector says nothing where /proc is limited to processes, as it is for a hardened service.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield _counter("process_cpu_seconds", "User and system CPU time spent.", [], [((), used.ru_utime + used.ru_stime)])
    yield _gauge("process_start_time_seconds", "Start of the process.", started.timestamp())
    yield _gauge("process_max_fds", "Descriptors that may be open.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    with suppress(OSError):
        virtual, resident = (int(pages) * _PAGE for pages in Path("/proc/self/statm").read_text("ascii").split()[:2])
        yield _gauge("process_virtual_memory_bytes", "Virtual memory.", virtual)
        yield _gauge("process_resident_memory_bytes", "Resident memory.", resident)
        yield _gauge("process_open_fds", "Open descriptors.", sum(1 for _ in Path("/proc/self/fd").iterdir()))


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _gauges(name: str, text: str, labels: Sequence[str], values: _Values) -> Metric:
    return _labelled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, labels: Sequence[str], values: _Values) -> Metric:
    return _labelled(CounterMetricFamily(name, text, labels=labels), values)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, values: _Values) -> Metric:
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _each(counts: Mapping[str, float], known: Sequence[str] = ()) -> _Values:
    """Return the counts by their one label, 0 for what is known and has not happened yet.

    A rate cannot be taken of what was not there before.
    """
    return [((name,), value) for name, value in {**dict.fromkeys(known, 0.0), **counts}.items()]
