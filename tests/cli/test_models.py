from __future__ import annotations

import importlib.util
import io
import json
import re
import shutil
import socket
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from fake_drive import FakeDrive
from PIL import Image

from seaformer_edge.cli import main
from seaformer_edge.hub.card import read_card
from seaformer_edge.hub.paths import sample_dir
from seaformer_edge.hub.pretrained import PUBLISHED
from seaformer_edge.hub.zoo import DEFAULT_MODEL, resolve_model


def test_list_shows_what_ships(capsys):
    assert main(["models", "list"]) == 0
    out = capsys.readouterr().out
    card = read_card(resolve_model(None))
    (row,) = [line for line in out.splitlines() if line.startswith(f"{DEFAULT_MODEL} ")]
    assert f"{card.width}x{card.height}" in row
    assert f"mIoU {card.accuracy['mIoU']:.3f}" in row
    assert row.startswith(f"{DEFAULT_MODEL} (default) ")


def test_list_shows_what_can_be_fetched(capsys):
    assert main(["models", "list"]) == 0
    installed, published, hint = capsys.readouterr().out.split("\n\n")
    rows = published.splitlines()
    assert rows[0].startswith("PUBLISHED")
    assert [row.split()[0] for row in rows[1:]] == list(PUBLISHED)
    (row,) = [row for row in rows if row.startswith("seaformer-s-cityscapes-half")]
    assert row.split()[1:3] == ["1024x512", "19"]
    assert row.endswith("mIoU 0.711 (Cityscapes val)")
    both = [*installed.splitlines()[1:], *rows[1:]]
    assert len({re.search(r" (mIoU|top-1) ", row).start() for row in both}) == 1, "aligned"
    assert max(map(len, both)) <= 80
    assert "models fetch NAME" in hint


def test_fetch_without_torch_says_so_before_downloading(capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection was made"))
    assert main(["models", "fetch", "seaformer-t-ade20k"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("seaformer-edge: needs torch")
    assert "install the train extra" in line


def test_fetch_of_an_unknown_name_lists_the_known(capsys):
    assert main(["models", "fetch", "yolo"]) == 2
    assert "seaformer-l-imagenet" in capsys.readouterr().err


def test_info_as_text_and_as_json(capsys):
    assert main(["models", "info", DEFAULT_MODEL]) == 0
    text = capsys.readouterr().out
    assert main(["models", "info", DEFAULT_MODEL, "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["sha256"] in text
    assert card["classes"][0] in text


def test_info_refuses_a_file_that_is_not_its_cards(tmp_path, capsys):
    source = resolve_model(None)
    path = tmp_path / source.name
    shutil.copy(source.with_suffix(".json"), path.with_suffix(".json"))
    path.write_bytes(source.read_bytes()[:-1])
    assert main(["models", "info", str(path)]) == 1
    assert "truncated" in capsys.readouterr().err


def test_unknown_names_are_one_line(capsys):
    assert main(["models", "info", "yolo"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("seaformer-edge: yolo: unknown model")


class TestWithTorch:
    """From a published checkpoint to accuracy on labelled pictures, through the commands."""

    @pytest.fixture(autouse=True)
    def tiny_variant(self, monkeypatch):
        pytest.importorskip("torch", reason="the train extra (torch) is not installed")
        pytest.importorskip("executorch.exir", reason="the train extra is not installed")
        from tiny_networks import TINY

        from seaformer_edge.nn import seaformer as network

        monkeypatch.setitem(network.VARIANTS, "T", TINY)

    @pytest.fixture
    def published(self, tmp_path):
        import torch
        from tiny_networks import trained_network

        state = trained_network("segmentation", 2).state_dict()
        path = tmp_path / "published.pth"
        torch.save({"state_dict": state, "meta": {"CLASSES": ["sky", "road"]}}, path)
        return path

    @pytest.mark.filterwarnings("ignore")  # the exporter's libraries warn at length
    @pytest.mark.usefixtures("cached_lowering")
    def test_import_export_evaluate(self, published, street, tmp_path, capsys):
        checkpoint, program = tmp_path / "mine.safetensors", tmp_path / "mine.pte"
        assert main(["models", "import", str(published), "-o", str(checkpoint)]) == 0
        assert "SeaFormer-T, segmentation, 2 classes" in capsys.readouterr().out

        export = ["models", "export", str(checkpoint), "-o", str(program), "--size", "120x90"]
        assert main(export) == 0
        captured = capsys.readouterr()
        assert "rounded to 128x96" in captured.err
        assert "one XNNPACK delegate" in captured.out

        evaluate = ["--data", str(street), "--split", "train", "--ignore", "9"]
        assert main(["evaluate", str(program), *evaluate, "--write-card", "made-up street"]) == 0
        of_program = capsys.readouterr().out
        assert main(["evaluate", str(checkpoint), *evaluate]) == 0
        of_checkpoint = capsys.readouterr().out
        card = read_card(program)
        assert f"mean IoU         {card.accuracy['mIoU']:.4f}" in of_program
        assert card.accuracy["set"] == "made-up street, 6 pictures, at their full size"
        assert figures(of_program) == pytest.approx(figures(of_checkpoint), abs=2e-3)

        assert main(["models", "info", str(program)]) == 0
        assert "made-up street" in capsys.readouterr().out

        beside = ["--fp32", str(checkpoint), "--write-card", "made-up street"]
        assert main(["evaluate", str(program), *evaluate, *beside]) == 0
        both = read_card(program).accuracy
        assert both["mIoU"] == card.accuracy["mIoU"]
        (fp32,) = re.findall(r"mean IoU +(\S+)", of_checkpoint)
        assert both["fp32 mIoU"] == float(fp32)
        kept = f"keeps {both['mIoU'] / both['fp32 mIoU']:.2%} of its mIoU"
        assert kept in capsys.readouterr().out
        int8 = f"{DEFAULT_MODEL}-int8"
        assert main(["evaluate", str(program), *evaluate, "--fp32", int8]) == 1
        assert "is int8; name the fp32 program" in capsys.readouterr().err
        assert main(["evaluate", str(program), *evaluate, "--fp32", DEFAULT_MODEL]) == 1
        assert (
            "mine.pte was not made from it: its classes differ"
            in capsys.readouterr().err.replace(f"{tmp_path}/", "")
        )

        assert main(["models", "import", str(published), "-o", str(checkpoint)]) == 1
        assert "already exists; add --overwrite" in capsys.readouterr().err

        mine = tmp_path / "classes.json"  # a card of classes.pte would take its place
        mine.write_text("{}")
        assert main(["models", "export", str(checkpoint), "-o", str(mine.with_suffix(".pte"))]) == 1
        assert "classes.json: already exists" in capsys.readouterr().err
        assert mine.read_text() == "{}"

    def test_int8_is_refused_without_pictures(self, published, tmp_path, capsys):
        checkpoint, program = tmp_path / "mine.safetensors", tmp_path / "mine.pte"
        export = ["models", "export", str(checkpoint), "-o", str(program), "--size", "64x64"]
        for option in (["--int8"], ["--precision", "int8"]):
            assert main([*export, *option]) == 2
            assert "int8 needs --calibrate FOLDER" in capsys.readouterr().err

        assert main(["models", "import", str(published), "-o", str(checkpoint)]) == 0
        capsys.readouterr()
        (tmp_path / "empty").mkdir()
        assert main([*export, "--int8", "--calibrate", str(tmp_path / "empty")]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("empty: no pictures for the calibration of int8")
        assert not program.exists()

    @pytest.mark.filterwarnings("ignore")
    def test_fetch_then_segment(self, models_home, tmp_path, capsys, monkeypatch):
        import cv2
        import torch
        from tiny_networks import trained_network

        from seaformer_edge.export import fetch
        from seaformer_edge.export import program as module

        # A network that takes little time to export.
        convolution = torch.nn.Conv2d(3, 160, 8, 8).requires_grad_(False)
        monkeypatch.setattr(module, "rewrite", lambda *_: convolution)
        name = "seaformer-t-ade20k"
        small = replace(PUBLISHED[name], height=64, width=96)
        monkeypatch.setitem(PUBLISHED, name, small)
        picture, masks = str(sample_dir() / "city_parking_deck.jpg"), tmp_path / "masks"
        segment = ["segment", picture, "--masks", str(masks), "-m", name]
        assert main(segment) == 1
        assert f"not fetched yet; run 'seaformer-edge models fetch {name}'" in (
            capsys.readouterr().err
        )

        file = io.BytesIO()
        torch.save({"state_dict": trained_network("segmentation", 150).state_dict()}, file)
        with FakeDrive(file.getvalue()) as drive:
            drive.confirm, drive.cuts = True, [1000]
            here = partial(fetch.fetch_checkpoint, drive=drive.url)
            monkeypatch.setattr(fetch, "fetch_checkpoint", here)
            assert main(["models", "fetch", name]) == 0
            out = capsys.readouterr().out
            assert f"{models_home / name}.pte: one XNNPACK delegate, input 96x64" in out
            assert "ADE20K's pictures are for non-commercial research" in out
            assert main(["models", "fetch", name]) == 0
            assert "already fetched" in capsys.readouterr().out
            assert len(drive.requests) == 2, "one of them resumed the other"

        assert main(segment) == 0
        (mask,) = masks.iterdir()
        labels = np.asarray(Image.open(mask))
        assert labels.shape == cv2.imread(picture).shape[:2]
        assert len(set(labels.ravel().tolist())) > 1

        capsys.readouterr()
        assert main(["models", "list"]) == 0
        installed, published, _ = capsys.readouterr().out.split("\n\n")
        assert "not measured; published: mIoU 0.365 (ADE20K val)" in installed
        assert name not in published

    @pytest.mark.parametrize("size", ["512", "axb", "0x64", "64x-1"])
    def test_sizes_that_are_none(self, size, capsys):
        arguments = ["models", "export", "x.safetensors", "-o", "x.pte", "--size", size]
        assert main(arguments) == 2
        assert "--size" in capsys.readouterr().err

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize(
        ("size", "agrees", "written"),
        [("96x128", True, (96, 128)), ("96x128", False, (128, 96)), ("128x96", None, (96, 128))],
    )
    def test_swapped_sides_are_asked_about(
        self, published, tmp_path, capsys, monkeypatch, size, agrees, written
    ):
        from seaformer_edge.cli import sizes
        from seaformer_edge.export import program as module

        asked, exported = [], []

        def export_nothing(network, card, height, width, output, **rest):
            exported.append((height, width))
            return card

        def confirm(text, default):
            asked.append(text)
            return agrees

        checkpoint, program = tmp_path / "mine.safetensors", tmp_path / "mine.pte"
        assert main(["models", "import", str(published), "-o", str(checkpoint)]) == 0
        export = ["models", "export", str(checkpoint), "-o", str(program), "--size", size]
        monkeypatch.setattr(sizes.click, "confirm", confirm)
        monkeypatch.setattr(sizes.sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(module, "export", export_nothing)
        assert main(export) == 0
        assert exported == [written]
        assert len(asked) == (agrees is not None)

    def test_without_a_terminal_swapped_sides_are_refused(
        self, published, models_home, tmp_path, capsys, monkeypatch
    ):
        from seaformer_edge.export import program

        sizes = []

        def export_nothing(network, card, height, width, output, **rest):
            sizes.append((height, width))
            return card

        monkeypatch.setattr(program, "export", export_nothing)
        checkpoint = tmp_path / f"{DEFAULT_MODEL}.safetensors"
        assert main(["models", "import", str(published), "-o", str(checkpoint)]) == 0
        export = ["models", "export", str(checkpoint), "-o", "x.pte", "--size", "384x512"]
        assert main(export) == 2
        error = capsys.readouterr().err
        assert f"--size 384x512 is 384 wide and 512 high, but pictures for {DEFAULT_MODEL}" in error
        assert "write --size 512x384, or add --yes to use 384x512" in error
        assert not sizes
        assert main([*export, "--yes"]) == 0
        assert sizes == [(512, 384)]

    def test_a_missing_checkpoint(self, capsys):
        assert main(["models", "import", "nowhere.pth"]) == 1
        assert "nowhere.pth: no such model file" in capsys.readouterr().err


def figures(report: str) -> list[float]:
    return [float(line.split()[-1]) for line in report.splitlines()]
