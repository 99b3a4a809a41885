"""The live window, on Qt. Installed as `seaformer_edge_gui`."""
