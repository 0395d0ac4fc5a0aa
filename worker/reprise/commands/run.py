"""`reprise run`: the worker, from its settings to its last commit."""

import re
from datetime import datetime

import click

from reprise import __version__
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.commands.support.signals import on_signals
from reprise.errors import CircuitOpen, Fatal, UsageError
from reprise.processing.shutdown import StopRequest
from reprise.settings import Settings, load
from reprise.warm_up.cutoff import GroupCutoff, OffsetCutoff, TimeCutoff, WarmUpOptions


@click.command(cls=ConfiguredCommand)
@click.option(
    "--warm-up",
    metavar="UNTIL",
    help="Index in silence what comes before UNTIL, to take over from a worker of another index: a time in RFC 3339, "
    "offsets such as 0:1234,1:1200, or group:NAME, the group of the other worker. docs/operating/upgrades.md "
    "has the steps.",
)
@click.option(
    "--learn-from",
    metavar="GENERATION",
    help="The REPRISE_INDEX_GENERATION of the other worker, whose stories are taken over; the one without by default.",
)
def command(warm_up: str | None, learn_from: str | None) -> None:
    """Read articles from Kafka, decide, and publish the events, until SIGTERM or SIGINT.

    Either drains: the batch in hand is finished and committed, then the group is left. A second one ends the worker at
    once, which loses nothing either: what is not committed is read again.
    """
    from reprise.observability import logging  # noqa: PLC0415  # --help needs none of the clients

    settings = load()
    silence = _silence(warm_up, learn_from)
    logging.configure_logging(settings.service.log_level, settings.service.log_format)
    work(settings, StopRequest(), silence)


def _silence(warm_up: str | None, learn_from: str | None) -> WarmUpOptions | None:
    if warm_up is None:
        if learn_from is not None:
            raise UsageError("--learn-from: needs --warm-up as well")
        return None
    return WarmUpOptions(text=warm_up, until=read_until(warm_up), generation=learn_from or None)


def read_until(text: str) -> TimeCutoff | OffsetCutoff | GroupCutoff:
    """Read `group:NAME`, `PARTITION:OFFSET,...` or a time in RFC 3339. Raises UsageError."""
    if text.startswith("group:") and text != "group:":
        return GroupCutoff(group_id=text.removeprefix("group:"))
    if re.fullmatch(r"\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*", text):
        pairs = [pair.split(":") for pair in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        if len(offsets) == len(pairs):
            return OffsetCutoff(offsets=offsets)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(
            f"--warm-up: {text!r} is not allowed; allowed: a time such as 2026-11-21T08:00:00Z, "
            "offsets such as 0:1234,1:1200, or group:NAME"
        )
    return TimeCutoff(at_ms=round(at.timestamp() * 1000))


def work(settings: Settings, stop: StopRequest, warm_up: WarmUpOptions | None = None) -> None:
    """Run one worker until it is stopped. Raises Fatal, also where it could not deliver what it had in hand."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    from reprise.bootstrap import open_worker  # noqa: PLC0415
    from reprise.observability.http_server import build_routes, http_server  # noqa: PLC0415
    from reprise.observability.logging import ProgressLogger, get_logger  # noqa: PLC0415
    from reprise.observability.metrics import Metrics  # noqa: PLC0415
    from reprise.observability.observers import CompositeObserver  # noqa: PLC0415
    from reprise.observability.probes import ProbeState  # noqa: PLC0415
    from reprise.startup import StoppedDuringStartup  # noqa: PLC0415

    log, progress = get_logger(), ProgressLogger()
    metrics, probes = Metrics(CollectorRegistry()), ProbeState(settings.times.liveness_timeout_seconds)
    metrics.set_worker_info(
        group_id=settings.kafka.group_id,
        namespace=settings.index.namespace,
        delivery=settings.service.delivery.value,
        expected_articles=settings.index.expected_articles,
    )

    def drain() -> None:
        probes.mark_draining()
        stop.request()

    with (
        on_signals(drain),
        http_server(build_routes(probes, metrics.registry), settings.service.http_port) as http_port,
    ):
        log.info("starting", version=__version__, http_port=http_port, **_shown(settings))
        try:
            with open_worker(settings, CompositeObserver(metrics, probes, progress), metrics, stop, warm_up) as (
                pipeline,
                source,
            ):
                probes.mark_started(source.assigned)
                log.info("started")
                delivered = pipeline.run()
        except StoppedDuringStartup:
            delivered = True
        except CircuitOpen as error:
            metrics.set_circuit_open()
            probes.mark_draining()
            log.error("circuit_open", reason=str(error), hold_seconds=settings.times.circuit_hold_seconds)
            stop.wait(settings.times.circuit_hold_seconds)  # out of the group, which others may take over
            raise
        finally:
            progress.log_summary()
        if not delivered:
            raise Fatal("stopped with a batch undelivered, as a dependency stayed away; a restart reads it again")
        log.info("stopped")


def _shown(settings: Settings) -> dict[str, object]:
    """What an operator looks for first; no secret among it."""
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
    }
