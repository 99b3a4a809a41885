"""`seaformer-edge segment`: outputs, bad input and interruption."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import fake_segment, noise, number, numbered, read_times, write_audio, write_video
from fake_command import FakeClassifier, FakeSegmenter, run
from numpy.typing import NDArray
from PIL import Image

from seaformer_edge.cli import main
from seaformer_edge.cli.segment import CODEC_CHOICES
from seaformer_edge.errors import ModelError, SourceError
from seaformer_edge.files import partial_path
from seaformer_edge.frame import NO_CLASS, Segmentation
from seaformer_edge.inference.modes import Mode
from seaformer_edge.sinks.formats import CODECS

COUNT = 12
PATIENCE_S = 30


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", [numbered(i) for i in range(COUNT)], audio=True)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.full((20, 40, 3), 100, np.uint8))
    return path


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on standard error after a failure."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("seaformer-edge: ")
    return line


def _rgb(path: Path) -> NDArray[np.uint8]:
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


def test_video_with_every_output(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, masks, stats = tmp_path / "out.mp4", tmp_path / "masks", tmp_path / "shares.csv"
    assert run("segment", clip, "-o", out, "--masks", masks, "--stats", stats) == 0
    assert read_times(out) == pytest.approx(read_times(clip))
    names = sorted(path.name for path in masks.iterdir())
    assert names == [f"{index:06d}.png" for index in range(COUNT)]
    with stats.open() as file:
        assert len(list(csv.DictReader(file))) == 2 * COUNT
    captured = capsys.readouterr()
    assert captured.err == ""  # no progress bar without a terminal
    assert f"{COUNT} frames in" in captured.out
    assert ", 0 lost" in captured.out
    assert "mean ms: decode" in captured.out
    assert "classes: road 50.0%, sky 50.0%" in captured.out


def test_picture(tmp_path: Path, picture: Path) -> None:
    assert run("segment", picture, "-o", tmp_path / "out.png", "--opacity", "1") == 0
    expected = np.zeros((20, 40, 3), np.uint8)
    expected[:, :20], expected[:, 20:] = (255, 0, 0), (0, 0, 255)
    assert np.array_equal(_rgb(tmp_path / "out.png"), expected)


def test_chosen_classes_side_by_side(tmp_path: Path, picture: Path) -> None:
    options = ("--classes", "road", "--mode", "side-by-side", "--opacity", "1")
    assert run("segment", picture, "-o", tmp_path / "out.png", *options) == 0
    expected = np.full((20, 80, 3), 100, np.uint8)
    expected[:, 40:60] = (255, 0, 0)
    assert np.array_equal(_rgb(tmp_path / "out.png"), expected)


def test_names_are_written_on_the_picture(tmp_path: Path) -> None:
    photo, named, plain = (tmp_path / f"{name}.png" for name in ("photo", "named", "plain"))
    cv2.imwrite(str(photo), np.full((200, 400, 3), 100, np.uint8))
    assert run("segment", photo, "-o", named, "--labels", "--classes", "road") == 0
    assert run("segment", photo, "-o", plain, "--classes", "road") == 0
    changed = (_rgb(named) != _rgb(plain)).any(axis=2)
    assert changed[80:120, 70:130].any()  # the road is the left half
    changed[80:120, 70:130] = False
    assert not changed.any()


def test_twice_the_width_must_fit_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide, out = tmp_path / "wide.png", tmp_path / "out.webp"
    cv2.imwrite(str(wide), np.zeros((4, 10_000, 3), np.uint8))
    assert run("segment", wide, "-o", out, "--mode", "side-by-side") == 1
    assert "20000x4 pixels are too large for .webp" in _one_line(capsys)
    assert run("segment", wide, "-o", out) == 0


def test_edges(tmp_path: Path, picture: Path) -> None:
    assert run("segment", picture, "-o", tmp_path / "out.png", "--mode", "edges") == 0
    expected = np.full((20, 40, 3), 100, np.uint8)
    expected[:, 19], expected[:, 20] = (255, 0, 0), (0, 0, 255)
    assert np.array_equal(_rgb(tmp_path / "out.png"), expected)


def test_every_mode_is_offered_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"--mode [{'|'.join(Mode)}]" in printed
    for mode in Mode:
        assert mode.description in printed


def test_classifier(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("segment", picture, network=FakeClassifier) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("1 frame in")
    assert printed.endswith("classes: road 70.0%, sky 30.0%\n")

    large = tmp_path / "large.png"
    cv2.imwrite(str(large), np.full((480, 640, 3), 100, np.uint8))
    out, stats = tmp_path / "out.png", tmp_path / "scores.csv"
    assert run("segment", large, "-o", out, "--stats", stats, network=FakeClassifier) == 0
    written = (_rgb(out) != 100).any(axis=2)
    assert written[:60, :320].mean() > 0.05, "two lines in the upper left corner"
    assert not written[80:].any()
    assert stats.read_text().count("0,large,0.0,") == 2


@pytest.mark.parametrize(
    "option",
    [
        ("--masks", "m"),
        ("--mode", "overlay"),
        ("--opacity", 1),
        ("--classes", "road"),
        ("--min-confidence", 0.5),
    ],
)
def test_options_of_a_segmenter_are_refused_with_a_classifier(
    option: tuple[object, ...], picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", picture, *option, network=FakeClassifier) == 2
    assert f"{option[0]} needs a segmenter, and fake is a classifier" in capsys.readouterr().err


def test_masks_hold_class_ids_in_the_colours_of_the_model(tmp_path: Path, picture: Path) -> None:
    assert run("segment", picture, "--masks", tmp_path / "masks") == 0
    mask = Image.open(tmp_path / "masks" / "picture.png")
    assert mask.mode == "P"
    ids = np.asarray(mask)
    assert ids.shape == (20, 40)
    assert np.array_equal(np.unique(ids[:, :20]), [1])
    assert np.array_equal(np.unique(ids[:, 20:]), [0])
    colours = _rgb(tmp_path / "masks" / "picture.png")
    assert (colours[:, :20] == (255, 0, 0)).all()
    assert (colours[:, 20:] == (0, 0, 255)).all()


def test_pixels_below_the_floor_are_unknown(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = {"-o": "out.png", "--masks": "ids.png", "--stats": "shares.csv"}
    options = [part for option, name in outputs.items() for part in (option, tmp_path / name)]
    assert run("segment", picture, *options, "--opacity", 1, "--min-confidence", 0.85) == 0
    ids, drawn = np.asarray(Image.open(tmp_path / "ids.png")), _rgb(tmp_path / "out.png")
    assert (ids[:, :20] == 1).all()
    assert (ids[:, 20:] == NO_CLASS).all()
    assert (drawn[:, 20:] == 100).all()
    assert (tmp_path / "shares.csv").read_text().endswith(",255,unknown,0.500000,\n")
    assert "classes: road 50.0%, unknown 50.0%" in capsys.readouterr().out


def test_folder_to_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b10.jpg", "b9.jpg"):
        cv2.imwrite(str(tmp_path / "in" / name), numbered(1))
    out = tmp_path / "results" / "drawn"
    assert run("segment", tmp_path / "in", "-o", out, "--masks", out / "masks") == 0
    assert sorted(path.name for path in out.glob("*.png")) == ["b10.png", "b9.png"]
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["b10.png", "b9.png"]


def test_each_video_of_a_folder_has_its_results(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("one.mp4", "two.mp4", "two.mkv", "three.avi"):
        shutil.copy(clip, folder / name)
    (folder / "broken.mov").write_bytes(b"no video")
    (folder / "notes.txt").touch()
    arguments = ["segment", str(folder), "-o", tmp_path / "out", "--masks", tmp_path / "masks"]
    assert run(*arguments, "--stats", tmp_path / "stats", "--end", "2") == 1
    assert "broken.mov: neither a video" in caplog.text, "and the others go on"
    assert "left out, as they are no videos: 1 .txt" in caplog.text
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("one.mp4", "two.mp4.mp4", "two.mkv.mkv", "three.mp4")
    }
    for kind in ("masks", "stats"):
        stems = {path.name.removesuffix(".csv") for path in (tmp_path / kind).iterdir()}
        assert stems == {"one", "two.mp4", "two.mkv", "three"}
    assert len(list((tmp_path / "masks" / "one").iterdir())) == 2


def test_several_pictures_are_frames_of_one_result(tmp_path: Path) -> None:
    pictures = [tmp_path / f"frame{n}.png" for n in (10, 2)]  # as a shell sorts them
    for n, path in enumerate(pictures):
        cv2.imwrite(str(path), numbered(n))
    assert run("segment", *pictures, "-o", tmp_path / "out.mp4") == 0
    assert read_times(tmp_path / "out.mp4") == pytest.approx([0, 1 / 25])
    assert run("segment", *pictures, "--stats", tmp_path / "shares.jsonl") == 0
    lines = (tmp_path / "shares.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["frame2", "frame10"]


def test_several_videos_have_their_results_in_a_folder(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a/one.mp4", "b/two.mkv", "b/c/three.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / name)
    sources = [tmp_path / "a" / "*.mp4", tmp_path / "b", tmp_path / "b" / "c" / "three.avi"]
    out = tmp_path / "out"
    options = ("-o", out, "--end", "2")
    assert run("segment", *sources, tmp_path / "missing.mp4", *options) == 1
    assert "missing.mp4: no such file" in caplog.text, "and the others go on"
    results = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert results == {"a/one.mp4", "b/two.mkv", "b/c/three.mp4"}


def test_several_sources_that_do_not_go_together(
    tmp_path: Path, clip: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for sources, message in (
        ((clip, picture), "in separate commands"),
        ((clip, "sample"), "name this one alone"),
        (("http://cam/a.mp4", clip), "name this one alone"),
    ):
        assert run("segment", *sources, "-o", out) == 2
        assert message in capsys.readouterr().err
    assert run("segment", picture, tmp_path / "missing.png", "-o", out) == 1
    assert "missing.png: no such file" in _one_line(capsys)
    assert run("segment", clip, clip.parent, "-o", tmp_path / "all.mp4") == 2


def test_the_mask_of_one_picture_is_a_file(
    tmp_path: Path, picture: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", picture, "--masks", tmp_path / "ids.png") == 0
    assert cv2.imread(str(tmp_path / "ids.png")).shape == (20, 40, 3)
    assert run("segment", clip, "--masks", tmp_path / "clip.png") == 1
    assert "has more than one frame" in _one_line(capsys)
    assert run("segment", picture, "--masks", tmp_path / "ids.jpg") == 1
    assert "masks are PNGs" in _one_line(capsys)


def test_a_folder_of_videos_needs_folders_for_its_results(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", clip.parent, "-o", tmp_path / "out" / "all.mp4") == 2
    assert "all.mp4 is named like a file" in capsys.readouterr().err


def test_names_that_are_not_utf8(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, masks = tmp_path / "\udce9", tmp_path / "m\udce9"
    folder.mkdir()
    picture.rename(folder / "caf\udce9.png")
    (folder / "b\udce9.png").write_text("no picture")
    assert run("segment", folder, "--masks", masks, "--stats", tmp_path / "shares.csv") == 0
    assert [path.name for path in masks.iterdir()] == ["caf\udce9.png"]
    assert r"m\udce9" in capsys.readouterr().out


def test_range_and_step(tmp_path: Path, clip: Path) -> None:
    masks = tmp_path / "masks"
    options = ("--start", 2, "--end", 9, "--every", 3)
    assert run("segment", clip, "--masks", masks, *options) == 0
    assert sorted(path.stem for path in masks.iterdir()) == ["000002", "000005", "000008"]


@pytest.mark.parametrize("times", [("0.2s", "0.4s"), ("0:00.2", "00:00:00.4")])
def test_a_range_of_times(tmp_path: Path, clip: Path, times: tuple[str, str]) -> None:
    masks = tmp_path / "masks"
    assert run("segment", clip, "--masks", masks, "--start", times[0], "--end", times[1]) == 0
    assert sorted(path.stem for path in masks.iterdir()) == [f"{i:06d}" for i in range(5, 10)]


def test_truncated_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [noise(i) for i in range(40)]
    clip = write_video(tmp_path / "clip.mp4", pictures, options={"movflags": "faststart"})
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    assert run("segment", clip, "-o", tmp_path / "out.mp4") == 0
    decoded = len(read_times(tmp_path / "out.mp4"))
    assert f"{decoded} frames in" in (printed := capsys.readouterr().out)
    assert f"{40 - decoded} lost" in printed


def _bad_sources(folder: Path) -> dict[str, Path]:
    (folder / "empty").mkdir()
    (folder / "words.mp4").write_text("no video " * 99)
    (folder / "nothing.mp4").write_bytes(b"")
    (folder / "words.png").write_text("no picture")
    write_audio(folder / "song.m4a")
    return {
        "missing.mp4": folder / "missing.mp4",
        "no such file": folder / "nowhere" / "a.mp4",
        "holds no pictures": folder / "empty",
        "words.mp4: neither": folder / "words.mp4",
        "nothing.mp4: is empty": folder / "nothing.mp4",
        "words.png: no picture that can be read": folder / "words.png",
        "song.m4a: holds no video": folder / "song.m4a",
        "matches no file": folder / "*.webm",
    }


def test_bad_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for message, source in _bad_sources(tmp_path).items():
        assert run("segment", source, "-o", tmp_path / "out.mp4") == 1
        assert message in _one_line(capsys)
        assert not (tmp_path / "out.mp4").exists()


def test_output_exists(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    assert run("segment", clip, "-o", out) == 1
    assert "out.mp4: exists already; --overwrite replaces it" in _one_line(capsys)
    assert out.read_text() == "precious"
    assert run("segment", clip, "-o", out, "--overwrite") == 0
    assert len(read_times(out)) == COUNT


def test_output_is_the_source(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = clip.read_bytes()
    assert run("segment", clip, "-o", clip, "--overwrite") == 1
    assert "clip.mp4: is the input itself" in _one_line(capsys)
    assert clip.read_bytes() == before


def test_unwritable_output(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("segment", clip, "-o", clip / "out.mp4") == 1
    assert "cannot write into" in _one_line(capsys)
    assert run("segment", clip, "-o", tmp_path / "out.xyz") == 1
    assert "unknown format .xyz" in _one_line(capsys)


def test_nothing_is_written_if_one_output_exists(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "shares.csv").write_text("precious")
    out = tmp_path / "out.mp4"
    assert run("segment", clip, "-o", out, "--stats", tmp_path / "shares.csv") == 1
    assert not out.exists()


def test_unknown_class(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("segment", clip, "-o", tmp_path / "out.mp4", "--classes", "road,cow") == 1
    assert "cow: no class of fake; known are sky, road" in _one_line(capsys)


def test_unknown_model(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", str(clip), "-o", str(tmp_path / "out.mp4"), "-m", "seaformer-z"]) == 1
    assert "seaformer-z: unknown model" in _one_line(capsys)


def test_program_without_a_card(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare.pte").write_bytes(b"program")
    arguments = [str(clip), "-o", str(tmp_path / "out.mp4"), "-m", str(tmp_path / "bare.pte")]
    assert main(["segment", *arguments]) == 1
    assert "bare.pte" in _one_line(capsys)
    assert not (tmp_path / "out.mp4").exists()


def test_range_beyond_the_end(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", clip, "-o", tmp_path / "out.mp4", "--start", 99) == 1
    assert "no frame in the range 99:" in _one_line(capsys)
    assert not (tmp_path / "out.mp4").exists()


def test_codec_and_quality(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "noise.mp4", [noise(i) for i in range(3)])
    sizes = []
    for quality in (1, 100):
        out = tmp_path / f"{quality}.avi"
        options = ("--codec", "mjpeg", "--quality", quality)
        assert run("segment", clip, "-o", out, *options) == 0
        assert len(read_times(out)) == 3
        sizes.append(out.stat().st_size)
    assert sizes[0] < sizes[1]


def test_every_codec_is_offered() -> None:
    assert set(CODEC_CHOICES) == CODECS.keys() - {"gif", "masks"}


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--stats", "a.csv", "--quality", 5),
        ("-o", "a.mp4", "--quality", 101),
        ("-o", "a.mp4", "--codec", "masks"),
        ("-o", "a.mp4", "--opacity", 2),
        ("-o", "a.mp4", "--start", 5, "--end", 5),
        ("-o", "a.mp4", "--start", "1:30", "--end", "90s"),
        ("-o", "a.mp4", "--start", "1.5"),
        ("-o", "a.mp4", "--start", "1:5"),
        ("-o", "a", "--masks", "./a"),
        ("-o", "a.mp4", "--every", 0),
        ("-o", "a.mp4", "--mode", "outline"),
    ],
)
def test_bad_usage(clip: Path, options: tuple[object, ...]) -> None:
    assert run("segment", clip, *options) == 2


def test_a_failure_leaves_nothing_unfinished(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_at_the_sixth(_: FakeSegmenter, image: NDArray[np.uint8]) -> Segmentation:
        if number(image) == 5:
            raise ModelError("burnt out")
        return fake_segment(image)

    monkeypatch.setattr(FakeSegmenter, "__call__", fail_at_the_sixth)
    out, stats, masks = tmp_path / "out.mp4", tmp_path / "shares.csv", tmp_path / "masks"
    assert run("segment", clip, "-o", out, "--stats", stats, "--masks", masks) == 1
    assert "burnt out" in _one_line(capsys)
    assert sorted(tmp_path.iterdir()) == [clip, masks]
    assert len(list(masks.iterdir())) == 5


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        run("segment", tmp_path / "missing.mp4", "-o", tmp_path / "out.mp4", "--debug")


def _start(
    delay_s: float, *arguments: object, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here.parent), *sys.path])
    return subprocess.Popen(
        [sys.executable, str(here / "fake_command.py"), str(delay_s), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def test_progress_on_a_terminal(tmp_path: Path, clip: Path) -> None:
    terminal, stderr = os.openpty()
    termios.tcsetwinsize(stderr, (24, 100))
    with _start(0.01, "segment", clip, "-o", tmp_path / "out.mp4", stderr=stderr) as process:
        assert process.wait(PATIENCE_S) == 0
    os.close(stderr)
    shown = ""
    with suppress(OSError), os.fdopen(terminal, encoding="utf-8", newline="") as screen:
        while text := screen.read(1):  # ends with an error once the other side is closed
            shown += text
    assert f"{COUNT}/{COUNT}" in shown
    assert "frame/s" in shown


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_finishes_the_files(tmp_path: Path, signal_number: int) -> None:
    clip = write_video(tmp_path / "clip.mp4", [noise(i) for i in range(200)], audio=True)
    out, masks, stats = tmp_path / "out.mp4", tmp_path / "masks", tmp_path / "shares.jsonl"
    command = ("segment", clip, "-o", out, "--masks", masks, "--stats", stats)
    with _start(0.02, *command) as process:
        _wait_for(masks / "000005.png", process)
        process.send_signal(signal_number)
        printed, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors == ""
    frames = len(read_times(out))
    assert 6 <= frames < 200
    assert len(list(masks.iterdir())) == len(stats.read_text().splitlines()) == frames
    assert f"interrupted: the results are partial, {frames} of 200 frames" in printed
    assert list(tmp_path.glob("**/.*")) == []


def test_killed_run_leaves_a_partial_file_that_plays(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", [noise(i) for i in range(200)])
    out, masks = tmp_path / "out.mp4", tmp_path / "masks"
    out.write_text("precious")
    command = ("segment", clip, "-o", out, "--masks", masks, "--overwrite")
    with _start(0.005, *command) as process:
        _wait_for(masks / "000070.png", process)
        process.kill()
    assert out.read_text() == "precious"
    assert len(read_times(partial_path(out))) >= 25


def test_help_loads_neither_opencv_nor_ffmpeg() -> None:
    script = (
        "import sys; from seaformer_edge.cli import main; main(['segment', '--help']);"
        "sys.exit(sorted({'av', 'cv2', 'numpy', 'torch'} & set(sys.modules)) or 0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "Segment SOURCE" in run.stdout


def test_the_frame_rate_of_the_input_can_be_given(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run("segment", clip, "-o", out, "--input-fps", "12.5") == 0
    assert read_times(out) == pytest.approx([i / 12.5 for i in range(COUNT)])
