"""What the server answers, over real connections."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import wait_until
from web_site import Serve, Site

from seaformer_edge.inference.modes import Mode
from seaformer_edge.sources.synthetic import read_counter
from seaformer_edge.zones import read_zones


def picture(data: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded


def test_status_names_source_figures_and_view(site: Site) -> None:
    status = site.get("/api/status").json
    assert status["source"] == "synthetic:96x64@100"
    assert status["state"] == "running"
    assert status["model"] == "fake"
    assert {row["class"] for row in status["classes"]} <= {"red", "green", "blue"}
    assert (status["mode"], status["opacity"], status["paused"]) == ("overlay", 0.5, False)
    assert (status["zones"], status["events"], status["can_draw_zones"]) == ({}, [], False)


def test_a_snapshot_is_the_newest_picture(site: Site) -> None:
    reply = site.get("/api/snapshot.jpg")
    assert reply.headers["Content-Type"] == "image/jpeg"
    assert picture(reply.body).shape == (64, 96, 3)
    first = read_counter(picture(reply.body))
    wait_until(lambda: read_counter(picture(site.get("/api/snapshot.jpg").body)) > first)


def test_a_mask_keeps_the_class_ids(site: Site) -> None:
    site.change(paused=True)
    reply = site.get("/api/mask.png")
    assert reply.headers["Content-Type"] == "image/png"
    assert reply.body[:4] == b"\x89PNG"
    assert picture(reply.body).shape[:2] == (64, 96)


def test_choices_are_classes_with_colours_models_and_modes(site: Site) -> None:
    choices = site.get("/api/choices").json
    assert choices["model"] == "fake"
    assert choices["classes"][0] == {"class": "red", "colour": [255, 0, 0]}
    assert "fake" in {model["name"] for model in choices["models"]}
    assert [mode["mode"] for mode in choices["modes"]] == list(Mode)


def test_a_change_is_seen_by_everybody(site: Site) -> None:
    reply = site.change(mode="mask", opacity=0.25, classes=["blue"], paused=True)
    assert reply.status == 200
    assert reply.json == reply.json | {"mode": "mask", "opacity": 0.25, "paused": True}
    assert site.get("/api/status").json["chosen_classes"] == ["blue"]
    # Drawn anew, although the run is paused: only blue is coloured, and the rest is black.
    wait_until(lambda: picture(site.get("/api/snapshot.jpg").body)[:, :, 1:].max() < 40)
    site.change(mode="original", paused=False)
    assert picture(site.get("/api/snapshot.jpg").body)[:, :, 1:].max() > 100


def test_the_page_records_to_a_new_file(serve: Serve, tmp_path: Path) -> None:
    with serve(folder=tmp_path) as site:
        assert site.change(recording=True).status == 200
        wait_until(lambda: site.get("/api/status").json["recorded_frames"] > 2)
        site.change(recording=False)
        wait_until(lambda: site.get("/api/status").json["recording"] is None)
        assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


ZONE = {
    "name": "left",
    "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]],
    "rules": [{"class": "blue", "above": 0.0}],
}


def test_zones_are_drawn_and_saved(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "zones.toml"
    with serve(zone_file=path) as site:
        before = site.get("/api/status").json["zone_changes"]
        assert site.change(zone=ZONE).json["zone_changes"] == before + 1
        (zone,) = site.get("/api/zones").json["zones"]
        assert (zone["name"], zone["polygon"]) == ("left", ZONE["polygon"])
        assert [zone.name for zone in read_zones(path)] == ["left"]
        wait_until(lambda: site.get("/api/status").json["events"])
        status = site.get("/api/status").json
        assert sum(status["zones"]["left"].values()) == pytest.approx(1, abs=0.01)
        assert (status["events"][0]["zone"], status["events"][0]["event"]) == ("left", "begin")
        for bad, reason in (
            ({"zone": {**ZONE, "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}}, "edges of zone"),
            ({"zone": {**ZONE, "rules": [{"class": "cat", "above": 0}]}}, "cat: no class"),
            ({"remove_zone": "right"}, "no zone has the name 'right'"),
        ):
            reply = site.change(**bad)
            assert reply.status == 400
            assert reason in reply.json["error"]
        assert [zone.name for zone in read_zones(path)] == ["left"]
        site.change(remove_zone="left")
        assert site.get("/api/zones").json["zones"] == []
        assert read_zones(path) == ()


def test_without_a_zone_file_no_zone_is_drawn(site: Site) -> None:
    reply = site.change(zone=ZONE)
    assert reply.status == 400
    assert "--zones" in reply.json["error"]


def test_the_run_goes_on_after_the_server(site: Site) -> None:
    with site.connect() as viewer:
        viewer.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert viewer.recv(1)
        site.server.__exit__()
    ended = site.pipeline.newest()
    wait_until(lambda: site.pipeline.newest() is not ended)


def test_metrics_are_prometheus_text(site: Site) -> None:
    reply = site.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = reply.body.decode().splitlines()
    assert 'seaformer_edge_up{source="synthetic:96x64@100"} 1' in lines
    assert any(line.startswith('seaformer_edge_latency_seconds{quantile="0.5"} ') for line in lines)


def test_healthz_tells_whether_pictures_arrive(serve: Serve) -> None:
    with serve(token="0123456789abcdef") as site:
        assert (reply := site.get("/healthz")).status == 200  # also without the token
        assert reply.body == b"running\n"
        site.pipeline.switch_source("/no/such/video.mp4")
        wait_until(lambda: site.get("/healthz").status == 503)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (b"", "not understood"),
        (b"{", "not understood"),
        (b"[1]", "not understood"),
        (b"\xff\xfe", "not understood"),
        (b"[" * 60_000, "not understood"),
        (b'{"paused": "yes"}', "not understood"),
        (b'{"opacity": 2}', "not understood"),
        (b'{"opacity": NaN}', "not understood"),
        (b'{"zoom": 2}', "not understood"),
        (b'{"mode": "x-ray"}', "not understood"),
        (b'{"classes": ["unicorn"]}', "unicorn: no class"),
        (b'{"model": "/etc/passwd"}', "/etc/passwd: no installed model"),
        (b'{"model": "../../fake.pte"}', "no installed model"),
        (b'{"recording": true}', "--record"),
    ],
)
def test_a_bad_change_is_refused_in_one_line(site: Site, change: bytes, expected: str) -> None:
    reply = site.request("POST", "/api/control", change, Content_Type="application/json")
    assert reply.status == 400
    assert expected in reply.json["error"]
    assert "\n" not in reply.json["error"]
    assert site.get("/api/status").json["mode"] == "overlay"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/page/../server.py", 404),
        ("GET", "//etc/passwd", 404),
        ("GET", "/index.html%00.css", 404),
        ("GET", "/api/control", 405),
        ("DELETE", "/", 405),
        ("POST", "/api/status", 405),
        ("GET", "/" + "a" * 20_000, 400),
        ("POST", "/api/control", 415),
    ],
)
def test_paths_that_do_not_exist(site: Site, method: str, path: str, status: int) -> None:
    assert site.request(method, path).status == status


def test_an_oversized_body_is_refused(site: Site) -> None:
    body = b" " * 100_000
    reply = site.request("POST", "/api/control", body, Content_Type="application/json")
    assert reply.status == 413
    assert site.get("/healthz").status == 200
