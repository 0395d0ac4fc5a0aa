"""Articles a second of each contender: all get the same stream, in rounds."""

from collections.abc import Callable

from tests.bench.goals.contenders import run
from tests.bench.goals.results import Contender, Run, Throughput
from tests.bench.goals.servers import Servers
from tests.bench.goals.stream import make_stream


def measure(servers: Servers, articles: int, rounds: int, say: Callable[[str], None]) -> Throughput:
    """Run all in turns, each round beginning with another: nobody always has the machine after the same other."""
    stream = make_stream(articles)
    order = list(Contender)
    measured: list[dict[Contender, Run]] = []
    for number in range(rounds):
        found = {}
        for contender in order[number % len(order) :] + order[: number % len(order)]:
            found[contender] = run(contender, servers, stream)
            say(f"round {number + 1}: {contender}: {found[contender].rate:,.0f} articles/s")
        measured.append(found)
    return Throughput(stream=stream.facts, rounds=measured)
