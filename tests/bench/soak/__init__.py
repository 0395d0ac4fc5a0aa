"""Soak test: several windows of steady load. Redis's memory must stay constant, and be freed after the load.

profile.py   rate, window and number of windows
run.py       the run: a worker, a generator and a monitor
results.py   the results, as the JSON file holds them, and their check
plot.py      the plot
"""
