"""Broken rules files beside what is printed of them, word for word: broken/NAME.toml and broken/NAME.txt."""

from pathlib import Path

import pytest

from watcher.rulebook import read
from watcher.rulebook.problem import printed, to_dict

BROKEN = sorted(Path(__file__).with_name("broken").glob("*.toml"))


def test_there_are_files_to_look_at():
    assert len(BROKEN) > 50


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in BROKEN])
def test_every_problem_is_printed_as_in_the_transcript(file: Path):
    loaded = read({file.name: file.read_bytes()})
    assert "".join(map(printed, loaded.problems)) == file.with_suffix(".txt").read_text("utf-8")
    assert (loaded.book is None) == any(problem.severity == "error" for problem in loaded.problems)


def test_a_metric_a_key_and_a_type_that_are_wrong_are_three_problems_and_no_more():
    file = Path(__file__).with_name("broken") / "unknown_metric_unknown_key_wrong_type.toml"
    assert [to_dict(problem) for problem in read({"rules.toml": file.read_bytes()}).problems] == [
        {
            "file": "rules.toml",
            "line": 4,
            "column": 12,
            "severity": "error",
            "message": "unknown metric 'daily_trade_avg_ration'",
            "suggestion": "did you mean 'daily_trade_avg_ratio'?",
        },
        {
            "file": "rules.toml",
            "line": 5,
            "column": 11,
            "severity": "error",
            "message": "expected a whole number, got text",
            "suggestion": "write 2, without quotes",
        },
        {
            "file": "rules.toml",
            "line": 6,
            "column": 1,
            "severity": "error",
            "message": "unknown key 'notfy'",
            "suggestion": "did you mean 'notify'?",
        },
    ]


def test_no_problem_quotes_the_address_of_a_channel():
    for file in BROKEN:
        assert "Token" not in "".join(map(repr, read({file.name: file.read_bytes()}).problems))
