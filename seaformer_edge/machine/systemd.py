"""Tell systemd how a service does (sd_notify(3)), without its library."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send a state to the service manager; nothing happens if none started this process.

    Args:
        state: such as "READY=1", "WATCHDOG=1", "STOPPING=1" or "STATUS=text".
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    address = f"\0{address[1:]}" if address.startswith("@") else address
    # A manager that is gone or busy is no reason to end a run.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), address)
