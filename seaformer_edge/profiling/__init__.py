"""How fast models are on this machine, after MLPerf Mobile's single stream.

measure.py    one model on one number of threads: the network alone, and the whole frame's way
process.py    the same in a process of its own, so that memory and loading are those of one run
record.py     what a run and a whole profile hold, and their JSON; statistics.py its percentiles
report.py     a profile as text, plot.py as a picture
advice.py     which model for a wanted rate
compare.py    a profile against an earlier one
"""
