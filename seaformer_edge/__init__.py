"""Real-time semantic segmentation with SeaFormer on small boards."""

__version__ = "0.1.0"
