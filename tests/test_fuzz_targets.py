"""A few broken inputs for every parser of untrusted input; `scripts/verify/fuzz` has more."""

from __future__ import annotations

import importlib.util

import pytest
from fuzz_targets import TARGETS, take
from hypothesis import HealthCheck, Phase, given, settings

# A program's first run is in a process of its own, and a checkpoint is compared with networks.
SLOW = {"programs": 12, "checkpoints": 12}


@pytest.mark.parametrize("name", TARGETS)
def test_it_is_refused_or_taken(name: str) -> None:
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
    """A whole checkpoint but for some tensors."""
    from fuzz_targets import META, _saved, _tensors

    changed = {f"decode_head.conv_seg.{name}": tensor for name, tensor in tensors.items()}
    return "made.pth", _saved({**_tensors(), **changed}, META, zipped=True)


DEEP = b"[" * 100_000
# Each ended in something else than a refusal before.
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
def test_what_once_was_a_defect_is_refused(name: str, given_input: object) -> None:
    assert take(TARGETS[name], given_input)


def test_a_page_that_is_no_html_is_read_as_far_as_it_goes() -> None:
    assert not take(TARGETS["pages"], "<title>a</title><![<![")


@pytest.mark.parametrize("duration", [b"nonsense", b"00:00:1e", b"99:99:99"], ids=repr)
def test_a_duration_that_is_none_is_left_out(duration: bytes) -> None:
    from fuzz_targets import _videos

    clip = _videos()["b.mkv"]
    assert b"00:00:00" in clip
    assert not take(TARGETS["videos"], ("b.mkv", clip.replace(b"00:00:00", duration)))


def test_class_layers_that_cannot_be() -> None:
    torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")
    for count in ((), (0, 128, 1, 1), (10**9, 128, 1, 1)):
        assert take(TARGETS["checkpoints"], checkpoint(weight=torch.ones(()).expand(count)))
    assert not take(TARGETS["checkpoints"], checkpoint())
