"""The program that is run for each event."""

from __future__ import annotations

import logging
import shlex
import sys
from pathlib import Path

import pytest

from seaformer_edge.errors import SinkError
from seaformer_edge.zones import EventCommand, command


def python(code: str, *arguments: object) -> str:
    return shlex.join([sys.executable, "-c", code, *map(str, arguments)])


def test_the_command_gets_each_event_in_order(tmp_path: Path) -> None:
    out = tmp_path / "a; b $HOME"
    code = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"
    events = EventCommand(python(code, out))
    for line in ("one", "two", "three"):
        events.put(line)
    events.close()
    assert out.read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/no/such/program", "/no/such/program: cannot be run"),
        (python("raise SystemExit(3)"), "exit status 3"),
        (python("import os; os.close(0); raise SystemExit(4)"), "exit status 4"),
    ],
)
def test_a_command_that_fails_is_reported(
    line: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    events = EventCommand(line)
    events.put("x" * 1_000_000)
    events.close()
    assert complaint in caplog.text


def test_a_command_that_hangs_is_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(command, "TIME_LIMIT_S", 0.2)
    events = EventCommand("sh -c 'sleep 60 & sleep 60'")
    events.put("")
    events.put("")
    events.close()
    assert "killed after 0 s" in caplog.text


def test_events_that_come_too_fast_are_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(command, "MAX_WAITING", 2)
    events = EventCommand(python("import sys; sys.stdin.read()"))
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            events.put("")
    events.close()
    assert "2 events wait; one is dropped" in caplog.text


@pytest.mark.parametrize("line", ["", "  ", "'unclosed"])
def test_a_command_that_is_none(line: str) -> None:
    with pytest.raises(SinkError):
        EventCommand(line)
