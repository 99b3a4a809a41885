"""Programs that tests export, in pytest's cache: lowering even a tiny network takes seconds."""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections import Counter
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
from executorch.backends.xnnpack import xnnpack_preprocess

from seaformer_edge.export import program
from seaformer_edge.files import atomic_write

ROOT = Path(__file__).parents[2]
SOURCES = ("seaformer_edge/export", "seaformer_edge/nn", "scripts/support")
PLAIN = (bool, int, float, str, tuple, list)
LIBRARIES = ("torch", "torchao", "executorch")


class CachedLowering:
    """`seaformer_edge.export.program.lower` with a memory.

    A program is taken from the folder if the module, its weights, the sources that lower it and
    the libraries are those that it was made with.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lower = program.lower

        self.operators: Counter[str] = Counter()
        """Number of XNNPACK operators of each kind in the last program."""

    def __call__(self, module, height, width):
        stored = self._folder / _digest(module, height, width)
        if not stored.is_file():
            with _shallow_provenance(), _counted_operators() as operators:
                lowered = self._lower(module, height, width)
            atomic_write(stored, pickle.dumps((lowered, operators)))
        lowered, self.operators = pickle.loads(stored.read_bytes())
        return lowered


def _digest(module, height, width):
    digest = hashlib.sha256(f"{_sources_digest()} {height} {width}".encode())
    for name, part in module.named_modules():
        settings = {key: value for key, value in vars(part).items() if isinstance(value, PLAIN)}
        digest.update(f"{name} {type(part).__qualname__} {settings}".encode())
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def _sources_digest() -> str:
    libraries = [version(name) for name in LIBRARIES]
    digest = hashlib.sha256(f"{libraries} {torch.backends.cpu.get_cpu_capability()}".encode())
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _shallow_provenance():
    """Each node remembers where it came from; copying that deeply takes a quarter of the time."""
    return mock.patch.object(
        torch.fx.traceback, "copy", SimpleNamespace(copy=copy.copy, deepcopy=copy.copy)
    )


@contextmanager
def _counted_operators():
    count: Counter[str] = Counter()
    serialize = xnnpack_preprocess.serialize_xnnpack_binary

    def counted(graph, *rest):
        count.update(type(node.xnode_union).__name__ for node in graph.xnodes)
        return serialize(graph, *rest)

    with mock.patch.object(xnnpack_preprocess, "serialize_xnnpack_binary", counted):
        yield count
