"""Whether there is a screen that a window can open on."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seaformer_edge.errors import SeaformerEdgeError

HEADLESS = "seaformer-edge segment works without a screen"


def check_display() -> None:
    """Raises SeaformerEdgeError where Qt would find no screen, and end the process."""
    if sys.platform in ("darwin", "win32") or "QT_QPA_PLATFORM" in os.environ:
        return
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise SeaformerEdgeError(f"no screen: DISPLAY is not set; {HEADLESS}")
    if not _answers(display):
        raise SeaformerEdgeError(f"no screen: {display} does not answer; {HEADLESS}")
    if not _admits(display):
        raise SeaformerEdgeError(
            f"no screen: {display} refuses; may this user use the screen? {HEADLESS}"
        )
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        raise SeaformerEdgeError(
            "the window needs libxcb-cursor; on Debian: sudo apt-get install libxcb-cursor0"
        ) from error


def _answers(display: str) -> bool:
    """Whether an X server takes connections at ":0" or "host:10.0"."""
    host, _, number = display.rpartition(":")
    number = number.partition(".")[0]
    if not number.isdecimal():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses: list[tuple[int, object]] = [
            (socket.AF_UNIX, path),
            (socket.AF_UNIX, f"\0{path}"),
        ]
    else:
        addresses = [(socket.AF_INET, (host, 6000 + int(number)))]
    for family, address in addresses:
        with socket.socket(family) as client:
            client.settimeout(2)
            try:
                client.connect(address)  # type: ignore[arg-type]
            except OSError:
                continue
            return True
    return False


def _admits(display: str) -> bool:
    """Whether the X server takes this user, too; so taken where libxcb is not there to ask."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    with _silent_stderr():  # libxcb writes the server's reason there
        connection = ctypes.c_void_p(xcb.xcb_connect(os.fsencode(display), None))
    if xcb.xcb_connection_has_error(connection):
        xcb.xcb_disconnect(connection)
        return False
    # Left open: a server whose last client goes may begin anew, and drop the window's connection.
    return True


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Lets go what libraries write to standard error themselves."""
    nowhere = os.open(os.devnull, os.O_WRONLY)  # first, for it is 2 itself where 2 was closed
    stderr = os.dup(2)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
