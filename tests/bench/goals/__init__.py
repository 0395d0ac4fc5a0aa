"""Every figure that Reprise promises, measured in one run: `make bench`, `make bench-full`.

    form.py        how much is measured: smoke, short, full
    stream.py      the articles that every contender gets
    servers.py     the Kafka and the Redis of the run, and what CPU time they use
    place.py       topics, a group and a namespace of one run of one contender
    contenders.py  the naive pipeline, `reprise run`, and the limit (limit.py)

    throughput.py, scaling.py, latency.py, starting.py, forgetting.py, growth.py    one measure each
    measuring.py   all of them, in order

    summary.py     pure: medians, ratios, percentiles, rates
    results.py     the nouns: what was measured, as it is kept in JSON
    verdicts.py    pure: the goals, and whether they are met
    report.py      the page; plots.py: its pictures; machine.py: what it ran on

A measure knows nothing of goals, and the report nothing of servers.
"""
