"""Tells the service manager how it goes, by the protocol of sd_notify(3); does nothing where there is none."""

import os
import socket

from watcher.clock import SystemClock

_PATIENCE = 0.1
"""Seconds that the event loop stands still, at most, because the service manager does not read."""


def notify(*assignments: str) -> None:
    """Send assignments such as `READY=1` or `STATUS=…`; what cannot be sent is no reason to stop working."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket is written so, and begins with a null byte
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(_PATIENCE)
        try:
            channel.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return


def watchdog() -> float | None:
    """Return after how many seconds of silence the service manager would end this process; None if it never does."""
    of_another = os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid())
    try:
        microseconds = int(os.environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1_000_000 if microseconds > 0 and not of_another else None


def reloading() -> None:
    """Say that a reload begins; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={int(SystemClock().monotonic() * 1_000_000)}")
