"""The demo: a sample crawl and a synthetic stream through the worker, and what it decides, as it decides.

May live here: what feeds the worker and shows its events. May not: any part of a decision; all events are the worker's.

    __main__.py     the frame: stack, worker, an end in time      crawl.py     what goes in
    on_kafka.py     through a real `reprise run`                  listening.py what comes out
    on_files.py     through `reprise replay`, without Kafka       tally.py     what was seen
    view.py         the screen, or lines without one              summary.py   the last words
"""
