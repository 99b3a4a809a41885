"""Tab completion: the script, where it is installed, and the words that are offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaformer_edge.cli import main
from seaformer_edge.cli.completion import VARIABLE
from seaformer_edge.sources.info import SourceInfo


@pytest.fixture
def offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    """What Tab offers at the end of a line, in a folder with some files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "seaformer_edge.sources.list_cameras", lambda: [SourceInfo("0", "USB camera", ())]
    )
    for name in ("street.mp4", "own.pte", ".hidden", "with space.mp4"):
        Path(name).touch()

    def offer(line: str) -> list[str]:
        monkeypatch.setenv(VARIABLE, "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main([])
        return capsys.readouterr().out.split()

    return offer


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mod", ["plain,models"]),
        ("models inf", ["plain,info"]),
        ("segment x --opa", ["plain,--opacity"]),
        ("segment x --mode o", ["plain,overlay", "plain,original"]),
        ("segment s", ["plain,sample", "plain,synthetic", "plain,street.mp4"]),
        ("segment st", ["file,"]),
        ("segment folder/", ["file,"]),
        ("segment x -m own", ["file,"]),
        ("live pic", ["plain,picamera"]),
        ("models info seaformer-t-camvid-i", ["plain,seaformer-t-camvid-int8"]),
        ("models fetch seaformer-t-ad", ["plain,seaformer-t-ade20k"]),
        ("segment x --classes wall,pers", ["plain,wall,person"]),
        ("segment x -m seaformer-t-camvid --classes bicyc", ["plain,bicyclist"]),
        ("segment x -m unknown --classes sid", []),
        ("train everyday-o", ["plain,everyday-objects"]),
        ("completion f", ["plain,fish"]),
    ],
)
def test_words(offered, line: str, words: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert offered(f"seaformer-edge {line}") == words


def test_cameras_are_offered(offered, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("sys.platform", "linux")
    assert "plain,0" in offered("seaformer-edge live ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert f"{VARIABLE}={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("bash", ".local/share/bash-completion/completions/seaformer-edge"),
        ("zsh", ".local/share/seaformer-edge/completion.zsh"),
        ("fish", ".config/fish/completions/seaformer-edge.fish"),
    ],
)
def test_the_script_is_installed(
    shell: str, script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".zshrc").write_text("alias ll=ls")
    for _ in range(2):
        assert main(["completion", shell, "--install"]) == 0
    assert f"{VARIABLE}={shell}_complete" in (tmp_path / script).read_text()
    lines = (tmp_path / ".zshrc").read_text().splitlines()
    assert lines[0] == "alias ll=ls"
    assert sum(script in line for line in lines) == (shell == "zsh")


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert main(["completion", "bash", "--install"]) == 1
    assert "cannot be written" in capsys.readouterr().err
