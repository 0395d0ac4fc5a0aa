"""`reprise explain`: explain why two articles match or do not match."""

from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console

from reprise.bootstrap import article_processor, dedup_rule
from reprise.commands.support.file_input import Decode, read_messages
from reprise.commands.support.settings_help import DECISIONS, ConfiguredCommand
from reprise.errors import BadMessage, UsageError
from reprise.explanation.analysis import explain
from reprise.explanation.html_report import to_html
from reprise.explanation.json_report import to_json
from reprise.explanation.terminal_report import to_terminal
from reprise.model import Article, Message
from reprise.settings import Settings, load

#: Suffixes of files with one article as JSON, and of HTML pages; any other file is plain text.
_JSON_SUFFIXES: Final = (".json", ".jsonl")
_HTML_SUFFIXES: Final = (".html", ".htm", ".xhtml")


@click.command(cls=ConfiguredCommand, uses=DECISIONS)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--in", "input_file", metavar="FILE.jsonl[.gz]", help="A and B are article ids in this file.")
@click.option("--source", metavar="NAME", help="Source of articles that name none.")
@click.option("--html", "page", metavar="FILE", help="Also write the explanation to this file, as an HTML page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the texts.")
def command(a: str, b: str, input_file: str | None, source: str | None, page: str | None, as_json: bool) -> None:
    """Show the text that the worker keeps of articles A and B, what they share, and the decision on B after A.

    A and B are files: plain text, .html, or .json with the article of one message. The decision is that of an index
    that contains A alone. In a larger index, phrases that many stories share are ignored, and B may match another
    story better.
    """
    settings = load()
    if page is not None:
        _check_writable(page)
    decode = article_processor(settings, default_source=source).decode
    if input_file:
        articles = _find_articles(settings, input_file, (a, b), decode)
    else:
        articles = [_read_article(name, decode) for name in (a, b)]
    explanation = explain(articles[0], articles[1], dedup_rule(settings))
    if as_json:
        click.echo(orjson.dumps(to_json(explanation), option=orjson.OPT_SERIALIZE_NUMPY).decode())
    else:
        console = Console(highlight=False, markup=False, emoji=False)
        console.print(to_terminal(explanation, colours=console.color_system is not None and not console.no_color))
    if page is not None:
        Path(page).write_text(to_html(explanation), "utf-8")
        click.echo(f"reprise: wrote {page}", err=True)


def _check_writable(page: str) -> None:
    """Raise UsageError if the page cannot be written: the report would be lost after a long computation."""
    try:
        with Path(page).open("ab"):
            pass
    except OSError as error:
        raise UsageError(f"--html: {page}: {error.strerror or error}") from None


def _read_article(name: str, decode: Decode) -> Article:
    """Read the article of a file. Raises UsageError."""
    try:
        value = Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror or error}") from None
    if not name.endswith(_JSON_SUFFIXES):
        field = "html" if name.endswith(_HTML_SUFFIXES) else "text"
        try:
            value = orjson.dumps({"id": Path(name).name, field: value.decode("utf-8-sig")})
        except UnicodeDecodeError as error:
            raise UsageError(f"{name}: it is not UTF-8 ({error.reason} at byte {error.start})") from None
    try:
        return decode(Message(topic=name, partition=0, offset=1, key=None, value=value))
    except BadMessage as error:
        raise UsageError(f"{name}: {error}") from None


def _find_articles(settings: Settings, name: str, ids: tuple[str, str], decode: Decode) -> list[Article]:
    """Return two articles of a file by their ids, each from the last line with its id.

    If both ids are equal, return the articles of the first and the last line. Raises UsageError, Fatal.
    """
    first: dict[str, Article] = {}
    last: dict[str, Article] = {}
    for message in read_messages(settings, name):
        # Decoding extracts the text of a page, which is slow, so messages with another id are skipped.
        if _explicit_id(message) not in {*ids, None}:
            continue
        try:
            article = decode(message)
        except BadMessage:
            continue
        first.setdefault(article.article_id, article)
        last[article.article_id] = article
    missing = [article_id for article_id in dict.fromkeys(ids) if article_id not in last]
    if missing:
        raise UsageError("\n".join(f"{name}: no valid article has the id {article_id!r}" for article_id in missing))
    return [first[ids[0]] if ids[0] == ids[1] else last[ids[0]], last[ids[1]]]


def _explicit_id(message: Message) -> str | None:
    """Return the id that a message contains; None if it is derived from the URL or the text, "" if it is not JSON."""
    try:
        article_id = orjson.loads(message.value or b"").get("id")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return article_id if isinstance(article_id, str) and article_id.strip() else None
