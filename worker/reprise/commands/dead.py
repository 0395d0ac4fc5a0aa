"""`reprise dead`: look at the dead letters, and send them back once what was wrong with them is mended."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click
import orjson

from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.model import DeadLetterReason
from reprise.settings import Settings, load

if TYPE_CHECKING:
    from reprise.messages.dead_letters import DeadLetter

#: Characters of a detail on its line: what a wide terminal shows of it.
_DETAIL_CHARACTERS: Final = 120

_reason = click.option(
    "--reason",
    "reasons",
    type=click.Choice([reason.value for reason in DeadLetterReason]),
    multiple=True,
    help="Only letters with this reason; may be given several times.",
)


@click.group()
def command() -> None:
    """List the dead letters, or send them back to the topic they came from."""


@command.command("list", cls=ConfiguredCommand)
@_reason
@click.option("--all", "include_redriven", is_flag=True, help="Also those that were sent back already.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def list_letters(reasons: tuple[str, ...], include_redriven: bool, as_json: bool) -> None:
    """Print a line for each dead letter, and how many there are of each reason.

    A line says where the letter is, why it is there, when that was, where the message came from, and how often it was
    sent back before.
    """
    counts: Counter[str] = Counter()
    for letter, was_redriven in _letters(load(), reasons):
        if was_redriven and not include_redriven:
            continue
        counts[letter.reason] += 1
        click.echo(_json(letter, was_redriven) if as_json else _line(letter, was_redriven))
    click.echo(_summary("dead letters", counts), err=True)


@command.command(cls=ConfiguredCommand)
@_reason
@click.option("--dry-run", is_flag=True, help="Say what would be sent back, and send nothing.")
def redrive(reasons: tuple[str, ...], dry_run: bool) -> None:
    """Send dead letters back to the topic and partition they came from, each once.

    The copy and a marker in the dead letters' topic are one Kafka transaction: a redrive that was stopped goes on where
    it was. A header counts the attempts. A notice, which has no message to send, stays where it is.
    """
    from reprise.kafka.redrive import Redrive  # noqa: PLC0415  # --help needs no client

    settings = load()
    notices, counts = Counter[str](), Counter[str]()

    def due() -> Iterator["DeadLetter"]:
        for letter, was_redriven in _letters(settings, reasons):
            if was_redriven:
                continue
            (counts if letter.has_message else notices)[letter.reason] += 1
            if letter.has_message:
                yield letter

    if dry_run:
        for letter in due():
            click.echo(_line(letter, False))
    else:
        # opened before the first letter is read: from then on no other redrive can send what this one is about to
        with closing(Redrive(settings.kafka, settings.topics.dead)) as open_redrive:
            sent = 0
            for number in open_redrive.send(due()):
                sent += number
                click.echo(f"sent back {sent}", err=True)
    click.echo(_summary("would be sent back" if dry_run else "sent back", counts), err=True)
    if notices:
        click.echo(_summary("without a message to send", notices), err=True)


def _letters(settings: Settings, reasons: tuple[str, ...]) -> Iterator[tuple["DeadLetter", bool]]:
    """Give each letter with one of the reasons (none: any), and whether it was sent back already."""
    from reprise.kafka.topic_reader import read_log  # noqa: PLC0415  # --help needs no client
    from reprise.messages.dead_letters import parse_dead_letter, redriven_offsets  # noqa: PLC0415

    topic = settings.topics.dead
    # Twice through the topic: a marker stands behind its letter, and offsets fit into memory where letters may not.
    done = redriven_offsets(read_log(settings.kafka, topic))
    for message in read_log(settings.kafka, topic):
        letter = parse_dead_letter(message)
        if letter is not None and (not reasons or letter.reason in reasons):
            place = letter.position
            yield letter, place.offset in done.get((place.topic, place.partition), ())


def _line(letter: "DeadLetter", was_redriven: bool) -> str:
    from reprise.sanitize import one_line  # noqa: PLC0415

    fields = (letter.position, letter.reason, letter.time, f"from {letter.origin}", f"attempts {letter.attempts}")
    told = ("sent back",) if was_redriven else ()
    return "  ".join(map(str, (*fields, *told, one_line(letter.detail, _DETAIL_CHARACTERS))))


def _json(letter: "DeadLetter", was_redriven: bool) -> str:
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
            "redriven": was_redriven,
        }
    ).decode()


def _summary(what: str, counts: Counter[str]) -> str:
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"{what}: {counts.total()}" + (f" ({by_reason})" if by_reason else "")
