"""Runs a program of the user's for each event."""

from __future__ import annotations

import logging
import math
import os
import queue
import shlex
import signal
import subprocess
import threading
from time import monotonic

from seaformer_edge.errors import SinkError

TIME_LIMIT_S = 10.0
MAX_WAITING = 100

log = logging.getLogger(__name__)


class EventCommand:
    """Runs a command with each event on its standard input, one at a time, never through a shell.

    A command that takes longer than `TIME_LIMIT_S` is killed with its children. Events that come
    while `MAX_WAITING` others wait are dropped with a message.

    Args:
        command: program and arguments, quoted as in a shell.

    Raises:
        SinkError: the command is empty or its quotes do not match.
    """

    def __init__(self, command: str) -> None:
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise SinkError(f"{command!r}: not a command ({error})") from error
        if not self._arguments:
            raise SinkError("the command of an event is empty")
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._end_s = math.inf
        self._thread = threading.Thread(target=self._run, name="event-command", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Runs the command with `line` on standard input soon; does not wait."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            log.warning("%s: %d events wait; one is dropped", self._arguments[0], MAX_WAITING)

    def close(self) -> None:
        """Waits at most `TIME_LIMIT_S` for the commands of the events so far."""
        self._end_s = monotonic() + TIME_LIMIT_S
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            limit_s = min(TIME_LIMIT_S, self._end_s - monotonic())
            if limit_s > 0:
                self._run_once(line, limit_s)
            else:
                log.warning("%s: not run for an event, since the run ends", self._arguments[0])

    def _run_once(self, line: str, limit_s: float) -> None:
        name = self._arguments[0]
        try:
            # A session of its own: Ctrl-C is for this program, and its children end with it.
            process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            log.warning("%s: cannot be run (%s)", name, error)
            return
        with process:
            try:
                process.communicate(line + "\n", limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                log.warning("%s: killed after %.0f s", name, limit_s)
                return
        if process.returncode:
            log.warning("%s: exit status %d", name, process.returncode)
