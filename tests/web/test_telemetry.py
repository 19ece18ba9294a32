"""The telemetry: by Prometheus's conventions, complete, and clean to its own checker where that is there."""

import re
import shutil
import subprocess
from dataclasses import replace

import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_metrics

from tests.conftest import NOW
from watcher.web.telemetry import Snapshot, Stored, SymbolFigures, exposition

STORED = Stored(
    size=94208,
    upstream_down=True,
    rules_valid=False,
    rules_loaded=NOW,
    alerts={"pending": 1, "firing": 2, "recovering": 0},
    outbox={("desk", "pending"): 3},
    owed={"desk": 61.5},
    lateness={"HK": 0.0, "US": 3600.0},
    states={("HK", "ok"): 2, ("US", "late"): 1},
    symbols=[
        SymbolFigures("HK.00700", "ok", NOW, [("level", "firing")]),
        SymbolFigures("US.AAPL", "no_data", None),
    ],
)
SNAPSHOT = Snapshot(
    version="1.2.3",
    started=NOW,
    checks={"cycle": True, "outbox": False},
    rules=4,
    watched=3,
    cycles={"complete": 7},
    complete=NOW,
    following=NOW,
    requests={"ok": 5, "no_data": 1},
    requests_limit=30,
    requests_period=30.0,
    requests_available=28,
    attempts={("desk", "sent"): 2, ("desk", "unknown"): 1},
    reloads={"refused": 1},
    heartbeats={},
    stored=STORED,
)


def _samples(snapshot: Snapshot) -> dict[str, float]:
    """Return the samples by name and labels, as a reader of the plain format finds them."""
    found = {}
    for family in plain_metrics(exposition(snapshot, "").body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("watcher_ready", 0),
        ("watcher_check_ok{check=cycle}", 1),
        ("watcher_check_ok{check=outbox}", 0),
        ("watcher_rules", 4),
        ("watcher_watched_symbols", 3),
        ("watcher_cycles_total{outcome=complete}", 7),
        ("watcher_cycles_total{outcome=failed}", 0),
        ("watcher_last_complete_cycle_timestamp_seconds", NOW.timestamp()),
        ("watcher_next_cycle_timestamp_seconds", NOW.timestamp()),
        ("watcher_upstream_requests_total{outcome=ok}", 5),
        ("watcher_upstream_requests_total{outcome=no_data}", 1),
        ("watcher_upstream_requests_total{outcome=error}", 0),
        ("watcher_upstream_requests_limit", 30),
        ("watcher_upstream_requests_period_seconds", 30),
        ("watcher_upstream_requests_available", 28),
        ("watcher_upstream_up", 0),
        ("watcher_delivery_attempts_total{channel=desk,outcome=unknown}", 1),
        ("watcher_rules_reloads_total{outcome=refused}", 1),
        ("watcher_heartbeats_total{outcome=sent}", 0),
        ("watcher_store_size_bytes", 94208),
        ("watcher_rules_valid", 0),
        ("watcher_rules_last_load_success_timestamp_seconds", NOW.timestamp()),
        ("watcher_alerts{phase=firing}", 2),
        ("watcher_outbox_notifications{channel=desk,status=pending}", 3),
        ("watcher_outbox_oldest_due_age_seconds{channel=desk}", 61.5),
        ("watcher_market_lateness_seconds{market=US}", 3600),
        ("watcher_symbols{market=HK,state=ok}", 2),
        ("watcher_symbol_state{state=no_data,symbol=US.AAPL}", 1),
        ("watcher_symbol_trade_date_timestamp_seconds{symbol=HK.00700}", NOW.timestamp()),
        ("watcher_symbol_alert{phase=firing,rule=level,symbol=HK.00700}", 1),
        ("process_start_time_seconds", NOW.timestamp()),
    ],
)
def test_what_the_snapshot_says_is_told(name: str, value: float) -> None:
    assert _samples(SNAPSHOT)[name] == value


def test_the_process_is_told_of_by_the_names_that_every_exporter_uses() -> None:
    found = _samples(SNAPSHOT)
    for name in ("cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes", "open_fds", "max_fds"):
        assert found[f"process_{name}"] > 0


def test_what_is_not_known_is_left_out_and_not_zero() -> None:
    nothing = replace(SNAPSHOT, complete=None, following=None, stored=None)
    found = _samples(nothing)
    assert not any("timestamp" in name for name in found)
    assert not any(name.startswith(("watcher_store", "watcher_alerts", "watcher_outbox")) for name in found)
    never = _samples(replace(SNAPSHOT, stored=replace(STORED, rules_loaded=None)))
    assert "watcher_rules_last_load_success_timestamp_seconds" not in never


def test_symbols_are_told_of_only_where_they_were_asked_for() -> None:
    text = exposition(replace(SNAPSHOT, stored=replace(STORED, symbols=())), "").body.decode()
    assert "watcher_symbol_" not in text
    assert "HK.00700" not in text


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("", "text/plain; version=0.0.4; charset=utf-8", id="nothing is asked for"),
        pytest.param("text/html", "text/plain; version=0.0.4; charset=utf-8", id="a browser"),
        pytest.param(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            id="Prometheus 2",
        ),
        pytest.param(
            "application/openmetrics-text;version=1.x",
            "text/plain; version=0.0.4; charset=utf-8",
            id="a version that is no number",
        ),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, content_type: str) -> None:
    shown = exposition(SNAPSHOT, accept)
    assert shown.content_type.startswith(content_type)
    if "openmetrics" in content_type:
        names = {family.name for family in open_metrics(shown.body.decode())}
        assert {"watcher_cycles", "watcher_build", "process_cpu_seconds"} <= names


def test_names_follow_the_conventions() -> None:
    for family in plain_metrics(exposition(SNAPSHOT, "").body.decode()):
        assert re.fullmatch(r"(watcher|process)_[a-z_]+", family.name)
        assert family.documentation.endswith("."), family.name
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say() -> None:
    body = exposition(SNAPSHOT, "").body
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_librarys_own_registry_is_left_alone() -> None:
    exposition(SNAPSHOT, "")
    assert not any(family.name.startswith("watcher") for family in prometheus_client.REGISTRY.collect())


def test_a_name_of_a_rule_cannot_write_a_line_of_its_own() -> None:
    hostile = 'x"} 1\nwatcher_ready 1\n'
    symbols = [SymbolFigures("HK.00700", "ok", NOW, [(hostile, "firing")])]
    found = _samples(replace(SNAPSHOT, stored=replace(STORED, symbols=symbols)))
    assert found["watcher_ready"] == 0
    assert found[f"watcher_symbol_alert{{phase=firing,rule={hostile},symbol=HK.00700}}"] == 1
