"""What the window can record."""

from __future__ import annotations

from enum import StrEnum


class Recorded(StrEnum):
    """What is recorded: value, label, ending of the file's name."""

    label: str
    ending: str

    VIEW = "view", "View", ".mp4"
    RAW = "raw", "Picture", " picture.mp4"
    MASKS = "masks", "Class ids", " classes.mp4"
    SHARES = "shares", "Shares", " shares.csv"

    def __new__(cls, value: str, *row: str) -> Recorded:
        recorded = str.__new__(cls, value)
        recorded._value_ = value
        recorded.label, recorded.ending = row
        return recorded
