"""What no published row can be: checks that read one row by itself, pure, so that a single row can be set aside."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import gt
from zoneinfo import ZoneInfo

from watcher.core.market import HkRow, Position, Row

EARLIEST = date(1990, 1, 1)
"""Neither market published its short selling before."""

_POINT = 1.0
"""Percentage points that `short_percent` may be away from what the shares of its row make; it is cut, not rounded."""


@lru_cache(maxsize=4096)
def midnight(zone: str, trade_date: date) -> int:
    """Return the midnight in `zone` that begins `trade_date`, as upstream stamps it: in ms since 1970 in UTC."""
    local = datetime(trade_date.year, trade_date.month, trade_date.day, tzinfo=ZoneInfo(zone))
    return int(local.timestamp()) * 1000


def all_plausible(rows: Sequence[Row], stamps: list[int | float | None], zone: str, today: date) -> bool:
    """True if `implausible` has nothing to say of any row: whole columns at once, at a third of the cost.

    False says only that the rows are to be looked at one by one: a figure that is missing is enough.
    """
    dates, *columns = zip(*rows, strict=True)
    if not EARLIEST <= min(dates) <= max(dates) <= today or stamps != [midnight(zone, when) for when in dates]:
        return False
    try:
        if min(map(min, columns)) < 0 or max(columns[-1]) > 100:
            return False
        if isinstance(rows[0], HkRow):
            traded, turnover, short, short_turnover, *_ = columns
            return not (any(map(gt, short, traded)) or any(map(gt, short_turnover, turnover)))
        short, _, _, percent, traded, *_ = columns
        return not any(map(gt, short, traded)) and max(percent) <= 100 and not any(map(_apart, percent, short, traded))
    except TypeError:  # None is neither more nor less than a number
        return False


def implausible(row: Row, stamp: int | float | None, zone: str, today: date) -> str | None:
    """Return why `row` cannot be true, or None if it can.

    `stamp` is the row's `timestamp` as received, `zone` that of its market, `today` the date there, or `date.max`
    to let rows be of any time to come. What is missing is not checked.
    """
    trade_date = row.trade_date
    if not EARLIEST <= trade_date <= today:
        if trade_date < EARLIEST:
            return f"it is of {trade_date}, before anything was published"
        return f"it is of {trade_date}, in the future: it is {today} in {zone}"
    if stamp is not None and stamp != midnight(zone, trade_date) and not _on(trade_date, stamp, zone):
        return f"its timestamp {stamp} does not lie on its date, {trade_date} in {zone}"
    for figure in row[1:]:
        if figure is not None and figure < 0:
            return f"{row._fields[row.index(figure)]} is {_plain(figure)}"
    if row.daily_trade_avg_ratio is not None and row.daily_trade_avg_ratio > 100:
        return f"daily_trade_avg_ratio is {_plain(row.daily_trade_avg_ratio)} %"
    if isinstance(row, HkRow):
        short, traded, percent = row.short_sell_shares_traded, row.shares_traded, None
        part, whole = row.short_sell_turnover, row.turnover
        if part is not None and whole is not None and part > whole:
            return f"short_sell_turnover is {_plain(part)}, over the turnover of {_plain(whole)}"
    else:
        short, traded, percent = row.total_shares_short, row.volume, row.short_percent
    if short is not None and traded is not None and short > traded:
        return f"{_plain(short)} shares were sold short, over the {_plain(traded)} that were traded"
    if percent is not None and percent > 100:
        return f"short_percent is {_plain(percent)} %"
    if percent is not None and short is not None and traded is not None and _apart(percent, short, traded):
        made = f"{_plain(short)} of {_plain(traded)} shares are {short / traded * 100:.3f} %"
        return f"short_percent is {_plain(percent)} %, but {made}"
    return None


def implausible_position(position: Position) -> str | None:
    """Return why `position` cannot be true, or None if it can."""
    shares, ratio = position.aggregated_short, position.aggregated_short_ratio
    if position.as_of > position.trade_date:
        return f"new_time {position.as_of} is after the newest row, {position.trade_date}"
    if shares is not None and shares < 0:
        return f"aggregated_short is {_plain(shares)}"
    if ratio is not None and not 0 <= ratio <= 100:
        return f"aggregated_short_ratio is {_plain(ratio)} %"
    return None


def _plain(figure: float) -> str:
    """Return it as upstream writes it: 459, not 459.0."""
    return str(figure).removesuffix(".0")


def _apart(percent: float, short: float, traded: float) -> bool:
    return traded > 0 and abs(percent - short / traded * 100) > _POINT


def _on(trade_date: date, stamp: int | float, zone: str) -> bool:
    try:
        return datetime.fromtimestamp(stamp / 1000, ZoneInfo(zone)).date() == trade_date
    except (OverflowError, ValueError, OSError):  # a stamp beyond the years that dates have
        return False
