"""Measure every figure that Reprise has a goal for, in one run: `make bench`, `make bench-full`.

    profile.py        sizes of a run: smoke, short, full
    stream.py         the articles that every system gets
    servers.py        Kafka and Redis of the run, and their CPU time
    run_resources.py  topics, group and namespace of one system's run
    systems.py        the systems: two naive pipelines, `reprise run`, and the limit (limit.py)

    throughput.py, scaling.py, latency.py, startup.py, expiry.py, growth.py    one measurement each
    run_all.py        all measurements, in order

    summary.py        medians, ratios, percentiles, rates
    results.py        the results, as the JSON files hold them
    goal_results.py   the goals, and whether a run meets them
    report.py         the Markdown page
    plots.py          the plots of the page
    machine.py        the description of the machine

Measurements do not know the goals, and the report does not know the servers.
"""
