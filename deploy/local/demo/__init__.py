"""Demonstrate the worker: a sample crawl and generated articles go in, its decisions are shown as they are made.

    __main__.py      start the stack, run the demo, print the summary
    on_kafka.py      the demo with Kafka: `reprise run`
    on_files.py      the demo without Kafka: `reprise replay`
    crawl.py         the input: sample crawl and generated articles
    event_reader.py  the output: events and dead letters, from topics or a file
    counters.py      counts of the output
    session.py       one run: read output, update the view, watch the worker and the deadline
    view.py          the display: a live table on a terminal, plain lines otherwise
    summary.py       the summary at the end
    reprise_cli.py   run the `reprise` command

All events come from the worker; the demo decides nothing.
"""
