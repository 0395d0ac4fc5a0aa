"""`reprise dead`: list dead letters, and redrive them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import click
import orjson

from reprise.commands.support.settings_help import KAFKA_CONNECTION, ConfiguredCommand
from reprise.kafka.redrive import Redrive
from reprise.kafka.topic_reader import read_topic
from reprise.messages.dead_letters import DeadLetter, parse_dead_letter, redriven_offsets
from reprise.model import DeadLetterReason
from reprise.sanitize import one_line
from reprise.settings import Settings, load

#: Characters of a detail on its line, which then fits on a wide terminal.
_MAX_DETAIL_CHARACTERS: Final = 120

#: Settings of the commands: the connection, and the topic to read.
_SETTINGS: Final = (*KAFKA_CONNECTION, "REPRISE_TOPIC_DEAD")

_reason_option = click.option(
    "--reason",
    "reasons",
    metavar="REASON",
    type=click.Choice([reason.value for reason in DeadLetterReason]),
    multiple=True,
    help="Only dead letters with this reason, such as not_json; may be given several times.",
)


@click.group()
def command() -> None:
    """List dead letters, or redrive them: send them back to the topic that they came from."""


@command.command("list", cls=ConfiguredCommand, uses=_SETTINGS)
@_reason_option
@click.option("--all", "include_redriven", is_flag=True, help="Include dead letters that were redriven.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def list_letters(reasons: tuple[str, ...], include_redriven: bool, as_json: bool) -> None:
    """List dead letters, one per line, and count them by reason.

    A line has the position of the dead letter, the reason, the time, the position of the original message, how many
    times it was redriven before, and the detail. The counts go to standard error.
    """
    counts: Counter[str] = Counter()
    for letter, is_redriven in _read_letters(load(), reasons):
        if is_redriven and not include_redriven:
            continue
        counts[letter.reason] += 1
        click.echo(_format_json(letter, is_redriven) if as_json else _format_line(letter, is_redriven))
    click.echo(_format_counts("dead letters", counts), err=True)


@command.command(cls=ConfiguredCommand, uses=_SETTINGS)
@_reason_option
@click.option("--dry-run", is_flag=True, help="List the dead letters that would be redriven, and send nothing.")
def redrive(reasons: tuple[str, ...], dry_run: bool) -> None:
    """Send dead letters back to the topic and partition that they came from, each once.

    A header of the message counts the attempts. The message and a marker in the dead-letter topic are one Kafka
    transaction, so that the command can be stopped and run again. A notice contains no message and is skipped.
    """
    settings = load()
    notices, counts = Counter[str](), Counter[str]()

    def pending() -> Iterator[DeadLetter]:
        for letter, is_redriven in _read_letters(settings, reasons):
            if is_redriven:
                continue
            (counts if letter.has_message else notices)[letter.reason] += 1
            if letter.has_message:
                yield letter

    if dry_run:
        for letter in pending():
            click.echo(_format_line(letter, is_redriven=False))
    else:
        # Open the producer before reading the markers: it fences any other redrive, which could otherwise send a
        # letter again that this one has read as pending.
        with closing(Redrive(settings.kafka, settings.topics.dead)) as producer:
            total = 0
            for batch_size in producer.send(pending()):
                total += batch_size
                click.echo(f"redriven so far: {total}", err=True)
    click.echo(_format_counts("would be redriven" if dry_run else "redriven", counts), err=True)
    if notices:
        click.echo(_format_counts("skipped notices", notices), err=True)


def _read_letters(settings: Settings, reasons: tuple[str, ...]) -> Iterator[tuple[DeadLetter, bool]]:
    """Yield each dead letter with one of the reasons (default: any), and whether it was redriven."""
    topic = settings.topics.dead
    # Read the topic twice: a marker follows its dead letter, and all offsets fit into memory but all letters may not.
    redriven = redriven_offsets(read_topic(settings.kafka, topic))
    for message in read_topic(settings.kafka, topic):
        letter = parse_dead_letter(message)
        if letter is not None and (not reasons or letter.reason in reasons):
            position = letter.position
            yield letter, position.offset in redriven.get((position.topic, position.partition), ())


def _format_line(letter: DeadLetter, is_redriven: bool) -> str:
    columns = (letter.position, letter.reason, letter.time, f"from {letter.origin}", f"attempts {letter.attempts}")
    mark = ("redriven",) if is_redriven else ()
    return "  ".join(map(str, (*columns, *mark, one_line(letter.detail, _MAX_DETAIL_CHARACTERS))))


def _format_json(letter: DeadLetter, is_redriven: bool) -> str:
    return orjson.dumps(
        {
            "topic": letter.position.topic,
            "partition": letter.position.partition,
            "offset": letter.position.offset,
            "reason": letter.reason,
            "detail": letter.detail,
            "time": letter.time,
            "origin": {
                "topic": letter.origin.topic,
                "partition": letter.origin.partition,
                "offset": letter.origin.offset,
            },
            "attempts": letter.attempts,
            "has_message": letter.has_message,
            "redriven": is_redriven,
        }
    ).decode()


def _format_counts(title: str, counts: Counter[str]) -> str:
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"{title}: {counts.total()}" + (f" ({by_reason})" if by_reason else "")
