"""An archive of recorded answers, one file a symbol: real figures, published again day by day."""

from bisect import bisect_right
from datetime import date
from pathlib import Path

from watcher.core.answer import Answered
from watcher.core.market import Row, Symbol
from watcher.upstream.refusal import RetCode
from watcher.upstream.wire import read_recorded


class RecordedArchive:
    """Recorded answers as of a date, which moves on with every `advance`."""

    def __init__(self, directory: Path, as_of: date | None = None) -> None:
        """Read every `SYMBOL.json` of `directory`; `as_of` None is the date of the newest row there is.

        Raises:
            ValueError: no file, or no row in any, or one that is no recorded answer; says which, and what is wrong.
            OSError: a file cannot be read.
        """
        files = sorted(directory.glob("*.json"))
        if not files:
            raise ValueError(f"{directory}: there is no recorded answer, SYMBOL.json, in it")
        self._answers = {Symbol(file.stem): read_recorded(file) for file in files}
        self._sessions = sorted({row.trade_date for answer in self._answers.values() for row in _rows(answer)})
        """Dates with a row of any symbol."""
        if not self._sessions:
            raise ValueError(f"{directory}: no recorded answer in it has a row")
        self._as_of = as_of or self._sessions[-1]

    @property
    def as_of(self) -> date:
        """Rows after it are not published yet."""
        return self._as_of

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols there are files of, in alphabetical order."""
        return tuple(self._answers)

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        """Return the newest `count` published rows of `symbol`, and its position if that is not newer than they are.

        The code that it is refused with, if that was recorded, there is no file of it, or no row is published yet.
        """
        answer = self._answers.get(symbol, RetCode.INVALID_SYMBOL)
        if isinstance(answer, RetCode):
            return answer
        end = bisect_right(answer.rows, self._as_of, key=_trade_date)
        if not end:
            return RetCode.NO_DATA
        rows, position = answer.rows[max(0, end - count) : end], answer.position
        if position is None or position.as_of > rows[-1].trade_date:
            return Answered(symbol, rows)
        return Answered(symbol, rows, position._replace(trade_date=rows[-1].trade_date))

    def advance(self) -> date | None:
        """Publish the next date with a row of any symbol; return it, or None if there is none."""
        index = bisect_right(self._sessions, self._as_of)
        if index == len(self._sessions):
            return None
        self._as_of = self._sessions[index]
        return self._as_of


def _rows(answer: Answered | RetCode) -> tuple[Row, ...]:
    return answer.rows if isinstance(answer, Answered) else ()


def _trade_date(row: Row) -> date:
    return row.trade_date
