"""One scenario: topics of its own, a load, workers, and the judge in the end.

open_scene    the context; what fails in it is told with its seed, and its logs stay
Scene         what a scenario does with it: begin, break something, recovered, finish
Outcome       a line of the table
"""

import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

from kafka import KafkaAdminClient

from deploy.local.stack import wait_until
from tests.faults.checker import CounterExample, Promise, Verdict, judge, judge_commits
from tests.faults.load import Load, running_load
from tests.faults.topic_recorder import Tape
from tests.faults.workers import Crew, wait_ready
from tests.support import TopicNames

T = TypeVar("T")

#: Partitions of the articles: one for each of the most workers.
PARTITIONS: Final = 3

#: Articles a second: a few batches, well below what one worker does, so that it catches up after an outage.
RATE: Final = 100.0

#: Articles at most: an hour of load.
MOST: Final = 360_000

#: Seconds for the group to deliver what is left when the load has ended.
_DELIVERED_SECONDS: Final = 120.0

#: Seconds for commits to go on after a fault where a scenario promises no less: a session's end, a start, a rebalance.
_RECOVER_SECONDS: Final = 60.0

#: Seconds for the end of the last transaction to reach all topics, after its offsets.
_VISIBLE_SECONDS: Final = 20.0

#: Short waits: a scenario outlasts them all in seconds. Small batches: there is always a middle.
_SETTINGS: Final = {
    "REPRISE_EXPECTED_ARTICLES": "10000",
    "REPRISE_WINDOW_SECONDS": "7200",
    "REPRISE_REPLAY_SECONDS": "7200",
    "REPRISE_POLL_TIMEOUT_SECONDS": "0.2",
    "REPRISE_BATCH_MAX_ARTICLES": "20",
    "REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS": "3",
    "REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS": "10",
    "REPRISE_KAFKA_REQUEST_TIMEOUT_SECONDS": "5",
    "REPRISE_REDIS_TIMEOUT_SECONDS": "0.5",
    "REPRISE_FLUSH_TIMEOUT_SECONDS": "5",
    "REPRISE_DRAIN_TIMEOUT_SECONDS": "20",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a scenario came to. `verdict` is None where it failed; `recover_seconds` is that of its longest recovery."""

    scenario: str
    delivery: str
    seed: int
    kills: int
    verdict: Verdict | None
    recover_seconds: float | None


@dataclass(kw_only=True)
class Scene:
    """A scenario at work."""

    name: str
    delivery: str
    seed: int
    dice: random.Random
    admin_servers: str
    topics: TopicNames
    tape: Tape
    load: Load
    crew: Crew
    recoveries: list[float] = field(default_factory=list)
    verdict: Verdict | None = None

    def create_topics(self, *names: str, **configs: Mapping[str, str]) -> None:
        """Create topics of this scenario, all unless named; `configs` by their fields in TopicNames."""
        wanted = names or ("articles", "new", "variants", "dead")
        admin = KafkaAdminClient(bootstrap_servers=self.admin_servers)
        try:
            admin.create_topics(
                {
                    getattr(self.topics, name): {
                        "num_partitions": PARTITIONS if name == "articles" else 1,
                        "replication_factor": 1,
                        "configs": dict(configs.get(name, {})),
                    }
                    for name in wanted
                },
                wait_for_metadata=True,
            )
        finally:
            admin.close()

    def begin(self, workers: int = 1) -> None:
        """Start the load and the workers, and return when all are ready and the first articles are delivered."""
        self.load.start()
        for worker in [self.crew.start() for _ in range(workers)]:
            wait_ready(worker)
        self.advance(1)

    def progress(self) -> int:
        """Return how many articles are committed."""
        return sum(self.tape.committed().values())

    def advance(self, articles: int, within_seconds: float = _RECOVER_SECONDS) -> None:
        """Return when so many more articles are committed."""
        target = self.progress() + articles
        wait_until(
            lambda: self._nobody_ended() and self.progress() >= target, within_seconds, f"{articles} more committed"
        )

    def let_pass(self, seconds: float) -> None:
        """Return so much later."""
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= until, seconds + _RECOVER_SECONDS, "a moment")

    def recovered(self, within_seconds: float = _RECOVER_SECONDS) -> float:
        """Return the seconds until commits go on in every partition, called at the end of a fault.

        Fails where that takes longer than it may. The longest of the scenario is told in the end.
        """
        began = time.monotonic()
        before = self.tape.committed()
        behind = [partition for partition, end in self.tape.ends().items() if before.get(partition, 0) < end]
        if behind:
            wait_until(lambda: self._nobody_ended() and self._beyond(before, behind), within_seconds, "commits go on")
        else:
            self.advance(1, within_seconds)
        self.recoveries.append(time.monotonic() - began)
        return self.recoveries[-1]

    def glance(self) -> None:
        """Judge what must hold at any moment."""
        committed = self.tape.committed()
        self._insist(lambda: judge_commits(replace(self.tape.read(), committed=committed)))

    def finish(self, promise: Promise | None = None) -> Verdict:
        """End the load, let everything be delivered, stop the workers, judge."""
        self.load.stop()
        ends = self.tape.ends()
        wait_until(
            lambda: self._nobody_ended() and self.tape.committed().items() >= ends.items(),
            _DELIVERED_SECONDS,
            f"everything committed up to {dict(ends)}",
        )
        for worker in list(self.crew.members):
            self.crew.stop(worker)
        kept = promise or Promise(copies=self.delivery != "transactional")
        self.verdict = self._insist(lambda: judge(self.tape.read(), kept))
        return self.verdict

    def outcome(self) -> Outcome:
        """Return its line of the table."""
        return Outcome(
            scenario=self.name,
            delivery=self.delivery,
            seed=self.seed,
            kills=self.crew.kills,
            verdict=self.verdict,
            recover_seconds=max(self.recoveries, default=None),
        )

    def _insist(self, judgement: Callable[[], T]) -> T:
        """Judge; a transaction's offsets may be seen before its events: each topic hears of its end by itself."""
        until = time.monotonic() + (_VISIBLE_SECONDS if self.delivery == "transactional" else 0.0)
        while True:
            try:
                return judgement()
            except CounterExample:
                if time.monotonic() >= until:
                    raise

    def _beyond(self, before: Mapping[int, int], partitions: Iterable[int]) -> bool:
        now = self.tape.committed()
        return all(now.get(partition, 0) > before.get(partition, 0) for partition in partitions)

    def _nobody_ended(self) -> bool:
        for worker in self.crew.members:
            assert worker.process.poll() is None, f"a worker ended by itself\n{worker.tail()}"
        return True


#: `open_scene` with what every scenario of a test has in common.
OpenScene = Callable[..., AbstractContextManager[Scene]]


@contextmanager
def open_scene(
    name: str,
    *,
    delivery: str,
    seed: int,
    kafka: str,
    redis_url: str,
    logs: Path,
    told: Callable[[Outcome], None],
    worker_kafka: str | None = None,
    settings: Mapping[str, str] | None = None,
    rate: float = RATE,
) -> Iterator[Scene]:
    """Give a scenario whose topics are still to be created. `told` gets its outcome, also where it failed.

    kafka, worker_kafka  where the harness and the workers ask, which is the same unless a proxy is between
    settings             changes to those of the workers, whole names
    """
    place = f"f{uuid4().hex[:12]}"
    names = TopicNames(
        articles=f"{place}.articles",
        new=f"{place}.new",
        variants=f"{place}.variants",
        dead=f"{place}.dead",
        group_id=f"{place}.worker",
    )
    all_settings = {
        **_SETTINGS,
        **names.environment(),
        "REPRISE_KAFKA_BOOTSTRAP_SERVERS": worker_kafka or kafka,
        "REPRISE_REDIS_URL": redis_url,
        "REPRISE_NAMESPACE": place,
        "REPRISE_DELIVERY": delivery,
        **(settings or {}),
    }
    with ExitStack() as closing:
        crew = Crew(settings=all_settings, logs=logs)
        tape = Tape(bootstrap_servers=kafka, topics=names)
        closing.callback(tape.close)
        load = closing.enter_context(
            running_load(kafka, names.articles, partitions=PARTITIONS, seed=seed, rate=rate, most=MOST)
        )
        closing.callback(crew.close)
        scene = Scene(
            name=name,
            delivery=delivery,
            seed=seed,
            dice=random.Random(seed),
            admin_servers=kafka,
            topics=names,
            tape=tape,
            load=load,
            crew=crew,
        )
        try:
            yield scene
        except BaseException as error:
            error.add_note(f"scenario {name}: seed {seed}, logs in {logs}")
            told(scene.outcome())
            raise
        told(scene.outcome())
    shutil.rmtree(logs, ignore_errors=True)
