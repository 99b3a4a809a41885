from __future__ import annotations

import pytest

from seaformer_edge.hub.pretrained import PUBLISHED


def test_every_checkpoint_is_listed_once():
    assert len({entry.file_id for entry in PUBLISHED.values()}) == len(PUBLISHED) == 12
    assert all(len(entry.file_id) == 33 for entry in PUBLISHED.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_match_their_rows(name):
    entry = PUBLISHED[name]
    _, variant, data_set, *_ = name.split("-")
    assert variant.upper() == entry.variant
    assert entry.data_set.class_list == data_set
    assert (entry.task == "classification") == (data_set == "imagenet")
    count = {"ade20k": 150, "cityscapes": 19, "imagenet": 1000}[data_set]
    assert len(entry.classes().names) == count
    assert entry.height % 32 == entry.width % 32 == 0


def test_figure_and_licence_as_text():
    entry = PUBLISHED["seaformer-b-cityscapes-full"]
    assert entry.figure == "mIoU 0.777 (Cityscapes val)"
    assert "Apache-2.0" in entry.licence
    assert "Cityscapes's pictures are for non-commercial use" in entry.licence
