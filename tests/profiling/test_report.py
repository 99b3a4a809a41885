"""What is told of a profile: tables, warnings, advice, comparison, JSON and picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from profiles import READING, latency, made_up_profile, made_up_run, operators, reading

from seaformer_edge.errors import SeaformerEdgeError, SinkError
from seaformer_edge.profiling.advice import advice
from seaformer_edge.profiling.compare import compare
from seaformer_edge.profiling.plot import HEAT, NETWORK, STAGES, plot, write_plot
from seaformer_edge.profiling.record import Profile, Run, Second, new_profile, read_json, write_json
from seaformer_edge.profiling.report import report, warnings


def row(text: str, start: str, occurrence: int = 0) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return lines[occurrence].removeprefix(start).split()


def earlier(*runs: Run, **changes: object) -> dict[str, object]:
    """A profile as it comes back from its file."""
    entries = {"format": 1, **json.loads(json.dumps(as_dict(made_up_profile(*runs))))}
    return entries | changes


def as_dict(profile: Profile) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(profile)


def named(name: str, variant: str, mean_iou: float, set_name: str, **changes: object) -> Run:
    run = made_up_run(name, **changes)  # type: ignore[arg-type]
    accuracy = {"mIoU": mean_iou, "set": set_name}
    return replace(run, model=replace(run.model, variant=variant, accuracy=accuracy))


class TestReport:
    def test_tables(self) -> None:
        text = report(made_up_profile(made_up_run(threads=1), made_up_run(threads=2, whole_ms=12)))
        assert "Raspberry Pi 5: 4x Cortex-A76, 4 cores (asimd asimddp)" in text
        assert "128 frames or 10 s each after 1 s" in text
        assert row(text, "seaformer-t x2") == (
            ["10.0", "11.0", "12.1", "100.0", "12.0", "13.2", "14.5", "83.3", "1.20"]
        )
        stages = row(text, "seaformer-t x1", 1)
        assert stages == ["1.00", "4%", "20.00", "83%", "2.00", "8%", "1.00", "4%"]
        assert row(text, "seaformer-t x1", 2)[:4] == ["31", "62", "120", "60"]
        assert "50 > 50" in text
        assert "2400 > 2400" in text

    def test_what_is_not_told(self) -> None:
        bare = replace(READING, temperature_c=None, clock_mhz=None)
        text = report(made_up_profile(made_up_run(before=bare, after=bare)))
        assert row(text, "seaformer-t x1", 2)[-7:-3] == ["not", "told", "not", "told"]

    def test_a_quiet_run_has_no_warning(self) -> None:
        assert warnings(made_up_profile(made_up_run())) == []

    def test_throttling_is_said(self) -> None:
        run = made_up_run(throttled=("under-voltage", "clock capped"))
        assert warnings(made_up_profile(run)) == [
            "seaformer-t x1: this board throttles: under-voltage, clock capped"
        ]

    def test_slowing_down_is_said(self) -> None:
        timeline = tuple(Second(s + 1.0, 20.0, 24.0 if s < 7 else 36.0, READING) for s in range(10))
        profile = made_up_profile(made_up_run(timeline=timeline))
        assert row(report(profile), "seaformer-t x1", 2)[-3:] == ["24.0", ">", "36.0"]
        (line,) = warnings(profile)
        assert line == "seaformer-t x1: slows down by 50% while it runs (24.0 to 36.0 ms a frame)"

    def test_a_busy_machine_is_said(self) -> None:
        busy = reading(cpu_percent=80.0, process_cpu_percent=25.0)
        timeline = tuple(Second(s + 1.0, 20.0, 24.0, busy) for s in range(5))
        (line,) = warnings(made_up_profile(made_up_run(timeline=timeline)))
        assert "other programs took 55 % of the processor's time" in line

    def test_operators_by_kind_and_the_slowest(self) -> None:
        run = made_up_run(operators=operators(Add1=1.0, Gemm1=6.0, Add2=2.0, Clamp1=1.0))
        text = report(made_up_profile(run))
        assert row(text, "Gemm (ND)") == ["1", "6.00", "60.0%"]
        assert row(text, "Add (ND)") == ["2", "3.00", "30.0%"]
        assert row(text, "all") == ["4", "10.00"]
        assert row(text, "Gemm (ND) #1") == ["2", "6.00", "60.0%"]
        assert row(text, "Add (ND) #2") == ["3", "2.00", "20.0%"]
        assert "OPERATORS" not in report(made_up_profile(made_up_run()))


class TestAdvice:
    def test_fewest_threads_that_hold_the_rate(self) -> None:
        runs = [made_up_run(threads=n, whole_ms=48 / n) for n in (1, 2, 4)]
        assert advice(runs, 15).startswith("for 15 frames a second: seaformer-t on 1 thread, ")
        assert "on 2 threads" in advice(runs, 30)
        assert "on 4 threads" in advice(runs, 60)

    def test_it_is_the_slow_frames_that_count(self) -> None:
        steady, jumpy = made_up_run("steady", whole_ms=30), made_up_run("jumpy", whole_ms=20)
        jumpy = replace(jumpy, whole=latency(20.0, 40.0))
        assert "steady" in advice([steady, jumpy], 30)

    def test_too_slow(self) -> None:
        runs = [made_up_run(threads=n, whole_ms=100 / n) for n in (1, 2)]
        assert advice(runs, 30) == (
            "for 30 frames a second: too slow, all of them;"
            " nearest is seaformer-t on 2 threads with 18.2 (p90 55.0 ms)"
        )

    def test_the_most_accurate_of_one_set(self) -> None:
        runs = [
            named("good", "T", 0.6, "CamVid"),
            named("bad", "S", 0.5, "CamVid"),
            named("best", "B", 0.7, "CamVid", whole_ms=90),
        ]
        assert "good on" in advice(runs, 30)
        assert "best on" in advice(runs, 10)

    def test_figures_of_other_sets_are_not_compared(self) -> None:
        runs = [named("city", "T", 0.7, "Cityscapes"), named("all", "S", 0.4, "ADE20K")]
        assert "all on" in advice(runs, 30)


class TestCompare:
    def test_ratios_and_verdicts(self) -> None:
        old = earlier(made_up_run(threads=1, whole_ms=20), made_up_run(threads=2, whole_ms=20))
        runs = made_up_run(threads=1, whole_ms=24), made_up_run(threads=2, whole_ms=20.2)
        text = compare(made_up_profile(*runs), old)
        assert row(text, "seaformer-t x1") == (
            ["16.7", "20.0", "1.20", "slower", "20.0", "24.0", "1.20", "slower", "+0"]
        )
        assert row(text, "seaformer-t x2")[2:4] == ["1.01", "same"]
        faster = compare(made_up_profile(made_up_run(whole_ms=10)), old)
        assert row(faster, "seaformer-t x1")[6:8] == ["0.50", "faster"]
        assert "another" not in text

    def test_what_is_not_the_same_is_said(self) -> None:
        run = made_up_run()
        old = earlier(replace(run, model=replace(run.model, sha256="f" * 64)))
        old["versions"]["executorch"] = "1.4.0"  # type: ignore[index]
        old["board"]["name"] = "Raspberry Pi 4"  # type: ignore[index]
        text = compare(made_up_profile(run), old)
        assert "another executorch: 1.4.0 then, 1.5.1 now" in text
        assert "another board: Raspberry Pi 4 then, Raspberry Pi 5 now" in text
        assert "another sha256 of seaformer-t: ffffffffffff then, abc now" in text

    def test_runs_that_the_other_has_not(self) -> None:
        old = earlier(made_up_run(threads=1))
        text = compare(made_up_profile(made_up_run(), made_up_run(threads=4)), old)
        assert "not in the earlier profile: seaformer-t x4" in text
        other_size = made_up_run(frame_size=(1280, 720))
        assert "no run of the earlier profile" in compare(made_up_profile(other_size), old)

    def test_damaged(self) -> None:
        old = earlier(made_up_run())
        del old["runs"][0]["whole"]  # type: ignore[index]
        with pytest.raises(SeaformerEdgeError, match="damaged"):
            compare(made_up_profile(made_up_run()), old)


class TestJson:
    def test_back_and_forth(self, tmp_path: Path) -> None:
        profile, path = made_up_profile(made_up_run()), tmp_path / "p.json"
        write_json(profile, path)
        entries = read_json(path)
        assert entries.pop("format") == 1
        assert entries == json.loads(json.dumps(as_dict(profile)))

    def test_this_machine(self) -> None:
        profile = new_profile(made_up_profile().protocol, (made_up_run(),))
        assert profile.board.cores >= 1
        assert profile.versions["executorch"].startswith("1.")
        assert profile.versions["binding"] in ("native", "official")

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SinkError, match="cannot be written"):
            write_json(made_up_profile(made_up_run()), tmp_path / "nowhere" / "p.json")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "no profile"),
            ("[]", "no profile"),
            ('{"format": 1}', "no profile"),
            ('{"format": 2, "runs": [], "board": {}}', "another format"),
        ],
    )
    def test_no_profile(self, tmp_path: Path, text: str, problem: str) -> None:
        path = tmp_path / "p.json"
        path.write_text(text)
        with pytest.raises(SeaformerEdgeError, match=problem):
            read_json(path)
        with pytest.raises(SeaformerEdgeError, match="cannot be read"):
            read_json(tmp_path / "absent.json")


class TestPlot:
    def columns(self, picture: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
        """For each row that has the colour, in how many columns."""
        seen = (picture == np.array(colour, np.uint8)).all(axis=2).sum(axis=1)
        return [int(count) for count in seen if count]

    def test_bars_are_as_long_as_their_medians(self) -> None:
        runs = made_up_run(threads=1, whole_ms=24), made_up_run(threads=2, whole_ms=12)
        picture = plot(made_up_profile(*runs))
        lengths = sorted(set(self.columns(picture, STAGES["network"])) - {15})
        assert lengths[-1] / lengths[0] == pytest.approx(2, abs=0.02)
        assert max(self.columns(picture, NETWORK)) > 300

    def test_heat_is_drawn_where_it_is_told(self) -> None:
        with_heat = plot(made_up_profile(made_up_run()))
        bare = reading(temperature_c=None)
        timeline = tuple(Second(s + 1.0, 20.0, 24.0, bare) for s in range(3))
        without = plot(made_up_profile(made_up_run(timeline=timeline)))
        assert self.columns(with_heat, HEAT)
        assert not self.columns(without, HEAT)
        assert len(without) < len(with_heat)

    def test_one_second_and_a_gap(self) -> None:
        timeline = (Second(1.0, 20.0, None, READING),)
        assert plot(made_up_profile(made_up_run(timeline=timeline))).any()

    def test_png(self, tmp_path: Path) -> None:
        profile = made_up_profile(made_up_run())
        write_plot(profile, tmp_path / "p.png")
        read = cv2.imread(str(tmp_path / "p.png"), cv2.IMREAD_COLOR_RGB)
        np.testing.assert_array_equal(read, plot(profile))
        with pytest.raises(SinkError, match="cannot be written"):
            write_plot(profile, tmp_path / "nowhere" / "p.png")
