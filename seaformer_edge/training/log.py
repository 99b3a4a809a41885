"""`log.csv`: learning rate, loss and validation score of a training run."""

from __future__ import annotations

import csv
from pathlib import Path


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
        """Remove the rows after `step`: a resumed run does those steps again."""
        if not self.path.exists():
            return
        head, *rows = self.path.read_text().splitlines(keepends=True) or [""]
        done = [row for row in rows if int(row.split(",")[0]) <= step]
        self.path.write_text("".join([head, *done]))
