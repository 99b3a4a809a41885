"""Export a network to a .pte program for ExecuTorch. Imports torch."""

from seaformer_edge.runtime.quiet import quiet

with quiet():  # importing it logs about libraries for other processors
    import torchao  # noqa: F401
