"""How fast models are on this machine, measured as in MLPerf Mobile's single-stream scenario.

measure.py    one model on one number of threads: the network, and a frame end to end
process.py    the same in a child process
latency.py    latency series and their statistics
record.py     the data of a run and of a profile, and the JSON file
report.py     a profile as text
plot.py       a profile as a PNG
advice.py     which model to use for a required frame rate
compare.py    a profile compared with an earlier one
"""
