"""The console: a terminal, a pipe, or a stream of any other kind."""

import asyncio
import io
import os
import pty
from pathlib import Path

import pytest

from tests.delivery.builders import digest, message, mixed_digest
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.delivery.channels import ConsoleChannel


def send(channel: ConsoleChannel, what: Message) -> Outcome:
    return asyncio.run(channel.send(what))


def printed(what: Message) -> str:
    stream = io.StringIO()
    assert send(ConsoleChannel(stream), what) == Sent()
    return stream.getvalue()


def test_it_is_called_console() -> None:
    assert ConsoleChannel(io.StringIO()).name == "console"


def test_an_opening_is_two_lines_and_the_same_every_time() -> None:
    assert printed(message()).count("\n") == 2
    assert printed(message()) == printed(message())


def test_a_digest_is_a_title_and_a_table() -> None:
    lines = printed(mixed_digest()).splitlines()
    assert lines[0].endswith("· short selling")
    assert len(lines) == 3 + 60


def test_what_is_printed_follows_what_was_printed_before(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w") as stream:
        stream.write("before\n")
        assert send(ConsoleChannel(stream), message()) == Sent()
        stream.write("after\n")
    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("before", "after", 4)


def test_an_encoding_that_lacks_a_character_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w", encoding="ascii") as stream:
        assert send(ConsoleChannel(stream), message()) == Sent()
    assert path.read_text().startswith("? HK.00700 15.42 % > 15 ? hk-crowded")


def _on_terminal() -> bytes:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        assert send(ConsoleChannel(terminal), message()) == Sent()
        text = os.read(leader, 10_000)
    os.close(leader)
    return text


def test_a_terminal_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert _on_terminal().startswith(b"\x1b[33m")


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b" not in _on_terminal()


def test_a_pipe_that_nobody_reads_any_more_is_a_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        assert send(ConsoleChannel(stream), message()) == Failed("nobody reads the console any more")


def test_a_closed_stream_is_a_failure() -> None:
    stream = io.StringIO()
    channel = ConsoleChannel(stream)
    stream.close()
    assert isinstance(send(channel, message()), Failed)


def test_a_reader_that_sleeps_stalls_neither_the_event_loop_nor_the_exit() -> None:
    async def sent_while_counting() -> tuple[Outcome, int]:
        sending = asyncio.create_task(ConsoleChannel(stream, limit=0.5).send(digest(2000)))
        turns = 0
        while not sending.done():
            await asyncio.sleep(0.01)
            turns += 1
        return sending.result(), turns

    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        outcome, turns = asyncio.run(sent_while_counting())
    os.close(reader)
    assert outcome == Unknown("the console was not read in time")
    assert turns > 10
