"""Table of the checkpoints that the authors of SeaFormer published.

Figures and files are from https://github.com/fudan-zvg/SeaFormer. Of a network that is published
twice, trained with batches of 16 and of 32, the table holds the better one.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaformer_edge.hub.class_list import ClassList, read_class_list
from seaformer_edge.hub.paths import shipped_models_dir


@dataclass(frozen=True)
class DataSet:
    """A data set that published networks were trained and measured on.

    Attributes:
        name: in the spelling of its authors.
        class_list: file in models/classes, without the suffix.
        metric: name of the published figure, "mIoU" or "top-1".
        terms: licence terms of the pictures, in a few words.
    """

    name: str
    class_list: str
    metric: str
    terms: str


ADE20K = DataSet("ADE20K", "ade20k", "mIoU", "non-commercial research and education")
CITYSCAPES = DataSet("Cityscapes", "cityscapes", "mIoU", "non-commercial use")
IMAGENET = DataSet("ImageNet-1K", "imagenet", "top-1", "non-commercial research and education")


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One published checkpoint.

    Attributes:
        file_id: of the file on Google Drive.
        variant: "T", "S", "B" or "L".
        height, width: input size in pixels at which the accuracy was measured; for ADE20K the
            training crop, because its pictures were measured at their own sizes.
        accuracy: as published, 0 to 1, on the validation pictures of the data set.
    """

    file_id: str
    variant: str
    data_set: DataSet
    height: int
    width: int
    accuracy: float

    @property
    def task(self) -> str:
        return "classification" if self.data_set is IMAGENET else "segmentation"

    @property
    def figure(self) -> str:
        """The accuracy as text, e.g. "mIoU 0.365 (ADE20K val)"."""
        return f"{self.data_set.metric} {self.accuracy:.3f} ({self.data_set.name} val)"

    @property
    def licence(self) -> str:
        return (
            "the authors' repository is Apache-2.0 and names no other terms for the weights;"
            f" {self.data_set.name}'s pictures are for {self.data_set.terms}"
        )

    def classes(self) -> ClassList:
        """The names and colours of its classes."""
        path = shipped_models_dir() / "classes" / f"{self.data_set.class_list}.json"
        return read_class_list(path)


def _rows(
    data_set: DataSet, size: tuple[int, int], *rows: tuple[str, str, float, str]
) -> dict[str, PublishedCheckpoint]:
    return {
        name: PublishedCheckpoint(file_id, variant, data_set, *size, accuracy)
        for name, variant, accuracy, file_id in rows
    }


# Sizes are height, width.
PUBLISHED = {
    **_rows(
        ADE20K,
        (512, 512),
        ("seaformer-t-ade20k", "T", 0.365, "1eIBkr2x5jv4eNaNUQpC-91tbIlktXSPi"),
        ("seaformer-s-ade20k", "S", 0.395, "1hGXFVc7F-vLAKe3BLjqnS06_8Fo7CO-L"),
        ("seaformer-b-ade20k", "B", 0.419, "1flVg9imJTbgjcJrJiIn_3_lmYpaSKZuV"),
        ("seaformer-l-ade20k", "L", 0.438, "1SUISoIpZujAYrxrvGPMJidzfYH2KYaAp"),
    ),
    **_rows(
        CITYSCAPES,
        (512, 1024),
        ("seaformer-s-cityscapes-half", "S", 0.711, "1MQ-nkCMyrzUF_SnWyNCrjra9bPTmr7Iq"),
        ("seaformer-b-cityscapes-half", "B", 0.722, "1xIcxkwjIJgvPrm4UK7UXH5A5ZkNrCqRt"),
    ),
    **_rows(
        CITYSCAPES,
        (1024, 2048),
        ("seaformer-s-cityscapes-full", "S", 0.764, "1jaia2FsZrxVkXzVY-BmIwQXr523feAxC"),
        ("seaformer-b-cityscapes-full", "B", 0.777, "1UgaSmQY1ZdFRokhHCB_u8HrDoNSodzIe"),
    ),
    **_rows(
        IMAGENET,
        (224, 224),
        ("seaformer-t-imagenet", "T", 0.681, "1Qh1-8n-KUSGCoKVVcvjuHkTb3AWcX7o5"),
        ("seaformer-s-imagenet", "S", 0.734, "1_jpChZPVDFbHfxZPQFL3wKPuDcDgEtPK"),
        ("seaformer-b-imagenet", "B", 0.764, "1pTqkYXmEfGuRD2119vWikwd68lGNo8Lx"),
        ("seaformer-l-imagenet", "L", 0.799, "1FYyCHV1deCs02ims2Y-NybAMlo_a5o2p"),
    ),
}
