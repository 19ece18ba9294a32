"""Recorded answers are published again, day by day, and nothing of them before its time."""

import json
from datetime import date
from pathlib import Path

import pytest

from tests.builders import RECORDED, recorded
from tests.upstream.answers import PAGE, refusal
from watcher.core.answer import Answered
from watcher.core.market import Symbol, UsRow
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.refusal import RetCode
from watcher.upstream.wire import body_of, read_recorded

XRT, TENCENT = Symbol("US.XRT"), Symbol("HK.00700")


def answered(archive: RecordedArchive, symbol: Symbol, count: int = 90) -> Answered:
    answer = archive.answer(symbol, count)
    assert isinstance(answer, Answered)
    return answer


def test_a_recorded_answer_may_hold_more_rows_than_one_answer() -> None:
    answer = read_recorded(RECORDED / "US.XRT.json")
    assert isinstance(answer, Answered)
    assert len(answer.rows) == 135
    assert answer.rows[-1] == UsRow(date(2021, 7, 16), 957555, 290358, 667197, 63.384, 1510717, None, None, 57.92)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_recorded_is_written_again_to_the_last_digit(path: Path) -> None:
    answer = read_recorded(path)
    assert isinstance(answer, Answered)
    written = json.loads(body_of(answer.symbol.market, reversed(answer.rows), answer.position))
    assert written == recorded(path.stem)
    assert list(written["data"]) == list(json.loads(path.read_text())["data"])


def test_us_xrt_day_by_day() -> None:
    rows = read_recorded(RECORDED / "US.XRT.json").rows  # type: ignore[union-attr]  # it is an answer, see above
    archive = RecordedArchive(RECORDED, date(2021, 1, 4))
    for index, row in enumerate(rows):
        assert archive.as_of == row.trade_date
        assert answered(archive, XRT).rows == rows[max(0, index - 89) : index + 1]
        assert answered(archive, XRT, 1).rows == (row,)
        assert archive.answer(TENCENT, 30) is RetCode.NO_DATA
        archive.advance()
    assert archive.as_of == date(2026, 1, 29)
    assert len(answered(archive, TENCENT).rows) == 1
    assert [archive.advance(), archive.advance(), archive.advance()] == [date(2026, 1, 30), date(2026, 2, 2), None]
    assert archive.as_of == date(2026, 2, 2)


def test_it_begins_with_everything_published() -> None:
    archive = RecordedArchive(RECORDED)
    assert archive.as_of == date(2026, 2, 2)
    assert archive.advance() is None
    assert archive.symbols == ("HK.00700", "HK.02800", "HK.03690", "HK.09988", "US.XRT")
    assert archive.answer(Symbol("US.AAPL"), 1) is RetCode.INVALID_SYMBOL


def test_a_date_between_sessions_publishes_what_was_before_it() -> None:
    archive = RecordedArchive(RECORDED, date(2026, 2, 1))
    assert answered(archive, TENCENT).rows[-1].trade_date == date(2026, 1, 30)
    assert archive.advance() == date(2026, 2, 2)


def test_a_position_comes_with_rows_that_are_not_older_than_it(tmp_path: Path) -> None:
    answer = json.loads(PAGE)
    item = answer["data"]["items"][0]
    older = {**item, "timestamp": None, "timestamp_str": "2026-05-28"}
    between = {**item, "timestamp": None, "timestamp_str": "2026-05-29"}
    answer["data"]["items"] += [between, older]
    (tmp_path / "HK.00700.json").write_text(json.dumps(answer))
    archive = RecordedArchive(tmp_path, date(2026, 5, 28))
    assert answered(archive, TENCENT).position is None
    archive.advance()
    position = answered(archive, TENCENT).position
    assert position is not None
    assert (position.as_of, position.trade_date) == (date(2026, 5, 29), date(2026, 5, 29))


def test_a_recorded_refusal_is_refused_again(tmp_path: Path) -> None:
    (tmp_path / "HK.00700.json").write_text(PAGE)
    (tmp_path / "HK.00011.json").write_bytes(refusal(-10, "no_data"))
    assert RecordedArchive(tmp_path).answer(Symbol("HK.00011"), 5) is RetCode.NO_DATA


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        pytest.param("tencent.json", PAGE, "'tencent' is not a symbol", id="the name is no symbol"),
        pytest.param("HK.00700.json", "", "no JSON object: it is empty", id="empty"),
        pytest.param("HK.00700.json", "{", "no JSON object: Invalid JSON: EOF", id="cut short"),
        pytest.param("HK.00700.json", "[]", "no JSON object: Input should be an object", id="a list"),
        pytest.param("HK.00700.json", "{}", "its ret_code, None, is neither", id="no verdict"),
        pytest.param("HK.00700.json", '{"ret_code": -99}', "its ret_code, -99, is neither", id="a code nobody knows"),
        pytest.param("HK.00700.json", '{"ret_code": 0}', "data is missing", id="no data"),
        pytest.param("HK.00700.json", PAGE.replace("461.6", "true"), "data.items[0].open_price", id="a boolean"),
        pytest.param("HK.00700.json", PAGE.replace("461.6", "-1"), "open_price is -1", id="a negative price"),
        pytest.param("HK.00700.json", PAGE.replace("2026-06-05", "2026-06-04"), "does not lie on", id="another date"),
        pytest.param("HK.00700.json", '{"ret_code": 0, "data": {"items": []}}', "has a row", id="no row at all"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, content: str, cause: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=str(tmp_path)) as refused:
        RecordedArchive(tmp_path)
    assert cause in str(refused.value)


def test_a_directory_without_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recorded answer") as refused:
        RecordedArchive(tmp_path)
    assert str(tmp_path) in str(refused.value)
