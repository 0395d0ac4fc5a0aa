"""`reprise dead`: list dead letters, show one, and redrive them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import orjson

from reprise.commands.support.dead_letter_filter import (
    LetterFilter,
    PositionType,
    limit_option,
    reason_option,
    since_option,
)
from reprise.commands.support.dead_letter_output import (
    LetterGroups,
    counts_line,
    letter_json,
    letter_line,
    record_json,
    record_lines,
)
from reprise.commands.support.settings_help import KAFKA_CONNECTION, ConfiguredCommand
from reprise.errors import Fatal
from reprise.kafka.redrive import Redrive
from reprise.kafka.topic_reader import read_record, read_topic
from reprise.messages.dead_letters import DeadLetter, RecordPosition, parse_dead_letter, redriven_offsets
from reprise.settings import Settings, load

#: Settings of the commands: the connection, and the topic to read.
_SETTINGS: Final = (*KAFKA_CONNECTION, "REPRISE_TOPIC_DEAD")


@click.group()
def command() -> None:
    """List dead letters, show one, or redrive them: send them back to the topic that they came from."""


@command.command("list", cls=ConfiguredCommand, uses=_SETTINGS)
@reason_option
@since_option
@limit_option
@click.option("--all", "include_redriven", is_flag=True, help="Include dead letters that were redriven.")
@click.option("--by-reason", is_flag=True, help="Print a line per reason instead of a line per dead letter.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def list_letters(
    reasons: tuple[str, ...],
    since_ms: int | None,
    limit: int | None,
    include_redriven: bool,
    by_reason: bool,
    as_json: bool,
) -> None:
    """List dead letters, one per line, and group them by reason.

    A line has the position of the dead letter, the reason, the time, the position of the original message, how many
    times it was redriven before, and the detail. The groups go to standard error: for each reason the number, the times
    of the first and the last one, and the most frequent details with a position to show.
    """
    groups = LetterGroups()
    for letter, is_redriven in _read_letters(load(), LetterFilter(reasons=reasons, since_ms=since_ms)):
        if is_redriven and not include_redriven:
            continue
        groups.add(letter)
        if not by_reason:
            click.echo(_to_json(letter_json(letter, is_redriven)) if as_json else letter_line(letter, is_redriven))
        if groups.counts.total() == limit:
            break
    if by_reason and as_json:
        for group in groups.to_json():
            click.echo(_to_json(group))
        return
    click.echo(counts_line("dead letters", groups.counts), err=True)
    for line in groups.lines():
        click.echo(line, err=not by_reason)


@command.command(cls=ConfiguredCommand, uses=_SETTINGS)
@click.argument("position", metavar="TOPIC-PARTITION@OFFSET", type=PositionType())
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the bytes of the body to this file instead of printing them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the whole body.")
def show(position: RecordPosition, output: Path | None, as_json: bool) -> None:
    """Show one dead letter: its reason, headers, key and body.

    The position is that of the dead letter, as `reprise dead list` prints it. Any other record can be shown, too, such
    as the first message of a reason in the log event "circuit_open". A body is printed up to 4,000 characters; control
    characters are replaced.
    """
    message = read_record(load().kafka, position)
    letter = parse_dead_letter(message)
    if as_json:
        click.echo(_to_json(record_json(message, letter)))
    else:
        for line in record_lines(message, letter, with_body=output is None):
            click.echo(line)
    if output is not None:
        output.write_bytes(message.value or b"")
        click.echo(f"wrote {len(message.value or b'')} bytes to {output}", err=True)


@command.command(cls=ConfiguredCommand, uses=_SETTINGS)
@click.argument("positions", metavar="[TOPIC-PARTITION@OFFSET]...", type=PositionType(), nargs=-1)
@reason_option
@since_option
@limit_option
@click.option("--dry-run", is_flag=True, help="List the dead letters that would be redriven, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the numbers by reason.")
def redrive(
    positions: tuple[RecordPosition, ...],
    reasons: tuple[str, ...],
    since_ms: int | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send dead letters back to the topic and partition that they came from, each once.

    Without a position, all that the options select are sent. A header of the message counts the attempts. The message
    and a marker in the dead-letter topic are one Kafka transaction, so that the command can be stopped and run again. A
    notice contains no message and is skipped.
    """
    settings = load()
    pending = _PendingLetters(
        settings=settings,
        selection=LetterFilter(reasons=reasons, since_ms=since_ms, positions=frozenset(positions)),
        limit=limit,
    )
    if not dry_run:
        _send(pending)
    else:
        for letter in pending:
            if not as_json:
                click.echo(letter_line(letter, is_redriven=False))
    if as_json:
        numbers = {"redriven": dict(pending.counts), "skipped_notices": dict(pending.notices)}
        click.echo(_to_json({"dry_run": dry_run, **numbers}))
    click.echo(counts_line("would be redriven" if dry_run else "redriven", pending.counts), err=True)
    if pending.notices:
        click.echo(counts_line("skipped notices", pending.notices), err=True)
    if pending.missing:
        listed = ", ".join(sorted(map(str, pending.missing)))
        raise Fatal(
            f"not redriven: {listed}: no dead letter of {settings.topics.dead} with a message, redriven before, or not "
            "selected by the options"
        )


@dataclass(kw_only=True)
class _PendingLetters:
    """The selected dead letters that were not redriven; iterating once reads and counts them.

    counts   those with a message, by reason
    notices  those without, by reason
    missing  selected positions at which no dead letter to redrive was found
    """

    settings: Settings
    selection: LetterFilter
    limit: int | None
    counts: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    missing: set[RecordPosition] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = set(self.selection.positions)

    def __iter__(self) -> Iterator[DeadLetter]:
        for letter, is_redriven in _read_letters(self.settings, self.selection):
            if is_redriven:
                continue
            if not letter.has_message:
                self.notices[letter.reason] += 1
                continue
            self.counts[letter.reason] += 1
            self.missing.discard(letter.position)
            yield letter
            if self.counts.total() == self.limit or (self.selection.positions and not self.missing):
                break


def _send(pending: _PendingLetters) -> None:
    """Redrive the dead letters and report the progress."""
    # Open the producer before reading the markers: it fences any other redrive, which could otherwise send a letter
    # again that this one has read as pending.
    with closing(Redrive(pending.settings.kafka, pending.settings.topics.dead)) as producer:
        total = 0
        for batch_size in producer.send(pending):
            total += batch_size
            click.echo(f"redriven so far: {total}", err=True)


def _read_letters(settings: Settings, selection: LetterFilter) -> Iterator[tuple[DeadLetter, bool]]:
    """Yield each selected dead letter, and whether it was redriven."""
    topic = settings.topics.dead
    # Read the topic twice: a marker follows its dead letter, and all offsets fit into memory but all letters may not.
    redriven = redriven_offsets(read_topic(settings.kafka, topic))
    for message in read_topic(settings.kafka, topic):
        letter = parse_dead_letter(message)
        if letter is not None and selection.selects(letter):
            position = letter.position
            yield letter, position.offset in redriven.get((position.topic, position.partition), ())


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()
