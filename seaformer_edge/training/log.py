"""`log.csv`: learning rate, loss and validation score of a training run."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from seaformer_edge.errors import ModelError
from seaformer_edge.files import atomic_write

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
        """Append a row. Raises ModelError if it cannot be written."""
        try:
            new = not self.path.exists()
            with self.path.open("a", newline="") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(["step", "learning_rate", "loss", f"validation_{self.metric}"])
                shown = "" if score is None else f"{score:.4f}"
                writer.writerow([step, f"{learning_rate:.3g}", f"{loss:.5f}", shown])
        except OSError as error:
            raise ModelError(f"{self.path}: cannot be written ({error.strerror})") from error

    def cut(self, step: int) -> None:
        """Remove the rows after `step`: a resumed run does those steps again.

        Rows that a power cut damaged, e.g. with NUL bytes, are removed too.

        Raises:
            ModelError: the file cannot be read or written.
        """
        if not self.path.exists():
            return
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace").replace("\0", "")
            head, *rows = text.splitlines() or [""]
            done = [row for row in rows if _step(row) <= step]
            atomic_write(self.path, "".join(f"{row}\n" for row in (head, *done)).encode())
        except OSError as error:
            raise ModelError(f"{self.path}: cannot be rewritten ({error.strerror})") from error


def _step(row: str) -> float:
    """The step of a row; infinite if the row is damaged."""
    fields = row.split(",")
    if len(fields) != FIELDS:
        return math.inf
    try:
        return int(fields[0])
    except ValueError:
        return math.inf
