"""Two workers beside one: the same group, the same two partitions, the same Kafka and Redis."""

import time
from collections.abc import Callable

from tests.bench.goals.contenders import is_ready, run_of, watch, workers
from tests.bench.goals.results import Run, Scaling
from tests.bench.goals.run_resources import await_ready, held_back, open_place
from tests.bench.goals.servers import Servers
from tests.bench.goals.stream import Stream, make_stream


def measure(servers: Servers, articles: int, rounds: int, say: Callable[[str], None]) -> Scaling:
    """Run one and two by turns. The clock runs from the moment at which ready workers are given the whole stream."""
    stream = make_stream(articles)
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for number in range(rounds):
        for count in (1, 2) if number % 2 == 0 else (2, 1):
            found = _run(servers, stream, count)
            runs[count].append(found)
            say(f"round {number + 1}: {count} worker{'s' if count > 1 else ''}: {found.rate:,.0f} articles/s")
    return Scaling(stream=stream.facts, one=runs[1], two=runs[2])


def _run(servers: Servers, stream: Stream, count: int) -> Run:
    names = [f"worker-{number}" for number in range(count)]
    with open_place(servers) as place, workers(place, names) as running:
        await_ready(running, is_ready)
        with held_back(place, stream.messages) as producer:
            began = time.time()
            producer.commit_transaction()
        return run_of(place, watch(place, len(stream.messages), running), began)
