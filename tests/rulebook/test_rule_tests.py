"""Tests of rules as they are written: rows, what is expected, and every problem with its place."""

from datetime import date
from pathlib import Path

import pytest

from tests.builders import day, notification, position, sessions
from watcher.core.alert import Kind
from watcher.core.market import HkRow, Row, UsRow
from watcher.core.notification import Report
from watcher.rulebook.expected import Expected, differences
from watcher.rulebook.problem import printed
from watcher.rulebook.rule_tests import RuleTest, rule_tests

RULES = """\
[[rule]]
name = "us"
symbols = ["US.XRT"]
when = "short_percent > 50"
[[rule]]
name = "hk"
symbols = ["HK.00700"]
when = "short_ratio > 15 or aggregated_short_ratio > 1"
"""


def written(directory: Path, text: str) -> tuple[tuple[RuleTest, ...], list[str]]:
    """Return the tests of a file, and the first line of each problem."""
    file = directory / "t.toml"
    file.write_text(text)
    tests, problems = rule_tests(file)
    return tests, [printed(problem).splitlines()[0].removeprefix(f"{directory}/") for problem in problems]


def rows_of(directory: Path, text: str, symbol: str = "US.XRT") -> list[Row]:
    """Return the rows of a test, in the order in which they come in."""
    tests, problems = written(directory, f'{RULES}[[test]]\nname = "t"\nsymbol = "{symbol}"\n{text}')
    assert problems == []
    return [row for answer in tests[0].answers for row in answer.rows]


@pytest.mark.parametrize(
    ("series", "values"),
    [
        pytest.param('"1 2.5 1_000 2e3"', [1, 2.5, 1000, 2000], id="numbers"),
        pytest.param('"-1 +2"', [-1, 2], id="signs"),
        pytest.param('"1 _ 3"', [1, None, 3], id="a null"),
        pytest.param('"_x3"', [None, None, None], id="three nulls"),
        pytest.param('"4x2"', [4, 4, 4], id="the same, and so many more"),
        pytest.param('"1+2x3"', [1, 3, 5, 7], id="steps up"),
        pytest.param('"10-2.5x2"', [10, 7.5, 5], id="steps down"),
        pytest.param('"1\\n2"', [1, 2], id="over lines"),
        pytest.param('[1, "_", 2.5]', [1, None, 2.5], id="a list"),
    ],
)
def test_series_are_written_as_in_promtool(tmp_path: Path, series: str, values: list[float | None]) -> None:
    rows = rows_of(tmp_path, f"start = 2026-01-05\nseries.short_percent = {series}")
    assert rows == [UsRow(when, short_percent=each) for when, each in zip(sessions(len(values)), values, strict=True)]


def test_sessions_are_weekdays_but_for_those_without_a_row(tmp_path: Path) -> None:
    text = 'start = 2026-01-08\nno_row = [2026-01-09, 2026-01-13]\nseries.volume = "1 2 3"'
    assert [row.trade_date.day for row in rows_of(tmp_path, text)] == [8, 12, 14]


def test_both_markets_have_short_and_traded_shares(tmp_path: Path) -> None:
    text = 'start = 2026-01-05\n[test.series]\nshort_shares = "1"\ntraded_shares = "2"'
    assert rows_of(tmp_path, text) == [UsRow(day("2026-01-05"), total_shares_short=1, volume=2)]
    (row,) = rows_of(tmp_path, text, "HK.00700")
    assert row == HkRow(day("2026-01-05"), short_sell_shares_traded=1, shares_traded=2)


def test_a_row_of_a_date_that_is_there_is_a_revision_of_what_it_names(tmp_path: Path) -> None:
    text = """
start = 2026-01-05
[test.series]
short_percent = "1 2"
volume = "10 20"
[[test.row]]
date = 2026-01-05
volume = 11
[[test.row]]
date = 2026-01-05
short_percent = "_"
[[test.row]]
date = 2026-01-02
volume = 9
"""
    assert rows_of(tmp_path, text)[2:] == [
        UsRow(day("2026-01-05"), short_percent=1, volume=11),
        UsRow(day("2026-01-05"), short_percent=None, volume=11),
        UsRow(day("2026-01-02"), volume=9),
    ]


def test_a_position_comes_with_its_own_date(tmp_path: Path) -> None:
    row = "row = [{date = 2026-01-20, as_of = 2026-01-09, aggregated_short_ratio = 0.5}]"
    text = f'{RULES}[[test]]\nname = "t"\nsymbol = "HK.00700"\n{row}'
    tests, problems = written(tmp_path, text)
    assert problems == []
    (answer,) = tests[0].answers
    assert answer.position == position("2026-01-09", "2026-01-20", None, 0.5)
    assert answer.rows == (HkRow(day("2026-01-20")),)


def test_the_rules_are_those_named_or_those_written_here(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    test = '[[test]]\nname = "t"\nsymbol = "US.XRT"\nrow = [{date = 2026-01-05, volume = 1}]\n'
    for text in (f'rules = "rules.toml"\n{test}', RULES + test):
        (made,), problems = written(tmp_path, text)
        assert problems == []
        assert [rule.name for rule in made.rules] == ["us"]
        assert made.line == text.splitlines().index("[[test]]") + 1


def test_what_is_wrong_with_the_rules_named_is_said_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES.replace("short_percent", "short_precent") + "[lists]\nx = []\n")
    tests, problems = written(tmp_path, 'rules = "rules.toml"\n[[test]]\nname = "t"\nsymbol = "US.XRT"\n')
    assert tests == ()
    assert problems == [
        "rules.toml:4:9: error: unknown metric 'short_precent' (did you mean 'short_percent'?)",
    ]


HEAD = '[[test]]\nname = "t"\nsymbol = "US.XRT"\n'
ROW = "row = [{date = 2026-01-05, volume = 1}]\n"
BROKEN = {
    "no TOML": ("[[test\n", ["1:7: error: expected ]] at the end of the header (a rule begins with [[rule]])"]),
    "no test": (RULES, ["1:1: error: there is no 'test' here"]),
    "an unknown key": (
        RULES + "[[tset]]\n" + HEAD + ROW,
        ["9:3: error: unknown key 'tset' (did you mean 'test'?)"],
    ),
    "an unknown key of a test": (
        RULES + HEAD + "strat = 2026-01-05\n" + ROW,
        ["12:1: error: unknown key 'strat' (did you mean 'start'?)"],
    ),
    "an unknown key of what is expected": (
        RULES + HEAD + ROW + '[[test.expect]]\ndate = 2026-01-05\nkind = "opened"\nmesage = "x"\n',
        ["16:1: error: unknown key 'mesage' (did you mean 'message'?)"],
    ),
    "a kind that is none": (
        RULES + HEAD + ROW + '[[test.expect]]\ndate = 2026-01-05\nkind = "fired"\n',
        ["15:9: error: unknown kind 'fired' (opened, reminded, resolved or retracted)"],
    ),
    "a date that is text": (
        RULES + HEAD + 'start = "2026-01-05"\n' + ROW,
        ["12:9: error: expected a date, 2026-06-05, got text"],
    ),
    "missing keys": (
        RULES + "[[test]]\n" + ROW,
        [
            "9:1: error: there is no 'name' here (for example name = \"crowded\")",
            "9:1: error: there is no 'symbol' here (for example symbol = \"US.AAPL\")",
        ],
    ),
    "a symbol that is none": (
        RULES + HEAD.replace("US.XRT", "XRT") + ROW,
        ["11:11: error: 'XRT' is not a symbol: it is written MARKET.CODE, for example HK.00700 or US.AAPL"],
    ),
    "a symbol that no rule watches": (
        RULES + HEAD.replace("US.XRT", "US.XRS") + ROW,
        ["11:11: error: no rule watches US.XRS (did you mean 'US.XRT'?)"],
    ),
    "a rule that is none": (
        RULES + HEAD + 'rule = "use"\n' + ROW,
        ["12:9: error: unknown rule 'use' (did you mean 'us'?)"],
    ),
    "a rule of other symbols": (
        RULES + HEAD + 'rule = "hk"\n' + ROW,
        ["11:11: error: rule 'hk' does not watch US.XRT"],
    ),
    "a rule that rests": (
        RULES.replace('> 50"', '> 50"\nenabled = false') + HEAD + 'rule = "us"\n' + ROW,
        ["13:9: error: rule 'us' rests: it tells nothing (enabled = false is in its way)"],
    ),
    "no rows": (RULES + HEAD, ["9:1: error: there are no rows here ([test.series] or [[test.row]])"]),
    "a series without a start": (
        RULES + HEAD + 'series.volume = "1"\n',
        ["9:1: error: there is no 'start' here (the date of the first session of the series)"],
    ),
    "series of unlike length": (
        RULES + HEAD + 'start = 2026-01-05\n[test.series]\nvolume = "1 2"\nshort_percent = "1x2"\n',
        ["13:1: error: these are of unlike length: volume 2, short_percent 3 (one value a session)"],
    ),
    "a series that cannot be read": (
        RULES + HEAD + 'start = 2026-01-05\nseries.volume = "1 2y3"\n',
        [
            "13:20: error: '2y3' is no value of a series (numbers, 4x2 for 4 4 4, 1+2x3 for 1 3 5 7, _ for a null)",
        ],
    ),
    "an empty series": (
        RULES + HEAD + 'start = 2026-01-05\nseries.volume = ""\n',
        ["13:17: error: there are no values here (numbers, 4x2 for 4 4 4, 1+2x3 for 1 3 5 7, _ for a null)"],
    ),
    "a series of a number": (
        RULES + HEAD + "start = 2026-01-05\nseries.volume = 1\n",
        ["13:17: error: expected text or a list of numbers (numbers, 4x2 for 4 4 4, 1+2x3 for 1 3 5 7, _ for a null)"],
    ),
    "a list of no numbers": (
        RULES + HEAD + 'start = 2026-01-05\nseries.volume = [1, "x", true]\n',
        [
            "13:21: error: 'x' is no number (a null is written \"_\")",
            '13:26: error: True is no number (a null is written "_")',
        ],
    ),
    "a series that is a bomb": (
        RULES + HEAD + 'start = 2026-01-05\nseries.volume = "1x99999 1x99999"\n',
        ["13:17: error: more than 2000 sessions (a rule looks back 250 at most)"],
    ),
    "unknown and derived metrics": (
        RULES + HEAD + 'start = 2026-01-05\n[test.series]\nvolum = "1"\nshort_ratio = "1"\nturnover = "1"\n',
        [
            "14:1: error: unknown metric 'volum' (did you mean 'volume'?)",
            "15:1: error: 'short_ratio' is computed from the row (write what it is computed from)",
            "16:1: error: 'turnover' is published for HK only, and this is US.XRT",
        ],
    ),
    "positions in a series": (
        RULES + HEAD.replace("US.XRT", "HK.00700") + 'start = 2026-01-05\nseries.aggregated_short = "1"\n',
        ["13:8: error: 'aggregated_short' has a date of its own (write [[test.row]], with as_of)"],
    ),
    "a position without a date": (
        RULES + HEAD.replace("US.XRT", "HK.00700") + "row = [{date = 2026-01-05, aggregated_short = 1}]\n",
        ["12:8: error: of which date is this position? (as_of = 2026-05-29)"],
    ),
    "a date without a position": (
        RULES + HEAD + "row = [{date = 2026-01-05, as_of = 2026-01-02}]\n",
        ["12:28: error: a date of nothing (it goes with aggregated_short)"],
    ),
    "a row without a date": (
        RULES + HEAD + "row = [{volume = 1}]\n",
        ["12:8: error: there is no 'date' here (for example date = 2026-06-05)"],
    ),
    "a row with a time": (
        RULES + HEAD + "row = [{date = 2026-01-05T00:00:00}]\n",
        ["12:16: error: expected a date (date = 2026-06-05)"],
    ),
    "a row with text": (
        RULES + HEAD + 'row = [{date = 2026-01-05, volume = "1"}]\n',
        ['12:37: error: expected a number (a null is written "_")'],
    ),
    "which of two rules is expected": (
        RULES.replace("HK.00700", "US.XRT").replace(" or aggregated_short_ratio > 1", "")
        + HEAD
        + ROW
        + '[[test.expect]]\ndate = 2026-01-05\nkind = "opened"\n',
        ["13:1: error: which rule is it? (rule = one of us, hk)"],
    ),
    "a rule that is not in this test": (
        RULES + HEAD + ROW + '[[test.expect]]\ndate = 2026-01-05\nkind = "opened"\nrule = "uss"\n',
        ["16:9: error: no rule 'uss' in this test (did you mean 'us'?)"],
    ),
    "rules here and in a file": (
        'rules = "rules.toml"\n' + RULES + HEAD + ROW,
        ["1:9: error: these rules are in a file, and 'rule' is written here (name a file, or write rules here)"],
    ),
    "a file of rules that is not there": (
        'rules = "gone.toml"\n' + HEAD + ROW,
        ["gone.toml:1:1: error: cannot be read: no such file or directory (`watcher init` writes one)"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)
def test_every_problem_has_its_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    tests, problems = written(tmp_path, text)
    assert tests == ()
    assert [problem.removeprefix("t.toml:") for problem in problems] == expected


def test_a_test_that_is_broken_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    tests, problems = written(tmp_path, RULES + HEAD + HEAD + ROW)
    assert len(tests) == 1
    assert len(problems) == 1


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_bytes(b"# caf\xe9")
    tests, problems = rule_tests(tmp_path / "t.toml")
    assert tests == ()
    assert [problem.message for problem in problems] == ["byte 0xe9 is not UTF-8"]


def test_one_of_several_rules_is_named(tmp_path: Path) -> None:
    text = RULES.replace("HK.00700", "US.XRT").replace(" or aggregated_short_ratio > 1", "") + HEAD + ROW
    (made,), problems = written(tmp_path, text + '[[test.expect]]\ndate = 2026-01-05\nkind = "opened"\nrule = "hk"\n')
    assert problems == []
    assert [each.rule for each in made.expected] == ["hk"]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    tests, problems = rule_tests(tmp_path / "gone.toml")
    assert tests == ()
    assert len(problems) == 1


# what is expected, and what is told

A = Expected(date(2026, 1, 5), Kind.OPENED, "r")


def told(**changes: object) -> Report:
    return notification(**changes)


@pytest.mark.parametrize(
    ("expected", "reports", "lines"),
    [
        pytest.param([], [], (), id="nothing at all"),
        pytest.param([A], [told()], (), id="what is expected"),
        pytest.param([A], [], ("- 2026-01-05 r opened",), id="expected, not told"),
        pytest.param([], [told()], ("+ 2026-01-05 r opened",), id="told, not expected"),
        pytest.param(
            [A],
            [told(trade_date=date(2026, 1, 6), episode=date(2026, 1, 6))],
            ("- 2026-01-05 r opened", "+ 2026-01-06 r opened"),
            id="a day later",
        ),
        pytest.param(
            [A, Expected(date(2026, 1, 6), Kind.RESOLVED, "r")],
            [told(), told(trade_date=date(2026, 1, 7), kind=Kind.RESOLVED, note="after revision")],
            (
                "  2026-01-05 r opened",
                "- 2026-01-06 r resolved",
                '+ 2026-01-07 r resolved, episode = 2026-01-05, note = "after revision"',
            ),
            id="what agrees is shown, too",
        ),
        pytest.param([Expected(A.trade_date, A.kind, "r", value=55 + 1e-12)], [told()], (), id="equal on paper"),
        pytest.param(
            [Expected(A.trade_date, A.kind, "r", date(2026, 1, 2), "x", "y", 54)],
            [told()],
            (
                '- 2026-01-05 r opened, episode = 2026-01-02, note = "x", message = "y", value = 54',
                '+ 2026-01-05 r opened, episode = 2026-01-05, note = "", message = "", value = 55',
            ),
            id="every difference on one line",
        ),
    ],
)
def test_the_difference_between_expected_and_told(
    expected: list[Expected], reports: list[Report], lines: tuple[str, ...]
) -> None:
    assert differences(expected, reports) == lines
