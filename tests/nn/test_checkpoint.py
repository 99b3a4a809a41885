from __future__ import annotations

import argparse
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from published_weights import NETWORKS, published_keys, published_weights
from tiny_networks import checkpoint_card

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.card import card_path, verify, write_card
from seaformer_edge.hub.class_list import ClassList, spread_palette
from seaformer_edge.nn.checkpoint import load_checkpoint, save_checkpoint
from seaformer_edge.nn.import_published import import_checkpoint
from seaformer_edge.nn.seaformer import build


class Surprise:
    """What a hostile pickle holds: a call that runs on loading."""

    def __reduce__(self):
        return (print, ("ran",))


def card(task="segmentation", count=3):
    return checkpoint_card(task, count)


@pytest.fixture(scope="module")
def weights():
    return published_weights("seg_T")


@pytest.mark.parametrize("name", NETWORKS)
def test_variant_and_classes_are_found_from_the_tensors(tmp_path, name):
    task, variant = name.split("_")
    expected = published_weights(name)
    torch.save({"state_dict": expected}, tmp_path / "published.pth")
    network, card = import_checkpoint(tmp_path / "published.pth", "mine")
    assert card.task == {"seg": "segmentation", "cls": "classification"}[task]
    assert (card.variant, card.num_classes) == (variant, 150 if task == "seg" else 1000)
    state = network.state_dict()
    assert all(torch.equal(state[key], expected[key]) for key in published_keys(name))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "optimizer": {"lr": 1e-3}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"state_dict": {f"module.{key}": t for key, t in state.items()}},
        lambda state: {"state_dict_ema": state, "state_dict": {k: t + 1 for k, t in state.items()}},
        lambda state: {"state_dict": state, "args": argparse.Namespace(lr=0.1), "epoch": 3},
    ],
    ids=["bare", "mmsegmentation", "nested", "data-parallel", "averaged-first", "timm"],
)
def test_published_forms(tmp_path, weights, wrap):
    torch.save(wrap(weights), tmp_path / "published.pth")
    network, _ = import_checkpoint(tmp_path / "published.pth", "mine")
    assert all(torch.equal(t, weights[key]) for key, t in network.state_dict().items())


def test_class_names_stored_by_mmsegmentation_are_kept(tmp_path, weights):
    names, colours = [f"thing {i}" for i in range(150)], [[i, 0, 0] for i in range(150)]
    meta = {"CLASSES": names, "PALETTE": colours}
    torch.save({"state_dict": weights, "meta": meta}, tmp_path / "published.pth")
    _, card = import_checkpoint(tmp_path / "published.pth", "mine")
    assert card.classes == tuple(names)
    assert card.palette[7] == (7, 0, 0)


def test_a_class_list_of_another_length_is_refused(tmp_path, weights):
    torch.save(weights, tmp_path / "published.pth")
    classes = ClassList(("a", "b"), spread_palette(2))
    with pytest.raises(ModelError, match="has 150 classes, but the list has 2"):
        import_checkpoint(tmp_path / "published.pth", "mine", classes)


def test_what_does_not_fit_is_listed(tmp_path, weights):
    broken = dict(weights)
    del broken["decode_head.linear_fuse.bn.bias"]
    broken["decode_head.extra.weight"] = torch.zeros(1)
    broken["backbone.smb1.stem_block.0.c.weight"] = torch.zeros(16, 3, 5, 5)
    torch.save(broken, tmp_path / "broken.pth")
    with pytest.raises(ModelError) as refusal:
        import_checkpoint(tmp_path / "broken.pth", "mine")
    message = str(refusal.value)
    assert "segmentation T with 150 classes" in message
    assert "missing: decode_head.linear_fuse.bn.bias" in message
    assert "unexpected: decode_head.extra.weight" in message
    assert "misshapen: backbone.smb1.stem_block.0.c.weight (16, 3, 5, 5)" in message


def test_a_pickle_that_runs_code_is_refused(tmp_path, weights, capsys):
    torch.save({"state_dict": weights, "extra": Surprise()}, tmp_path / "hostile.pth")
    with pytest.raises(ModelError, match="refused: not plain tensors"):
        import_checkpoint(tmp_path / "hostile.pth", "mine")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"<html>quota exceeded</html>", b"PK\x03\x04 torn"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(ModelError, match="not a checkpoint"):
        import_checkpoint(tmp_path / "page.pth", "mine")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.pth: cannot be read"):
        import_checkpoint(tmp_path / "nowhere.pth", "mine")


def test_a_checkpoint_without_tensors_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "empty.pth")
    with pytest.raises(ModelError, match="no tensors"):
        import_checkpoint(tmp_path / "empty.pth", "mine")


def test_a_checkpoint_that_holds_itself_is_refused(tmp_path):
    endless = {}
    endless["model"] = endless
    torch.save(endless, tmp_path / "endless.pth")
    with pytest.raises(ModelError, match="no tensors"):
        import_checkpoint(tmp_path / "endless.pth", "mine")


def test_saving_makes_the_folder_and_names_what_it_cannot_write(tmp_path):
    network = build("segmentation", "T", 3)
    save_checkpoint(network, card(), tmp_path / "new" / "mine.safetensors")
    assert verify(tmp_path / "new" / "mine.safetensors").num_classes == 3
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"file/mine\.safetensors: cannot be written"):
        save_checkpoint(network, card(), tmp_path / "file" / "mine.safetensors")


def test_a_card_of_an_unknown_variant_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    saved = save_checkpoint(build("segmentation", "T", 3), card(), path)
    write_card(replace(saved, variant="X"), path)
    with pytest.raises(ModelError, match="unknown variant 'X'"):
        load_checkpoint(path)


def test_saved_and_loaded_again(tmp_path):
    network = build("segmentation", "T", 3)
    path = tmp_path / "mine.safetensors"
    saved = save_checkpoint(network, card(), path)
    assert verify(path) == saved
    assert path.stat().st_mode == card_path(path).stat().st_mode  # others may read it as well
    loaded, read = load_checkpoint(path)
    assert read == saved
    assert not loaded.training
    assert all(
        torch.equal(t, network.state_dict()[name]) for name, t in loaded.state_dict().items()
    )


def test_a_checkpoint_that_does_not_fit_its_card_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_checkpoint(build("segmentation", "T", 4), card(count=3), path)
    with pytest.raises(ModelError, match="does not fit its card: misshapen"):
        load_checkpoint(path)


def test_an_altered_checkpoint_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_checkpoint(build("segmentation", "T", 3), card(), path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="sha256"):
        load_checkpoint(path)
    card_path(path).unlink()
    with pytest.raises(ModelError, match="card"):
        load_checkpoint(path)
