"""What a command logs: one line an event, key=value, to standard error; standard output is for results."""

import json
import logging
import os
import re
import sys
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from watcher.cli.options import LogForm
from watcher.clock import SystemClock

Render = Callable[[WrappedLogger, str, EventDict], str]

_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Of sd-daemon(3)."""
_PLAIN = re.compile(r"[^\s\"=\\]+")
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_MINUTE = 60.0
_OFTEN, _OFTEN_IN_TROUBLE = 4, 3
"""Lines of the same event in a minute: of information, of warnings and errors."""
SILENT = ("apprise", "httpx", "httpcore", "urllib3", "apscheduler")
"""The first four write URLs and headers, and so secrets; of the last, the daemon says itself what it does."""


def log_to_stderr(level: int = logging.INFO, form: LogForm = LogForm.AUTO) -> None:
    """Log what is at least of `level`; of other packages' loggers, warnings."""
    if form is LogForm.AUTO:
        form = LogForm.JOURNAL if _is_journal(sys.stderr) else LogForm.PLAIN
    stamped: list[Processor] = [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            Sparing(SystemClock().monotonic),
            *(stamped if form is not LogForm.JOURNAL else []),
            structlog.processors.format_exc_info,
            _RENDERED[form],
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(sys.stderr),
    )
    logging.basicConfig(handlers=[_Relay()], level=logging.WARNING)
    logging.getLogger("watcher").setLevel(level)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def complain(text: str) -> None:
    """Print to standard error what a person is to read; each line is an error to the journal."""
    mark = f"<{_PRIORITY['error']}>" if _is_journal(sys.stderr) else ""
    for line in text.splitlines():
        print(f"{mark}{line}", file=sys.stderr)  # noqa: T201 - this is the command line


class Sparing:
    """Lets few lines of the same event pass in a minute, so that no trouble that stays fills a log.

    What was left out is counted, as `unsaid`, by the next line of that event.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Tell a minute by `monotonic`, in seconds."""
        self._monotonic = monotonic
        self._said: defaultdict[str, deque[float]] = defaultdict(deque)
        self._unsaid: Counter[str] = Counter()

    def __call__(self, _logger: WrappedLogger, level: str, facts: EventDict) -> EventDict:
        """Return the line, or drop it."""
        if level == "debug":
            return facts
        event = str(facts.get("logger", facts["event"]))  # what others' loggers say may be another text each time
        said, now = self._said[event], self._monotonic()
        while said and now - said[0] >= _MINUTE:
            said.popleft()
        if len(said) >= (_OFTEN if level == "info" else _OFTEN_IN_TROUBLE):
            self._unsaid[event] += 1
            raise structlog.DropEvent
        said.append(now)
        unsaid = self._unsaid.pop(event, 0)
        return {**facts, "unsaid": unsaid} if unsaid else facts


class _Lines:
    """Writes lines; what cannot be written, to a full disk or to nobody, is no reason to stop working."""

    _one_at_a_time = threading.Lock()

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        with self._one_at_a_time, suppress(OSError, ValueError):
            self._file.write(line + "\n")
            self._file.flush()

    debug = info = warning = error = critical = msg


class _Relay(logging.Handler):
    """Writes what was logged with the standard library, by adapters and other packages: `extra` are its facts."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        facts = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if not record.name.startswith("watcher."):
            facts["logger"] = record.name
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger().log(level, record.getMessage(), **facts, exc_info=record.exc_info)


def _is_journal(stream: TextIO) -> bool:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _plain(_logger: WrappedLogger, _name: str, facts: EventDict) -> str:
    ordered = {**{key: facts[key] for key in ("timestamp", "level", "event") if key in facts}, **facts}
    return " ".join(f"{key}={_written(value)}" for key, value in ordered.items())


def _written(value: object) -> str:
    """Return a value so that no text of upstream, of a rule or of a terminal's escapes begins a line of its own."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not _PLAIN.fullmatch(text):
        text = json.dumps(text, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _for_the_journal(logger: WrappedLogger, name: str, facts: EventDict) -> str:
    return f"<{_PRIORITY.get(str(facts.get('level')), 6)}>{_plain(logger, name, facts)}"


def _as_json(_logger: WrappedLogger, _name: str, facts: EventDict) -> str:
    return json.dumps(facts, default=str)


_RENDERED: dict[LogForm, Render] = {LogForm.PLAIN: _plain, LogForm.JOURNAL: _for_the_journal, LogForm.JSON: _as_json}
