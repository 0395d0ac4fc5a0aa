"""The demo on a real Kafka: topics, a worker, the sample page by page, then a stream as fast as it goes."""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaProducer
from rich.console import Console

from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.crawl import DemoLoad, SampleCrawl
from deploy.local.demo.event_reader import TopicEventReader
from deploy.local.demo.reprise_cli import reprise, run_to_end
from deploy.local.demo.session import DemoFailed, DemoSession
from deploy.local.demo.view import open_view
from deploy.local.stack import Stack, StackKind, StackService, free_port, run_child, tail, wait_until

#: Seconds for the worker to join its group.
_READY_SECONDS: Final = 30.0

#: Seconds for the worker to drain.
_STOP_SECONDS: Final = 15.0

#: Seconds for the last records of the sample to be acknowledged.
_FLUSH_SECONDS: Final = 15.0

#: Two, so that the worker has partitions to speak of.
_PARTITIONS: Final = 2

#: Seconds after which a Redis that is somebody's own has forgotten the demo.
_FORGET_SECONDS: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """The topics of this run, and the settings that hold for all of its commands."""

    articles: str
    new: str
    variants: str
    dead: str
    environment: dict[str, str]


def run_on_kafka(
    kafka: StackService,
    redis: StackService,
    sample: SampleCrawl,
    load: DemoLoad,
    tally: OutcomeCounters,
    console: Console,
    logs: Path,
    deadline: float,
) -> float | None:
    """Run the whole and return the stream's articles a second, None where time ended it before.

    Raises DemoFailed.
    """
    with ExitStack() as opened:
        names = opened.enter_context(_names(kafka, redis))
        run_to_end(_topics_command(), names.environment, logs / "topics.log")
        http = f"http://127.0.0.1:{names.environment['REPRISE_HTTP_PORT']}"
        log = logs / "worker.log"
        worker = opened.enter_context(
            run_child(reprise("run"), log, environment=names.environment, stop_seconds=_STOP_SECONDS)
        )
        _await_ready(http, worker.poll, log)
        metrics = f"worker: pid {worker.pid}, {http}/metrics"
        view = opened.enter_context(open_view(console, f"stack: {Stack(kafka=kafka, redis=redis)}\n{metrics}"))
        if not console.is_terminal:
            view.say(metrics)
        listener = TopicEventReader(
            kafka.address, articles=names.articles, events=(names.new, names.variants), dead=names.dead
        )
        opened.enter_context(closing(listener))
        pace = DemoSession(listener=listener, tally=tally, view=view, worker=worker, log=log, deadline=deadline)
        _send_sample(pace, sample, load.rate, kafka.address, names.articles)
        return _send_stream(pace, names, load, logs / "generate.log")


@contextmanager
def _names(kafka: StackService, redis: StackService) -> Iterator[DemoConfig]:
    """Give this run its names: the defaults on servers of its own, elsewhere names that are nobody's, removed after."""
    own = kafka.kind is not StackKind.EXTERNAL
    prefix = "" if own else f"reprise-demo-{uuid4().hex[:8]}."
    topics = {
        "REPRISE_TOPIC_ARTICLES": f"{prefix}articles.raw",
        "REPRISE_TOPIC_NEW": f"{prefix}stories.new",
        "REPRISE_TOPIC_VARIANTS": f"{prefix}stories.variants",
        "REPRISE_TOPIC_DEAD": f"{prefix}articles.dead",
    }
    settings = {
        "REPRISE_KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "REPRISE_REDIS_URL": redis.address,
        "REPRISE_NAMESPACE": f"demo-{uuid4().hex[:8]}",
        "REPRISE_KAFKA_GROUP_ID": f"{prefix}reprise",
        "REPRISE_HTTP_PORT": str(free_port()),
    }
    if redis.kind is StackKind.EXTERNAL:
        settings |= {"REPRISE_WINDOW_SECONDS": str(_FORGET_SECONDS), "REPRISE_REPLAY_SECONDS": str(_FORGET_SECONDS)}
    articles, new, variants, dead = topics.values()
    try:
        yield DemoConfig(
            articles=articles, new=new, variants=variants, dead=dead, environment={**os.environ, **topics, **settings}
        )
    finally:
        if not own:
            _delete(kafka.address, list(topics.values()))


def _delete(bootstrap_servers: str, topics: list[str]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","))) as admin:
        admin.delete_topics(topics)


def _topics_command() -> list[str]:
    return reprise("topics", "--partitions", str(_PARTITIONS), "--replication-factor", "1")


def _await_ready(http: str, ended: Callable[[], int | None], log: Path) -> None:
    def settled() -> bool:
        return ended() is not None or _answers(f"{http}/readyz")

    try:
        wait_until(settled, _READY_SECONDS, "the worker's readiness")
    except TimeoutError as error:
        raise DemoFailed(f"{error}\n{tail(log)}") from None
    if ended() is not None:
        raise DemoFailed(f"the worker ended while it started\n{tail(log)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310  # this machine's own worker
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _send_sample(pace: DemoSession, sample: SampleCrawl, rate: float, bootstrap_servers: str, topic: str) -> None:
    pace.view.say(f"sending the sample: {len(sample.pages)} pages and {len(sample.broken)} broken messages")
    with closing(KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), compression_type="lz4")) as producer:
        began = time.monotonic()
        for number, (key, value) in enumerate(sample.messages()):
            due = began + number / rate
            pace.until(lambda due=due: time.monotonic() >= due, rows=True)  # type: ignore[misc]
            producer.send(topic, value=value, key=key)
        producer.flush(timeout=_FLUSH_SECONDS)
    pace.until(lambda: pace.tally.outcomes >= len(sample), rows=True)


def _send_stream(pace: DemoSession, names: DemoConfig, load: DemoLoad, log: Path) -> float | None:
    if pace.is_over():
        return None
    pace.view.say(f"sending a stream of {load.articles:,} generated articles, as fast as the worker takes them")
    before = pace.tally.outcomes
    arguments = reprise("generate", *load.stream_arguments(), "--topic", names.articles)
    with run_child(arguments, log, environment=names.environment) as generator:
        pace.until(lambda: pace.tally.outcomes > before or generator.poll() not in {None, 0}, rows=False)
        began = time.monotonic()
        target = before + load.articles
        done = pace.until(lambda: pace.tally.outcomes >= target or generator.poll() not in {None, 0}, rows=False)
        if generator.poll() not in {None, 0}:
            raise DemoFailed(f"the stream ended with exit code {generator.returncode}\n{tail(log)}")
    seconds = time.monotonic() - began
    pace.view.say("done" if done else "time is up: what is left stays in the topic")
    arrived = pace.tally.outcomes - before
    return arrived / seconds if arrived and seconds > 0 else None
