"""Export a network to a .pte program for ExecuTorch. Imports torch."""
