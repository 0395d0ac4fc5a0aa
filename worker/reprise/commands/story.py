"""`reprise story`: list the articles of a story that the index holds."""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
import orjson

from reprise.bootstrap import open_inspector
from reprise.commands.support.namespace_option import choose_namespace, namespace_option
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.settings_help import REDIS_INDEX, ConfiguredCommand
from reprise.errors import Fatal, UsageError
from reprise.index.redis.inspect import IndexInspector
from reprise.index.redis.inspect_types import RecordedDecision, StoredRepresentative
from reprise.messages.timestamps import format_rfc3339
from reprise.observability.outcomes import ArticleOutcome
from reprise.sanitize import one_line
from reprise.settings import load

_STORY_ID: Final = re.compile(r"[0-9a-f]{32}")

#: Characters of an article id in the table, enough for most URLs. --json prints the whole id.
_MAX_ID_CHARACTERS: Final = 80


@click.command(cls=ConfiguredCommand, uses=REDIS_INDEX)
@click.argument("identifier", metavar="ID")
@click.option("--article", "by_article", is_flag=True, help="ID is the id of an article, not of a story.")
@click.option(
    "--timeout-seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True, max=3600),
    default=60.0,
    show_default=True,
    help="Stop the search after this time.",
)
@namespace_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(identifier: str, by_article: bool, timeout_seconds: float, namespace: str | None, as_json: bool) -> None:
    """List the articles of a story that the index holds, newest first.

    The articles of stories that have been merged into it are listed with it; for the id of a merged story, the story
    into which it was merged is listed.

    The index holds representatives: articles that later ones are compared with. A variant that a representative covers
    is not among them. The first article of a story is its founder. A representative expires a window after it was last
    matched. A source is shown as a hash.

    The command searches all representatives, newest first, because no key leads from a story to them. It takes about
    3 seconds per million, in steps of 3 ms that let workers continue. It is read-only and needs no permission that a
    worker lacks.
    """
    if not by_article and not _STORY_ID.fullmatch(identifier):
        raise UsageError(
            f"invalid story id {identifier!r}: expected 32 digits 0-9 a-f; use --article for an article id"
        )
    settings = load()
    now_ms = round(time.time() * 1000)
    namespace, others = choose_namespace(settings, namespace)
    hint = f"; --namespace searches {', '.join(others)}" if others else ""
    with open_inspector(settings, namespace) as inspector:
        decision = inspector.find_decision(identifier, now_ms) if by_article else None
        if by_article and decision is None:
            raise Fatal(
                f"namespace {namespace!r} has no decision for article {identifier!r}: it expired, or the article was "
                f"never read{hint}"
            )
        story_id = decision.story_id if decision else inspector.find_root(identifier)
        found = _search(inspector, story_id, now_ms, timeout_seconds)
    window_ms = inspector.retention.window_ms
    merged = identifier if not by_article and identifier != story_id else None
    if as_json:
        shown = to_json(story_id, decision, found, window_ms, merged)
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        if merged:
            click.echo(f"story {merged} has been merged into story {story_id}")
        for line in to_lines(story_id, decision, found, window_ms):
            click.echo(line)
    if found.searched < inspector.info.last_number:
        raise Fatal(
            f"searched the newest {found.searched:,} of {inspector.info.last_number:,} representatives in "
            f"{timeout_seconds:g} s; raise --timeout-seconds to search the rest"
        )
    if not found.representatives:
        raise Fatal(f"namespace {namespace!r} holds no representative of story {story_id}{hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLookup:
    """The representatives of a story, newest first, and how many representatives were searched."""

    representatives: Sequence[StoredRepresentative]
    searched: int


def _search(inspector: IndexInspector, story_id: str, now_ms: int, timeout_seconds: float) -> StoryLookup:
    deadline = time.monotonic() + timeout_seconds
    representatives: list[StoredRepresentative] = []
    searched = 0
    with ProgressDisplay(sys.stderr).bar("searched the index", inspector.info.last_number) as advance:
        for step_size, matches in inspector.find_story(story_id, now_ms):
            representatives += matches
            searched += step_size
            advance(step_size)
            if time.monotonic() >= deadline:
                break
    return StoryLookup(representatives=representatives, searched=searched)


def to_json(
    story_id: str, decision: RecordedDecision | None, found: StoryLookup, window_ms: int, merged: str | None = None
) -> dict[str, Any]:
    """Return the output of --json. `decision` is null without --article.

    merged  the story that was asked for, if it has been merged into `story_id`
    """
    return {
        "story_id": story_id,
        "merged_story_id": merged,
        "decision": decision
        and {
            "type": decision.type if decision.is_article else ArticleOutcome.NO_ARTICLE,
            "kind": decision.kind,
            "decided_at": format_rfc3339(decision.decided_at_ms),
            "story_id": decision.published_story_id,
            "matched_article_id": decision.matched_article_id,
        },
        "representatives": [
            {
                "article_id": representative.article_id,
                "founder": representative.is_founder,
                "source": representative.source,
                "shingles": representative.shingle_count,
                "seen_at": format_rfc3339(representative.last_seen_ms),
                "forgotten_at": format_rfc3339(representative.last_seen_ms + window_ms),
            }
            for representative in found.representatives
        ],
        "looked_at": found.searched,
    }


def to_lines(story_id: str, decision: RecordedDecision | None, found: StoryLookup, window_ms: int) -> Iterator[str]:
    """Yield the decision on the article, if there is one, then a table of the representatives."""
    if decision:
        type_and_kind = f"{decision.type}, {decision.kind}" if decision.kind else f"{decision.type}"
        decided_at = format_rfc3339(decision.decided_at_ms)
        if decision.is_article:
            yield f"decided at {decided_at}: {type_and_kind} of story {decision.published_story_id}"
        else:
            yield (
                f"decided at {decided_at}: no article, but a notice that other pages show, too; they belong to story "
                f"{decision.published_story_id}"
            )
        if decision.published_story_id != story_id:
            yield f"this story has been merged into story {story_id} since"
    if found.representatives:
        yield _format_row("last seen", "expires", "source", "shingles", "article")
    for representative in found.representatives:
        yield _format_row(
            format_rfc3339(representative.last_seen_ms),
            format_rfc3339(representative.last_seen_ms + window_ms),
            representative.source or "unknown",
            f"{representative.shingle_count:,}",
            one_line(representative.article_id, _MAX_ID_CHARACTERS)
            + (" (founder)" if representative.is_founder else ""),
        )


def _format_row(seen: str, expires: str, source: str, shingles: str, article: str) -> str:
    return f"{seen:<26}{expires:<26}{source:<18}{shingles:>8}  {article}"
