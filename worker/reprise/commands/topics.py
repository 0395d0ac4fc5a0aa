"""`reprise topics`: create the topics, or check existing ones."""

from typing import Any

import click
import orjson

from reprise.commands.support.settings_help import KAFKA_CONNECTION, ConfiguredCommand
from reprise.errors import Fatal
from reprise.kafka.topics import TopicPlan, TopicState, check_topics, create_topics
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import wait_for_broker

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(cls=ConfiguredCommand, uses=[*KAFKA_CONNECTION, "REPRISE_TOPIC_"])
@click.option("--partitions", metavar="N", type=click.IntRange(1), help="Number of partitions of each topic.")
@click.option("--replication-factor", metavar="N", type=click.IntRange(1), help="Number of replicas of each partition.")
@click.option("--retention-seconds", metavar="SECONDS", type=_SECONDS, help="Retention of each topic.")
@click.option(
    "--dead-retention-seconds",
    metavar="SECONDS",
    type=_SECONDS,
    help="Retention of the dead-letter topic, if it differs: dead letters must last until they are redriven.",
)
@click.option("--check", "check_only", is_flag=True, help="Only check; create no topic.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, with an object for each topic.")
def command(
    partitions: int | None,
    replication_factor: int | None,
    retention_seconds: float | None,
    dead_retention_seconds: float | None,
    check_only: bool,
    as_json: bool,
) -> None:
    """Create the topics that do not exist, and check the others.

    A line has the topic, its partitions, replication and retention, and beside each the wanted value if it differs. The
    REPRISE_TOPIC_ settings name the topics. For an option that is not given, a new topic has the broker's default
    and an existing one is not checked. Existing topics are never changed: each difference is printed, and the exit code
    is 1.
    """
    settings = load()
    plans = [
        TopicPlan(
            name=name,
            partitions=partitions,
            replication=replication_factor,
            retention_seconds=(dead_retention_seconds or retention_seconds) if role == "dead" else retention_seconds,
        )
        for role, name in settings.topics.model_dump().items()
    ]
    limit = f"waiting at most {settings.times.startup_timeout_seconds:g} s (REPRISE_STARTUP_TIMEOUT_SECONDS)"
    wait_for_broker(settings, StopRequest(), lambda reason: click.echo(f"reprise: {limit}: {reason}", err=True))
    states = (check_topics if check_only else create_topics)(settings.kafka, plans)
    if as_json:
        click.echo(orjson.dumps([to_json(*each) for each in zip(states, plans, strict=True)]).decode())
    else:
        for each in zip(states, plans, strict=True):
            click.echo(to_line(*each))
    different = [state.name for state in states if state.differences]
    if different:
        raise Fatal(f"topics that differ from the options: {', '.join(different)}")


def to_line(state: TopicState, plan: TopicPlan) -> str:
    """Return the line of a topic: its status, and each actual value beside the wanted one if they differ."""
    if state.actual is None:
        return f"{state.name}: does not exist"
    values = [
        f"{name} {_beside(shown, wanted)}"
        for name, shown, wanted in (
            ("partitions", state.actual.partitions, plan.partitions),
            ("replication", state.actual.replication, plan.replication),
            ("retention", _retention(state.actual), _retention(plan)),
        )
        if shown is not None
    ]
    return f"{state.name}: {_status(state)}: {', '.join(values)}"


def to_json(state: TopicState, plan: TopicPlan) -> dict[str, Any]:
    """Return the object of a topic. A retention below 0 means that messages are kept for ever; null is unknown."""
    actual = state.actual or TopicPlan(name=state.name)
    return {
        "topic": state.name,
        "status": "missing" if state.actual is None else _status(state),
        "differences": state.differences,
        "partitions": {"actual": actual.partitions, "wanted": plan.partitions},
        "replication": {"actual": actual.replication, "wanted": plan.replication},
        "retention_seconds": {"actual": actual.retention_seconds, "wanted": plan.retention_seconds},
    }


def _status(state: TopicState) -> str:
    if state.created:
        return "created"
    return "differs" if state.differences else "exists"


def _beside(actual: object, wanted: object) -> str:
    return f"{actual}" if wanted is None or wanted == actual else f"{actual} (wanted {wanted})"


def _retention(plan: TopicPlan) -> str | None:
    seconds = plan.retention_seconds
    if seconds is None:
        return None
    return "for ever" if seconds < 0 else f"{seconds:,.0f} s"
