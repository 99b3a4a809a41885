"""The sizes of SeaFormer, as data. Reading them does not import torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One size of SeaFormer (paper, Table 1 of the appendix).

    A row of `stages` is one inverted residual: (kernel, expansion, output channels, stride).
    """

    stages: tuple[tuple[tuple[int, int, int, int], ...], ...]
    stem_channels: int
    depths: tuple[int, ...]  # transformer blocks after each of the last len(depths) stages
    key_dims: tuple[int, ...]
    mlp_ratios: tuple[int, ...]
    heads: int
    head_channels: tuple[int, ...]  # embedding of each fusion step; the last is the head's width

    @property
    def stage_channels(self) -> tuple[int, ...]:
        return tuple(stage[-1][2] for stage in self.stages)

    @property
    def transformer_channels(self) -> tuple[int, ...]:
        return self.stage_channels[-len(self.depths) :]


# fmt: off
VARIANTS: dict[str, Variant] = {
    "T": Variant(
        stages=(
            ((3, 1, 16, 1), (3, 4, 16, 2), (3, 3, 16, 1)),
            ((5, 3, 32, 2), (5, 3, 32, 1)),
            ((3, 3, 64, 2), (3, 3, 64, 1)),
            ((5, 3, 128, 2),),
            ((3, 6, 160, 2),),
        ),
        stem_channels=16, depths=(2, 2), key_dims=(16, 24), mlp_ratios=(2, 4), heads=4,
        head_channels=(64, 96),
    ),
    "S": Variant(
        stages=(
            ((3, 1, 16, 1), (3, 4, 24, 2), (3, 3, 24, 1)),
            ((5, 3, 48, 2), (5, 3, 48, 1)),
            ((3, 3, 96, 2), (3, 3, 96, 1)),
            ((5, 4, 160, 2),),
            ((3, 6, 192, 2),),
        ),
        stem_channels=16, depths=(3, 3), key_dims=(16, 24), mlp_ratios=(2, 4), heads=6,
        head_channels=(96, 128),
    ),
    "B": Variant(
        stages=(
            ((3, 1, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1)),
            ((5, 3, 64, 2), (5, 3, 64, 1)),
            ((3, 3, 128, 2), (3, 3, 128, 1)),
            ((5, 4, 192, 2),),
            ((3, 6, 256, 2),),
        ),
        stem_channels=16, depths=(4, 4), key_dims=(16, 24), mlp_ratios=(2, 4), heads=8,
        head_channels=(128, 160),
    ),
    "L": Variant(
        stages=(
            ((3, 3, 32, 1), (3, 4, 64, 2), (3, 4, 64, 1)),
            ((5, 4, 128, 2), (5, 4, 128, 1)),
            ((3, 4, 192, 2), (3, 4, 192, 1)),
            ((5, 4, 256, 2),),
            ((3, 6, 320, 2),),
        ),
        stem_channels=32, depths=(3, 3, 3), key_dims=(16, 20, 24), mlp_ratios=(2, 4, 6), heads=8,
        head_channels=(128, 160, 192),
    ),
}
# fmt: on
