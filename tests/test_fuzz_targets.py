"""A few broken inputs for every parser of untrusted input; `scripts/verify/fuzz` has more."""

from __future__ import annotations

import importlib.util

import pytest
from fuzz_targets import TARGETS, take
from hypothesis import HealthCheck, Phase, given, settings

# A program first runs in a sandbox process, and a checkpoint is compared with all networks.
SLOW = {"programs": 12, "checkpoints": 12}


@pytest.mark.parametrize("name", TARGETS)
def test_it_is_refused_or_accepted(name: str) -> None:
    target = TARGETS[name]
    if importlib.util.find_spec(target.needs) is None:
        pytest.skip(f"{target.needs} is not installed")

    @settings(
        max_examples=SLOW.get(name, 60),
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs())
    def feed(given_input: object) -> None:
        take(target, given_input)

    feed()


def checkpoint(**tensors: object) -> tuple[str, bytes]:
    """A valid checkpoint except for some tensors."""
    from fuzz_targets import META, _saved, _tensors

    changed = {f"decode_head.conv_seg.{name}": tensor for name, tensor in tensors.items()}
    return "made.pth", _saved({**_tensors(), **changed}, META, zipped=True)


DEEP = b"[" * 100_000
# Inputs that once raised anything but SeaformerEdgeError.
REFUSED = [
    ("sources", "/dev/video"),
    ("sources", "~nobody\0"),
    ("sources", "~nobody"),
    ("sources", "9" * 300),
    ("sources", "487243713130288"),
    ("cards", DEEP),
    ("class lists", DEEP),
    ("class lists", b'{"names": ["a"], "palette": [[Infinity, 0, 0]], "ignore_index": 255}'),
    ("recipes", b"\x9c"),
    ("recipes", b"x = " + DEEP),
    (
        "recipes",
        b'name = "n"\nvariant = "T"\nclasses = "c"\ndata = "d"\nlicence = "l"\nsteps = "9"',
    ),
    ("videos", ("h.gif", b"\x04")),
]


@pytest.mark.parametrize(("name", "given_input"), REFUSED, ids=lambda value: str(value)[:20])
def test_inputs_of_fixed_defects_are_refused(name: str, given_input: object) -> None:
    assert take(TARGETS[name], given_input)


def test_malformed_html_is_accepted() -> None:
    assert not take(TARGETS["pages"], "<title>a</title><![<![")


@pytest.mark.parametrize("duration", [b"nonsense", b"00:00:1e", b"99:99:99"], ids=repr)
def test_an_invalid_duration_is_ignored(duration: bytes) -> None:
    from fuzz_targets import _videos

    clip = _videos()["b.mkv"]
    assert b"00:00:00" in clip
    assert not take(TARGETS["videos"], ("b.mkv", clip.replace(b"00:00:00", duration)))


def test_impossible_class_layers_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
    for count in ((), (0, 128, 1, 1), (10**9, 128, 1, 1)):
        assert take(TARGETS["checkpoints"], checkpoint(weight=torch.ones(()).expand(count)))
    assert not take(TARGETS["checkpoints"], checkpoint())
