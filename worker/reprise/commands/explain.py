"""`reprise explain`: why two articles match, or do not."""

from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console

from reprise.commands.support.file_input import Decode, messages
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import BadMessage, UsageError
from reprise.model import Article, Message
from reprise.settings import Settings, load

#: Names that end so hold one article as JSON, or a page as HTML; all others hold plain text.
_JSON: Final = (".json", ".jsonl")
_HTML: Final = (".html", ".htm", ".xhtml")


@click.command(cls=ConfiguredCommand)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--in", "inside", metavar="FILE.jsonl[.gz]", help="A and B are article ids in this file.")
@click.option("--source", help="The source of articles that name none.")
@click.option("--html", "page", metavar="FILE", help="Write the explanation as one HTML page, too.")
def command(a: str, b: str, inside: str | None, source: str | None, page: str | None) -> None:
    """Show what the worker keeps of two articles, what they share, and what it decides of B when it comes after A.

    A and B are files: text, .html, or .json with one article as a message has it. The index is taken to hold nothing
    but A; in a running one a phrase that many stories share counts for nothing, and B may match another story better.
    """
    from reprise.bootstrap import article_processor, dedup_rule  # noqa: PLC0415
    from reprise.explanation.analysis import explain  # noqa: PLC0415
    from reprise.explanation.html_report import to_html  # noqa: PLC0415
    from reprise.explanation.terminal_report import to_terminal  # noqa: PLC0415

    settings = load()
    read = article_processor(settings, default_source=source).decode
    articles = _found(settings, inside, (a, b), read) if inside else [_article(name, read) for name in (a, b)]
    found = explain(articles[0], articles[1], dedup_rule(settings))
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(to_terminal(found, colours=console.color_system is not None and not console.no_color))
    if page is not None:
        Path(page).write_text(to_html(found), "utf-8")
        click.echo(f"reprise: the page is {page}", err=True)


def _article(name: str, read: Decode) -> Article:
    """Read one article of a file. Raises UsageError, OSError."""
    raw = Path(name).read_bytes()
    plain = not name.endswith(_JSON)
    if plain:
        field = "html" if name.endswith(_HTML) else "text"
        try:
            raw = orjson.dumps({"id": Path(name).name, field: raw.decode("utf-8-sig")})
        except UnicodeDecodeError as error:
            raise UsageError(f"{name}: it is not UTF-8 ({error.reason} at byte {error.start})") from None
    try:
        return read(Message(topic=name, partition=0, offset=1, key=None, value=raw))
    except BadMessage as bad:
        raise UsageError(f"{name}: {bad}") from None


def _found(settings: Settings, name: str, ids: tuple[str, str], read: Decode) -> list[Article]:
    """Find two articles by id, the last line of each; of one id given twice, its first and its last line."""
    first: dict[str, Article] = {}
    last: dict[str, Article] = {}
    for message in messages(settings, name):
        if _id_of(message) not in {*ids, None}:
            continue
        try:
            article = read(message)
        except BadMessage:
            continue
        first.setdefault(article.article_id, article)
        last[article.article_id] = article
    missing = [each for each in dict.fromkeys(ids) if each not in last]
    if missing:
        raise UsageError("\n".join(f"{name}: no article that can be read has the id {each!r}" for each in missing))
    return [first[ids[0]] if ids[0] == ids[1] else last[ids[0]], last[ids[1]]]


def _id_of(message: Message) -> str | None:
    """The id as the message gives it; None where it is made of the URL or the text. Saves extracting every page."""
    try:
        given = orjson.loads(message.value or b"").get("id")
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    return given if isinstance(given, str) and given.strip() else None
