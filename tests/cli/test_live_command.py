"""`seaformer-edge live` on generated frames, with a fake network."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import signal
import socket
import subprocess
import termios
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from clips import number, numbered, read_times, write_video
from fake_command import FakeClassifier, run
from test_segment import PATIENCE_S, _start

from seaformer_edge.cli import live
from seaformer_edge.frame import NO_CLASS
from seaformer_edge.live.report import COLUMNS
from seaformer_edge.sinks.tables import TABLE_SUFFIXES
from seaformer_edge.sources import VideoSource

SCENE = "synthetic:96x64@30"
HEADLESS = Path(__file__).parents[2] / "docs" / "headless.md"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", [numbered(i) for i in range(10)])


def _records(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """The records of a run up to the one with five recorded frames."""
    assert process.stdout is not None
    records = []
    for line in process.stdout:
        records.append(json.loads(line))
        if records[-1]["recorded_frames"] >= 5:
            break
    return records


def test_a_file_is_played_to_its_end(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("live", clip, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    last = json.loads(printed.out.splitlines()[-1])
    assert (last["state"], last["model"], last["width"], last["height"]) == (
        "ended",
        "fake",
        64,
        48,
    )
    assert last["latency_p50_ms"] > 0, "without a display too"
    assert last["classes"][0]["share"] == 1
    assert "paint" not in last["stage_ms"]


def test_it_is_quiet_in_a_pipe(clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("live", clip) == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGTERM] * 2])
def test_signals_end_it_whole(tmp_path: Path, signals: list[int]) -> None:
    out, stats = tmp_path / "out.mp4", tmp_path / "stats.csv"
    with _start(0, "live", SCENE, "--json", "--record", out, "--stats", stats) as process:
        _records(process)
        for number_ in signals:  # `timeout` sends two at once
            process.send_signal(number_)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, "")
    assert len(read_times(out)) >= 5
    rows = list(csv.DictReader(stats.read_text().splitlines()))
    assert int(rows[-1]["recorded_frames"]) >= 5
    assert list(tmp_path.glob(".*")) == []


def test_a_closed_pipe_ends_it_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with _start(0, "live", SCENE, "--json", "--record", out) as process:
        _records(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 1
    assert len(read_times(out)) >= 5


def test_a_reader_that_stops_reading_does_not_stop_the_run(tmp_path: Path) -> None:
    stats = tmp_path / "stats.jsonl"
    with _start(0, "live", SCENE, "--json", "--stats", stats) as process:
        assert process.stdout is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        while not stats.exists() or stats.stat().st_size < 12_000:
            assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE_S) == 130
        assert [json.loads(line) for line in process.stdout], "every line is whole"


def test_the_status_line_of_a_terminal(clip: Path) -> None:
    terminal, stderr = os.openpty()
    termios.tcsetwinsize(stderr, (24, 50))
    with _start(0, "live", clip, stderr=stderr) as process:
        assert process.wait(PATIENCE_S) == 0
    os.close(stderr)
    shown = ""
    with suppress(OSError), os.fdopen(terminal, encoding="utf-8", newline="") as screen:
        while text := screen.read(1):  # ends with an error once the other side is closed
            shown += text
    assert "fps | latency" in shown
    assert max(len(line) for line in shown.replace("\n", "\r").split("\r")) < 50


def test_masks_are_recorded_without_loss(tmp_path: Path) -> None:
    pictures = [np.zeros((48, 64, 3), np.uint8) for _ in range(5)]
    for picture in pictures:
        picture[:, :32, 0] = picture[:, 32:, 2] = 255  # classes 0 and 2 of the fake network
    clip, out = write_video(tmp_path / "in.mp4", pictures), tmp_path / "ids.mp4"
    assert run("live", clip, "--record", out, "--record-what", "masks") == 0
    import av

    with av.open(str(out)) as container:
        ids, palette = next(container.decode(video=0)).to_ndarray()
    assert (ids[:, :24] == 0).all()
    assert (ids[:, 40:] == 2).all()
    assert palette[:3].tolist() == [[255, 255, 0, 0], [255, 0, 255, 0], [255, 0, 0, 255]]


def test_unknown_pixels_are_255_in_recorded_masks(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "ids.mp4"
    options = ("--record", out, "--record-what", "masks", "--min-confidence", 1)
    assert run("live", clip, *options) == 0
    import av

    with av.open(str(out)) as container:
        ids, _ = next(container.decode(video=0)).to_ndarray()
    assert (ids == NO_CLASS).mean() > 0.9


def test_the_classes_of_each_picture_are_recorded(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "classes.jsonl"
    assert run("live", clip, "--record", out) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["frame"] for row in rows] == list(range(len(rows)))
    assert rows[0]["timestamp_s"] == 0 < rows[-1]["timestamp_s"]
    assert rows[0]["classes"][0]["share"] == 1.0


def test_the_raw_pictures_are_recorded(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "raw.mp4"
    assert run("live", clip, "--record", out, "--record-what", "raw") == 0
    with VideoSource(out) as recorded:
        numbers = [number(frame.image) for frame in recorded]
    assert numbers == sorted(set(numbers))


def test_snapshots(tmp_path: Path, clip: Path) -> None:
    assert run("live", clip, "--snapshots", tmp_path / "new" / "snaps") == 0
    endings = sorted(p.stem.split(" ")[2:] for p in (tmp_path / "new" / "snaps").iterdir())
    assert endings == [[], ["classes"], ["overlay"]]


ZONES = """
[[zones]]
name = "top"
polygon = [[0, 0], [1, 0], [1, 0.2], [0, 0.2]]
[[zones.rules]]
class = "blue"
above = 0.5
"""


def test_events_of_zones_are_printed_and_run_a_command(tmp_path: Path) -> None:
    zones, received = tmp_path / "zones.toml", tmp_path / "received.jsonl"
    zones.write_text(ZONES)
    options = ("--json", "--zones", zones, "--on-event", f"tee -a '{received}'")
    event = None
    with _start(0, "live", SCENE, *options) as process:
        assert process.stdout is not None
        for line in process.stdout:
            record = json.loads(line)
            event = record if "event" in record else event
            if event and record.get("zones"):
                break
        process.terminate()
        assert process.wait(PATIENCE_S) == 130
    assert event is not None
    assert (event["event"], event["zone"], event["class"], event["above"]) == (
        "begin",
        "top",
        "blue",
        0.5,
    )
    assert record["zones"]["top"]["blue"] == pytest.approx(event["share"], abs=0.5)
    assert json.loads(received.read_text().splitlines()[0]) == event


def test_a_zone_file_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zones = tmp_path / "zones.toml"
    zones.write_text(ZONES.replace("blue", "mauve"))
    assert run("live", SCENE, "--zones", zones) == 1
    assert "has no class 'mauve'; known are sky, road, blue" in capsys.readouterr().err
    assert run("live", SCENE, "--zones", tmp_path / "none.toml") == 1
    assert "none.toml: cannot be read" in capsys.readouterr().err
    assert run("live", SCENE, "--zones", zones, network=FakeClassifier) == 2


def test_a_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with _start(0, "live", SCENE) as process:
            states = [manager.recv(100) for _ in range(3)]
            process.terminate()
            assert process.wait(PATIENCE_S) == 130
    assert states == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_source_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("live", "nowhere.mp4") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_begins_if_a_result_cannot_be_written(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(b"precious")
    for options, message in (
        (("--record", taken), "exists already; --overwrite replaces it"),
        (("--record", tmp_path / "a.mkv", "--record-what", "masks"), "use .mp4, .mov"),
        (("--stats", tmp_path / "a.txt"), "must end in .csv or .jsonl"),
        (("--snapshots", clip), "is a file"),
    ):
        assert run("live", clip, *options) == 1
        assert message in capsys.readouterr().err
    assert taken.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "options",
    [
        ("--record-minutes", 1),
        ("--record", "a.mp4", "--record-size", "5G"),
        ("--record", "a.csv", "--record-what", "masks"),
        ("--record", "a.jsonl", "--record-minutes", 1),
        ("--record", "a.mp4", "--record-minutes", 1, "--record-size", "5"),
        ("--record", "a.mp4", "--record-minutes", 1, "--record-size", "1e9"),
        ("--record", "a.mp4", "--record-minutes", "nan"),
        ("--record", "a.mp4", "--record-minutes", 0),
        ("--stats-size", "1M"),
        ("--snapshot-every", 5),
        ("--snapshots", "a", "--snapshot-every", "nan"),
        ("--record", "a.csv", "--stats", "./a.csv"),
        ("--record", "rtsp://cam/a.mp4"),
        ("--on-event", "true"),
        ("--name", "porch"),
    ],
)
def test_bad_usage_of_live(options: tuple[object, ...]) -> None:
    assert run("live", SCENE, *options) == 2


def test_options_of_a_segmenter_are_refused_with_a_classifier(tmp_path: Path) -> None:
    masks = ("--record", tmp_path / "a.mp4", "--record-what", "masks")
    for options in (masks, ("--classes", "road")):
        assert run("live", SCENE, *options, network=FakeClassifier) == 2


def test_tables_are_known_by_their_suffix() -> None:
    assert set(live.TABLE_SUFFIXES) == TABLE_SUFFIXES


def test_every_column_is_documented() -> None:
    text = HEADLESS.read_text()
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []
