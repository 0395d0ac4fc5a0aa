"""`reprise topics`: create the four topics, and say how existing ones differ."""

import click

from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import Fatal
from reprise.settings import load

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(cls=ConfiguredCommand)
@click.option(
    "--partitions", type=click.IntRange(1), help="Partitions of each topic; the broker's default if not given."
)
@click.option("--replication-factor", type=click.IntRange(1), help="Copies of each partition; likewise.")
@click.option("--retention-seconds", type=_SECONDS, help="How long records are kept; likewise.")
@click.option(
    "--dead-retention-seconds",
    type=_SECONDS,
    help="The same for the dead letters, which somebody must have time to look at.",
)
@click.option("--check", "check_only", is_flag=True, help="Create nothing.")
def command(
    partitions: int | None,
    replication_factor: int | None,
    retention_seconds: float | None,
    dead_retention_seconds: float | None,
    check_only: bool,
) -> None:
    """Create the topics that do not exist, and check the others.

    What is not given is left to the broker, and not checked. What exists is never altered: where it differs, a line
    says how, and the exit code is 1. The names come from the environment.
    """
    from reprise.kafka.topics import TopicPlan, check_topics, create_topics  # noqa: PLC0415
    from reprise.processing.shutdown import StopRequest  # noqa: PLC0415
    from reprise.startup import wait_for_broker  # noqa: PLC0415  # --help needs no client

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
        found = ["created"] if state.created else list(state.differences) or ["is there"]
        for each in found:
            click.echo(f"{state.name}: {each}")
    differing = [state.name for state in states if state.differences]
    if differing:
        raise Fatal(f"not as asked for: {', '.join(differing)}")
