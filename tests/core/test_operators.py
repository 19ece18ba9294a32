"""Comparisons with a number: quicker than asking what is equal on paper, and never another answer."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.arithmetic import TESTS
from watcher.core.operators import held_to, metric_held_to
from watcher.core.window import Window

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[float, float]:
    """Two numbers, most of them so close that it matters how close."""
    limit = draw(NUMBERS)
    nearby = limit * (1 + draw(st.floats(-4e-9, 4e-9))) + draw(st.floats(-4e-12, 4e-12))
    return draw(st.sampled_from([nearby, draw(NUMBERS), limit])), limit


@pytest.mark.parametrize("sign", TESTS)
@given(pair=pairs())
def test_a_value_is_held_to_a_limit_as_any_two_numbers_are_compared(sign: str, pair: tuple[float, float]) -> None:
    value, limit = pair
    if not math.isfinite(value):
        return
    window = Window([date.min], lambda *_: [value])
    expected = TESTS[sign](value, limit)
    assert metric_held_to(TESTS[sign], "volume", limit)(window, 0) is expected
    assert held_to(TESTS[sign], lambda _window, _index: value, limit)(window, 0) is expected
