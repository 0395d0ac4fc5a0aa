"""Measure the cost of each hostile message in the loop, in a process of its own.

    python -m tests.fuzz.cost [WORD]      print a table of the kinds whose name contains WORD, the most expensive first

Each message has a forked process, so that none uses memory that another one freed, and so that a crash of a library is
reported with the kind of the message. The cost is processor time and the memory beyond that of the process before.
"""

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.hostile import KINDS, SENTENCE, article
from tests.fuzz.loop import memory_index, run_loop

#: Maximum processor seconds for one article at the default limits. Extraction of HTML takes up to 0.25 s, the text step
#: up to 0.6 s; a busy machine takes longer.
SECONDS: Final = 1.5

#: Maximum memory of one article in MB, besides that of the worker, at the default limits. The largest takes 90 MB.
MEGABYTES: Final = 128.0

#: Maximum bytes of a message that costs as much as any article, so that it is not measured.
SMALL_BYTES: Final = 10_000

#: Address space of the forked process in bytes, to protect the machine from a kind above the limit.
_ADDRESS_SPACE_BYTES: Final = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCost:
    """The cost of a message. `outcome` is the type of its event, the reason of its dead letter or the process's end."""

    kind: str
    outcome: str
    message_bytes: int
    seconds: float
    megabytes: float


def measure_costs(word: str = "") -> Iterator[MessageCost]:
    """Yield the cost of each kind that is not small and whose name contains the word, in their order."""
    # The first article of a process builds tables that later ones use, too.
    run_loop([article(html=f"<p>{SENTENCE * 5}", url="http://a.example"), article(text="漢字。" * 50)])
    for kind, build in KINDS.items():
        if word in kind and len(value := build()) >= SMALL_BYTES:
            yield _measure(kind, value)


def _measure(kind: str, value: bytes) -> MessageCost:
    gc.collect()
    before = _resident_megabytes()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _run(value, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        outcome = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    if os.WIFSIGNALED(status):
        outcome = f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return MessageCost(
        kind=kind,
        outcome=outcome,
        message_bytes=len(value),
        seconds=usage.ru_utime + usage.ru_stime,
        megabytes=max(0.0, usage.ru_maxrss / 1024 - before),
    )


def _run(value: bytes, writing: int) -> None:
    """Send one message through the loop and end this process."""
    outcome = "killed"
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (round(2 * SECONDS), round(2 * SECONDS)))
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
        outcome = run_loop([value], index=memory_index())[0]
    except BaseException as error:
        outcome = f"raised {type(error).__name__}"
    finally:
        os.write(writing, outcome.encode())
        os._exit(0)


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def _print_table(costs: list[MessageCost]) -> None:
    print(f"{'seconds':>8} {'MB':>6} {'bytes in':>10}  {'outcome':18} kind")  # noqa: T201
    for cost in sorted(costs, key=lambda cost: -cost.seconds):
        columns = f"{cost.seconds:8.3f} {cost.megabytes:6.0f} {cost.message_bytes:10,}  {cost.outcome:18} {cost.kind}"
        print(columns)  # noqa: T201


def main() -> None:
    """Print a table, or with --json one JSON object on each line."""
    if sys.argv[1:] == ["--json"]:
        for cost in measure_costs():
            print(json.dumps(asdict(cost)), flush=True)  # noqa: T201
    else:
        _print_table(list(measure_costs(*sys.argv[1:])))


if __name__ == "__main__":
    main()
