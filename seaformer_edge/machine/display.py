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
    probe = _connected(display)
    if probe is None:
        raise SeaformerEdgeError(f"no screen: {display} does not answer; {HEADLESS}")
    # Held meanwhile: a server whose last client goes may begin anew, and drop who is about to come.
    with probe:
        admitted = _admits(display)
    if not admitted:
        raise SeaformerEdgeError(
            f"no screen: {display} refuses; may this user use the screen? {HEADLESS}"
        )
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        raise SeaformerEdgeError(
            "the window needs libxcb-cursor; on Debian: sudo apt-get install libxcb-cursor0"
        ) from error


def _connected(display: str) -> socket.socket | None:
    """A connection to the X server at ":0" or "host:10.0"; None where none takes it."""
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
    # Left open, or the last client would go before the window's connection comes.
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
