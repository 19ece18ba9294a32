"""How a problem is printed."""

import pytest

from watcher.rulebook import read
from watcher.rulebook.problem import Problem, masked, printed, quoted


def carets(source: str, word: str) -> str:
    """Print a problem of `word`; return what stands below the source line, without the gutter."""
    problem = Problem("f", 7, source.index(word) + 1, "error", "odd", None, source, len(word))
    head, line, below = printed(problem).removesuffix("\n").split("\n")
    assert head == f"f:7:{source.index(word) + 1}: error: odd"
    assert line.startswith("    7 | ")
    assert below.startswith("      | ")
    return below.removeprefix("      | ")


def test_it_is_printed_as_the_contract_shows_it():
    line = 'when    = "daily_trade_avg_ration > 15"'
    problem = Problem(
        file="rules.toml",
        line=21,
        column=12,
        severity="error",
        message="unknown metric 'daily_trade_avg_ration'",
        suggestion="did you mean 'daily_trade_avg_ratio'?",
        source=line,
        width=22,
    )
    assert printed(problem) == (
        "rules.toml:21:12: error: unknown metric 'daily_trade_avg_ration' (did you mean 'daily_trade_avg_ratio'?)\n"
        '   21 | when    = "daily_trade_avg_ration > 15"\n'
        "      |            ^^^^^^^^^^^^^^^^^^^^^^\n"
    )


@pytest.mark.parametrize(
    ("source", "below"),
    [
        pytest.param("ab xx", "   ^^", id="a space for each character before"),
        pytest.param("\ta\txx", "\t \t^^", id="a tab stays a tab"),
        pytest.param("香港 xx", "     ^^", id="a wide character takes two columns"),
        pytest.param("e\u0301 xx", "  ^^", id="a combining mark takes none"),
    ],
)
def test_the_carets_stand_below_what_they_mean(source: str, below: str):
    assert carets(source, "xx") == below


def test_wide_characters_are_marked_on_both_columns():
    assert carets("a 香港", "香港") == "  ^^^^"


def test_what_steers_a_terminal_or_turns_a_line_around_is_not_printed():
    problem = Problem("f\x1b", 1, 1, "error", "a\nb\u202e", None, "\x1b[31m\u202ex", 1)
    assert printed(problem) == "f�:1:1: error: a�b�\n    1 | �[31m�x\n      | ^\n"


def test_a_long_line_is_cut_around_the_place():
    source = "x" * 300 + "HERE" + "y" * 300
    _, line, below = printed(Problem("f", 1, 301, "error", "odd", None, source, 4)).removesuffix("\n").split("\n")
    assert line == f"    1 | …{'x' * 60}HERE{'y' * 96}…"
    assert below == f"      | {' ' * 61}^^^^"


def test_a_line_of_six_digits_keeps_its_gutter():
    printed_lines = printed(Problem("f", 123456, 1, "warning", "odd", "do this", "x")).split("\n")
    assert printed_lines == ["f:123456:1: warning: odd (do this)", "123456 | x", "       | ^", ""]


def test_a_place_behind_the_end_of_the_line_is_marked_all_the_same():
    assert printed(Problem("f", 1, 4, "error", "odd", None, "abc")).endswith("      |    ^\n")


def test_an_address_is_blotted_out_length_for_length():
    assert masked('a = "slack://T0/B0/x" # b') == 'a = "slack://*******" # b'


def test_a_long_value_is_quoted_in_part():
    assert quoted("x" * 1000) == f"'{'x' * 68}…"


def test_of_very_many_problems_the_errors_are_shown_and_that_there_are_more():
    """However many warnings stand before it in the file."""
    text = "[lists]\nx = [" + '"HK.00700",' * 150 + ']\n[[rule]]\nname = "a"\nsymbols = ["x"]\nwhen = "volum > 1"\n'
    problems = read({"f": text.encode()}).problems
    assert len(problems) == 101
    assert [problem.line for problem in problems if problem.severity == "error"] == [6, 6]
    assert printed(problems[-1]) == ("f:6:9: error: there are more problems than these 100 (mend these first)\n")


def test_very_many_warnings_are_no_error():
    text = "[lists]\nx = [" + '"HK.00700",' * 500 + ']\n[[rule]]\nname = "a"\nsymbols = ["x"]\nwhen = "turnover > 1"\n'
    loaded = read({"f": text.encode()})
    assert loaded.book is not None
    assert len(loaded.book.rules) == 1
    assert {problem.severity for problem in loaded.problems} == {"warning"}
