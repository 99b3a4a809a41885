"""What the commands print holds no terminal escape and no login, whatever they are given."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import CARD

from seaformer_edge import cli
from seaformer_edge.cli import main
from seaformer_edge.cli.output import LogFormatter, echo_exception
from seaformer_edge.hub.card import write_card

ESCAPE = "\x1b]0;title\x07"
LOGIN = "rtmp://me:s3cret@cam/live?token=s3cret"


@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["segment", "{}", "-o", "out.mp4"],
        ["segment", "a.mp4", "{}"],
        ["segment", "none.mp4", "-o", "{}"],
        ["segment", "sample", "-o", "out.mp4", "--{}"],
        ["segment", "sample", "-o", "out.mp4", "--mode", "{}"],
        ["segment", "sample", "-o", "out.mp4", "-m", "{}"],
        ["segment", "sample", "-o", "out.mp4", "--classes", "{}"],
        ["models", "info", "{}"],
        ["models", "import", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("text", [f"{ESCAPE}.mp4", "\udc80\r.mp4", LOGIN], ids=ascii)
def test_errors_are_safe_to_show(
    arguments: list[str],
    text: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(text) for argument in arguments]) in (1, 2)
    out, err = capsys.readouterr()
    assert not {*"\x1b\x07\r\udc80"} & {*(out + err)}
    assert "s3cret" not in out + err


def test_a_card_is_safe_to_show(capsys: pytest.CaptureFixture[str], models_home: Path) -> None:
    models_home.mkdir()
    path = models_home / f"a{ESCAPE}.pte"
    path.write_bytes(b"program")
    names = (f"road{ESCAPE}", *CARD.classes[1:])
    card = replace(CARD, name=path.stem, classes=names, origin=ESCAPE, accuracy={"set": ESCAPE})
    write_card(card, path)
    for command in (["list"], ["info", str(path)], ["info", str(path), "--json"]):
        assert main(["models", *command]) == 0
        out = capsys.readouterr().out
        assert ESCAPE not in out
        assert r"\u001b" in out
    assert json.loads(out)["classes"][0] == names[0]


def test_tracebacks_and_log_messages_are_safe_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError(f"{ESCAPE} {LOGIN}")
    except ValueError:
        echo_exception(*sys.exc_info())  # type: ignore[arg-type]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter())
    handler.emit(logging.makeLogRecord({"msg": f"{ESCAPE} {LOGIN}"}))
    for text in (capsys.readouterr().err, stream.getvalue()):
        assert text.endswith(r"\u001b]0;title\u0007 rtmp://cam/live" + "\n")
        assert "s3cret" not in text.replace('f"{ESCAPE} {LOGIN}"', "")


def test_every_command_prints_through_one_function() -> None:
    folder = Path(cli.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and path.name != "output.py":
                assert ast.unparse(node.func) not in ("print", "click.echo", "click.secho"), path
