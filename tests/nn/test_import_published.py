from __future__ import annotations

import argparse

import pytest

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from published_weights import NETWORKS, published_keys, published_weights

from seaformer_edge.errors import ModelError
from seaformer_edge.hub.class_list import ClassList, spread_palette
from seaformer_edge.nn.import_published import import_checkpoint


class Surprise:
    """An object whose pickle calls a function when it is loaded."""

    def __reduce__(self):
        return (print, ("ran",))


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


def test_missing_unexpected_and_misshapen_tensors_are_listed(tmp_path, weights):
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


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("complex", lambda t: t.to(torch.complex64)),
        ("sparse", lambda t: t.to_sparse()),
        ("nested", lambda t: torch.nested.nested_tensor(list(t))),
    ],
)
def test_unusual_tensors_are_refused_by_name(tmp_path, weights, kind, make):
    name = "backbone.smb1.stem_block.0.c.weight"
    torch.save({**weights, name: make(weights[name])}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=f"tensor {name} is {kind}"):
        import_checkpoint(tmp_path / "odd.pth", "mine")


def test_more_classes_than_a_label_map_holds_are_refused(tmp_path, weights):
    many = {f"decode_head.conv_seg.{name}": torch.zeros(257) for name in ("weight", "bias")}
    torch.save({**weights, **many}, tmp_path / "many.pth")
    with pytest.raises(ModelError, match="has 257 classes; segmentation takes 1 to 256"):
        import_checkpoint(tmp_path / "many.pth", "mine")


def test_a_pickle_that_runs_code_is_refused(tmp_path, weights, capsys):
    torch.save({"state_dict": weights, "extra": Surprise()}, tmp_path / "hostile.pth")
    with pytest.raises(ModelError, match="refused: not plain tensors"):
        import_checkpoint(tmp_path / "hostile.pth", "mine")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"<html>quota exceeded</html>", b"PK\x03\x04 torn"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
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


def test_a_checkpoint_that_contains_itself_is_refused(tmp_path):
    endless = {}
    endless["model"] = endless
    torch.save(endless, tmp_path / "endless.pth")
    with pytest.raises(ModelError, match="no tensors"):
        import_checkpoint(tmp_path / "endless.pth", "mine")
