"""Files in a live run: searched, stepped through, repeated; pictures that stay."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import pytest
from clips import number, numbered, write_video
from fakes import FAKE, PATIENCE_S, FakeModels, wait_until

from seaformer_edge.live import LivePipeline
from seaformer_edge.live.stats import Position, SourceState
from seaformer_edge.sources import clock

COUNT, RATE = 20, 10

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture(params=[".mp4", ".avi"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A clip of two seconds; AVI is read from its beginning."""
    return write_video(
        tmp_path / f"v{request.param}", [numbered(i) for i in range(COUNT)], rate=RATE
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures."""
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), numbered(i))
    return tmp_path


def shown(live: LivePipeline) -> int:
    """The number in the newest result; -1 before the first."""
    result = live.newest()
    return -1 if result is None or result.segmentation is None else number(result.frame.image)


def shows(live: LivePipeline, index: int) -> None:
    """Waits until the newest result is of this frame, and checks that it stays."""
    wait_until(lambda: shown(live) == index)
    position = live.status().position
    assert position is not None
    if position.pictures is None:
        assert position.time_s == pytest.approx(index / RATE)
    threading.Event().wait(0.05)
    assert shown(live) == index


def test_a_paused_video_is_stepped_through_and_searched(clip: Path) -> None:
    with LivePipeline(clip, FAKE, loop=True) as live:
        wait_until(lambda: shown(live) >= 1)
        live.step()
        assert live.status().paused
        live.seek(0.73)
        shows(live, 8)  # the first frame from there on
        live.step()
        shows(live, 9)
        live.step(forward=False)
        shows(live, 8)
        live.step(forward=False)
        shows(live, 7)
        assert "slow" not in live.status().message
        live.seek(99.0)
        shows(live, COUNT - 1)
        live.seek(-1.0)
        shows(live, 0)
        live.step(forward=False)
        shows(live, 0)
        status = live.status()
        assert status.position == Position(0.0, COUNT / RATE)
        assert (status.capture_fps, status.inference_fps) == (0, 0)
        assert not set(status.dropped) - {"overwritten"}
        live.resume()
        wait_until(lambda: shown(live) >= 2)
        live.seek(1.5)
        wait_until(lambda: shown(live) >= 17)


def test_the_end_of_a_video_can_be_left(clip: Path) -> None:
    with LivePipeline(clip, FAKE, realtime=False) as live:
        assert live.wait(PATIENCE_S)
        live.step(forward=False)
        shows(live, COUNT - 2)
        assert live.status().source_state is SourceState.RUNNING
        live.resume()
        wait_until(lambda: live.status().source_state is SourceState.ENDED)
        live.set_realtime(True)
        live.set_loop(True)
        wait_until(lambda: 0 <= shown(live) < 5)


def test_a_search_is_given_up_for_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding an hour of a format without an index takes minutes."""
    clip = write_video(tmp_path / "v.avi", [numbered(i) for i in range(COUNT)], rate=RATE)
    decoded, passed = threading.Semaphore(0), threading.Event()
    with LivePipeline(clip, FAKE, loop=True) as live:
        wait_until(lambda: shown(live) >= 0)
        live.pause()
        time = clock.FrameClock.time

        def slowly(self: clock.FrameClock, picture: object) -> object:
            decoded.release()
            assert passed.wait(PATIENCE_S)
            return time(self, picture)  # type: ignore[arg-type]

        monkeypatch.setattr(clock.FrameClock, "time", slowly)
        live.seek(1.9)
        assert decoded.acquire(timeout=PATIENCE_S)
        live.seek(0.3)
        passed.set()
        shows(live, 3)
        count = 1
        while decoded.acquire(blocking=False):
            count += 1
        assert count <= 6


@pytest.mark.parametrize("every", [1, 5])
def test_another_model_runs_on_the_paused_frame(
    clip: Path, models: FakeModels, tmp_path: Path, every: int
) -> None:
    with LivePipeline(clip, FAKE, loop=True, every=every) as live:
        wait_until(lambda: shown(live) >= 0)
        live.pause()
        live.seek(0.4)
        shows(live, 4)
        before = live.newest()
        assert before is not None
        assert before.current
        live.switch_model(tmp_path / "small.pte")
        wait_until(lambda: (r := live.newest()) is not None and r.card and r.card.name == "small")
        after = live.newest()
        assert after is not None
        assert after.frame.image is before.frame.image
        assert after.captured_at_s > before.captured_at_s
        assert after.current


@pytest.mark.parametrize("every", [1, 3])
def test_a_picture_is_run_once(folder: Path, models: FakeModels, every: int) -> None:
    with LivePipeline(folder / "2.png", FAKE, loop=True, picture_s=1.0, every=every) as live:
        shows(live, 2)
        wait_until(lambda: live.status().source_state is SourceState.ENDED)
        assert models.program.runs == 1
        live.set_names(True)
        wait_until(lambda: models.program.runs == 2)
        live.set_min_confidence(0.9)
        wait_until(lambda: models.program.runs == 3)
        live.set_loop(True)
        threading.Event().wait(0.1)
        assert models.program.runs == 3
        assert live.status().position == Position(0.0, 1 / 25, 1, 1, "2")


def test_pictures_follow_each_other(folder: Path) -> None:
    with LivePipeline(folder, FAKE, loop=True, picture_s=30.0) as live:
        shows(live, 0)
        for forward, expected in [
            (True, 1),
            (True, 2),
            (False, 1),
            (True, 2),
            (True, 3),
            (True, 0),
        ]:
            live.step(forward=forward)
            shows(live, expected)
        status = live.status()
        assert status.position == Position(0.0, 4 / 25, 1, 4, "0")
        assert not status.paused
        assert "slow" not in status.message
        live.set_picture_s(0.01)
        wait_until(lambda: shown(live) == 3)


def test_a_file_that_is_opened_while_paused_shows_its_first_frame(clip: Path) -> None:
    with LivePipeline("synthetic:96x64@50", FAKE) as live:
        wait_until(lambda: live.newest() is not None)
        assert live.status().position is None
        live.seek(3.0)
        live.step()
        assert not live.status().paused
        live.pause()
        live.switch_source(clip)
        wait_until(lambda: live.status().position == Position(0.0, COUNT / RATE))
        shows(live, 0)


def test_a_search_is_a_cut_in_a_recording(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "recorded.mkv"
    with LivePipeline(clip, FAKE, loop=True) as live:
        wait_until(lambda: shown(live) >= 3)
        live.start_recording(path, lambda result: result.frame.image)
        wait_until(lambda: live.status().recorded_frames >= 2)
        live.seek(0.0)
        wait_until(lambda: 0 <= shown(live) <= 2)
        count = live.status().recorded_frames
        wait_until(lambda: live.status().recorded_frames >= count + 3)
        live.stop_recording()
        wait_until(lambda: live.status().recording is None)
        assert not live.status().notice
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 5
    capture.release()
