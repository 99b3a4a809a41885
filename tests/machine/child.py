"""A child for the tests of `machine.child_process`; its request says what it does."""

import os
import signal
import sys
import time

from seaformer_edge.errors import SinkError
from seaformer_edge.machine.child_process import Connection, serve


def _handle(connection: Connection) -> None:
    match connection.request:
        case ["echo", value]:
            print("output of a library", flush=True)
            connection.send(value)
        case ["bytes", count]:
            connection.send(count, bytes(range(count)))
        case ["raise"]:
            raise SinkError("the disk is full")
        case ["fail"]:
            raise RuntimeError("a defect")
        case ["crash"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["garbage"]:
            os.write(connection._output.fileno(), b"not JSON\n")
            time.sleep(60)
        case ["hang"]:
            connection.send(os.getpid())
            time.sleep(60)
        case ["until closing"]:
            connection.send("open")
            connection.closing.wait(60)
            print("closed", file=sys.stderr, flush=True)


if __name__ == "__main__":
    serve(_handle, grace_s=5.0)
