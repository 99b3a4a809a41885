"""Checks for a screen before Qt is loaded: without one, Qt aborts the process."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seaformer_edge.errors import SeaformerEdgeError

HEADLESS = "seaformer-edge live and segment work without a screen"


def check_display() -> None:
    """Checks that Qt can open a window.

    Raises:
        SeaformerEdgeError: there is no screen, or this user may not use it.
    """
    if sys.platform in ("darwin", "win32") or "QT_QPA_PLATFORM" in os.environ:
        return
    wayland = os.environ.get("WAYLAND_DISPLAY", "")
    if wayland and _wayland_answers(wayland):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        reason = (
            f"the Wayland screen {wayland} does not answer" if wayland else "DISPLAY is not set"
        )
        raise SeaformerEdgeError(f"no screen: {reason}; {HEADLESS}")
    probe = _connected(display)
    if probe is None:
        raise SeaformerEdgeError(f"no screen: the X server {display} does not answer; {HEADLESS}")
    # Some X servers reset when their last client disconnects, so keep this connection open.
    with probe:
        accepted = _accepts(display)
    if not accepted:
        raise SeaformerEdgeError(
            f"no screen: the X server {display} refuses this user (see xauth); {HEADLESS}"
        )
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        raise SeaformerEdgeError(
            "the window needs libxcb-cursor; on Debian: sudo apt-get install libxcb-cursor0"
        ) from error


def _wayland_answers(display: str) -> bool:
    """Whether something listens at e.g. "wayland-0", which may also be an absolute path."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(Path(os.environ.get("XDG_RUNTIME_DIR", ""), display)))
        except OSError:
            return False
    return True


def _connected(display: str) -> socket.socket | None:
    """A connection to the X server at e.g. ":0" or "host:10.0"; None if it does not answer."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdecimal():
        return None
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses: list[tuple[int, object]] = [
            (socket.AF_UNIX, path),
            (socket.AF_UNIX, f"\0{path}"),
        ]
    else:
        addresses = [(socket.AF_INET, (host, 6000 + int(number)))]
    for family, address in addresses:
        client = socket.socket(family)
        client.settimeout(2)
        try:
            client.connect(address)  # type: ignore[arg-type]
        except OSError:
            client.close()
            continue
        return client
    return None


def _accepts(display: str) -> bool:
    """Whether the X server accepts this user; True if libxcb is not installed."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    with _silent_stderr():  # libxcb writes the reason there
        connection = ctypes.c_void_p(xcb.xcb_connect(os.fsencode(display), None))
    if xcb.xcb_connection_has_error(connection):
        xcb.xcb_disconnect(connection)
        return False
    # Stays open: without a client, the server might reset before the window connects.
    return True


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Discards what libraries write to standard error directly."""
    null = os.open(os.devnull, os.O_WRONLY)  # before the dup: this is 2 if 2 was closed
    stderr = os.dup(2)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


if __name__ == "__main__":  # for scripts/demo
    try:
        check_display()
    except SeaformerEdgeError as error:
        sys.exit(str(error))
