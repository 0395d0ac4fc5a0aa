"""What the dearest messages cost: each hostile kind through the loop, in a process of its own.

    python -m tests.fuzz.cost [WORD]      prints a table of the kinds whose name holds WORD, dearest first

A process is forked for each message, so that one cannot hide behind memory that another left free, and so that a crash
of a library is told by its kind. Costs are processor seconds, and memory beyond what the worker had before it.
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

#: Processor seconds that one article may take, at the default limits: the worst kind takes 3 s. A bound, not a speed:
#: a poll must complete within the liveness timeout (120 s) also where a batch holds several of them.
SECONDS: Final = 10.0

#: Megabytes that one article may take beyond the worker's own, at the default limits: the worst kind takes 110 MB.
MEGABYTES: Final = 256.0

#: Bytes of a message below which nothing can be dear: such a kind costs what any article costs.
SMALL_BYTES: Final = 10_000

#: Address space of the forked process: it bounds what a kind that breaks the limit can do to the machine.
_ADDRESS_SPACE_BYTES: Final = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What became of a message (its event's type, its reason, or how its process ended), and what that took."""

    kind: str
    outcome: str
    message_bytes: int
    seconds: float
    megabytes: float


def costs(word: str = "") -> Iterator[Cost]:
    """Measure the kinds whose name holds the word and that are not small, in their order."""
    # what the first article of a worker's life builds is not the second one's cost
    run_loop([article(html=f"<p>{SENTENCE * 5}", url="http://a.example"), article(text="漢字。" * 50)])
    for kind, build in KINDS.items():
        if word in kind and len(value := build()) >= SMALL_BYTES:
            yield _cost(kind, value)


def _cost(kind: str, value: bytes) -> Cost:
    gc.collect()
    before = _resident_megabytes()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _run(value, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    if os.WIFSIGNALED(status):
        told = f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return Cost(
        kind=kind,
        outcome=told,
        message_bytes=len(value),
        seconds=usage.ru_utime + usage.ru_stime,
        megabytes=max(0.0, usage.ru_maxrss / 1024 - before),
    )


def _run(value: bytes, writing: int) -> None:
    """Send one message through the loop and end this process."""
    told = "killed"
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (round(2 * SECONDS), round(2 * SECONDS)))
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
        told = run_loop([value], index=memory_index())[0]
    except BaseException as error:
        told = f"raised {type(error).__name__}"
    finally:
        os.write(writing, told.encode())
        os._exit(0)


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


def _print_table(found: list[Cost]) -> None:
    print(f"{'seconds':>8} {'MB':>6} {'bytes in':>10}  {'became':18} kind")  # noqa: T201
    for each in sorted(found, key=lambda cost: -cost.seconds):
        columns = f"{each.seconds:8.3f} {each.megabytes:6.0f} {each.message_bytes:10,}  {each.outcome:18} {each.kind}"
        print(columns)  # noqa: T201


def main() -> None:
    """Print a table, or a JSON object a line for the test that asks with --json."""
    if sys.argv[1:] == ["--json"]:
        for each in costs():
            print(json.dumps(asdict(each)), flush=True)  # noqa: T201
    else:
        _print_table(list(costs(*sys.argv[1:])))


if __name__ == "__main__":
    main()
