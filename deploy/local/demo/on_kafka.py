"""Run the demo with Kafka: create topics, start a worker, send the sample slowly, then generated articles fast."""

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

#: seconds for the worker to become ready
_READY_SECONDS: Final = 30.0

#: seconds between SIGTERM and SIGKILL of the worker, which drains first
_STOP_SECONDS: Final = 15.0

#: seconds for the acknowledgement of the last records of the sample
_FLUSH_SECONDS: Final = 15.0

#: partitions of each topic; more than one, as in production
_PARTITIONS: Final = 2

#: window of the index in an external Redis, in seconds; the demo's keys expire after it
_EXTERNAL_WINDOW_SECONDS: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """The topics of a run, and the environment of all its commands."""

    articles_topic: str
    new_topic: str
    variants_topic: str
    merged_topic: str
    dead_topic: str
    environment: dict[str, str]


def run_on_kafka(
    kafka: StackService,
    redis: StackService,
    sample: SampleCrawl,
    load: DemoLoad,
    counters: OutcomeCounters,
    console: Console,
    logs: Path,
    deadline: float,
) -> float | None:
    """Run the demo. Return the throughput of the generated articles per second, None if the deadline passes before.

    Raises DemoFailed.
    """
    with ExitStack() as stack:
        config = stack.enter_context(_configure(kafka, redis))
        run_to_end(_topics_command(), config.environment, logs / "topics.log")
        base_url = f"http://127.0.0.1:{config.environment['REPRISE_HTTP_PORT']}"
        log = logs / "worker.log"
        worker = stack.enter_context(
            run_child(reprise("run"), log, environment=config.environment, stop_seconds=_STOP_SECONDS)
        )
        _await_ready(base_url, worker.poll, log)
        worker_line = f"worker: pid {worker.pid}, metrics at {base_url}/metrics"
        view = stack.enter_context(open_view(console, f"stack: {Stack(kafka=kafka, redis=redis)}\n{worker_line}"))
        if not console.is_terminal:
            view.show_step(worker_line)
        reader = TopicEventReader(
            kafka.address,
            articles_topic=config.articles_topic,
            event_topics=(config.new_topic, config.variants_topic, config.merged_topic),
            dead_topic=config.dead_topic,
        )
        stack.enter_context(closing(reader))
        session = DemoSession(reader=reader, counters=counters, view=view, worker=worker, log=log, deadline=deadline)
        _send_sample(session, sample, load.rate, kafka.address, config.articles_topic)
        return _send_generated(session, config, load, logs / "generate.log")


@contextmanager
def _configure(kafka: StackService, redis: StackService) -> Iterator[DemoConfig]:
    """Yield the configuration of this run.

    On an external Kafka the topics and the group have unique names, and the topics are deleted at the end.
    """
    is_own_kafka = kafka.kind is not StackKind.EXTERNAL
    prefix = "" if is_own_kafka else f"reprise-demo-{uuid4().hex[:8]}."
    topics = {
        "REPRISE_TOPIC_ARTICLES": f"{prefix}articles.raw",
        "REPRISE_TOPIC_NEW": f"{prefix}stories.new",
        "REPRISE_TOPIC_VARIANTS": f"{prefix}stories.variants",
        "REPRISE_TOPIC_MERGED": f"{prefix}stories.merged",
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
        settings |= {
            "REPRISE_WINDOW_SECONDS": str(_EXTERNAL_WINDOW_SECONDS),
            "REPRISE_REPLAY_SECONDS": str(_EXTERNAL_WINDOW_SECONDS),
        }
    articles, new, variants, merged, dead = topics.values()
    try:
        yield DemoConfig(
            articles_topic=articles,
            new_topic=new,
            variants_topic=variants,
            merged_topic=merged,
            dead_topic=dead,
            environment={**os.environ, **topics, **settings},
        )
    finally:
        if not is_own_kafka:
            _delete_topics(kafka.address, list(topics.values()))


def _delete_topics(bootstrap_servers: str, topics: list[str]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap_servers.split(","))) as admin:
        admin.delete_topics(topics)


def _topics_command() -> list[str]:
    return reprise("topics", "--partitions", str(_PARTITIONS), "--replication-factor", "1")


def _await_ready(base_url: str, exit_code: Callable[[], int | None], log: Path) -> None:
    def is_ready_or_ended() -> bool:
        return exit_code() is not None or _is_ok(f"{base_url}/readyz")

    try:
        wait_until(is_ready_or_ended, _READY_SECONDS, "readiness of the worker")
    except TimeoutError as error:
        raise DemoFailed(f"{error}\n{tail(log)}") from None
    if exit_code() is not None:
        raise DemoFailed(f"the worker ended during its start\n{tail(log)}")


def _is_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as response:  # noqa: S310  # the URL is of the demo's worker
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _send_sample(session: DemoSession, sample: SampleCrawl, rate: float, bootstrap_servers: str, topic: str) -> None:
    session.view.show_step(
        f"sending the sample crawl: {len(sample.pages)} pages and {len(sample.malformed)} malformed messages"
    )
    with closing(KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), compression_type="lz4")) as producer:
        start = time.monotonic()
        for number, (key, value) in enumerate(sample.messages()):
            due = start + number / rate
            session.poll_until(lambda due=due: time.monotonic() >= due, show_rows=True)  # type: ignore[misc]
            producer.send(topic, value=value, key=key)
        producer.flush(timeout=_FLUSH_SECONDS)
    session.poll_until(lambda: session.counters.outcomes >= len(sample), show_rows=True)


def _send_generated(session: DemoSession, config: DemoConfig, load: DemoLoad, log: Path) -> float | None:
    """Send generated articles. Return the outcomes per second since the first one, or None if there are none."""
    if session.is_past_deadline():
        return None
    session.view.show_step(f"sending {load.articles:,} generated articles at full speed")
    before = session.counters.outcomes
    target = before + load.articles
    arguments = reprise("generate", *load.generate_options(), "--topic", config.articles_topic)
    with run_child(arguments, log, environment=config.environment) as generator:

        def has_failed() -> bool:
            return generator.poll() not in {None, 0}

        session.poll_until(lambda: session.counters.outcomes > before or has_failed(), show_rows=False)
        start = time.monotonic()
        is_complete = session.poll_until(lambda: session.counters.outcomes >= target or has_failed(), show_rows=False)
        if has_failed():
            raise DemoFailed(f"`reprise generate` ended with exit code {generator.returncode}\n{tail(log)}")
    seconds = time.monotonic() - start
    session.view.show_step(
        "all generated articles are decided"
        if is_complete
        else "time limit reached; the other articles stay in the topic"
    )
    decided = session.counters.outcomes - before
    return decided / seconds if decided and seconds > 0 else None
