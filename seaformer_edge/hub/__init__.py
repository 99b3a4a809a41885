"""Model files: cards, class lists, names, published checkpoints and their download."""
