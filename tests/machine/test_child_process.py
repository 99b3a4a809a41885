"""Child processes: messages, errors, timeouts, and that none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from fakes import nothing_left, wait_until

from seaformer_edge.errors import SinkError
from seaformer_edge.machine.child_process import ChildDiedError, ChildProcess


@pytest.fixture(autouse=True)
def _no_remains(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with nothing_left():
        yield


def test_output_of_libraries_does_not_disturb_messages() -> None:
    value = {"text": "\u00fc\n", "number": 1.5, "list": [None, True]}
    with ChildProcess("child", ["echo", value]) as child:
        assert child.read_message() == value


def test_raw_bytes_follow_a_message() -> None:
    with ChildProcess("child", ["bytes", 200]) as child:
        buffer = bytearray(child.read_message())
        child.read_into(memoryview(buffer))
        assert bytes(buffer) == bytes(range(200))
        with pytest.raises(ChildDiedError):
            child.read_into(memoryview(buffer))


def test_an_error_is_raised_in_the_parent() -> None:
    with (
        ChildProcess("child", ["raise"]) as child,
        pytest.raises(SinkError, match=r"^the disk is full$"),
    ):
        child.read_message()


def test_a_defect_shows_its_traceback() -> None:
    with tempfile.TemporaryFile() as stderr:
        with (
            ChildProcess("child", ["fail"], stderr=stderr) as child,
            pytest.raises(ChildDiedError) as death,
        ):
            child.read_message()
        assert (death.value.returncode, death.value.timed_out) == (1, False)
        stderr.seek(0)
        assert stderr.read().rstrip().endswith(b"RuntimeError: a defect")


def test_a_crash_gives_its_signal() -> None:
    with ChildProcess("child", ["crash"]) as child, pytest.raises(ChildDiedError) as death:
        child.read_message()
    assert death.value.returncode == -signal.SIGSEGV


def test_a_message_that_is_not_json_ends_the_child() -> None:
    with ChildProcess("child", ["garbage"]) as child, pytest.raises(ChildDiedError):
        child.read_message()


def test_a_child_is_killed_after_its_timeout() -> None:
    started_s = monotonic()
    with ChildProcess("child", ["hang"], timeout_s=2) as child:
        child.read_message()
        with pytest.raises(ChildDiedError) as death:
            child.read_message()
    assert death.value.timed_out
    assert monotonic() - started_s < 20


def test_stopping_asks_first() -> None:
    with tempfile.TemporaryFile() as stderr:
        with ChildProcess("child", ["until closing"], stderr=stderr) as child:
            child.read_message()
            assert child.stop(grace_s=20) == 0
        stderr.seek(0)
        assert stderr.read() == b"closed\n"


PARENT = """
import os, sys
from seaformer_edge.machine.child_process import ChildProcess
print(ChildProcess("child", ["until closing"]).pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_child_ends_with_its_parent() -> None:
    run = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL
    command_line = Path(f"/proc/{int(run.stdout)}/cmdline")  # empty once it has ended
    wait_until(lambda: not command_line.exists() or not command_line.read_bytes())


def test_a_child_whose_parent_ended_before_the_request_is_silent() -> None:
    child = subprocess.run(
        [sys.executable, "-m", "child"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert child.stdout == child.stderr == b""


def test_the_request_is_not_an_argument() -> None:
    with ChildProcess("child", ["hang"]) as child:
        assert child.read_message() == child.pid
        if Path("/proc").is_dir():
            assert b"hang" not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
        assert os.getsid(child.pid) == child.pid
