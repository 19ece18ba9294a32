"""A scenario: how a served endpoint is to misbehave, read from a TOML file; every problem of it is named at once."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from watcher.core.market import Market, Row, Symbol
from watcher.core.metrics import ROW_TYPES

LARGEST_FILE = 2**20
"""Bytes; a scenario is written by hand."""

_FIELDS = {name for row_type in ROW_TYPES.values() for name in row_type._fields[1:]}


class Broken(StrEnum):
    """Ways in which a body can be no answer."""

    EMPTY = "empty"
    HTML = "html"
    CUT = "cut"
    NAN = "nan"
    NESTED = "nested"
    LARGE = "large"
    GZIP = "gzip"
    HANG_UP = "hang_up"


def _pattern(text: str) -> str:
    if text not in {"*", *(f"{market}.*" for market in Market)}:
        Symbol.parse(text)
    return text


def _published_field(name: str) -> str:
    if name not in _FIELDS:
        close = get_close_matches(name, _FIELDS, n=1)
        raise ValueError(f"{name!r} is no field of a row{f' (did you mean {close[0]!r}?)' if close else ''}")
    return name


def _seconds(written: object) -> object:
    if not isinstance(written, str):
        return written
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)", written)
    if not found:
        raise ValueError("a duration is written 500ms, 3s or 2m")
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found[2]]


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=3600, allow_inf_nan=False)]
_Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], Field(min_length=1)]
_FieldName = Annotated[str, AfterValidator(_published_field)]
_Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    symbols: _Patterns = ("*",)
    """Symbols, `HK.*`, `US.*` or `*`."""

    def concerns(self, symbol: str) -> bool:
        """True if it is about this symbol, which need not be one."""
        return any(pattern in ("*", symbol, f"{symbol[:2]}.*") for pattern in self.symbols)


class Fault(_Table):
    """`[[fault]]`: what is wrong with answers; of several that match a request, the first counts."""

    sessions: tuple[date, ...] = ()
    """Only while one of these is the newest session that is published; always, if there is none."""
    first: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Only the first so many requests of each symbol and session; then all is well again."""
    delay: Seconds = 0.0
    """Before the answer begins."""
    status: Annotated[int, Field(strict=True, ge=200, le=599)] | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Sent besides, or instead: `{ Retry-After = "7" }`."""
    ret_code: Annotated[int, Field(strict=True)] | None = None
    message: str = ""
    """What the refusal with `ret_code` says: `retry after 7s`."""
    body: str | None = None
    """Sent instead of the answer, to the letter."""
    broken: Broken | None = None
    """Or one of the usual ways to break it."""
    drip: Seconds = 0.0
    """Seconds between one byte and the next."""

    @model_validator(mode="after")
    def _is_one_fault(self) -> Self:
        contents = [name for name in ("ret_code", "body", "broken") if getattr(self, name) is not None]
        if len(contents) > 1:
            raise ValueError(f"an answer has one body: take one of {' and '.join(contents)}")
        if not (contents or self.status or self.headers or self.delay or self.drip):
            raise ValueError("nothing is wrong: say delay, status, headers, ret_code, body, broken or drip")
        return self


class Revision(_Table):
    """`[[revision]]`: a row that is published again with other values."""

    trade_date: date
    """Of the row."""
    session: date
    """The one with which it comes: from there on, the row has these values."""
    values: Annotated[Mapping[_FieldName, _Figure], Field(min_length=1)]
    """Fields of the row, implausible ones too."""


class Late(_Table):
    """`[[late]]`: rows that come later than the others'."""

    trade_dates: tuple[date, ...] = ()
    """Of these rows; of every newest one, if there is none."""
    sessions: Annotated[int, Field(strict=True, ge=1, le=90)] | None = None
    """They come with the so-many-th session after theirs …"""
    requests: Annotated[int, Field(strict=True, ge=1)] | None = None
    """… or once their symbol was asked for so often since the session was published."""

    @model_validator(mode="after")
    def _is_late_by_something(self) -> Self:
        if (self.sessions is None) == (self.requests is None):
            raise ValueError("say by how many sessions it is late, or by how many requests, one of the two")
        return self


class Scenario(BaseModel):
    """All that is to go wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: tuple[Fault, ...] = ()
    revision: tuple[Revision, ...] = ()
    late: tuple[Late, ...] = ()

    def fault_of(self, symbol: str, session: date, asked: int) -> Fault | None:
        """Return what is wrong with the answer to the `asked`-th request of a symbol since `session` was published."""
        for fault in self.fault:
            due = not fault.sessions or session in fault.sessions
            if due and fault.concerns(symbol) and (fault.first is None or asked <= fault.first):
                return fault
        return None

    def published(self, symbol: Symbol, rows: Sequence[Row], session: date, asked: int) -> tuple[Row, ...]:
        """Return those of `rows`, oldest first, that are published with `session`, as they are by then.

        `asked` is how often `symbol` was asked for since, this time included.
        """
        return tuple(
            self._revised(symbol, row, session)
            for index, row in enumerate(rows)
            if not self._is_late(symbol, row.trade_date, len(rows) - 1 - index, session, asked)
        )

    def _is_late(self, symbol: Symbol, trade_date: date, newer: int, session: date, asked: int) -> bool:
        for late in self.late:
            if not late.concerns(symbol) or (late.trade_dates and trade_date not in late.trade_dates):
                continue
            if late.sessions is not None and newer < late.sessions:
                return True
            if late.requests is not None and trade_date == session and asked <= late.requests:
                return True
        return False

    def _revised(self, symbol: Symbol, row: Row, session: date) -> Row:
        for revision in self.revision:
            if revision.concerns(symbol) and revision.trade_date == row.trade_date and revision.session <= session:
                own = {name: value for name, value in revision.values.items() if name in row._fields}
                row = row._replace(**own)  # type: ignore[arg-type]  # names of its own fields
        return row


def read(path: Path) -> Scenario:
    """Return the scenario in a file.

    Raises:
        ValueError: it is none; names every problem, one a line, with file and place.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise ValueError(f"{path}: it is larger than {LARGEST_FILE // 2**20} MiB")
    try:
        # Any: what a TOML file holds is anything
        content: dict[str, Any] = tomllib.loads(text.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: it is no TOML: {error or 'nested too deep'}") from None
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise ValueError("\n".join(f"{path}: {problem}" for problem in _problems(error))) from None


def _problems(error: ValidationError) -> list[str]:
    found = []
    for each in error.errors(include_url=False, include_context=False):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"]).lstrip(".")
        match each["type"]:
            case "extra_forbidden":
                found.append(f"{place}: there is no such key{_meant(each['loc'])}")
            case "missing":
                found.append(f"{place}: it is missing")
            case _:
                found.append(f"{place.removesuffix('.[key]')}: {each['msg'].removeprefix('Value error, ')}")
    return found


def _meant(place: tuple[int | str, ...]) -> str:
    tables: dict[str, type[BaseModel]] = {"fault": Fault, "revision": Revision, "late": Late}
    table = tables.get(str(place[0]), Scenario) if len(place) > 1 else Scenario
    close = get_close_matches(str(place[-1]), table.model_fields, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f"; there are: {', '.join(table.model_fields)}"
