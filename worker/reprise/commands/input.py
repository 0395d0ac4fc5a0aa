"""`reprise input`: show how the worker reads the messages of a crawler."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import click
import orjson

from reprise.bootstrap import article_processor
from reprise.commands.support.file_input import Decode, read_records
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import BadMessage, Fatal, SkippedMessage
from reprise.messages.body import parse_body
from reprise.messages.formats.detection import find_format
from reprise.messages.timestamps import format_rfc3339
from reprise.model import Article, CorruptRecord, DeadLetterReason, InputField, InputGuess, Message, Rejection
from reprise.sanitize import one_line
from reprise.settings import Settings, load

#: Messages that are read by default: enough to meet the rare ones.
_READ: Final = 1000

#: Messages that are shown field by field by default.
_SHOWN: Final = 3

#: Messages that the formats are compared on. Each is read with every format, which takes about a millisecond.
_COMPARED: Final = 100

#: Characters of a value on its line.
_MAX_CHARACTERS: Final = 70


@click.group()
def command() -> None:
    """Show how the worker reads the messages of a crawler."""


@dataclass(slots=True)
class CheckReport:
    """How the messages of a file are read.

    rejected  dead letters by reason, and the first line and detail of each
    formats   formats that read most of the compared messages, by the number of messages
    """

    messages: int = 0
    articles: int = 0
    skipped: int = 0
    compared: int = 0
    rejected: Counter[DeadLetterReason] = field(default_factory=Counter)
    first: dict[DeadLetterReason, tuple[int, str]] = field(default_factory=dict)
    fields: Counter[InputField] = field(default_factory=Counter)
    ignored: Counter[InputField] = field(default_factory=Counter)
    guesses: Counter[InputGuess] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)

    def add(self, message: Message | CorruptRecord, outcome: Article | Rejection | None) -> None:
        """Count a message. `outcome` is None for a skipped one."""
        self.messages += 1
        if outcome is None:
            self.skipped += 1
        elif isinstance(outcome, Rejection):
            self.rejected[outcome.reason] += 1
            self.first.setdefault(outcome.reason, (message.offset, outcome.detail))
        else:
            self.articles += 1
            self.fields.update(name for name, value in _values(outcome) if value is not None)
            self.ignored.update(outcome.ignored)
            self.guesses.update(outcome.guesses)

    @property
    def best_format(self) -> str | None:
        """The format that reads most messages best."""
        return next((name for name, _ in self.formats.most_common(1)), None)


@command.command("check", cls=ConfiguredCommand, uses=["REPRISE_INPUT_", "REPRISE_NAMESPACE", "REPRISE_MAX_"])
@click.argument("file", metavar="FILE")
@click.option("--format", "format_name", metavar="NAME", help="Read the messages as this REPRISE_INPUT_FORMAT.")
@click.option("--fields", metavar="FIELD=EXPRESSION;...", help="Read the messages with these REPRISE_INPUT_FIELDS.")
@click.option("--messages", "maximum", metavar="N", type=click.IntRange(1), default=_READ, show_default=True,
              help="Read the first N messages.")  # fmt: skip
@click.option("--show", metavar="N", type=click.IntRange(0), default=_SHOWN, show_default=True,
              help="Show the first N messages field by field.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, without the messages.")
def check(file: str, format_name: str | None, fields: str | None, maximum: int, show: int, as_json: bool) -> None:
    """Show how the worker reads the messages of FILE, which messages it would reject, and the format that fits best.

    FILE is any file or folder that `reprise replay` reads, such as JSON lines; - is standard input. Needs neither Kafka
    nor Redis. The exit code is 1 if no message is an article.
    """
    given = {"REPRISE_INPUT_FORMAT": format_name, "REPRISE_INPUT_FIELDS": fields}
    settings = load(dict(os.environ) | {name: value for name, value in given.items() if value is not None})
    decode = article_processor(settings).decode
    report = CheckReport()
    for message in islice(read_records(settings, [file], report=_print_note), maximum):
        outcome = _decode(decode, message)
        report.add(message, outcome)
        if report.compared < _COMPARED and isinstance(message, Message):
            _compare_formats(report, message, settings)
        if not as_json and report.messages <= show:
            click.echo("\n".join(_format_message(message, outcome, file)))
    click.echo(_format_json(report, settings) if as_json else "\n".join(_format_report(report, settings, file)))
    if not report.articles:
        raise Fatal(f"{file}: no message is an article" if report.messages else f"{file}: no message")


def _print_note(note: str) -> None:
    click.echo(f"reprise: {note}", err=True)


def _decode(decode: Decode, message: Message | CorruptRecord) -> Article | Rejection | None:
    if isinstance(message, CorruptRecord):
        return Rejection(reason=message.reason, detail=message.detail)
    try:
        return decode(message)
    except BadMessage as error:
        return Rejection(reason=error.reason, detail=error.detail)
    except SkippedMessage:
        return None


def _compare_formats(report: CheckReport, message: Message, settings: Settings) -> None:
    try:
        parsed = parse_body(message.value or b"", settings.limits.max_message_bytes)
    except BadMessage:
        return
    report.compared += 1
    if (name := find_format(parsed)) is not None:
        report.formats[name] += 1


def _values(article: Article) -> Iterator[tuple[InputField, str | None]]:
    """Yield the fields of an article, in the order of the documentation."""
    yield InputField.ID, article.article_id
    yield InputField.TEXT, article.text
    yield InputField.URL, article.url
    yield InputField.SOURCE, article.source
    yield InputField.TITLE, article.title
    yield InputField.LANG, article.lang
    yield InputField.PUBLISHED_AT, article.published_at
    yield InputField.CRAWLED_AT, None if article.crawled_at_ms is None else format_rfc3339(article.crawled_at_ms)


def _format_message(message: Message | CorruptRecord, outcome: Article | Rejection | None, file: str) -> Iterator[str]:
    folder = "" if message.topic == file else f" of {message.topic}"
    yield f"message {message.offset}{folder}"
    if outcome is None:
        yield "  skipped: it is no article, as the deletion of a row"
    elif isinstance(outcome, Rejection):
        yield f"  dead letter {outcome.reason.value}: {one_line(outcome.detail, 500)}"
    else:
        for name, value in _values(outcome):
            yield f"  {name.value:<14}{_format_value(name, value, outcome)}"
        if outcome.ignored:
            yield f"  {'left out':<14}{', '.join(outcome.ignored)}"
        if outcome.guesses:
            yield f"  {'guessed':<14}{', '.join(outcome.guesses)}"
    yield ""


def _format_value(name: InputField, value: str | None, article: Article) -> str:
    if value is None:
        return "-"
    shown = one_line(value, _MAX_CHARACTERS)
    if name is not InputField.TEXT:
        return shown
    origin = ", extracted from markup" if article.extracted else ""
    return f"{len(value):,} characters{origin}: {shown}"


def _format_report(report: CheckReport, settings: Settings, file: str) -> Iterator[str]:
    skipped = f", {report.skipped:,} skipped" if report.skipped else ""
    yield (
        f"{file}, read as REPRISE_INPUT_FORMAT={settings.input.format}: {report.messages:,} messages, "
        f"{report.articles:,} articles, {report.rejected.total():,} dead letters{skipped}"
    )
    for reason, count in report.rejected.most_common():
        line, detail = report.first[reason]
        yield f"  {count:,} {reason.value}, first message {line}: {one_line(detail, 500)}"
    for title, counts in (("fields", report.fields), ("left out", report.ignored), ("guessed", report.guesses)):
        if counts:
            yield f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    yield _format_advice(report, settings)


def _format_advice(report: CheckReport, settings: Settings) -> str:
    best = report.best_format
    if best is None:
        return "no format finds a text: map it with REPRISE_INPUT_FIELDS, for example text=body.content"
    fits = f"{report.formats[best]:,} of {report.compared:,} messages"
    if best == settings.input.format:
        return f"REPRISE_INPUT_FORMAT={best} fits best ({fits})"
    return f"REPRISE_INPUT_FORMAT={best} fits better ({fits}): check it with --format {best}"


def _format_json(report: CheckReport, settings: Settings) -> str:
    body: dict[str, Any] = {
        "format": settings.input.format,
        "messages": report.messages,
        "articles": report.articles,
        "skipped": report.skipped,
        "dead_letters": [
            {"reason": reason, "count": count, "line": report.first[reason][0], "detail": report.first[reason][1]}
            for reason, count in report.rejected.most_common()
        ],
        "fields": report.fields,
        "left_out": report.ignored,
        "guessed": report.guesses,
        "best_format": report.best_format,
    }
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS).decode()
