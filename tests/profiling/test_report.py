"""Output of a profile: tables, warnings, advice, comparison, JSON and charts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from profiles import READING, latency, operators, reading, synthetic_profile, synthetic_run

from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.profiling.advice import advice
from seaformer_edge.profiling.compare import compare
from seaformer_edge.profiling.plot import NETWORK, STAGES, TEMPERATURE, plot, write_plot
from seaformer_edge.profiling.record import (
    QUICK,
    Run,
    TimelinePoint,
    new_profile,
    read_profile,
    write_profile,
)
from seaformer_edge.profiling.report import report, warnings


def row(text: str, start: str, occurrence: int = 0) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return lines[occurrence].removeprefix(start).split()


def named(name: str, variant: str, mean_iou: float, set_name: str, **changes: object) -> Run:
    run = synthetic_run(name, **changes)  # type: ignore[arg-type]
    accuracy = {"mIoU": mean_iou, "set": set_name}
    return replace(run, model=replace(run.model, variant=variant, accuracy=accuracy))


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


class TestReport:
    def test_columns_that_do_not_fit_follow_below(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        run = synthetic_run("seaformer-t-everyday-fp16", threads=4, throttled=("hot " * 20,))
        text = report(synthetic_profile(run))
        assert max(map(len, text.splitlines())) <= 80
        first, second = re.findall("MACHINE .*", text)[:2]
        assert first.endswith("MODEL MB")
        assert second.split()[1:3] == ["CPU", "%"]

    def test_tables(self) -> None:
        text = report(
            synthetic_profile(synthetic_run(threads=1), synthetic_run(threads=2, latency_ms=12))
        )
        assert "Raspberry Pi 5: 4x Cortex-A76, 4 cores (asimd asimddp)" in text
        assert "128 frames or 10 s each after 1 s" in text
        assert row(text, "seaformer-t x2") == ["10.0", "11.0", "12.1", "100.0"]
        assert row(text, "seaformer-t x2", 1) == ["12.0", "13.2", "14.5", "83.3", "1.20"]
        stages = row(text, "seaformer-t x1", 2)
        assert stages == ["1.00", "4%", "20.00", "83%", "2.00", "8%", "1.00", "4%"]
        assert row(text, "seaformer-t x1", 3)[:4] == ["31", "62", "120", "60"]
        assert "50 > 50" in text
        assert "2400 > 2400" in text

    def test_unknown_temperature_and_clock(self) -> None:
        bare = replace(READING, temperature_c=None, clock_mhz=None)
        text = report(synthetic_profile(synthetic_run(before=bare, after=bare)))
        assert row(text, "seaformer-t x1", 3)[-5:-3] == ["unknown", "unknown"]

    def test_no_warnings(self) -> None:
        assert warnings(synthetic_profile(synthetic_run())) == []

    def test_measured_beside_estimated_and_a_row_to_send_in(self) -> None:
        shipped = synthetic_run("seaformer-t-everyday-fp16", threads=4)
        shipped = replace(shipped, model=replace(shipped.model, height=384))
        other_size = synthetic_run("seaformer-t-everyday-int8")
        text = report(synthetic_profile(shipped, other_size, synthetic_run()))
        measured, low, _, high = row(text, "seaformer-t-everyday-fp16 x4", 4)
        assert measured == "20.0"
        assert float(low) < float(high)
        line = (
            f"| Raspberry Pi 5 | `seaformer-t-everyday-fp16` | 4 | 20.0 ms | {low} to {high} ms |"
        )
        assert line in text
        assert text.count("| Raspberry Pi 5 |") == 1

    def test_throttling(self) -> None:
        run = synthetic_run(throttled=("under-voltage", "clock capped"))
        assert warnings(synthetic_profile(run)) == [
            "seaformer-t x1: the processor was throttled: under-voltage, clock capped"
        ]

    def test_a_run_that_becomes_slower(self) -> None:
        timeline = tuple(
            TimelinePoint(s + 1.0, 20.0, 24.0 if s < 7 else 36.0, READING) for s in range(10)
        )
        profile = synthetic_profile(synthetic_run(timeline=timeline))
        assert row(report(profile), "seaformer-t x1", 3)[-3:] == ["24.0", ">", "36.0"]
        (line,) = warnings(profile)
        assert (
            line == "seaformer-t x1: became 50% slower during the run (24.0 to 36.0 ms per frame)"
        )

    def test_a_busy_machine(self) -> None:
        busy = reading(cpu_percent=80.0, process_cpu_percent=25.0)
        timeline = tuple(TimelinePoint(s + 1.0, 20.0, 24.0, busy) for s in range(5))
        (line,) = warnings(synthetic_profile(synthetic_run(timeline=timeline)))
        assert "other programs used 55 % of the processor's time" in line

    def test_operators_by_kind_and_the_slowest(self) -> None:
        run = synthetic_run(operators=operators(Add1=1.0, Gemm1=6.0, Add2=2.0, Clamp1=1.0))
        text = report(synthetic_profile(run))
        assert row(text, "Gemm (ND)") == ["1", "6.00", "60.0%"]
        assert row(text, "Add (ND)") == ["2", "3.00", "30.0%"]
        assert row(text, "all") == ["4", "10.00"]
        assert row(text, "Gemm (ND) #1") == ["2", "6.00", "60.0%"]
        assert row(text, "Add (ND) #2") == ["3", "2.00", "20.0%"]
        assert "OPERATORS" not in report(synthetic_profile(synthetic_run()))


class TestAdvice:
    def test_the_fewest_threads_that_are_fast_enough(self) -> None:
        runs = [synthetic_run(threads=n, latency_ms=48 / n) for n in (1, 2, 4)]
        assert advice(runs, 15).startswith("for 15 frames per second: seaformer-t on 1 thread, ")
        assert "on 2 threads" in advice(runs, 30)
        assert "on 4 threads" in advice(runs, 60)

    def test_the_90th_percentile_counts(self) -> None:
        steady, jumpy = (
            synthetic_run("steady", latency_ms=30),
            synthetic_run("jumpy", latency_ms=20),
        )
        jumpy = replace(jumpy, end_to_end=latency(20.0, 40.0))
        assert "steady" in advice([steady, jumpy], 30)

    def test_too_slow(self) -> None:
        runs = [synthetic_run(threads=n, latency_ms=100 / n) for n in (1, 2)]
        assert advice(runs, 30) == (
            "for 30 frames per second: all models are too slow; the fastest is"
            " seaformer-t on 2 threads with 18.2 frames per second (p90 55.0 ms)"
        )

    def test_the_most_accurate_on_one_data_set(self) -> None:
        runs = [
            named("good", "T", 0.6, "CamVid"),
            named("bad", "S", 0.5, "CamVid"),
            named("best", "B", 0.7, "CamVid", latency_ms=90),
        ]
        assert "good on" in advice(runs, 30)
        assert "best on" in advice(runs, 10)

    def test_accuracy_on_different_data_sets_is_not_compared(self) -> None:
        runs = [named("city", "T", 0.7, "Cityscapes"), named("all", "S", 0.4, "ADE20K")]
        assert "all on" in advice(runs, 30)


class TestCompare:
    def test_ratios_and_verdicts(self) -> None:
        old = synthetic_profile(
            synthetic_run(threads=1, latency_ms=20), synthetic_run(threads=2, latency_ms=20)
        )
        runs = (
            synthetic_run(threads=1, latency_ms=24),
            synthetic_run(threads=2, latency_ms=20.2),
        )
        text = compare(synthetic_profile(*runs), old)
        assert row(text, "seaformer-t x1") == ["16.7", "20.0", "1.20", "slower"]
        assert row(text, "seaformer-t x1", 1) == ["20.0", "24.0", "1.20", "slower", "+0"]
        assert row(text, "seaformer-t x2")[2:4] == ["1.01", "same"]
        faster = compare(synthetic_profile(synthetic_run(latency_ms=10)), old)
        assert row(faster, "seaformer-t x1", 1)[2:4] == ["0.50", "faster"]
        assert "different" not in text

    def test_different_conditions(self) -> None:
        run = synthetic_run()
        old = synthetic_profile(replace(run, model=replace(run.model, sha256="f" * 64)))
        versions = {**old.versions, "executorch": "1.4.0"}
        old = replace(old, versions=versions, board=replace(old.board, name="Raspberry Pi 4"))
        text = compare(synthetic_profile(run), old)
        assert "different executorch: 1.4.0 earlier, 1.5.1 now" in text
        assert "different board: Raspberry Pi 4 earlier, Raspberry Pi 5 now" in text
        assert "different sha256 of seaformer-t: ffffffffffff earlier, abc now" in text

    def test_runs_that_are_not_in_the_earlier_profile(self) -> None:
        old = synthetic_profile(synthetic_run(threads=1))
        text = compare(synthetic_profile(synthetic_run(), synthetic_run(threads=4)), old)
        assert "not in the earlier profile: seaformer-t x4" in text
        other_size = synthetic_run(frame_size=(1280, 720))
        assert "the earlier profile has no run of these" in compare(
            synthetic_profile(other_size), old
        )


class TestJson:
    def test_round_trip(self, tmp_path: Path) -> None:
        profile, path = synthetic_profile(synthetic_run()), tmp_path / "p.json"
        write_profile(profile, path)
        assert read_profile(path) == profile

    def test_format_1_can_be_read(self, tmp_path: Path) -> None:
        profile, path = synthetic_profile(synthetic_run(latency_ms=31.0)), tmp_path / "p.json"
        write_profile(profile, path)
        text = path.read_text().replace("end_to_end", "whole").replace('"format": 2', '"format": 1')
        assert '"whole_p50_ms"' in text
        path.write_text(text)
        assert read_profile(path) == profile

    def test_this_machine(self) -> None:
        profile = new_profile(QUICK, (synthetic_run(),))
        assert profile.board.cores >= 1
        assert profile.versions["executorch"].startswith("1.")
        assert profile.versions["binding"] in ("native", "official")

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SinkError, match="cannot be written"):
            write_profile(synthetic_profile(synthetic_run()), tmp_path / "file" / "p.json")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "not a profile"),
            ("[]", "not a profile"),
            ("[" * 100_000, "not a profile"),
            ("{}", "missing required field `format`"),
            ('{"format": 2}', "missing required field `date`"),
            ('{"format": 3, "runs": [], "board": {}}', "its format is 3"),
        ],
    )
    def test_not_a_profile(self, tmp_path: Path, text: str, problem: str) -> None:
        path = tmp_path / "p.json"
        path.write_text(text)
        with pytest.raises(SeaformerEdgeError, match=problem) as info:
            read_profile(path)
        assert "\n" not in str(info.value)

    @pytest.mark.parametrize(("entry", "value"), [("runs", []), ("versions", {"python": "3"})])
    def test_an_empty_profile(self, tmp_path: Path, entry: str, value: object) -> None:
        path = tmp_path / "p.json"
        write_profile(synthetic_profile(synthetic_run()), path)
        path.write_text(json.dumps(json.loads(path.read_text()) | {entry: value}))
        with pytest.raises(SeaformerEdgeError, match=entry):
            read_profile(path)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(SeaformerEdgeError, match="cannot be read"):
            read_profile(tmp_path / "absent.json")

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (float("nan"), r"at `\$\.runs\[0\]\.network\.p50_ms`"),
            (float("inf"), r"at `\$\.runs\[0\]\.network\.p50_ms`"),
            ("12", r"at `\$\.runs\[0\]\.network\.p50_ms`"),
            (None, r"at `\$\.runs\[0\]\.network\.p50_ms`"),
            (0, r"network\.p50_ms and end_to_end\.p50_ms must be above 0"),
        ],
    )
    def test_an_invalid_value(self, tmp_path: Path, value: object, problem: str) -> None:
        path = tmp_path / "p.json"
        write_profile(synthetic_profile(synthetic_run()), path)
        entries = json.loads(path.read_text())
        entries["runs"][0]["network"]["p50_ms"] = value
        path.write_text(json.dumps(entries))
        with pytest.raises(SeaformerEdgeError, match=problem):
            read_profile(path)

    def test_a_missing_field(self, tmp_path: Path) -> None:
        path = tmp_path / "p.json"
        write_profile(synthetic_profile(synthetic_run()), path)
        entries = json.loads(path.read_text())
        del entries["runs"][0]["end_to_end"]
        path.write_text(json.dumps(entries))
        with pytest.raises(SeaformerEdgeError, match=r"missing required field `end_to_end`"):
            read_profile(path)


class TestPlot:
    def columns(self, picture: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
        """For each row that contains the colour, the number of pixels of that colour."""
        seen = (picture == np.array(colour, np.uint8)).all(axis=2).sum(axis=1)
        return [int(count) for count in seen if count]

    def test_length_of_bars(self) -> None:
        runs = (
            synthetic_run(threads=1, latency_ms=24),
            synthetic_run(threads=2, latency_ms=12),
        )
        picture = plot(synthetic_profile(*runs))
        lengths = sorted(set(self.columns(picture, STAGES["network"])) - {15})
        assert lengths[-1] / lengths[0] == pytest.approx(2, abs=0.02)
        assert max(self.columns(picture, NETWORK)) > 300

    def test_the_temperature_is_drawn_if_it_is_known(self) -> None:
        with_temperature = plot(synthetic_profile(synthetic_run()))
        bare = reading(temperature_c=None)
        timeline = tuple(TimelinePoint(s + 1.0, 20.0, 24.0, bare) for s in range(3))
        without = plot(synthetic_profile(synthetic_run(timeline=timeline)))
        assert self.columns(with_temperature, TEMPERATURE)
        assert not self.columns(without, TEMPERATURE)
        assert len(without) < len(with_temperature)

    def test_a_timeline_of_one_point_without_frames(self) -> None:
        timeline = (TimelinePoint(1.0, 20.0, None, READING),)
        assert plot(synthetic_profile(synthetic_run(timeline=timeline))).any()

    def test_png(self, tmp_path: Path) -> None:
        profile = synthetic_profile(synthetic_run())
        write_plot(profile, tmp_path / "p.png")
        read = cv2.imread(str(tmp_path / "p.png"), cv2.IMREAD_COLOR_RGB)
        np.testing.assert_array_equal(read, plot(profile))
        with pytest.raises(SinkError, match="cannot be written"):
            write_plot(profile, tmp_path / "p.png" / "p.png")
