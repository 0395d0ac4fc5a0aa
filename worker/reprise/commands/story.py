"""`reprise story`: what the index still knows of a story."""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from reprise.commands.support import namespace_option
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import Fatal, UsageError
from reprise.messages.timestamps import format_rfc3339
from reprise.sanitize import one_line
from reprise.settings import load

if TYPE_CHECKING:
    from reprise.index.redis.inspect import IndexInspector
    from reprise.index.redis.inspect_types import RecordedDecision, StoredRepresentative

_STORY_ID: Final = re.compile(r"[0-9a-f]{32}")

#: Characters of an article's id in the table: those of most URLs. The JSON has all.
_ID_CHARACTERS: Final = 80


@click.command(cls=ConfiguredCommand)
@click.argument("identifier", metavar="ID")
@click.option("--article", "by_article", is_flag=True, help="ID is that of an article, not of a story.")
@click.option(
    "--timeout-seconds",
    type=click.FloatRange(min=0, min_open=True, max=3600),
    default=60.0,
    show_default=True,
    help="Stop after this many seconds.",
)
@namespace_option.option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(identifier: str, by_article: bool, timeout_seconds: float, namespace: str | None, as_json: bool) -> None:
    """Print the representatives of a story that the index still holds, the newest first.

    A representative is an article that later ones are compared with; variants that one covers are not kept one by one.
    It is forgotten a window after it came or matched last; the window is this environment's, which should be the
    workers'. A source is shown by its hash: the same hash is the same source.

    No key leads from a story to its representatives: this walks over the numbers of all that were ever added, the
    newest first, in steps of 3 ms between which workers go on, and takes some 3 seconds a million. Needs no right that
    a worker lacks, and changes nothing.
    """
    from reprise.bootstrap import open_inspector  # noqa: PLC0415  # --help needs no client

    if not by_article and not _STORY_ID.fullmatch(identifier):
        raise UsageError(f"{identifier!r} is no story id, which has 32 digits 0-9 a-f; --article takes an article's id")
    settings = load()
    now_ms = round(time.time() * 1000)
    here, others = namespace_option.choose_namespace(settings, namespace)
    elsewhere = f"; --namespace looks into {', '.join(others)}" if others else ""
    with open_inspector(settings, here) as look:
        recorded = look.article(identifier, now_ms) if by_article else None
        if by_article and recorded is None:
            raise Fatal(
                f"namespace {here!r} has no decision on record for article {identifier!r}: it is forgotten, or was "
                f"never read there{elsewhere}"
            )
        story_id = recorded.story_id if recorded else identifier
        found = _walk(look, story_id, now_ms, timeout_seconds)
    window_ms = round(settings.index.window_seconds * 1000)
    if as_json:
        click.echo(orjson.dumps(to_json(story_id, recorded, found, window_ms), option=orjson.OPT_INDENT_2))
    else:
        for line in lines(story_id, recorded, found, window_ms):
            click.echo(line)
    if found.looked_at < look.held.last_number:
        raise Fatal(
            f"looked at the newest {found.looked_at:,} of {look.held.last_number:,} representatives in "
            f"{timeout_seconds:g} s: there may be more; --timeout-seconds gives it longer"
        )
    if not found.representatives:
        raise Fatal(f"namespace {here!r} holds no living representative of story {story_id}{elsewhere}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLookup:
    """What a walk found, the newest first, and how many of the numbers ever given it looked at."""

    representatives: "Sequence[StoredRepresentative]"
    looked_at: int


def _walk(look: "IndexInspector", story_id: str, now_ms: int, timeout_seconds: float) -> StoryLookup:
    from reprise.commands.support.phases import Phases  # noqa: PLC0415

    until = time.monotonic() + timeout_seconds
    representatives: list[StoredRepresentative] = []
    looked_at = 0
    with Phases(sys.stderr).phase("looked through the index", look.held.last_number) as advance:
        for numbers, found in look.story(story_id, now_ms):
            representatives += found
            looked_at += numbers
            advance(numbers)
            if time.monotonic() >= until:
                break
    return StoryLookup(representatives=representatives, looked_at=looked_at)


def to_json(story_id: str, recorded: "RecordedDecision | None", found: StoryLookup, window_ms: int) -> dict[str, Any]:
    """Everything as one object; `decision` is null unless an article was asked for."""
    return {
        "story_id": story_id,
        "decision": recorded
        and {
            "type": recorded.type,
            "kind": recorded.kind,
            "decided_at": format_rfc3339(recorded.decided_at_ms),
            "story_id": recorded.told_story_id,
            "matched_article_id": recorded.matched_article_id,
        },
        "representatives": [
            {
                "article_id": each.article_id,
                "founder": each.is_founder,
                "source": each.source,
                "shingles": each.size,
                "seen_at": format_rfc3339(each.seen_ms),
                "forgotten_at": format_rfc3339(each.seen_ms + window_ms),
            }
            for each in found.representatives
        ],
        "looked_at": found.looked_at,
    }


def lines(story_id: str, recorded: "RecordedDecision | None", found: StoryLookup, window_ms: int) -> Iterator[str]:
    """What was decided of the article, if one was asked for, and a line for each representative below its heading."""
    if recorded:
        what = f"{recorded.type}, {recorded.kind}" if recorded.kind else f"{recorded.type}"
        yield f"decided at {format_rfc3339(recorded.decided_at_ms)}: {what} of story {recorded.told_story_id}"
        if recorded.told_story_id != story_id:
            yield f"the two stories have met: it is in {story_id} now"
    if found.representatives:
        yield _line("last seen", "forgotten", "source", "shingles", "article")
    for each in found.representatives:
        yield _line(
            format_rfc3339(each.seen_ms),
            format_rfc3339(each.seen_ms + window_ms),
            each.source or "unknown",
            f"{each.size:,}",
            one_line(each.article_id, _ID_CHARACTERS) + (" (founder)" if each.is_founder else ""),
        )


def _line(seen: str, forgotten: str, source: str, shingles: str, article: str) -> str:
    return f"{seen:<26}{forgotten:<26}{source:<18}{shingles:>8}  {article}"
