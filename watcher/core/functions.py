"""FUNCTIONS: what the `when` language can say of more than one row, as it is checked, listed and explained."""

from dataclasses import dataclass

MAX_WINDOW = 250
"""Rows; a year of sessions."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language."""

    name: str
    signature: str
    meaning: str
    example: str
    numbers: int = 1
    """How many arguments are numbers (or, for `streak`, conditions); the window comes after them."""
    window: bool = True
    """True if the last argument is a number of rows."""
    default_window: int | None = None
    unit: str | None = None
    """The unit of its value; None: that of its first argument."""
    of_condition: bool = False
    is_condition: bool = False


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("prev", "prev(x, n=1)", "x, n rows earlier", "prev(short_percent)", default_window=1),
        Function("change", "change(x, n=1)", "x − prev(x, n)", "change(short_ratio, 5) > 4", default_window=1),
        Function(
            "pct_change",
            "pct_change(x, n=1)",
            "the change in percent of prev(x, n)",
            "pct_change(aggregated_short) > 20",
            default_window=1,
            unit="%",
        ),
        Function("mean", "mean(x, n)", "mean of the last n rows", "short_ratio > 1.5 * mean(short_ratio, 20)"),
        Function("median", "median(x, n)", "median of the last n rows", "volume > 2 * median(volume, 20)"),
        Function("stdev", "stdev(x, n)", "sample standard deviation of the last n rows", "stdev(short_ratio, 20) > 5"),
        Function("min", "min(x, n)", "least of the last n rows", "short_ratio <= min(short_ratio, 60)"),
        Function("max", "max(x, n)", "greatest of the last n rows", "short_percent >= max(short_percent, 60)"),
        Function(
            "zscore",
            "zscore(x, n)",
            "(x − mean of the n rows before) / their sample standard deviation",
            "zscore(short_percent, 20) > 2",
            unit="σ",
        ),
        Function(
            "rank",
            "rank(x, n)",
            "percentage of the last n rows with a value ≤ x",
            "rank(short_percent, 60) >= 95",
            unit="%",
        ),
        Function(
            "crosses_above",
            "crosses_above(x, y)",
            "x was at most y one row earlier, and is above it",
            "crosses_above(short_percent, 70)",
            numbers=2,
            window=False,
            is_condition=True,
        ),
        Function(
            "crosses_below",
            "crosses_below(x, y)",
            "x was at least y one row earlier, and is below it",
            "crosses_below(close_price, mean(close_price, 50))",
            numbers=2,
            window=False,
            is_condition=True,
        ),
        Function(
            "streak",
            "streak(c)",
            "rows in a row, ending with this one, on which c holds; 90 at most",
            "streak(short_percent > 60) >= 4",
            window=False,
            unit="rows",
            of_condition=True,
        ),
        Function("abs", "abs(x)", "x without its sign", "abs(price_change) > 5", window=False),
    )
}
