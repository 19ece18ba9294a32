"""The channels that carry messages: the console, and whatever apprise knows the way to."""

import io
import os
import select
from typing import TextIO

from watcher.core.alert import Kind
from watcher.core.book import CONSOLE
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.core.rule import Severity
from watcher.delivery.render import Format, render
from watcher.delivery.service import Service, UnusableUrl, open_service, validate_url
from watcher.delivery.sheet import Part
from watcher.delivery.told import REPEAT
from watcher.delivery.unattended import Abandoned, unattended

__all__ = ["AppriseChannel", "ConsoleChannel", "validate_url"]

LIMIT = 30.0
"""Seconds for an answer, unless a channel is given others."""

_MOST_BEGUN = 16
"""Messages of which a channel knows how far it came."""
_PIPE_CHUNK = 4096
"""Bytes that a pipe which is ready for writing takes without blocking (POSIX: PIPE_BUF)."""
_UNREAD = "the console was not read in time"


class ConsoleChannel:
    """Prints messages to a text stream: a terminal, a pipe, the journal."""

    name = CONSOLE

    def __init__(self, stream: TextIO, *, limit: float = LIMIT) -> None:
        self._stream = stream
        self._limit = limit
        coloured = stream.isatty() and not os.environ.get("NO_COLOR")
        self._layout = Format.COLOUR if coloured else Format.PLAIN

    async def send(self, message: Message) -> Outcome:
        """Print the message; a reader that does not read for `limit` seconds leaves it unknown how much it got."""
        try:
            return await unattended(lambda: self._print(message), self._limit + 1, self.name)
        except Abandoned:
            return Unknown(_UNREAD)

    def _print(self, message: Message) -> Outcome:
        text = "".join(f"{part.body}\n" for part in render(message, self._layout))
        try:
            self._write(text)
        except TimeoutError:
            return Unknown(_UNREAD)
        except BrokenPipeError:
            return Failed("nobody reads the console any more")
        except (OSError, ValueError) as error:  # a closed stream is a ValueError
            return Failed(f"the console cannot be written: {error}")
        return Sent()

    def _write(self, text: str) -> None:
        try:
            descriptor = self._stream.fileno()
        except (OSError, AttributeError, io.UnsupportedOperation):
            self._stream.write(text)
            self._stream.flush()
            return
        # past the stream's own buffer: its lock, held by a write that blocks, would hold up the exit of the process
        self._stream.flush()
        rest = memoryview(text.encode(self._stream.encoding or "utf-8", "replace"))
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        while rest:
            if not ready.poll(self._limit * 1000):
                raise TimeoutError
            rest = rest[os.write(descriptor, rest[:_PIPE_CHUNK]) :]


class AppriseChannel:
    """Sends messages to one apprise URL.

    A message may take several parts, and an outcome is that of the first part that was not taken. The next attempt
    goes on at that part, so that whoever has those before it is not sent them anew; only a restart forgets how far
    it came.
    """

    def __init__(self, name: str, url: str, *, limit: float = LIMIT) -> None:
        """Keep name and URL; nothing is loaded or checked before the first message.

        `limit` is how many seconds a part may take before its outcome counts as unknown.
        """
        self.name = name
        self._url = url
        self._limit = limit
        self._service: Service | None = None
        self._begun: dict[tuple[str, ...], tuple[list[Part], int]] = {}
        """Messages of several parts, by the ids of their notifications, and how many of the parts arrived."""

    async def send(self, message: Message) -> Outcome:
        """Send the message and say truthfully what became of it; never raises for what a receiver does."""
        try:
            return await self._send(message)
        except UnusableUrl as error:
            return Failed(f"misconfigured: {error}", permanent=True)

    async def _send(self, message: Message) -> Outcome:
        ids = tuple(notification.id for notification in message.notifications)
        try:
            service, parts, arrived = await unattended(lambda: self._prepared(message, ids), self._limit, self.name)
        except Abandoned:
            return Failed(f"apprise was not ready within {self._limit:g} s")

        severity = _severity(message)
        for number, part in enumerate(parts[arrived:], start=arrived + 1):
            outcome = await self._attempt(service, part, severity)
            if isinstance(outcome, Sent):
                continue
            if len(parts) == 1:
                return outcome
            self._remember(ids, parts, number - 1)
            reason = f"part {number} of {len(parts)}: {outcome.reason}"
            if isinstance(outcome, Unknown):
                return Unknown(reason)
            return Failed(reason, outcome.permanent, begun=number > 1)
        self._begun.pop(ids, None)
        return Sent()

    def _prepared(self, message: Message, ids: tuple[str, ...]) -> tuple[Service, list[Part], int]:
        service = self._service = self._service or open_service(self._url, self._limit)
        if ids in self._begun:
            parts, arrived = self._begun[ids]
            return service, [_marked(part) for part in parts] if message.repeat else parts, arrived
        return service, render(message, service.layout, service.size, service.title_size, service.measure), 0

    def _remember(self, ids: tuple[str, ...], parts: list[Part], arrived: int) -> None:
        self._begun.pop(ids, None)
        self._begun[ids] = parts, arrived
        if len(self._begun) > _MOST_BEGUN:  # those given up are never asked for again
            del self._begun[next(iter(self._begun))]

    async def _attempt(self, service: Service, part: Part, severity: Severity | None) -> Outcome:
        try:
            return await unattended(lambda: service.send(part, severity), self._limit, self.name)
        except Abandoned:
            self._service = None  # the thread that was left behind keeps it
            return Unknown(f"no answer within {self._limit:g} s")


def _severity(message: Message) -> Severity | None:
    """Return the highest severity that a message tells of as firing."""
    firing = (
        note.severity
        for note in message.notifications
        if note.kind in (Kind.OPENED, Kind.REMINDED) and note.over is None
    )
    return max(firing, key=lambda severity: severity.rank, default=None)


def _marked(part: Part) -> Part:
    return part if REPEAT in part.title else part._replace(title=f"{part.title} · {REPEAT}")
