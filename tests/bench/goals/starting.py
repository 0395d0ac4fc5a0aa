"""How long a worker takes from its start to its first event, and what it occupies while nothing comes."""

import time
from collections.abc import Callable

import psutil

from tests.bench.goals.contenders import is_ready, workers
from tests.bench.goals.results import Starting
from tests.bench.goals.run_resources import await_delivered, await_ready, open_place, preload
from tests.bench.goals.servers import Servers
from tests.bench.goals.stream import make_stream


def measure(servers: Servers, starts: int, say: Callable[[str], None]) -> Starting:
    """Start worker after worker in one group, each with one article waiting for it.

    The process is counted from its fork: interpreter and imports are a part of it. Memory is resident, shared
    libraries included, when the worker is ready and its article delivered.
    """
    messages = make_stream(starts, seed=2).messages
    seconds, resident = [], []
    with open_place(servers) as place:
        for number, message in enumerate(messages):
            preload(place, [message])
            began = time.time()
            with workers(place, [f"start-{number}"]) as running:
                await_delivered(place, number + 1, running)
                await_ready(running, is_ready)
                resident += [psutil.Process(worker.pid).memory_info().rss for worker in running.values()]
            seconds.append(max(record.timestamp / 1000 for record in place.read_events()) - began)
            say(f"start {number + 1}: {seconds[-1]:.2f} s to the first event, {resident[-1] / 2**20:.0f} MiB")
    return Starting(first_event_seconds=seconds, idle_bytes=resident)
