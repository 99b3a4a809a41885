"""Its place makes the helpers beside it (clips.py, ...) importable from every folder of tests."""
