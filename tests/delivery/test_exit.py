"""A receiver that hangs holds up nothing: not the other channels, not who cancels, not the exit of the process."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.delivery.builders import message
from tests.delivery.receivers import Mailbox, Webhook, mailserver, status
from tests.waiting import until
from watcher.core.outbox import Sent
from watcher.delivery.channels import AppriseChannel

PROGRAM = """
import asyncio, sys
from tests.delivery.builders import message
from watcher.delivery.channels import AppriseChannel

async def main(url, how):
    channel = AppriseChannel("desk", url, limit=2.5 if how == "abandoned" else 60.0)
    sending = asyncio.create_task(channel.send(message()))
    if how == "abandoned":
        print(await sending)
    else:
        await asyncio.to_thread(sys.stdin.readline)
        assert not sending.done()
        sending.cancel()
        await asyncio.wait({sending})
        print("cancelled" if sending.cancelled() else sending)
    print("done", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def _exit_of(url: str, how: str, hangs: Callable[[], bool]) -> tuple[str, float]:
    """Return what the program printed, and the seconds from its last line to its end; it may cancel once it hangs."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, how], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        until(lambda: hangs() or running.poll() is not None)
        running.stdin.write("\n")
        running.stdin.flush()
        lines = []
        for line in running.stdout:
            lines.append(line)
            if line == "done\n":
                break
        began = time.perf_counter()
        try:
            code = running.wait(20)
        finally:
            running.kill()
        took = time.perf_counter() - began
        errors = running.stderr.read()
    assert (code, errors) == (0, "")
    return "".join(lines), took


@pytest.mark.parametrize(("how", "said"), [("abandoned", "Unknown("), ("cancelled", "cancelled")])
def test_a_process_ends_while_a_web_hook_still_hangs(how: str, said: str) -> None:
    with Webhook() as hook:
        hook.answers = [hook.hang]
        printed, took = _exit_of(f"{hook.url}?rto=60", how, lambda: bool(hook.bodies))
        assert printed.startswith(said)
        assert took < 2
        assert len(hook.bodies) == 1


def test_a_process_ends_while_a_mail_server_still_hangs() -> None:
    mailbox = Mailbox()
    mailbox.hang = True
    with mailserver(mailbox) as server:
        printed, took = _exit_of(server.url(cto="60"), "abandoned", mailbox.has_one.is_set)
    assert printed.startswith("Unknown(")
    assert took < 2


def test_a_channel_that_hangs_delays_no_other() -> None:
    async def both() -> float:
        hung = AppriseChannel("hung", f"{hanging.url}?rto=60", limit=3.0)
        quick = AppriseChannel("quick", good.url)
        waiting = asyncio.create_task(hung.send(message()))
        await asyncio.sleep(0.1)
        began = time.perf_counter()
        for _ in range(5):
            assert await quick.send(message()) == Sent()
        took = time.perf_counter() - began
        assert not waiting.done()
        waiting.cancel()
        return took

    with Webhook() as hanging, Webhook(status(200)) as good:
        hanging.answers = [hanging.hang]
        assert asyncio.run(both()) < 1
