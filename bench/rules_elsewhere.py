"""The same rules judged by others: the rule-engine library, and a Prometheus where one is installed.

Both return seconds per judgement, or why they were not measured.
"""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from watcher.core.market import UsRow

SAMPLE = 1000
"""Symbols that rule-engine judges; it takes its time."""
PATIENCE = 120.0
"""Seconds until Prometheus has evaluated its rules twice."""
PORT = 19095
FIELDS = ("short_percent", "daily_trade_avg_ratio", "volume", "close_price", "total_shares_short")

# what its language has: limits, sums and maxima over a list; the median, the deviation and the crossing it has not
RULE_ENGINE = """
import json, sys, time
import rule_engine

facts = json.load(open(sys.argv[1]))
texts = (
    "short_percent > 70", "daily_trade_avg_ratio > 55", "volume > 50000000", "close_price < 10",
    "total_shares_short >= 20000000",
    "short_percent > 1.25 * $sum(short_percents) / 20", "close_price >= $max(close_prices)",
    "short_percent > 60 and short_percent_before <= 60 and close_price - close_price_before > 0",
)
rules = [rule_engine.Rule(text) for text in texts]
began = time.perf_counter()
for fact in facts:
    for rule in rules:
        rule.matches(fact)
print((time.perf_counter() - began) / len(facts) / len(rules))
"""

# a row a minute; alerts that never fire, so that what is measured is judging
RULES = """
groups:
- name: bench
  interval: 15s
  rules:
"""
PROMQL = (
    "short_percent > 70",
    "daily_trade_avg_ratio > 55",
    "volume > 50000000",
    "close_price < 10",
    "total_shares_short >= 20000000",
    "short_percent > 1.25 * avg_over_time(short_percent[20m])",
    "volume > 2 * quantile_over_time(0.5, volume[20m])",
    "close_price >= max_over_time(close_price[20m])",
    "short_percent - avg_over_time(short_percent[20m] offset 1m) > 2 * stddev_over_time(short_percent[20m] offset 1m)",
    "short_percent > 60 and short_percent offset 1m <= 60 and close_price - close_price offset 5m > 0",
)


def rule_engine_seconds(histories: Sequence[Sequence[UsRow]]) -> float | str:
    with TemporaryDirectory(prefix="watcher-bench-") as place:
        directory = Path(place)
        python = directory / "venv" / "bin" / "python"
        steps = (
            [sys.executable, "-m", "venv", "--without-pip", str(directory / "venv")],
            [_base_python(), "-m", "pip", "--python", str(python), "install", "--quiet", "rule-engine"],
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode:
                return "it cannot be installed here"
        facts = [_fact(rows) for rows in histories[:SAMPLE]]
        (directory / "facts.json").write_text(json.dumps(facts))
        measured = subprocess.run(
            [str(python), "-c", RULE_ENGINE, str(directory / "facts.json")], capture_output=True, text=True, check=False
        )
        return float(measured.stdout) if measured.returncode == 0 else measured.stderr.strip().splitlines()[-1]


def _base_python() -> str:
    found = Path(sys.base_prefix) / "bin" / "python3"
    return str(found) if found.exists() else "python3"


def _fact(rows: Sequence[UsRow]) -> dict[str, object]:
    newest = {name: getattr(rows[-1], name) for name in FIELDS}
    return newest | {
        "short_percents": [row.short_percent for row in rows[-20:]],
        "close_prices": [row.close_price for row in rows[-20:]],
        "short_percent_before": rows[-2].short_percent,
        "close_price_before": rows[-6].close_price,
    }


def prometheus_seconds(histories: Sequence[Sequence[UsRow]]) -> float | str:
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        return "it is not installed"
    with TemporaryDirectory(prefix="watcher-bench-") as place:
        directory = Path(place)
        _write_samples(histories, directory / "samples")
        _write_rules(directory)
        backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "store"]
        done = subprocess.run(backfill, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"promtool: {done.stderr.strip().splitlines()[-1]}"
        server = [
            "prometheus",
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=store",
            f"--web.listen-address=127.0.0.1:{PORT}",
            "--log.level=error",
        ]
        with subprocess.Popen(server, cwd=directory, stderr=subprocess.DEVNULL) as process:
            try:
                group = _evaluated()
            finally:
                process.terminate()
    return "no evaluation in time" if group is None else group / len(histories) / len(PROMQL)


def _write_samples(histories: Sequence[Sequence[UsRow]], path: Path) -> None:
    newest = time.time()  # noqa: TID251 - Prometheus judges what is there now
    with path.open("w") as file:
        for name in FIELDS:
            file.write(f"# TYPE {name} gauge\n")
            for number, rows in enumerate(histories):
                for i, row in enumerate(rows):
                    at = newest - 60 * (len(rows) - 1 - i)
                    file.write(f'{name}{{symbol="S{number}"}} {getattr(row, name)} {at:.3f}\n')
        file.write("# EOF\n")


def _write_rules(directory: Path) -> None:
    rules = "".join(f"  - alert: rule{n}\n    expr: {json.dumps(text)}\n" for n, text in enumerate(PROMQL))
    (directory / "rules.yml").write_text(RULES.lstrip() + rules)
    (directory / "prometheus.yml").write_text("rule_files: [rules.yml]\n")


def _evaluated() -> float | None:
    """Return the seconds of the second evaluation of the group: the first one warms the caches."""
    seen = set()
    until = time.monotonic() + PATIENCE  # noqa: TID251 - a measurement
    while time.monotonic() < until:  # noqa: TID251
        time.sleep(1)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v1/rules", timeout=5) as answer:
                (group,) = json.load(answer)["data"]["groups"]
        except (OSError, ValueError):
            continue
        if group["evaluationTime"] > 0:
            seen.add(group["lastEvaluation"])
        if len(seen) > 1:
            return float(group["evaluationTime"])
    return None
