"""Fuzz targets for files that the package writes: weights, profiles, records, window settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from unittest import mock

from fakes import CARD
from fuzz_inputs import ODD, Target, damaged, folder, odd_entries, odd_json, put
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from profiles import synthetic_profile, synthetic_run

from seaformer_edge.hub.card import write_card

WINDOW = b"""[General]
source=synthetic
threads=2
opacity=0.5
mode=overlay
theme=dark
every=@Invalid()
mirrored=true
geometry=@ByteArray(\\x1\\xd9\\xd0\\xcb)
"""


@cache
def _weights() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"a.weight": torch.ones(4, 3), "b": torch.ones((), dtype=torch.int64)})


def _safetensors() -> SearchStrategy[bytes]:
    """Damaged files, and whole ones with odd headers."""
    length = int.from_bytes(_weights()[:8], "little")
    header, data = json.loads(_weights()[8 : 8 + length]), _weights()[8 + length :]
    some = st.sampled_from(["BOOL", "F8_E4M3", "F8_E8M0", "F4", "C64", "U64", "X", None])
    tensor = odd_entries(header["a.weight"]) | some.map(lambda d: header["a.weight"] | {"dtype": d})
    headers = st.one_of(ODD, odd_entries(header), tensor.map(lambda t: header | {"a.weight": t}))

    def joined(values: object) -> bytes:
        text = json.dumps(values).encode()
        return len(text).to_bytes(8, "little") + text + data

    return st.one_of(damaged({"a": _weights()}).map(lambda named: named[1]), headers.map(joined))


def _load_safetensors(data: object) -> None:
    from seaformer_edge.nn.checkpoint import load_checkpoint

    path = put("weights.safetensors", data)  # type: ignore[arg-type]
    write_card(CARD, path)
    load_checkpoint(path)


def _profile_entries() -> dict[str, object]:
    profile = asdict(synthetic_profile(synthetic_run("tiny", 1, 20.0)))
    return json.loads(json.dumps({"format": 2} | profile))  # type: ignore[no-any-return]


def _profiles() -> SearchStrategy[bytes]:
    entries = _profile_entries()
    (run,) = entries["runs"]  # type: ignore[misc]
    odd_runs = odd_entries(run).map(lambda odd: json.dumps(entries | {"runs": [odd]}).encode())
    return odd_runs | odd_json(entries)


def _read_profile(data: object) -> None:
    from seaformer_edge.profiling.compare import compare
    from seaformer_edge.profiling.record import read_profile

    earlier = read_profile(put("profile.json", data))  # type: ignore[arg-type]
    compare(synthetic_profile(synthetic_run("tiny", 1, 20.0)), earlier)


def _use_records(data: object) -> None:
    """Damaged records count as empty."""
    from seaformer_edge.hub import zoo
    from seaformer_edge.runtime import sandbox

    for name in (zoo.PRECISIONS_FILE, sandbox.VETTED):
        put(name, data)  # type: ignore[arg-type]
    with mock.patch.dict("os.environ", SEAFORMER_EDGE_HOME=str(folder())):
        zoo.resolve_model(zoo.DEFAULT_MODEL)
        sandbox._record_vetted("new")
        assert "new" in sandbox._vetted()


def _load_window(data: object) -> None:
    from PySide6.QtCore import QSettings

    from seaformer_edge_gui.settings import Settings, load

    path = put("window.conf", data)  # type: ignore[arg-type]
    assert isinstance(load(QSettings(str(path), QSettings.Format.IniFormat)), Settings)


FILE_TARGETS = {
    "safetensors": Target(_safetensors, _load_safetensors, "safetensors"),
    "profiles": Target(_profiles, _read_profile),
    "records": Target(lambda: odd_json({"seaformer-t-everyday": "fp16"}), _use_records),
    "window": Target(
        lambda: damaged({"window.conf": WINDOW}).map(lambda named: named[1]),
        _load_window,
        "PySide6",
    ),
}
