"""Networks: SeaFormer as published, the table of architectures, checkpoints and warm starts.

Importing this package does not import torch; its modules but `registry` and `variants` do.
"""

from seaformer_edge.nn.registry import Architecture, register_architecture

__all__ = ["Architecture", "register_architecture"]
