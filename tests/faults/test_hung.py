"""Receivers that hang, each in its own way: they hold up neither the other channels, nor a poll, nor the exit."""

import signal
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from tests.builders import RECORDED
from tests.delivery.receivers import Mailbox, Webhook, listening, mailserver, status
from tests.end_to_end.live import environment, eventually, process
from tests.upstream.servers import serving
from watcher.upstream.recorded import RecordedArchive
from watcher.upstream.server import create_app

NAMES = ("silent", "deaf", "dumb", "mail")
RULES = (
    "".join(f"[channels.{name}]\n" for name in (*NAMES, "works"))
    + f"""
[[rule]]
name = "often"
symbols = ["US.XRT"]
when = "short_percent > 60"
notify = {[*NAMES, "works"]}
"""
)


def test_every_channel_but_one_hangs_and_that_one_is_told_at_once_and_the_exit_comes_in_time(tmp_path: Path) -> None:
    archive = RecordedArchive(RECORDED, date(2021, 2, 11))
    mailbox = Mailbox()
    mailbox.hang = True
    (tmp_path / "rules.toml").write_text(RULES)
    with ExitStack() as stack:
        url = stack.enter_context(serving(create_app(archive)))
        silent = stack.enter_context(Webhook(status(200)))
        silent.answers[:] = [silent.hang]
        works = stack.enter_context(Webhook(status(200)))
        urls = {
            "silent": silent.url,
            "deaf": f"json://127.0.0.1:{stack.enter_context(listening(accept=False))}/",
            "dumb": f"json://127.0.0.1:{stack.enter_context(listening(accept=True))}/",
            "mail": stack.enter_context(mailserver(mailbox)).url(),
            "works": works.url,
        }
        env = environment(url, tmp_path / "state", WATCHER_SCHEDULE__EVERY="100ms") | {
            f"WATCHER_CHANNELS__{name.upper()}": url for name, url in urls.items()
        }
        with process("run", env=env, cwd=tmp_path) as running:
            eventually(tmp_path / "err", "channel=works")
            assert mailbox.has_one.wait(10)
            told = len(works.bodies)
            began = time.perf_counter()
            while len(works.bodies) == told:
                archive.advance()
                time.sleep(0.1)
                assert time.perf_counter() - began < 10, "no poll, or no other channel, waits for those that hang"
            running.send_signal(signal.SIGTERM)
            assert running.wait(5) == 0
        eventually(tmp_path / "err", "event=stopped")
