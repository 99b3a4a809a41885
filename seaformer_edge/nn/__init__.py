"""The network as published, its checkpoints, and starting weights for training. Imports torch."""
