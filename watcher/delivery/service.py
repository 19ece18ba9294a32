"""One apprise service: built from its URL with the traps removed, and what it is best sent."""

import difflib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.core.rule import Severity
from watcher.delivery.attempt import Trace, failure
from watcher.delivery.mask import mask
from watcher.delivery.render import Format
from watcher.delivery.sheet import Measure, Part
from watcher.delivery.text import clipped, one_line

if TYPE_CHECKING:
    from apprise import Apprise, NotifyBase, NotifyFormat, NotifyLogEntry

_MAIL = "E-Mail"
_SHOWN_OF_A_MAIL = 100_000
"""Bytes; Gmail hides what is beyond 102 KB behind a link. SMTP has no limit that low, and the 32,768 characters of
apprise are its word for every service of which it knows no limit."""
_ACT_ON_MARKDOWN = frozenset({"Discord", "Guilded", "Mattermost"})
"""Services that render Markdown in whatever plain text they are sent; apprise's names of them."""
_ROOM_OF_A_MAIL = 20_000
"""Characters; what takes HTML, a subject and this much is mail, or as good as mail."""
_ROOM_OF_A_TITLE_TAG = 16
_LONGEST_COMPLAINT = 200

_SPEAK_OF_SECRETS = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
"""Loggers whose lines hold URLs and tokens; not one of them may reach our logs."""
_NOWHERE = logging.NullHandler()


class UnusableUrl(Exception):
    """No message can be sent to this URL; says why, without repeating a piece of it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service, ready to send; for one thread at a time."""

    apprise: "Apprise"
    masked: Callable[[str], str]
    """Hides the URL in a text."""
    layout: Format
    body_format: "NotifyFormat"
    """What bodies are declared to be; apprise converts and escapes them from there."""
    size: int
    title_size: int
    measure: Measure

    def send(self, part: Part, severity: Severity | None) -> Outcome:
        """Send one part, blocking, in the colour of `severity`, or of good news if that is None."""
        from apprise import AppriseResultStatus, NotifyType

        colours = {
            Severity.CRITICAL: NotifyType.FAILURE,
            Severity.WARNING: NotifyType.WARNING,
            Severity.INFO: NotifyType.INFO,
            None: NotifyType.SUCCESS,
        }
        traces: list[Trace] = []

        def trace(entry: "NotifyLogEntry", _plugin: "NotifyBase | None") -> None:
            # called while the line is being logged, mostly from within an `except`: that is the cause of a failure
            traces.append(Trace(entry.level, entry.message, sys.exception()))

        result = self.apprise.notify(
            part.body,
            title=part.title,
            notify_type=colours[severity],
            body_format=self.body_format,
            log_callback=trace,
            log_level=logging.DEBUG,
        )
        match result.status:
            case AppriseResultStatus.SUCCESS:
                return Sent()
            case AppriseResultStatus.NOMATCH:
                return Failed("misconfigured: no service is behind the URL", permanent=True)
            case AppriseResultStatus.TIMEOUT:
                return Unknown("no answer in time")
            case _:
                return failure(traces, self.masked)


def open_service(url: str, limit: float) -> Service:
    """Return the service behind an apprise URL, which is to answer within `limit` seconds.

    The first call loads apprise, a quarter of a second of work: not for the event loop.

    Raises:
        UnusableUrl: it is none, or one that cannot be told everything.
    """
    plugin = _plugin(url)  # silences the loggers of apprise before it is loaded
    from apprise import Apprise, NotifyFormat, OverflowMode

    # what a URL may ask for, and what would make a failure look like a success, repeat by itself, or cut in silence
    plugin.redirects = False
    plugin.optional = False
    plugin.retry = 0
    plugin.overflow_mode = OverflowMode.UPSTREAM
    if plugin.socket_read_timeout == type(plugin).socket_read_timeout:
        # 4 s as it comes: a slow receiver would be told again and again what it took after 5
        plugin.socket_read_timeout = max(1.0, limit - plugin.socket_connect_timeout - 1.0)
    mail = str(plugin.service_name) == _MAIL
    if mail:
        plugin.request_rate_per_sec = 0  # as it comes a mail waits 5.5 s for the next; digests are our way to be few

    apprise = Apprise(asset=plugin.asset)
    apprise.add(plugin)
    layout = _layout(plugin)
    body_format = NotifyFormat.HTML if layout is Format.HTML else NotifyFormat.TEXT
    title_size = 0 if plugin.overflow_amalgamate_title else plugin.title_maxlen
    tag = _ROOM_OF_A_TITLE_TAG if title_size <= 0 else 0
    size, measure = (_SHOWN_OF_A_MAIL, _bytes) if mail else (plugin.body_maxlen, _measure(plugin, body_format))
    return Service(apprise, mask(url), layout, body_format, size - tag, title_size, measure)


def validate_url(url: str) -> str | None:
    """Return why an apprise URL is unusable, in words without any piece of it but its scheme; None if it is fine.

    Loads apprise, like `open_service`. That a URL is fine does not mean that its tokens are.
    """
    try:
        _plugin(url)
    except UnusableUrl as error:
        return str(error)
    return None


def _plugin(url: str) -> "NotifyBase":
    _silence()
    import apprise
    from apprise.utils.parse import parse_urls

    url = url.strip()
    scheme, separator, rest = url.partition("://")
    if not separator or not rest:
        raise UnusableUrl("it is not a URL; apprise's are written service://…, such as mailto:// or slack://")
    if len(parse_urls(url)) > 1:  # type: ignore[no-untyped-call]  # apprise types its core only
        raise UnusableUrl("it is more than one URL; declare a channel for each")

    apprise.NotificationManager().schemas()  # type: ignore[no-untyped-call]  # loads them: no fault of the URL's
    masked = mask(url)
    asset = apprise.AppriseAsset(
        app_id="watcher",
        app_desc="watcher",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        interpret_emojis=False,
        http_redirects=False,
        service_timeout=0,  # its own time limit runs in a thread pool, which the exit of the process waits for
    )
    with _complaints() as complaints:
        try:
            plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=False)
        except Exception as error:  # noqa: BLE001 - 183 plugins, each with errors of its own
            raise UnusableUrl(_complaint(masked(str(error)))) from None
    if plugin is None:
        raise UnusableUrl(_why_none(scheme.lower()))
    dropped = [text for text in complaints if text.startswith("Dropped ")]
    if dropped:
        raise UnusableUrl(_complaint(masked(dropped[0])))
    if plugin.body_max_line_count > 0:
        raise UnusableUrl(f"{scheme}:// shows {plugin.body_max_line_count} lines and drops the rest without a word")
    return plugin


def _why_none(scheme: str) -> str:
    from apprise import NotificationManager

    plugins = NotificationManager()  # type: ignore[no-untyped-call]  # apprise types its core only
    if scheme in plugins:
        if not plugins[scheme].enabled:
            return f"{scheme}:// needs packages that are not installed, or another system"
        return f"it is not a valid {scheme}:// URL"
    if scheme in ("http", "https"):
        return "no service is known at this address; for a webhook of your own write json:// or jsons://"
    schemes = plugins.schemas()  # type: ignore[no-untyped-call]  # apprise types its core only
    close = difflib.get_close_matches(scheme, schemes, 1)
    return f"no service is called {scheme}://" + (f" (did you mean {close[0]}://?)" if close else "")


def _layout(plugin: "NotifyBase") -> Format:
    from apprise import NotifyFormat

    as_mail = plugin.title_maxlen > 0 and plugin.body_maxlen >= _ROOM_OF_A_MAIL
    if as_mail and plugin.resolve_format() is NotifyFormat.HTML:
        return Format.HTML
    if str(plugin.service_name) == _MAIL:
        return Format.PLAIN
    as_text = plugin.resolve_format(NotifyFormat.TEXT) is NotifyFormat.TEXT  # else apprise escapes on its way there
    return Format.MARKDOWN if as_text and str(plugin.service_name) in _ACT_ON_MARKDOWN else Format.CHAT


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _measure(plugin: "NotifyBase", body_format: "NotifyFormat") -> Measure:
    """Return a function that counts what a text takes once it is converted and escaped for the service."""
    from apprise.conversion import convert_between

    target = plugin.resolve_format(body_format)

    def measure(text: str) -> int:
        converted = convert_between(body_format, target, text)  # type: ignore[no-untyped-call]  # apprise types its core only
        sent = plugin.dialect_convert(converted, target)
        return len(sent.encode("utf-16-le", "surrogatepass")) // 2  # an emoji counts twice, as it does with Telegram

    return measure


def _silence() -> None:
    """Keep what apprise and its like log to those who ask apprise for it."""
    for name in _SPEAK_OF_SECRETS:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(_NOWHERE)
    logging.getLogger("apprise").setLevel(logging.DEBUG)  # or the causes of failures are not traced


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what apprise warns of in this thread."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == threading.get_ident():
                texts.append(record.getMessage())

    collector = Collector(logging.WARNING)
    logger = logging.getLogger("apprise")
    logger.addHandler(collector)
    try:
        yield texts
    finally:
        logger.removeHandler(collector)


def _complaint(text: str) -> str:
    return clipped(one_line(text), _LONGEST_COMPLAINT)
