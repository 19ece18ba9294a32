"""An `until` that holds while `when` does, decided for all pairs of comparisons."""

import itertools

import pytest

from watcher.core.expression import Expression
from watcher.core.language import parse
from watcher.rulebook.conditions import overlap

SIGNS = {
    ">": lambda x, limit: x > limit,
    ">=": lambda x, limit: x >= limit,
    "<": lambda x, limit: x < limit,
    "<=": lambda x, limit: x <= limit,
    "==": lambda x, limit: x == limit,
    "!=": lambda x, limit: x != limit,
}


def parsed(text: str) -> Expression:
    expression, _ = parse(text)
    assert expression
    return expression


@pytest.mark.parametrize(("fires", "ends"), list(itertools.product(SIGNS, SIGNS)))
@pytest.mark.parametrize(("limit", "other"), [(15, 13), (15, 15), (15, 20), (0, -3)])
def test_two_comparisons_overlap_if_any_of_many_values_says_so(fires: str, ends: str, limit: float, other: float):
    """The oracle tries values every quarter from far below to far above both limits."""
    expected = any(SIGNS[fires](x / 4, limit) and SIGNS[ends](x / 4, other) for x in range(-400, 400))
    found = overlap(parsed(f"close_price {fires} {limit}"), parsed(f"close_price {ends} {other}"))
    assert (found is not None) == expected
    if found is not None:
        assert SIGNS[fires](found, limit)
        assert SIGNS[ends](found, other)


@pytest.mark.parametrize(
    ("when", "until"),
    [
        pytest.param("close_price > 15", "open_price < 20", id="of different metrics"),
        pytest.param("close_price > 15 and turnover > 5", "close_price < 20", id="when says more"),
        pytest.param("close_price > 15", "close_price < 20 or turnover > 5", id="until says more"),
        pytest.param("close_price > 15", "prev(close_price) < 20", id="of different rows"),
        pytest.param("crosses_above(close_price, 15)", "close_price < 20", id="a crossing is over at once"),
        pytest.param("close_price > open_price", "close_price < 20", id="against no number"),
    ],
)
def test_what_cannot_be_decided_is_not_guessed_at(when: str, until: str):
    assert overlap(parsed(when), parsed(until)) is None


def test_limits_that_are_equal_on_paper_do_not_overlap():
    assert overlap(parsed("close_price > 0.3"), parsed("close_price < 0.1 + 0.2")) is None


def test_limits_at_the_end_of_all_numbers_are_decided_too():
    assert overlap(parsed("close_price > 1e308"), parsed("close_price < -1e308")) is None
    assert overlap(parsed("close_price > -1e308"), parsed("close_price < 1e308")) == 0
