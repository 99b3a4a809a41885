"""The version, importable from anywhere below without importing the package's public names."""

__version__ = "0.1.0"
