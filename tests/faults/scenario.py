"""A fault scenario: topics of its own, a load of articles, workers to break, and the check of the topics at the end.

open_scenario     run a scenario as a context; a failure names the seed and keeps the logs
Scenario          start the load and the workers, wait for commits and recovery, check the topics
ScenarioResult    a row of the table at the end of the test session
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
from tests.faults.checker import CounterExample, Guarantees, RunCounts, judge, judge_commits
from tests.faults.load import LoadGenerator, running_load
from tests.faults.topic_recorder import TopicRecorder
from tests.faults.worker_pool import WorkerPool, wait_ready
from tests.support import TopicNames

T = TypeVar("T")

#: Partitions of the input topic: one for each worker of the largest group.
PARTITIONS: Final = 3

#: Articles per second: a few batches. One worker processes more, so that it catches up after an outage.
RATE: Final = 100.0

#: Maximum number of articles: an hour of load.
MAX_ARTICLES: Final = 360_000

#: Seconds for the group to process the remaining articles after the end of the load.
_DELIVERY_SECONDS: Final = 120.0

#: Seconds until commits continue after a fault, if the scenario sets no shorter bound. They cover the end of a session,
#: the start of a worker and a rebalance.
_RECOVERY_SECONDS: Final = 60.0

#: Seconds until the end of the last transaction is visible in all topics, after its offsets are.
_VISIBILITY_SECONDS: Final = 20.0

#: Settings of the workers: timeouts that a scenario outlasts in seconds, and batches so small that faults hit their
#: middle.
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
class ScenarioResult:
    """The result of a scenario. `counts` is None after a failure; `recovery_seconds` is the longest recovery."""

    scenario: str
    delivery: str
    seed: int
    kills: int
    counts: RunCounts | None
    recovery_seconds: float | None


@dataclass(kw_only=True)
class Scenario:
    """A running scenario."""

    name: str
    delivery: str
    seed: int
    rng: random.Random
    kafka: str
    topics: TopicNames
    recorder: TopicRecorder
    load: LoadGenerator
    pool: WorkerPool
    recoveries: list[float] = field(default_factory=list)
    counts: RunCounts | None = None

    def create_topics(self, *names: str, **configs: Mapping[str, str]) -> None:
        """Create the named topics of this scenario, or all. `configs` holds settings by field of TopicNames."""
        wanted = names or ("articles", "new", "variants", "merged", "dead")
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
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

    def start(self, workers: int = 1) -> None:
        """Start the load and the workers. Wait until all are ready and the first articles are committed."""
        self.load.start()
        for worker in [self.pool.start() for _ in range(workers)]:
            wait_ready(worker)
        self.wait_committed(1)

    def committed_articles(self) -> int:
        """Return the number of committed articles."""
        return sum(self.recorder.committed().values())

    def wait_committed(self, articles: int, timeout_seconds: float = _RECOVERY_SECONDS) -> None:
        """Wait until this number of further articles is committed."""
        target = self.committed_articles() + articles
        wait_until(
            lambda: self._all_alive() and self.committed_articles() >= target,
            timeout_seconds,
            f"{articles} more committed articles",
        )

    def sleep(self, seconds: float) -> None:
        """Wait for a time."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, seconds + _RECOVERY_SECONDS, "the end of the sleep")

    def wait_recovered(self, timeout_seconds: float = _RECOVERY_SECONDS) -> float:
        """Wait at the end of a fault until commits continue in every partition, and return the seconds.

        Fails after the timeout. The result of the scenario has the longest recovery.
        """
        start = time.monotonic()
        before = self.recorder.committed()
        behind = [partition for partition, end in self.recorder.ends().items() if before.get(partition, 0) < end]
        if behind:
            wait_until(lambda: self._all_alive() and self._all_beyond(before, behind), timeout_seconds, "more commits")
        else:
            self.wait_committed(1, timeout_seconds)
        self.recoveries.append(time.monotonic() - start)
        return self.recoveries[-1]

    def check_commits(self) -> None:
        """Check that every committed article has its outcome. It has to be true at any time."""
        committed = self.recorder.committed()
        self._judge_visible(lambda: judge_commits(replace(self.recorder.read(), committed=committed)))

    def finish(self, guarantees: Guarantees | None = None) -> RunCounts:
        """Stop the load, wait until everything is committed, stop the workers, check the guarantees."""
        self.load.stop()
        ends = self.recorder.ends()
        wait_until(
            lambda: self._all_alive() and self.recorder.committed().items() >= ends.items(),
            _DELIVERY_SECONDS,
            f"commits up to {dict(ends)}",
        )
        for worker in list(self.pool.workers):
            self.pool.stop(worker)
        kept = guarantees or Guarantees(allow_copies=self.delivery != "transactional")
        self.counts = self._judge_visible(lambda: judge(self.recorder.read(), kept))
        return self.counts

    def result(self) -> ScenarioResult:
        """Return the row of the table."""
        return ScenarioResult(
            scenario=self.name,
            delivery=self.delivery,
            seed=self.seed,
            kills=self.pool.kills,
            counts=self.counts,
            recovery_seconds=max(self.recoveries, default=None),
        )

    def _judge_visible(self, judgement: Callable[[], T]) -> T:
        """Repeat the judgement until the end of the last transaction is visible.

        The offsets of a transaction can be visible before its events, because each partition gets its end separately.
        """
        deadline = time.monotonic() + (_VISIBILITY_SECONDS if self.delivery == "transactional" else 0.0)
        while True:
            try:
                return judgement()
            except CounterExample:
                if time.monotonic() >= deadline:
                    raise

    def _all_beyond(self, before: Mapping[int, int], partitions: Iterable[int]) -> bool:
        now = self.recorder.committed()
        return all(now.get(partition, 0) > before.get(partition, 0) for partition in partitions)

    def _all_alive(self) -> bool:
        for worker in self.pool.workers:
            assert worker.process.poll() is None, f"a worker ended unexpectedly\n{worker.tail()}"
        return True


#: `open_scenario` with the arguments that are the same for all scenarios of a test.
ScenarioOpener = Callable[..., AbstractContextManager[Scenario]]


@contextmanager
def open_scenario(
    name: str,
    *,
    delivery: str,
    seed: int,
    kafka: str,
    redis_url: str,
    logs: Path,
    report: Callable[[ScenarioResult], None],
    worker_kafka: str | None = None,
    settings: Mapping[str, str] | None = None,
    rate: float = RATE,
) -> Iterator[Scenario]:
    """Run a scenario during the context. Its topics are not created yet.

    kafka, worker_kafka  addresses for the test and for the workers; they differ if a proxy is between
    settings             settings of the workers by full name, on top of the defaults
    report               called with the result, also after a failure
    """
    namespace = f"f{uuid4().hex[:12]}"
    names = TopicNames(
        articles=f"{namespace}.articles",
        new=f"{namespace}.new",
        variants=f"{namespace}.variants",
        merged=f"{namespace}.merged",
        dead=f"{namespace}.dead",
        group_id=f"{namespace}.worker",
    )
    all_settings = {
        **_SETTINGS,
        **names.environment(),
        "REPRISE_KAFKA_BOOTSTRAP_SERVERS": worker_kafka or kafka,
        "REPRISE_REDIS_URL": redis_url,
        "REPRISE_NAMESPACE": namespace,
        "REPRISE_DELIVERY": delivery,
        **(settings or {}),
    }
    with ExitStack() as closing:
        pool = WorkerPool(settings=all_settings, logs=logs)
        recorder = TopicRecorder(bootstrap_servers=kafka, topics=names)
        closing.callback(recorder.close)
        load = closing.enter_context(
            running_load(kafka, names.articles, partitions=PARTITIONS, seed=seed, rate=rate, max_articles=MAX_ARTICLES)
        )
        closing.callback(pool.close)
        scenario = Scenario(
            name=name,
            delivery=delivery,
            seed=seed,
            rng=random.Random(seed),
            kafka=kafka,
            topics=names,
            recorder=recorder,
            load=load,
            pool=pool,
        )
        try:
            yield scenario
        except BaseException as error:
            error.add_note(f"scenario {name}: seed {seed}, logs in {logs}")
            report(scenario.result())
            raise
        report(scenario.result())
    shutil.rmtree(logs, ignore_errors=True)
