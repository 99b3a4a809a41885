"""`log.csv`: learning rate, loss and validation score of a training run."""

from __future__ import annotations

import csv
import math
from pathlib import Path

FIELDS = 4


class TrainingLog:
    """Appends rows to a CSV file.

    Args:
        path: of the file, made with the first row.
        metric: name of the validation score, e.g. "mIoU".
    """

    def __init__(self, path: Path, metric: str):
        self.path = path
        self.metric = metric

    def add(self, step: int, learning_rate: float, loss: float, score: float | None) -> None:
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "learning_rate", "loss", f"validation_{self.metric}"])
            shown = "" if score is None else f"{score:.4f}"
            writer.writerow([step, f"{learning_rate:.3g}", f"{loss:.5f}", shown])

    def cut(self, step: int) -> None:
        """Remove the rows after `step`: a resumed run does those steps again.

        Rows that a power cut damaged, e.g. with NUL bytes, are removed too.
        """
        if not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
        head, *rows = text.splitlines() or [""]
        done = [row for row in rows if _step(row) <= step]
        self.path.write_text("".join(f"{row}\n" for row in (head, *done)))


def _step(row: str) -> float:
    """The step of a row; infinite if the row is damaged."""
    fields = row.split(",")
    if len(fields) != FIELDS:
        return math.inf
    try:
        return int(fields[0])
    except ValueError:
        return math.inf
