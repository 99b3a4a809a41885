"""Runs a module of this package in a child process and exchanges JSON messages with it.

    parent: ChildProcess(module, request)       child: serve(handle), in the module's main
            child.read_message()                       connection.send(message)

All child processes of this package use this one protocol on their standard streams:

    stdin   The request, one line of JSON. Then it stays open, and its end tells the child to end:
            a child cannot outlive its parent.
    stdout  The messages, one line of JSON each. Raw bytes may follow, if the message gives their
            number. {"error": CLASS, "text": TEXT} raises that class of `seaformer_edge.errors` in
            the parent.
    stderr  Discarded by default, since libraries print whole URLs there.

The request is not passed as an argument of the command: all users of the machine can read
arguments, and a URL may hold a password.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn, Self

from seaformer_edge.errors import ModelError, SeaformerEdgeError, SinkError, SourceError

MAX_MESSAGE_BYTES = 1 << 24
_ERRORS = {kind.__name__: kind for kind in (SeaformerEdgeError, SourceError, ModelError, SinkError)}
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows: no console window


class ChildDiedError(Exception):
    """The child ended before it sent the message that was to be read.

    Attributes:
        returncode: the exit status; if a signal ended the child, minus its number.
        timed_out: the child was killed because it exceeded its timeout.
    """

    def __init__(self, returncode: int, timed_out: bool) -> None:
        super().__init__(f"the child process died ({returncode})")
        self.returncode = returncode
        self.timed_out = timed_out


class ChildProcess:
    """A child that runs `python -P -m MODULE`. One thread reads; any thread may stop the child.

    Use it as a context manager in the thread that reads: leaving the block kills the child.

    Args:
        module: its main calls `serve`.
        request: any JSON value.
        timeout_s: the child is killed after this time; None for no limit.
        stderr: as in `subprocess.Popen`; None inherits the parent's.
        inherited: descriptors that the child has under the same numbers.

    Raises:
        OSError: Python could not be started.
    """

    def __init__(
        self,
        module: str,
        request: object,
        *,
        timeout_s: float | None = None,
        stderr: int | IO[bytes] | None = subprocess.DEVNULL,
        inherited: Sequence[int] = (),
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],  # -P: do not import from the working directory
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
            creationflags=_NO_WINDOW,
            pass_fds=inherited,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._timed_out = False
        self._timer: threading.Timer | None = None
        if timeout_s is not None:
            self._timer = threading.Timer(timeout_s, self._time_out)
            self._timer.daemon = True
            self._timer.start()
        with contextlib.suppress(OSError):  # if the child is dead, `read_message` reports it
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def read_message(self) -> Any:
        """Waits for the next message.

        Raises:
            SeaformerEdgeError: the child raised it.
            ChildDiedError: the child ended, timed out, or sent something that is not JSON.
        """
        try:
            message = json.loads(self._stdout.readline(MAX_MESSAGE_BYTES))
        except (ValueError, RecursionError):
            raise self._died() from None
        if isinstance(message, dict) and "error" in message:
            raise _ERRORS.get(message["error"], SeaformerEdgeError)(message.get("text"))
        return message

    def read_into(self, buffer: memoryview) -> None:
        """Reads the raw bytes after a message.

        Raises:
            ChildDiedError: fewer bytes came than `buffer` holds.
        """
        if self._stdout.readinto(buffer) < buffer.nbytes:  # type: ignore[attr-defined]
            raise self._died()

    def stop(self, grace_s: float = 0.0) -> int:
        """Asks the child to end, kills it after `grace_s`, and returns its exit status.

        May be called from any thread, and more than once.
        """
        with contextlib.suppress(OSError):  # unread bytes of the request, if the child is dead
            self._stdin.close()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._kill()
        if self._timer is not None:
            self._timer.cancel()
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._stdout.close()

    def _died(self) -> ChildDiedError:
        # A child that closed its stdout is about to end by itself; its status says why.
        return ChildDiedError(self.stop(grace_s=0.5), self._timed_out)

    def _time_out(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            self._process.kill()
        else:  # also what the child itself has started, which would hold its streams open
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class Connection:
    """The child's side.

    Attributes:
        request: what the parent sent.
        closing: set when the parent wants the child to end, or has ended itself.
    """

    def __init__(self, request: Any, output: IO[bytes]) -> None:
        self.request = request
        self.closing = threading.Event()
        self._output = output

    def send(self, message: object, data: bytes | memoryview = b"") -> None:
        """Sends a message, and raw bytes after it.

        Raises:
            BrokenPipeError: the parent has ended.
        """
        self._output.write(json.dumps(message).encode() + b"\n")
        self._output.write(data)
        self._output.flush()


def serve(handle: Callable[[Connection], None], *, grace_s: float = 0.0) -> NoReturn:
    """Runs `handle` in the child, then ends this process.

    A `SeaformerEdgeError` that it raises is sent to the parent; any other exception goes to stderr
    with its traceback, and the exit status is 1.

    Args:
        grace_s: how long `handle` may go on once `closing` is set.
    """
    status = 1
    try:
        line = sys.stdin.buffer.readline()
        if not line:  # the parent ended before it sent the request
            os._exit(0)
        # Output of libraries must not get between the messages.
        output = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        connection = Connection(json.loads(line), output)
        threading.Thread(target=_end_with_parent, args=(connection, grace_s), daemon=True).start()
        try:
            handle(connection)
        except SeaformerEdgeError as error:
            connection.send({"error": type(error).__name__, "text": str(error)})
        status = 0
    except BrokenPipeError:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        # Not sys.exit: threads of libraries may wait for a device that never answers.
        os._exit(status)


def _end_with_parent(connection: Connection, grace_s: float) -> None:
    sys.stdin.buffer.read()
    connection.closing.set()
    threading.Event().wait(grace_s)
    os._exit(0)
