"""Tells the service manager how it goes, by the protocol of sd_notify(3); does nothing where there is none."""

import os
import socket

from watcher.clock import SystemClock


def notify(*assignments: str) -> None:
    """Send assignments such as `READY=1` or `STATUS=…`; what cannot be sent is no reason to stop working."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket is written so, and begins with a null byte
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return


def reloading() -> None:
    """Say that a reload begins; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={int(SystemClock().monotonic() * 1_000_000)}")
