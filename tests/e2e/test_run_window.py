"""Retention under a steady load of six windows in an otherwise empty Redis: the kept entries and their removal.

All tests examine one run. The load follows the clock and is light, so that each window has the same articles on any
machine. Checks that depend on the time of a decision use the `decided_at` of the events.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import pytest
import redis

from deploy.local.stack import StackKind, StackUnavailable, wait_until
from deploy.local.stack.redis_local import local_redis
from reprise.dedup.retention import Retention
from reprise.index.redis.codec import margin_ms
from tests.contract.texts import make_text
from tests.e2e.sandbox import OutputEvent, Sandbox, by_trace, open_sandbox
from tests.e2e.steady_load import ScheduledMessage, copy_schedule, producing, story_schedule
from tests.e2e.worker_state import wait_delivered, wait_ready
from tests.redis_footprint import Footprint, measure_footprint, warm_up
from tests.support import running_worker, unavailable

#: Seconds of the window and of the replay retention. Each kind of key reaches its level within two windows.
WINDOW: Final = 5.0

#: Number of windows, and the window that is compared with the last one. The levels are reached in the first two.
WINDOWS: Final = 6
STEADY: Final = 3

RETENTION: Final = Retention(window_seconds=WINDOW, replay_seconds=WINDOW)

#: Seconds that a key outlives its content. The default windows are longer, so that their share is smaller.
MARGIN: Final = margin_ms(RETENTION) / 1000

#: Articles per second: a tenth of the throughput of a core, so that slow machines keep up.
RATE: Final = 120

#: Expected articles: fewer than in a window, so that there are few shards. The sweep visits all shards in an eighth of
#: the window with six batches per second, and this load has ten times as many.
EXPECTED: Final = 500

#: Seconds between two measurements: ten in a window, so that a pause of the machine does not move the median.
MEASUREMENT_INTERVAL_SECONDS: Final = 0.5

#: Maximum seconds until the last key is removed: both retentions and a margin for the namespace's metadata.
REMOVAL_SECONDS: Final = 2 * WINDOW + MARGIN + 10

#: Maximum growth from the third window to the last. A leak of 2 % in a window exceeds it; the medians of equal windows
#: differ by less than 2 %.
MAX_GROWTH: Final = 1.05

#: Maximum growth of Redis's memory from before the load to after the removal of all keys, as a share.
MAX_REMAINDER: Final = 0.01

#: Pauses between copies of one text in windows, some longer than one window.
PAUSES: Final = (0.6, 1.3, 0.9, 1.2, 1.5)

#: First paragraph of the texts of the probes, which no other article has.
PROBE_PARAGRAPH: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakRun:
    """The measurements before the load, during it, and after the removal of all keys.

    measured  pairs of the seconds from the start and the footprint
    decided   seconds from the start to the decision of each article, sorted
    """

    empty: Footprint
    measured: Sequence[tuple[float, Footprint]]
    removed: Footprint
    decided: Sequence[float]
    probes: Mapping[str, Sequence[OutputEvent]]

    def level(self, window: int, quantity: Callable[[Footprint], float]) -> float:
        """Return a quantity per article as the median of a window; the first window is 1.

        The divisor is the number of articles decided in the window before the measurement, because a busy machine
        decides some of them late.
        """
        return median(
            quantity(footprint) / (bisect_left(self.decided, at) - bisect_left(self.decided, at - WINDOW))
            for at, footprint in self.measured
            if window - 1 <= at / WINDOW < window
        )


@pytest.fixture(scope="module")
def soak(kafka_bootstrap_servers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoakRun]:
    folder = tmp_path_factory.mktemp("window")
    with (
        own_server(folder) as url,
        redis.Redis.from_url(url) as client,
        open_sandbox(kafka_bootstrap_servers, url) as sandbox,
    ):
        warm_up(url)
        settings = sandbox.settings(
            WINDOW_SECONDS=str(WINDOW), REPLAY_SECONDS=str(WINDOW), EXPECTED_ARTICLES=str(EXPECTED)
        )
        probes = make_probes()
        with running_worker(settings, folder / "worker.log") as worker:
            wait_ready(worker)
            empty = measure_footprint(client, sandbox.namespace)
            start = time.time()  # the clock of decided_at
            measured = measure_under_load(client, sandbox, probes)
            wait_delivered(sandbox, worker)
            with suppress(TimeoutError):  # a remaining key fails one test and must not hide the other results
                wait_until(lambda: not client.dbsize(), REMOVAL_SECONDS, "an empty Redis")
            removed = measure_footprint(client, sandbox.namespace)
            assert worker.stop() == 0, worker.tail()
        events = by_trace(sandbox.events())
        decided = sorted(decided_at(event).timestamp() - start for group in events.values() for event in group)
        probe_events = {
            name: [events[scheduled.message.trace][0] for scheduled in schedule] for name, schedule in probes.items()
        }
        yield SoakRun(empty=empty, measured=measured, removed=removed, decided=decided, probes=probe_events)


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """Run a server without other data, so that its memory is that of the test."""
    with ExitStack() as opened:
        try:
            yield opened.enter_context(local_redis(StackKind.EMBEDDED, folder)).address
        except StackUnavailable as error:
            unavailable("stack", str(error))


def make_probes() -> dict[str, list[ScheduledMessage]]:
    """Return a story with a variant every half window, and two stories with copies that are sometimes too late."""
    texts = [make_text(*range(PROBE_PARAGRAPH + 4 * number, PROBE_PARAGRAPH + 4 * number + 4)) for number in range(3)]
    pauses = [WINDOW * pause for pause in PAUSES]
    return {
        "kept": copy_schedule(texts[0], [WINDOW / 2] * (2 * WINDOWS - 1), "kept", exact=False),
        "exact": copy_schedule(texts[1], pauses, "exact", exact=True),
        "near": copy_schedule(texts[2], pauses, "near", exact=False),
    }


def measure_under_load(
    client: redis.Redis, sandbox: Sandbox, probes: Mapping[str, Sequence[ScheduledMessage]]
) -> list[tuple[float, Footprint]]:
    """Produce all messages, and measure every half second until the end."""
    measured, start = [], time.monotonic()
    with producing(sandbox, story_schedule(RATE, WINDOW * WINDOWS), *probes.values()) as load:
        while load.is_alive():
            footprint = measure_footprint(client, sandbox.namespace)
            measured.append((footprint.at - start, footprint))
            assert footprint.at - start < 2 * WINDOW * WINDOWS, "the load takes more than twice its time"
            load.join(MEASUREMENT_INTERVAL_SECONDS)
    return measured


def decided_at(event: OutputEvent) -> datetime:
    return datetime.fromisoformat(event.body["decided_at"])


def entries(footprint: Footprint, kind: str) -> float:
    return footprint.entries.get(kind, 0)


#: Quantities that must not grow during the load: all keys, and the entries of each kind (reprise/index/redis/keys.py).
QUANTITIES: Final[Mapping[str, Callable[[Footprint], float]]] = {
    "keys": lambda footprint: footprint.keys,
    **{kind: partial(entries, kind=kind) for kind in "rbavpt"},
}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_number_of_keys_does_not_grow(soak: SoakRun, quantity: str) -> None:
    """The sixth window has no more keys of any kind than the third."""
    assert 0 < soak.level(WINDOWS, QUANTITIES[quantity]) <= MAX_GROWTH * soak.level(STEADY, QUANTITIES[quantity])


def test_the_memory_does_not_grow(soak: SoakRun) -> None:
    """The index uses no more memory in the sixth window than in the third."""
    steady, last = (
        soak.level(window, lambda footprint: footprint.used_bytes - soak.empty.used_bytes)
        for window in (STEADY, WINDOWS)
    )
    assert 0 < last <= MAX_GROWTH * steady


@pytest.mark.parametrize(
    ("kind", "articles", "seconds"),
    [
        pytest.param("a", 5, WINDOW, id="articles"),
        pytest.param("t", 6, WINDOW, id="texts"),
        pytest.param("v", 1, WINDOW, id="superseded"),
        pytest.param("p", 1, 2 * WINDOW, id="revisions"),
        pytest.param("r", 4, WINDOW + MARGIN, id="records"),
    ],
)
def test_entries_are_removed_after_their_retention(soak: SoakRun, kind: str, articles: int, seconds: float) -> None:
    """The number of entries is that of the retention, plus two periods of the sweep, each an eighth of a window.

    articles  number of a cycle's six articles that have an entry of this kind
    seconds   retention of the entry
    """
    expected = articles / 6 * seconds / WINDOW
    kept = soak.level(WINDOWS, QUANTITIES[kind])
    assert 0.9 * expected <= kept <= 1.1 * expected + 2 * articles / 6 / 8


def test_all_keys_are_removed_after_the_load(soak: SoakRun) -> None:
    """Without traffic Redis has no key at last, and uses the memory that it used before."""
    assert soak.removed.keys == 0
    assert soak.removed.used_bytes <= (1 + MAX_REMAINDER) * soak.empty.used_bytes


def test_variants_extend_the_retention_of_a_story(soak: SoakRun) -> None:
    """With a variant every half window, all variants of six windows have the same story."""
    assert len({event.body["story_id"] for event in soak.probes["kept"]}) == 1
    first, last = decided_at(soak.probes["kept"][0]), decided_at(soak.probes["kept"][-1])
    assert (last - first).total_seconds() > (WINDOWS - 1) * WINDOW


@pytest.mark.parametrize("probe", ["exact", "near"])
def test_a_story_expires_a_window_after_its_last_variant(soak: SoakRun, probe: str) -> None:
    """A copy within a window after the last one joins its story. A later copy is a new story."""
    joined = []
    for before, after in pairwise(soak.probes[probe]):
        late = decided_at(after) - decided_at(before) >= timedelta(seconds=WINDOW)
        assert after.body["type"] == ("story.new" if late else "story.variant")
        joined.append(after.body["story_id"] == before.body["story_id"])
        assert joined[-1] is not late
    assert {True, False} == set(joined)
