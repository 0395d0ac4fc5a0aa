"""A worker under a steady load for six windows, in a Redis of its own: what is remembered, and that the rest goes.

One run, looked at from several sides. Its load is paced by the clock and light, so that the same articles meet in the
same window on any machine; what depends on the moment of a decision is judged by the decisions' own times.
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
from tests.contract.streams import text_of
from tests.e2e.steady_load import Due, copies, sending, stories
from tests.e2e.support_e2e import Event, Place, by_trace, open_place, wait_delivered, wait_ready
from tests.redis_footprint import Footprint, look, warm_up
from tests.support import running_worker, unavailable

#: Seconds; as long a replay, so that no kind of key takes longer than two windows to reach its level.
WINDOW: Final = 5.0

#: The first two are for the levels to be reached; the third is compared with the last.
WINDOWS: Final = 6
STEADY: Final = 3

RETENTION: Final = Retention(window_seconds=WINDOW, replay_seconds=WINDOW)

#: Seconds that a key outlives what it holds: with windows this short a larger part of them than by default.
MARGIN: Final = margin_ms(RETENTION) / 1000

#: Articles a second: a tenth of what a core takes, so that a machine of a third of the speed still keeps up.
RATE: Final = 120

#: Fewer than a window brings, so that there are few shards: the sweep needs six batches a second to visit all of them
#: in an eighth of the window, and this load makes ten times as many.
EXPECTED: Final = 500

#: Seconds between two looks: ten a window, whose median no single pause of the machine moves.
LOOK_SECONDS: Final = 0.5

#: Seconds in which the last key must go: the namespace's own lives longest, both retentions and a margin.
GONE_SECONDS: Final = 2 * WINDOW + MARGIN + 10

#: Growth from the third window to the last that is still a flat line: a leak of 2 % a window is more, and medians of a
#: load that is the same in every window differ by less than 2 %.
FLAT: Final = 1.05

#: How near to where it began Redis's memory must come, as a share.
NEAR: Final = 0.01

#: Pauses between copies of one text, in windows: some longer than one, some not.
PAUSES: Final = (0.6, 1.3, 0.9, 1.2, 1.5)

#: Seeds of the probes' texts, which no other article has.
PROBES: Final = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """What was seen before the load, while it went on, and when all keys were gone; times are seconds from its start.

    decided  when each article was
    """

    empty: Footprint
    looks: Sequence[tuple[float, Footprint]]
    gone: Footprint
    decided: Sequence[float]
    probes: Mapping[str, Sequence[Event]]

    def level(self, window: int, what: Callable[[Footprint], float]) -> float:
        """The median of a window, the first being 1, for each article that was decided in the window before the look.

        For each article, since a busy machine decides some of them late.
        """
        return median(
            what(each) / (bisect_left(self.decided, at) - bisect_left(self.decided, at - WINDOW))
            for at, each in self.looks
            if window - 1 <= at / WINDOW < window
        )


@pytest.fixture(scope="module")
def soak(kafka_bootstrap_servers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    folder = tmp_path_factory.mktemp("window")
    with (
        own_server(folder) as url,
        redis.Redis.from_url(url) as client,
        open_place(kafka_bootstrap_servers, url) as place,
    ):
        place.create_topics()
        warm_up(url)
        settings = place.settings(
            WINDOW_SECONDS=str(WINDOW), REPLAY_SECONDS=str(WINDOW), EXPECTED_ARTICLES=str(EXPECTED)
        )
        probes = made_probes()
        with running_worker(settings, folder / "worker.log") as worker:
            wait_ready(worker)
            empty = look(client, place.namespace)
            began = time.time()  # the clock of decided_at
            looks = looks_under_load(client, place, probes)
            wait_delivered(place, worker)
            with suppress(TimeoutError):  # what is left then is a test's failure, and hides no other
                wait_until(lambda: not client.dbsize(), GONE_SECONDS, "an empty Redis")
            gone = look(client, place.namespace)
            assert worker.stop() == 0, worker.tail()
        events = by_trace(place.events())
        decided = sorted(decided_at(each).timestamp() - began for group in events.values() for each in group)
        found = {name: [events[each.message.trace][0] for each in sent] for name, sent in probes.items()}
        yield Soak(empty=empty, looks=looks, gone=gone, decided=decided, probes=found)


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """A server in which nothing else is, whose memory can be told."""
    with ExitStack() as opened:
        try:
            yield opened.enter_context(local_redis(StackKind.EMBEDDED, folder)).address
        except StackUnavailable as error:
            unavailable("stack", str(error))


def made_probes() -> dict[str, list[Due]]:
    """One story with a variant every half window to the end, and two whose copies sometimes come too late."""
    texts = [text_of(*range(PROBES + 4 * number, PROBES + 4 * number + 4)) for number in range(3)]
    pauses = [WINDOW * each for each in PAUSES]
    return {
        "kept": copies(texts[0], [WINDOW / 2] * (2 * WINDOWS - 1), "kept", exact=False),
        "exact": copies(texts[1], pauses, "exact", exact=True),
        "near": copies(texts[2], pauses, "near", exact=False),
    }


def looks_under_load(
    client: redis.Redis, place: Place, probes: Mapping[str, Sequence[Due]]
) -> list[tuple[float, Footprint]]:
    """Send everything, and look every half second until it is sent."""
    looks, start = [], time.monotonic()
    with sending(place, stories(RATE, WINDOW * WINDOWS), *probes.values()) as load:
        while load.is_alive():
            found = look(client, place.namespace)
            looks.append((found.at - start, found))
            assert found.at - start < 2 * WINDOW * WINDOWS, "the load is not sent in twice its time"
            load.join(LOOK_SECONDS)
    return looks


def decided_at(event: Event) -> datetime:
    return datetime.fromisoformat(event.body["decided_at"])


def entries(footprint: Footprint, kind: str) -> float:
    return footprint.entries.get(kind, 0)


#: What is in Redis while the load goes on, by kind of key (reprise/redis_index/keys.py).
LINES: Final[Mapping[str, Callable[[Footprint], float]]] = {
    "keys": lambda footprint: footprint.keys,
    **{kind: partial(entries, kind=kind) for kind in "rbavpt"},
}


@pytest.mark.parametrize("line", LINES)
def test_the_line_is_flat(soak: Soak, line: str) -> None:
    """Of no kind of key there is more in the sixth window than in the third."""
    assert 0 < soak.level(WINDOWS, LINES[line]) <= FLAT * soak.level(STEADY, LINES[line])


def test_the_memory_is_flat(soak: Soak) -> None:
    """Redis takes no more memory for the index in the sixth window than in the third."""
    steady, last = (
        soak.level(window, lambda found: found.used_bytes - soak.empty.used_bytes) for window in (STEADY, WINDOWS)
    )
    assert 0 < last <= FLAT * steady


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
def test_no_more_is_kept_than_is_promised(soak: Soak, kind: str, articles: int, seconds: float) -> None:
    """What is there is as old as promised and, where the sweep collects it, an eighth of a window older, twice at most.

    articles  of a cycle's six that leave an entry of this kind
    """
    promised = articles / 6 * seconds / WINDOW
    kept = soak.level(WINDOWS, LINES[kind])
    assert 0.9 * promised <= kept <= 1.1 * promised + 2 * articles / 6 / 8


def test_everything_goes_when_the_load_ends(soak: Soak) -> None:
    """Without traffic Redis holds no key any more, and uses the memory that it used before."""
    assert soak.gone.keys == 0
    assert soak.gone.used_bytes <= (1 + NEAR) * soak.empty.used_bytes


def test_a_story_lives_while_variants_come(soak: Soak) -> None:
    """With a variant every half window it is the same story after six."""
    assert len({event.body["story_id"] for event in soak.probes["kept"]}) == 1
    first, last = decided_at(soak.probes["kept"][0]), decided_at(soak.probes["kept"][-1])
    assert (last - first).total_seconds() > (WINDOWS - 1) * WINDOW


@pytest.mark.parametrize("probe", ["exact", "near"])
def test_a_story_lives_a_window_after_its_last_variant(soak: Soak, probe: str) -> None:
    """A copy that comes within a window of the last joins its story; one that comes later founds another."""
    joined = []
    for before, after in pairwise(soak.probes[probe]):
        late = decided_at(after) - decided_at(before) >= timedelta(seconds=WINDOW)
        assert after.body["type"] == ("story.new" if late else "story.variant")
        joined.append(after.body["story_id"] == before.body["story_id"])
        assert joined[-1] is not late
    assert {True, False} == set(joined)
