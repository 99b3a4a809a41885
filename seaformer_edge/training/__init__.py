"""Data sets, augmentation, training and evaluation. Needs the `train` extra (torch)."""
