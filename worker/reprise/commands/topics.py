"""`reprise topics`: create the topics, or check existing ones."""

import click

from reprise.commands.support.settings_help import KAFKA_CONNECTION, ConfiguredCommand
from reprise.errors import Fatal
from reprise.kafka.topics import TopicPlan, check_topics, create_topics
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
def command(
    partitions: int | None,
    replication_factor: int | None,
    retention_seconds: float | None,
    dead_retention_seconds: float | None,
    check_only: bool,
) -> None:
    """Create the topics that do not exist, and check the others.

    The REPRISE_TOPIC_ settings name the topics. For an option that is not given, a new topic has the broker's default
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
    wait_for_broker(settings, StopRequest(), lambda reason: click.echo(f"reprise: waiting: {reason}", err=True))
    states = (check_topics if check_only else create_topics)(settings.kafka, plans)
    for state in states:
        for status in ["created"] if state.created else list(state.differences) or ["exists"]:
            click.echo(f"{state.name}: {status}")
    different = [state.name for state in states if state.differences]
    if different:
        raise Fatal(f"topics that differ from the options: {', '.join(different)}")
