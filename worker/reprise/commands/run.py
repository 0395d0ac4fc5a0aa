"""`reprise run`: run the worker from its settings to its last commit."""

import gc
import re
from datetime import datetime
from typing import Final

import click
from prometheus_client import CollectorRegistry

from reprise import __version__
from reprise.bootstrap import open_worker
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.commands.support.signals import on_signals
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.errors import CircuitOpen, Fatal, UsageError
from reprise.observability.http_server import build_routes, http_server
from reprise.observability.logging import ProgressLogger, configure_logging, get_logger
from reprise.observability.metrics import Metrics
from reprise.observability.observers import CompositeObserver
from reprise.observability.probes import ProbeState
from reprise.processing.shutdown import StopRequest
from reprise.settings import Settings, changed_settings, load, settings_hash
from reprise.startup import StoppedDuringStartup
from reprise.warm_up.cutoff import GroupCutoff, OffsetCutoff, TimeCutoff, WarmUpOptions

#: The settings that most workers set; `--help-settings` lists all.
_MAIN_SETTINGS: Final = (
    "REPRISE_KAFKA_BOOTSTRAP_SERVERS",
    "REPRISE_KAFKA_GROUP_ID",
    "REPRISE_INPUT_FORMAT",
    "REPRISE_TOPIC_",
    "REPRISE_REDIS_URL",
    "REPRISE_NAMESPACE",
    "REPRISE_WINDOW_SECONDS",
    "REPRISE_EXPECTED_ARTICLES",
    "REPRISE_DELIVERY",
    "REPRISE_HTTP_PORT",
    "REPRISE_LOG_",
)

#: Objects that may be allocated, beyond those freed, before the youngest generation is collected: some 5 MB.
_GC_ALLOCATIONS: Final = 50_000


@click.command(cls=ConfiguredCommand, uses=_MAIN_SETTINGS)
@click.option(
    "--warm-up",
    metavar="UNTIL",
    help="Index the messages before UNTIL without publishing events, to take over from a worker with another index. "
    "UNTIL is a time in RFC 3339, offsets such as 0:1234,1:1200, or group:NAME with the consumer group of the other "
    "worker. docs/operating/upgrades.md has the steps.",
)
@click.option(
    "--learn-from",
    metavar="GENERATION",
    help="With --warm-up: REPRISE_INDEX_GENERATION of the index whose story ids are taken over.  [default: the index "
    "without a generation]",
)
def command(warm_up: str | None, learn_from: str | None) -> None:
    """Run the worker: consume articles from Kafka, decide each, and publish the events.

    SIGTERM and SIGINT start a graceful shutdown: the worker finishes the current batch, commits its offsets and leaves
    the consumer group. A second signal ends it at once; messages that are not committed are read again.
    """
    settings = load()
    warm_up_options = _parse_warm_up(warm_up, learn_from)
    configure_logging(settings.service.log_level, settings.service.log_format)
    run_worker(settings, StopRequest(), warm_up_options)


def _parse_warm_up(warm_up: str | None, learn_from: str | None) -> WarmUpOptions | None:
    if warm_up is None:
        if learn_from is not None:
            raise UsageError("--learn-from: requires --warm-up")
        return None
    return WarmUpOptions(text=warm_up, until=parse_cutoff(warm_up), generation=learn_from or None)


def parse_cutoff(text: str) -> TimeCutoff | OffsetCutoff | GroupCutoff:
    """Parse `group:NAME`, `PARTITION:OFFSET,...` or a time in RFC 3339. Raises UsageError."""
    if text.startswith("group:") and text != "group:":
        return GroupCutoff(group_id=text.removeprefix("group:"))
    if re.fullmatch(r"\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*", text):
        pairs = [pair.split(":") for pair in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        if len(offsets) == len(pairs):
            return OffsetCutoff(offsets=offsets)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError(
            f"--warm-up: invalid value {text!r}; allowed: a time such as 2026-11-21T08:00:00Z, "
            "offsets such as 0:1234,1:1200, or group:NAME"
        )
    return TimeCutoff(at_ms=round(time.timestamp() * 1000))


def _tune_garbage_collection() -> None:
    """Let the cyclic garbage collector leave out the imported modules, and run rarely.

    A batch makes thousands of objects in no cycles, which reference counts free. With the default thresholds the
    collector took 8 % of the worker's CPU time (6,000 articles, Python 3.11).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_ALLOCATIONS, 10, 10)


def run_worker(settings: Settings, stop: StopRequest, warm_up: WarmUpOptions | None = None) -> None:
    """Run one worker until it is stopped. Raises Fatal, also if the shutdown had to abandon a batch."""
    log, progress = get_logger(), ProgressLogger()
    metrics, probes = Metrics(CollectorRegistry()), ProbeState(settings.times.liveness_timeout_seconds)
    metrics.set_worker_info(
        group_id=settings.kafka.group_id,
        namespace=settings.index.namespace,
        delivery=settings.service.delivery.value,
        settings_hash=settings_hash(settings),
        expected_articles=settings.index.expected_articles,
    )

    def begin_shutdown() -> None:
        probes.mark_draining()
        stop.request()

    with (
        on_signals(begin_shutdown),
        http_server(build_routes(probes, metrics.registry), settings.service.http_port) as http_port,
    ):
        log.info(
            "starting",
            version=__version__,
            text_backend=TEXT_BACKEND.value,
            http_port=http_port,
            **_startup_log_fields(settings),
        )
        try:
            with open_worker(settings, CompositeObserver(metrics, probes, progress), metrics, stop, warm_up) as (
                pipeline,
                source,
            ):
                probes.mark_started(source.is_joined)
                log.info("started")
                _tune_garbage_collection()
                delivered = pipeline.run()
        except StoppedDuringStartup:
            delivered = True
        except CircuitOpen as error:
            metrics.set_circuit_open({each.reason: each.count for each in error.reasons})
            probes.mark_draining()
            log.error(
                "circuit_open",
                reason=str(error),
                limit=error.limit,
                rejected=[
                    {
                        "reason": each.reason.value,
                        "messages": each.count,
                        "first": each.first,
                        "detail": each.detail,
                        "fields": each.fields,
                    }
                    for each in error.reasons
                ],
                hold_seconds=settings.times.circuit_hold_seconds,
            )
            # The worker has left its group by now, so the wait delays no other worker.
            stop.wait(settings.times.circuit_hold_seconds)
            raise
        finally:
            progress.log_summary()
        if not delivered:
            raise Fatal(
                "stopped with a batch undelivered because a dependency was unreachable; its messages are read again "
                "after a restart"
            )
        log.info("stopped")


def _startup_log_fields(settings: Settings) -> dict[str, object]:
    """Return the settings that identify a worker, and all that differ from their defaults; secrets are masked."""
    return {
        "bootstrap_servers": settings.kafka.bootstrap_servers,
        "group_id": settings.kafka.group_id,
        "topic": settings.topics.articles,
        "namespace": settings.index.namespace,
        "namespace_by": settings.index.namespace_by,
        "namespace_values": settings.index.namespace_values,
        "generation": settings.index.index_generation,
        "window_seconds": settings.index.window_seconds,
        "delivery": settings.service.delivery.value,
        "changed_settings": changed_settings(settings),
        "settings_hash": settings_hash(settings),
    }
